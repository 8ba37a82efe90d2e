"""The ring against a plain list of timestamps, and killed at any store."""

from typing import SupportsIndex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.limits import ring
from services.limits.ring import CELLS, WORDS, decide
from services.limits.rule import Decision, Limit

SECOND = 1_000_000
pauses = st.sampled_from([0, 0, 1, SECOND // 4, SECOND // 2, SECOND - 1, SECOND]) | st.integers(0, SECOND)
counts = st.integers(1, 5) | st.integers(1, 12) | st.sampled_from([CELLS - 1, CELLS])
costs = st.integers(1, 3) | st.integers(1, CELLS + 1)
wide = st.integers(1, 6) | st.integers(1, 40)
fuses = st.just(-1) | st.integers(0, 4)
rising = [
    (0, 1, 1),
    (0, 2, 1),
    (0, 3, 1),
    (0, 9, 3),
    (0, 7, 1),
    (0, 9, 1),
    (0, 12, 4),
    (0, 13, 1),
    (0, 16, 3),
    (0, 17, 1),
]
again = [(999_999, 1, 1), (0, 25, 3), (0, 29, 9), (0, 31, 2), (0, 32, 1), (0, 39, 7), (125_000, 40, 1), (SECOND, 32, 1)]
thorough = settings(max_examples=600)


class Log:
    """The exact sliding log: all timestamps in a list."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def drop(self, limit: Limit, now: int) -> int:
        """Forget what has left the window and count the rest."""
        self.times = [time for time in self.times if time > now - limit.seconds * SECOND]
        return len(self.times)

    def decide(self, limit: Limit, cost: int, now: int) -> Decision:
        """Do what `ring.decide` should."""
        free = limit.count - self.drop(limit, now)
        if cost <= free:
            self.times += [now] * cost
            return Decision(True, limit, free - cost, self.until(0, limit, now), 0)
        if cost > limit.count:
            return Decision(False, limit, max(free, 0), self.until(0, limit, now) if self.times else 0, 0)
        wait = self.until(cost - free - 1, limit, now)
        return Decision(False, limit, max(free, 0), wait, wait)

    def until(self, at: int, limit: Limit, now: int) -> int:
        """Count the seconds until a timestamp leaves the window."""
        return -((now - self.times[at]) // SECOND - limit.seconds)


class Mortal(list[int]):
    """Words whose writer is killed after a number of stores."""

    fuse = -1

    def __setitem__(self, at: SupportsIndex, value: int) -> None:  # type: ignore[override]  # no slices here
        if self.fuse == 0:
            raise InterruptedError
        self.fuse -= 1
        super().__setitem__(at, value)


def parts(words: list[int]) -> tuple[int, list[int]]:
    """Return the sum that the state holds and the counts of its cells, oldest first."""
    tail, length = words[0] & 1023, words[0] >> 10 & 1023
    return words[0] >> 20, [words[1 + (tail + i) % ring.CELLS] & 0xFFFF for i in range(length)]


@thorough
@given(st.lists(st.tuples(pauses, counts, st.integers(1, 3), costs), max_size=60))
def test_equals_the_exact_log(calls: list[tuple[int, int, int, int]]) -> None:
    """Whatever the times, costs and changes of the limit, up to one admission per cell."""
    words, log, now = [0] * WORDS, Log(), 0
    for pause, count, seconds, cost in calls:
        now += pause
        limit = Limit(count, seconds)
        assert decide(words, limit, cost, now) == log.decide(limit, cost, now)


@thorough
@given(st.integers(1, 8), st.booleans(), st.lists(st.tuples(pauses, wide, st.integers(1, 9)), max_size=100))
@example(8, True, rising + again)  # joined cells are not joined to ever larger ones
def test_above_one_per_cell_keeps_its_bounds(cells: int, rises: bool, calls: list[tuple[int, int, int]]) -> None:
    """Never more than N, and nobody refused who is g - 1 units below it, or twice that while N rises and falls."""
    limits = [count for _, count, _ in calls]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring, "CELLS", cells)
        words, log, now, size = [0] * (cells + 1), Log(), 0, 1
        for (pause, _, cost), count in zip(calls, limits if rises else sorted(limits, reverse=True), strict=True):
            now += pause
            limit = Limit(count, 2)
            used = log.drop(limit, now)
            size = max(size, -(-count // cells))
            if decide(words, limit, cost, now).allowed:
                assert used + cost <= count
                log.times += [now] * cost
            else:
                assert used + cost > count - (1 + rises) * (size - 1)
            older, held = parts(words)
            assert older == sum(held[:-1])


@thorough
@given(st.integers(2, 5), st.lists(st.tuples(pauses, wide, fuses), max_size=60))
def test_killed_at_any_store(cells: int, calls: list[tuple[int, int, int]]) -> None:
    """What was admitted stays counted, and one window later nothing of the crash is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring, "CELLS", cells)
        words, log, now = Mortal([0] * (cells + 1)), Log(), 0
        for pause, count, fuse in calls:
            now += pause
            limit = Limit(count, 2)
            used = log.drop(limit, now)
            words.fuse = fuse
            try:
                allowed = decide(words, limit, 1, now).allowed
            except InterruptedError:
                continue
            if allowed:
                assert used + 1 <= count
                log.times.append(now)
            older, held = parts(words)
            assert older == sum(held[:-1])
        words.fuse = -1
        assert decide(words, Limit(40, 2), 40, now + 2 * SECOND).allowed


def test_cells_joined_for_a_raised_limit_reach_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cells of 2 and 3 admissions, all but the last at 0 s, become one that is stamped with the last of them."""
    monkeypatch.setattr(ring, "CELLS", 2)
    words = [0] * 3
    for count, now in [(4, 0), (4, 0), (4, 0), (6, 0), (6, SECOND), (6, SECOND)]:
        assert decide(words, Limit(count, 2), 1, now).allowed
    assert parts(words) == (5, [5, 1])
    assert not decide(words, Limit(6, 2), 1, 2 * SECOND).allowed  # two are left, and 2 (3 - 1) come back late
    assert decide(words, Limit(6, 2), 6, 3 * SECOND).allowed


@pytest.mark.parametrize("count", [1, CELLS, CELLS + 1, 1000, 100_000, 1_000_000])
def test_all_at_once_then_nothing_until_the_window_has_passed(count: int) -> None:
    words, limit = [0] * WORDS, Limit(count, 60)
    assert decide(words, limit, count, 5) == Decision(True, limit, 0, 60, 0)
    assert decide(words, limit, 1, 5 + 60 * SECOND - 1) == Decision(False, limit, 0, 1, 1)
    assert decide(words, limit, count, 5 + 60 * SECOND).allowed


def test_large_limit_one_by_one() -> None:
    """10,000 per minute (20 a cell) asked every 5 ms: what the docstring promises, with its numbers."""
    words, limit, log = [0] * WORDS, Limit(10_000, 60), Log()
    late = 0
    for now in range(0, 150 * SECOND, 5_000):
        while log.times and log.times[0] <= now - 60 * SECOND:
            log.times.pop(0)
        if decide(words, limit, 1, now).allowed:
            log.times.append(now)
            assert len(log.times) <= 10_000
        else:
            late = max(late, 10_000 - len(log.times))
    assert late == 19


def test_reboot_forgets_stamps_from_the_future() -> None:
    words, limit = [0] * WORDS, Limit(3, 60)
    for now in (50 * SECOND, 900 * SECOND, 901 * SECOND, 902 * SECOND):
        assert decide(words, limit, 1, now).allowed
    assert not decide(words, limit, 1, 903 * SECOND).allowed
    assert decide(words, limit, 3, 10 * SECOND) == Decision(True, limit, 0, 60, 0)
    assert not decide(words, limit, 1, 11 * SECOND).allowed


def test_limit_changed_down_and_up() -> None:
    words = [0] * WORDS
    for now in range(500):
        assert decide(words, Limit(500, 60), 1, now).allowed
    assert decide(words, Limit(100, 60), 1, 500).remaining == 0
    assert decide(words, Limit(100, 60), 1, 500).retry_after == 60
    for now in range(500, 511):
        assert decide(words, Limit(511, 60), 1, now).allowed
    assert not decide(words, Limit(511, 60), 1, 511).allowed
    assert decide(words, Limit(1_000_000, 60), 1, 512).remaining == 1_000_000 - 512  # 511 cells of one: repacked
    assert decide(words, Limit(1_000_000, 60), 1_000_000 - 512, 513).remaining == 0
    assert not decide(words, Limit(1_000_000, 60), 1, 514).allowed
    assert decide(words, Limit(5, 1), 1, 514 + SECOND).remaining == 4


@pytest.mark.parametrize("state", [2**64 - 1, 1023, 1023 << 10, 1 << 63, 5 << 10 | 510, 3 << 10, (1 << 40) | (3 << 10)])
def test_a_damaged_state_heals(state: int) -> None:
    words, limit = memoryview(bytearray(WORDS * 8)).cast("Q"), Limit(10, 1)
    for now in (10 * SECOND, 10 * SECOND + 1, 10 * SECOND + 2):
        assert decide(words, limit, 1, now).allowed
    words[0] = state
    decide(words, limit, 1, 11 * SECOND + 1)
    assert decide(words, limit, 10, 13 * SECOND).allowed
