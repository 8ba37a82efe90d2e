"""The limiter on its file, within one process and its forked children."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.limits.rule import Decision, Limit
from services.limits.shared import SharedLimiter

pytestmark = pytest.mark.timeout(60)
HOUR = Limit(1000, 3600)


@pytest.fixture
def restless() -> Iterator[None]:
    """Switch threads as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def admit(limiter: SharedLimiter, calls: int) -> int:
    """Return how many calls were admitted."""
    return sum(limiter.hit(3, HOUR).allowed for _ in range(calls))


def test_slots_are_separate_and_forgotten_one_by_one(tmp_path: Path) -> None:
    limiter, limit = SharedLimiter(tmp_path / "limits"), Limit(2, 60)
    assert limiter.hit(1, limit, 2, 0) == Decision(True, limit, 0, 60, 0)
    assert limiter.hit(2, limit, 1, 0).remaining == 1
    assert not limiter.hit(1, limit, 1, 0).allowed
    limiter.forget(1)
    assert limiter.hit(1, limit, 1, 0).remaining == 1
    assert limiter.hit(2, limit, 1, 0).remaining == 0


def test_the_real_clock(tmp_path: Path) -> None:
    limiter = SharedLimiter(tmp_path / "limits")
    assert limiter.hit(1, Limit(1, 86_400)).allowed
    refused = limiter.hit(1, Limit(1, 86_400))
    assert not refused.allowed
    assert refused.retry_after in range(86_000, 86_401)


@pytest.mark.usefixtures("restless")
def test_threads_and_instances_share_one_count(tmp_path: Path) -> None:
    limiters = [SharedLimiter(tmp_path / "limits") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(admit, limiters, [1000] * 4)) == 1000


def test_forked_children_share_one_count(tmp_path: Path) -> None:
    limiter = SharedLimiter(tmp_path / "limits")
    limiter.hit(3, HOUR)
    context = multiprocessing.get_context("fork")
    ends = [context.Pipe(duplex=False) for _ in range(4)]
    children = [context.Process(target=lambda end=end: end.send(admit(limiter, 1000))) for _, end in ends]
    for child in children:
        child.start()
    assert sum(end.recv() for end, _ in ends) == 999
    for child in children:
        child.join()


def test_one_descriptor_per_file_and_privacy(tmp_path: Path) -> None:
    """A second opening must leave no descriptor whose closing would drop the locks."""
    path = tmp_path / "limits"
    first = SharedLimiter(path)
    open_before = len(os.listdir("/dev/fd"))
    second = SharedLimiter(path)
    assert len(os.listdir("/dev/fd")) == open_before
    assert first.hit(0, Limit(1, 60)).allowed
    assert not second.hit(0, Limit(1, 60)).allowed
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_replaced_file_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    assert SharedLimiter(path).hit(0, Limit(1, 60)).allowed
    path.unlink()
    assert SharedLimiter(path).hit(0, Limit(1, 60)).allowed


def test_wrong_arguments_hold_no_lock(tmp_path: Path) -> None:
    limiter = SharedLimiter(tmp_path / "limits")
    for slot, cost in ((-1, 1), (2**31, 1), (0, 0)):
        with pytest.raises(ValueError, match="must be"):
            limiter.hit(slot, HOUR, cost)
    assert limiter.hit(0, HOUR).allowed


def test_a_full_disk_is_an_error_and_holds_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    limiter = SharedLimiter(tmp_path / "limits")
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full, raising=False)
        with pytest.raises(OSError, match="No space"):
            limiter.hit(0, HOUR)
    assert limiter.hit(0, HOUR).remaining == 999
