"""How many processor threads a worker's models take: workers × threads is at most the cores that the server may use."""

import os
from pathlib import Path

from registry.settings import settings

CGROUPS = Path("/sys/fs/cgroup")
# Each is read when its library is loaded; LOKY_MAX_CPU_COUNT is what joblib takes scikit-learn's n_jobs=-1 for.
_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "LOKY_MAX_CPU_COUNT",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip


def cores() -> int:
    """The cores this process may use: those of its affinity, or fewer where its control group gets less of their time."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, int(quota(_group()))))


def quota(group: Path) -> float:
    """How many cores' time a control group and those around it may use; as good as infinite without a limit.

    Version 2 keeps `quota period` in cpu.max, with `max` for no limit; version 1 has a file for each and -1.
    """
    least = float(2**31)
    for folder in (group, *group.parents):
        for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
            try:
                allowed, period = map(float, " ".join((folder / name).read_text() for name in names).split())
            except (OSError, ValueError):
                continue
            if allowed > 0:
                least = min(least, allowed / period)
    return least


def _group() -> Path:
    """The control group of this process; in a container the root, which is all it sees."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return CGROUPS
    return CGROUPS / next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")


def share(workers: int) -> int:
    """The threads of each of so many workers: MODELPORT_THREADS, or an equal share of the cores."""
    return settings().threads or max(1, cores() // workers)


def environment(workers: int) -> dict[str, str]:
    """What tells BLAS, OpenMP, joblib and TensorFlow so; it must be there before a worker imports any of them."""
    return dict.fromkeys(_VARIABLES, str(share(workers)))


def for_graph() -> int:
    """The threads of an ONNX graph: one, unless MODELPORT_THREADS asks for more.

    A worker runs one call at a time, so a second thread pays only when it makes that call shorter. Measured with one and
    two threads that don't spin, on two cores, as ratios of medians: decision tree 1.2 (1 row) and 1.0 (32), LSTM 1.1 and
    1.1, MobileNetV2 at 96 pixels 1.2 and 1.0, at 224 pixels 1.2, ResNet50 1.2 (1 row): two were never clearly faster, and
    what they take is taken from the event loop and from the other workers.
    """
    return settings().threads or 1
