"""Plots of the backtest: a week of forecasts beside what came, and the errors of every method by how far they look ahead."""

from pathlib import Path

import numpy as np
import pandas as pd

from bentos.plots import COLOURS, INK, chart
from bentos.traffic_forecaster.report import BLIND, DAY_NAIVE, LSTM, RIDGE, WEEK_NAIVE, Report
from bentos.traffic_forecaster.series import HORIZON, INTERVAL, MINUTES, NAMES, Floats

SHOWN = {"bytes": (1e9, "GB in 15 minutes"), "flows": (1e3, "thousand flows in 15 minutes"), "latency_ms": (1.0, "ms")}
DASHES = {LSTM: "-", BLIND: ":", RIDGE: "--", DAY_NAIVE: "-.", WEEK_NAIVE: (0, (6, 2, 1, 2, 1, 2))}


def draw_week(starts: pd.DatetimeIndex, truth: Floats, forecast: Floats, folder: Path) -> None:
    """One `week-<channel>.png` each: days (n, HORIZON, 3) as they came over the forecasts made as each began, (…, 3, 3)."""
    begins = np.arange(len(starts))  # the days are drawn side by side, whatever their dates
    times = np.arange(len(starts) * HORIZON) / HORIZON
    for index, name in enumerate(NAMES):
        unit, label = SHOWN[name]
        mean, low, high = (forecast[:, :, index, part].ravel() / unit for part in range(3))
        came = truth[:, :, index].ravel() / unit
        inside = ((came >= low) & (came <= high)).mean()
        title = f"{name}: each day forecast at midnight; {inside:.0%} fell inside the {INTERVAL:.0%} interval"
        with chart(folder / f"week-{name}.png", title, 9, 3.6) as axes:
            axes.fill_between(
                times, low, high, color=COLOURS[0], alpha=0.2, linewidth=0, label=f"{INTERVAL:.0%} interval"
            )
            axes.plot(times, mean, color=COLOURS[0], linewidth=1.6, label="forecast")
            axes.plot(times, came, color=INK, linewidth=0.9, label="what came")
            for begin in begins:
                axes.axvline(float(begin), color="#999999", linewidth=0.6, linestyle=":")
            axes.set_xticks(begins + 0.5, [f"{start:%a %d}" for start in starts])
            axes.tick_params(axis="x", length=0)
            axes.set_xlim(times[0], times[-1])
            # One outage would press everything else flat: what sticks out is cut off, and it is plain that it does.
            top = max(float(np.quantile(came, 0.995)), float(np.quantile(high, 0.99)))
            axes.set_ylim(0, 1.15 * top)
            axes.set_ylabel(label)
            axes.legend(frameon=False, ncols=3, loc="upper right")


def draw_errors(report: Report, path: Path) -> None:
    """The mean error of each method over the horizon, as a share of what the day's seasonal-naive has over all of it."""
    hours = (1 + np.arange(HORIZON)) * MINUTES / 60
    usual = np.maximum(report.scores[DAY_NAIVE].mae, 1e-9)
    share = 1 - report.share(LSTM)
    title = f"The LSTM errs {abs(share):.0%} {'less' if share > 0 else 'more'} than yesterday's values repeated"
    with chart(path, title, 9, 4.5) as axes:
        for colour, (method, found) in zip(COLOURS, report.scores.items(), strict=False):
            line = (found.by_step / usual).mean(axis=1)
            axes.plot(
                hours,
                line,
                color=colour,
                linestyle=DASHES[method],
                linewidth=2.4 if method == LSTM else 1.5,
                label=method,
            )
        axes.set_xlabel("hours ahead")
        axes.set_ylabel("error, 1 = seasonal-naive by the day")
        axes.set_xticks(range(0, 25, 3))
        axes.set_xlim(0, 24)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
