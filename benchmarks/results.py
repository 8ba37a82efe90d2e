"""What the rounds come to: medians and spread of each contender at each load, and ratios of medians."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = ("modelport", "modelport-original", "bare", "floor", "endpoints", "keys")


@dataclass(frozen=True)
class Figure:
    """A median over rounds with the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Of the rounds' values."""
        return cls(statistics.median(values), min(values), max(values))


class Results:
    """One scenario's rounds."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.about: dict[str, Any] = found["about"]
        self._rounds: dict[str, list[dict[str, Any]]] = found["contenders"]

    @property
    def measured(self) -> list[str]:
        """The contenders that answered rightly in every round."""
        return [name for name, rounds in self._rounds.items() if not any("error" in found for found in rounds)]

    @property
    def peers(self) -> list[str]:
        """Those of them that aren't ours."""
        return [name for name in self.measured if name not in OURS]

    @property
    def failures(self) -> dict[str, str]:
        """Why the others couldn't be measured."""
        reasons = {
            name: [str(found["error"]) for found in rounds if "error" in found] for name, rounds in self._rounds.items()
        }
        return {name: found[0] for name, found in reasons.items() if found}

    def load(self, name: str, load: str, what: str) -> Figure:
        """`rate` (requests a second), `p50` or `p99` (ms), µs a request of the `worker` or of all processes (`cpu`); KeyError when it wasn't measured."""
        return Figure.of([found["loads"][load][what] for found in self._of(name)])

    def process(self, name: str, what: str) -> Figure:
        """`cold` (seconds to the first answer), `rss` or `pss` (bytes)."""
        return Figure.of([found[what] for found in self._of(name)])

    def ratio(self, name: str, other: str, load: str, what: str = "rate") -> float:
        """One contender's median over another's."""
        return self.load(name, load, what).median / self.load(other, load, what).median

    def _of(self, name: str) -> list[dict[str, Any]]:
        return self._rounds[name]  # a round that failed has none of the keys asked for


def read_all(folder: Path) -> dict[str, Results]:
    """Every scenario's results in the folder, by name."""
    return {
        path.stem: Results(json.loads(path.read_text()))
        for path in sorted(folder.glob("*.json"))
        if path.stem != "profile"
    }
