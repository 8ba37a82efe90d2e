"""What a rate limit is (`Limit`, written as text) and what asking it answers (`Decision`)."""

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

MAX_COUNT = 1_000_000
MAX_SECONDS = 86_400
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_TEXT = re.compile(
    r"\s*([0-9]{1,9})(?:\s*/\s*|\s+per\s+)(?:([0-9]{1,9})\s*)?(second|minute|hour|day)s?\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` admissions in any interval of `seconds`."""

    count: int
    seconds: int

    def __post_init__(self) -> None:
        """Refuse a count or a window out of range."""
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"the count of a limit must be 1 to {MAX_COUNT}, not {self.count}")
        if not 1 <= self.seconds <= MAX_SECONDS:
            raise ValueError(f"the window of a limit must be 1 second to 1 day, not {self.seconds} seconds")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "100/minute", "100 per minute" or "20/30 seconds"."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is not a limit: write it like 100/minute, 5 per second or 20/30 seconds")
        count, times, unit = found.groups()
        return cls(int(count), int(times or 1) * _UNITS[unit.lower()])

    def __str__(self) -> str:
        """Write the limit as `parse` reads it, in the largest unit that fits."""
        unit, size = next((unit, size) for unit, size in _UNITS.items() if self.seconds % size == 0)
        times = self.seconds // size
        return f"{self.count}/{unit}" if times == 1 else f"{self.count}/{times} {unit}s"


class Decision(NamedTuple):
    """The answer to one call; all times are whole seconds, rounded up, and hold if nobody else calls meanwhile.

    `remaining` is how many more units would be admitted now.
    `reset` is when `remaining` next grows: when the oldest admission leaves the window, or, for a refused call,
    when the call fits (so it never contradicts `retry_after`). It is not the time until the whole window is free.
    `retry_after` is when the same call is sure to be admitted: 0 if it just was, else at least 1;
    also 0 for a refused call that costs more than the whole limit, which no waiting helps.
    """

    allowed: bool
    limit: Limit
    remaining: int
    reset: int
    retry_after: int
