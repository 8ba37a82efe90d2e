"""Requests under way: never more than allowed over all processes, and what a killed one left counts no more."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.limits.in_flight import InFlight

OTHER = """
import sys
from pathlib import Path
from services.limits.in_flight import InFlight
counts = InFlight(Path(sys.argv[1]))
for line in sys.stdin:
    what, slot, most = line.split()
    print(counts.enter(int(slot), int(most)) if what == "enter" else counts.leave(int(slot)), flush=True)
"""


class Other:
    """Another worker process."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, what: str, slot: int = 1, most: int = 0) -> str:
        """Have it enter or leave; what it says."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what} {slot} {most}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def other(path: Path) -> Iterator[Other]:
    """Another worker process, which is gone at the end."""
    made = Other(path)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def test_processes_count_together(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    counts = InFlight(path)
    with other(path) as second:
        assert counts.enter(1, 3) and second.ask("enter", most=3) == "True" and counts.enter(1, 3)
        assert not counts.enter(1, 3) and second.ask("enter", most=3) == "False"
        assert counts.enter(2, 1), "another subject has a count of its own"
        second.ask("leave")
        assert counts.enter(1, 3) and not counts.enter(1, 3)


def test_what_a_killed_process_left_counts_no_more(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    counts = InFlight(path)
    with other(path) as second:
        assert [second.ask("enter", most=2) for _ in range(2)] == ["True", "True"]
        assert not counts.enter(1, 2)
    assert counts.enter(1, 2)


def test_who_takes_a_dead_ones_number_begins_at_nothing(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    with other(path) as first:
        assert first.ask("enter", slot=5, most=1) == "True"
    with other(path) as second:
        assert second.ask("enter", slot=5, most=1) == "True"
        assert second.ask("enter", slot=5, most=1) == "False"
        second.ask("leave", slot=5)
        assert second.ask("enter", slot=5, most=1) == "True"


def test_two_in_one_process_count_together(tmp_path: Path) -> None:
    first, second = InFlight(tmp_path / "counts"), InFlight(tmp_path / "counts")

    assert first.enter(1, 1) and not second.enter(1, 1)
    first.leave(1)
    assert second.enter(1, 1)


def test_one_that_opens_the_file_again_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    counts = InFlight(path)
    assert counts.enter(1, 1)
    InFlight(path)
    with other(path) as second:
        assert second.ask("enter", most=1) == "False"


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=40))
def test_it_counts_as_a_dictionary_would(tmp_path_factory: object, steps: list[tuple[bool, int]]) -> None:
    counts, model = _shared(tmp_path_factory), dict.fromkeys(range(1, 4), 0)
    for entering, slot in steps:
        if entering:
            assert counts.enter(slot, 2) == (model[slot] < 2)
            model[slot] = min(model[slot] + 1, 2)
        elif model[slot]:
            counts.leave(slot)
            model[slot] -= 1
    for slot, left in model.items():
        for _ in range(left):
            counts.leave(slot)


_made: list[InFlight] = []


def _shared(factory: object) -> InFlight:
    if not _made:
        _made.append(InFlight(factory.mktemp("counts") / "counts"))  # type: ignore[attr-defined]
    return _made[0]
