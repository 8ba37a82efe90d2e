"""Workers × threads is at most the cores: counted from affinity and control group, told to every library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import SettingsError
from registry.settings import settings
from services.inference import threads

ROOT = Path(__file__).parent.parent.parent.parent


def taken(environment: dict[str, str], *also: str) -> dict[str, int]:
    """How many threads each library takes in a process that is started with these variables."""
    probe = [sys.executable, str(Path(__file__).with_name("thread_probe.py")), *also]
    inherited = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(probe, env=inherited | environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    counts: dict[str, int] = json.loads(ended.stdout)
    return counts


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, float(2**31)),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, float(2**31)),
        ({}, float(2**31)),
    ],
)
def test_a_container_may_use_what_its_control_group_gets(tmp_path: Path, files: dict[str, str], cores: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.quota(tmp_path) == cores


def test_the_smallest_of_nested_groups_counts(tmp_path: Path) -> None:
    (tmp_path / "slice" / "unit").mkdir(parents=True)
    (tmp_path / "slice" / "cpu.max").write_text("100000 100000")
    (tmp_path / "slice" / "unit" / "cpu.max").write_text("300000 100000")
    assert threads.quota(tmp_path / "slice" / "unit") == 1


def test_cores_are_those_that_the_process_may_run_on() -> None:
    script = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    script += "from services.inference.threads import cores; print(cores())"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout == "1\n"


@given(cores=st.integers(1, 256), workers=st.integers(1, 256))
def test_workers_times_threads_is_at_most_the_cores(cores: int, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MODELPORT_THREADS", raising=False)
        patch.setattr(threads, "cores", lambda: cores)
        settings.cache_clear()
        share = threads.share(workers)
        settings.cache_clear()
    assert share == 1 or workers * share <= cores
    assert (share + 1) * workers > cores, "and no core is left that every worker could have one more of"


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_number_that_cannot_be_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MODELPORT_THREADS", value)
    with pytest.raises(SettingsError, match="MODELPORT_THREADS"):
        settings()


def test_every_library_keeps_to_the_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_THREADS", "3")
    counts = taken(threads.environment(workers=2))
    most = min(3, os.cpu_count() or 1)  # OpenBLAS and joblib never take more than the machine has
    assert {"openmp": 3, "onnx": 3, "blas": most}.items() <= counts.items()
    assert counts["joblib"] <= most


@pytest.mark.slow
def test_tensorflow_keeps_to_the_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_THREADS", "3")
    assert taken(threads.environment(workers=2), "tensorflow")["tensorflow"] == 3
