"""A rolling-origin backtest: forecasts made at one moment after another from what was known then, held against what came.

Origins are the indices of the first interval to be forecast. Forecasts have the shape (origins, HORIZON, channels).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bentos.traffic_forecaster.series import CONTEXT, DAY, HORIZON, MINUTES, WEEK, Floats

Origins = npt.NDArray[np.int64]
UNKNOWN = -1.0  # as a clock: the model was not told what time it is
RIDGE_PENALTY = 300.0  # the best of 30, 100, 300 and 1000 on the synthetic weeks
FLOOR = 0.02  # of a window's mean: what lies below counts as this, so that 0 has a logarithm
NOTHING = 1e-9  # added to every scale: a channel of zeros is no division by zero


class Windows(NamedTuple):
    """What was known at each origin, and what came: `past` (n, CONTEXT, 3), `clock` (n,), `future` (n, HORIZON, 3)."""

    past: Floats
    clock: Floats
    future: Floats

    @property
    def scale(self) -> Floats:
        """The mean of each window's past, (n, 1, 3): the measure that the methods see everything in."""
        mean: Floats = self.past.mean(axis=1, keepdims=True)
        return mean + NOTHING


def origins(first: int, last: int, every: int = 1) -> Origins:
    """Every so many intervals from `first` on, as long as the whole horizon lies before `last`; needs a context before."""
    return np.arange(max(first, CONTEXT), last - HORIZON + 1, every)


def windows(values: Floats, starts: Origins, monday: float) -> Windows:
    """The windows of `values`, shape (n, 3), at these origins; `monday` is the hour of the week at which `values` begins."""
    past = values[starts[:, None] + np.arange(-CONTEXT, 0)]
    future = values[starts[:, None] + np.arange(HORIZON)]
    return Windows(past, (monday + starts * MINUTES / 60) % 168, future)


def yesterday(windows: Windows) -> Floats:
    """Seasonal-naive by the day: what came at the same time a day before."""
    return windows.past[:, np.arange(HORIZON) % DAY]


def last_week(values: Floats, starts: Origins) -> Floats:
    """Seasonal-naive by the week, which needs a longer past than the others: the same time of the week before."""
    before: Floats = values[starts[:, None] + np.arange(HORIZON) - WEEK]
    return before


class Ridge:
    """A linear model of each step and channel on the logarithms of the context and the time of the day and week."""

    def __init__(self, known: Windows) -> None:
        from sklearn.linear_model import Ridge as Regression

        self._model: Any = Regression(RIDGE_PENALTY)
        self._model.fit(self._features(known), _log(known.future / known.scale).reshape(len(known.past), -1))

    def __call__(self, windows: Windows) -> Floats:
        found = self._model.predict(self._features(windows)).reshape(windows.future.shape)
        forecast: Floats = np.exp(found) * windows.scale
        return forecast

    def _features(self, windows: Windows) -> Floats:
        turns = windows.clock[:, None] * 2 * np.pi * np.array([1 / 24, 2 / 24, 1 / 168, 2 / 168, 3 / 168])
        past = _log(windows.past / windows.scale).reshape(len(windows.past), -1)
        return np.concatenate([past, 3 * np.sin(turns), 3 * np.cos(turns)], axis=1)


def _log(relative: Floats) -> Floats:
    logarithm: Floats = np.log(np.maximum(relative, FLOOR))
    return logarithm
