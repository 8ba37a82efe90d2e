"""What a backtest found, as text: errors of every method, how often the interval held, and whether the network is worth it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bentos.traffic_forecaster.series import INTERVAL, NAMES, Floats

LSTM, BLIND, RIDGE = "LSTM", "LSTM without start", "ridge"
DAY_NAIVE, WEEK_NAIVE = "seasonal-naive, day", "seasonal-naive, week"


@dataclass(frozen=True)
class Score:
    """One method's errors: `by_step` (HORIZON, 3) and `mae` (3,) are mean absolute, `rmse` (3,) root mean square."""

    by_step: Floats
    rmse: Floats
    coverage: Floats | None = None  # the share of outcomes between low and high, (3,)

    @property
    def mae(self) -> Floats:
        mean: Floats = self.by_step.mean(axis=0)
        return mean


def score(mean: Floats, truth: Floats, low: Floats | None = None, high: Floats | None = None) -> Score:
    """Compare forecasts with what came, both of shape (origins, HORIZON, 3)."""
    error = mean - truth
    coverage = None if low is None or high is None else ((truth >= low) & (truth <= high)).mean(axis=(0, 1))
    return Score(np.abs(error).mean(axis=0), np.sqrt(np.square(error).mean(axis=(0, 1))), coverage)


@dataclass(frozen=True)
class Report:
    """All scores by method, and how many windows they come from."""

    scores: Mapping[str, Score]
    trained: int
    calibrated: int
    tested: int
    days: int

    def share(self, method: str, kind: str = "mae") -> float:
        """A method's error as a share of the day's seasonal-naive, mean over the channels."""
        return float(
            np.mean(getattr(self.scores[method], kind) / np.maximum(getattr(self.scores[DAY_NAIVE], kind), 1e-9))
        )

    def not_beaten(self, naive: str) -> list[str]:
        """The channels in which a seasonal-naive forecast is as good as the network, or better."""
        pairs = zip(NAMES, self.scores[LSTM].mae, self.scores[naive].mae, strict=True)
        return [channel for channel, own, other in pairs if own >= other]

    @property
    def verdict(self) -> str:
        """Whether the network is worth it, a line for each season."""
        lines = []
        for naive in (DAY_NAIVE, WEEK_NAIVE):
            lost = self.not_beaten(naive)
            lines.append(
                f"the LSTM does NOT beat {naive}: {', '.join(lost)}"
                if lost
                else f"the LSTM beats {naive}, on every channel"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        head = (
            f"{self.trained} windows to learn from, {self.calibrated} to set the interval; "
            f"tested from {self.tested} moments, one per interval, in {self.days} days never seen"
        )
        table = [["mean absolute error", *NAMES, "of naive's", "RMSE of naive's"]]
        for method, found in self.scores.items():
            shares = [f"{self.share(method, kind):.3f}" for kind in ("mae", "rmse")]
            table.append([method, *(f"{value:.4g}" for value in found.mae), *shares])
        table.append([])
        table.append([f"inside the {INTERVAL:.0%} interval", *NAMES])
        for method, found in self.scores.items():
            if found.coverage is not None:
                table.append([method, *(f"{share:.1%}" for share in found.coverage)])
        lines = [
            "".join([cells[0].ljust(24), *(cell.rjust(16) for cell in cells[1:])]) if cells else "" for cells in table
        ]
        return "\n".join([head, "", *lines, "", self.verdict])
