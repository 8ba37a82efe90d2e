"""The limiter the services ask: exact over all processes of the machine, a few microseconds per decision."""

from pathlib import Path
from time import monotonic_ns

from services.limits.ring import decide
from services.limits.rule import Decision, Limit
from services.limits.slots import open_slots


class SharedLimiter:
    """Counts admissions per slot in a file that every process of the machine may share.

    A slot is the row id of its subject, one limit per slot: a second policy takes a second file. `services.limits.ring`
    explains the algorithm and its bounds. Admissions outlive the processes; those of before a reboot are forgotten
    where the clock tells. A process that is stopped (SIGSTOP, a debugger) inside a decision holds up its slot.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, creating it if it is missing; it stays open until the process ends."""
        self._slots = open_slots(path)

    def hit(self, slot: int, limit: Limit, cost: int = 1, now_ns: int | None = None) -> Decision:
        """Admit and record a call of `cost` units, all or nothing; `now_ns` replaces the clock in tests."""
        if cost < 1:
            raise ValueError(f"the cost of a call must be at least 1, not {cost}")
        words = self._slots.acquire(slot)
        try:
            # The clock is read under the lock: stamps must be in order.
            return decide(words, limit, cost, (monotonic_ns() if now_ns is None else now_ns) // 1000)
        finally:
            self._slots.release(slot)

    def forget(self, slot: int) -> None:
        """Forget a slot's admissions, so that the row id may serve another subject."""
        words = self._slots.acquire(slot)
        try:
            words[0] = 0
        finally:
            self._slots.release(slot)
