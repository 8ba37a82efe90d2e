"""Train the traffic forecaster and save it to BentoML's model store: `python -m bentos.traffic_forecaster.train --help`."""

import os
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import typer

from bentos import plots
from bentos.traffic_forecaster import model as network
from bentos.traffic_forecaster import pictures
from bentos.traffic_forecaster.backtest import Origins, Ridge, Windows, last_week, origins, windows, yesterday
from bentos.traffic_forecaster.data import generate, read_csv
from bentos.traffic_forecaster.report import BLIND, DAY_NAIVE, LSTM, RIDGE, WEEK_NAIVE, Report, score
from bentos.traffic_forecaster.series import DAY, NAMES, TIME, Floats, hour_of_week

MODEL_NAME = "traffic_forecaster"
TESTED, CALIBRATED = 0.25, 0.15  # of the days, the last ones; what is before is learnt from
SAMPLE = 100


class Split(NamedTuple):
    """A series cut by time: what is learnt from, what the interval is set on, what is tested on."""

    known: Windows
    kept: Windows
    test: Windows
    starts: Origins  # of the test


def split(frame: pd.DataFrame) -> Split:
    """Cut after whole days, in the order of time: no window's future reaches over a cut."""
    values, monday = frame[NAMES].to_numpy(), hour_of_week(frame.index[0])
    days = len(values) // DAY
    tested = max(2, round(TESTED * days))
    begin = (days - tested) * DAY
    calibrated = begin - max(2, round(CALIBRATED * days)) * DAY
    starts = origins(begin, len(values))
    parts = (origins(0, calibrated), origins(calibrated, begin), starts)
    known, kept, test = (windows(values, part, monday) for part in parts)
    return Split(known, kept, test, starts)


def train(frame: pd.DataFrame, seed: int, epochs: int = network.EPOCHS) -> tuple[Any, Report]:
    """Fit on the first days, set the interval on the next, measure on the last; the model that was measured is returned."""
    cut = split(frame)
    core = network.build(cut.known, seed)
    network.fit(core, cut.known, seed, epochs)
    model = network.complete(core, network.stretch(core, cut.kept))
    return model, backtest(model, frame, cut)


def backtest(model: Any, frame: pd.DataFrame, cut: Split) -> Report:
    """Hold the model and the baselines against what came."""
    truth = cut.test.future
    told, blind = (np.moveaxis(forecast(model, cut.test, told), -1, 0) for told in (True, False))
    scores = {
        LSTM: score(told[0], truth, told[1], told[2]),
        BLIND: score(blind[0], truth, blind[1], blind[2]),
        RIDGE: score(Ridge(cut.known)(cut.test), truth),
        DAY_NAIVE: score(yesterday(cut.test), truth),
        WEEK_NAIVE: score(last_week(frame[NAMES].to_numpy(), cut.starts), truth),
    }
    trained, calibrated, tested = (len(part.clock) for part in (cut.known, cut.kept, cut.test))
    return Report(scores, trained, calibrated, tested, (len(frame) - int(cut.starts[0])) // DAY)


def forecast(model: Any, asked: Windows, told: bool = True) -> Floats:
    """The model's mean, low and high for windows, (n, HORIZON, 3, 3)."""
    found: Floats = model.predict(network.arrays(asked, told), batch_size=512, verbose=0).astype("float64")
    return found


def save(model: Any, report: Report, test: Windows, source: str) -> str:
    """Save to BentoML's model store, compiled where that is proved, and return the tag, `traffic_forecaster:<version>`."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")  # read when bentoml is imported
    from services.packaging.save_model import save_model  # slow to import, and not needed to train

    metadata = {
        "mae": dict(zip(NAMES, report.scores[LSTM].mae.round(4).tolist(), strict=True)),
        "mae_of_seasonal_naive": round(report.share(LSTM), 4),
        "windows": report.trained,
        "data": source,
    }
    return save_model(MODEL_NAME, model, sample(test), framework="keras", metadata=metadata, report=_progress).tag


def sample(test: Windows) -> dict[str, Any]:
    """Windows as requests may bring them, every second one without its start."""
    told = np.arange(SAMPLE) % 2 == 0
    some = Windows(test.past[:SAMPLE], test.clock[:SAMPLE], test.future[:SAMPLE])
    return dict(zip(("series", "clock"), network.arrays(some, told[: len(some.clock)]), strict=True))


def main(
    data: Annotated[Path | None, typer.Option(help="CSV of your own series; without it, synthetic weeks.")] = None,
    weeks: Annotated[int, typer.Option(min=2, max=52, help="How many synthetic weeks.")] = 8,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="For the synthetic weeks and the weights.")] = 7,
    epochs: Annotated[
        int, typer.Option(min=1, max=1000, help="How often all windows are learnt from.")
    ] = network.EPOCHS,
    out: Annotated[
        Path | None, typer.Option(help="Also write the Keras model, the series, sample inputs and plots here.")
    ] = None,
) -> None:
    """Train the traffic forecaster, report a backtest, save it to BentoML's model store and print its tag."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets with pages
    started = time.monotonic()
    try:
        if out:
            plots.require()
            out.mkdir(parents=True, exist_ok=True)
        frame = read_csv(data) if data else generate(weeks, seed)
    except (OSError, ValueError) as error:
        _progress(f"error: {error}")
        raise typer.Exit(2) from None
    _progress(f"{len(frame) // DAY} days {'from ' + str(data) if data else 'generated'}")
    model, report = train(frame, seed, epochs)
    _progress(f"trained and tested in {time.monotonic() - started:.1f} s")
    cut = split(frame)
    if out:
        _write(out, model, frame, report, cut)
    tag = save(model, report, cut.test, data.name if data else f"synthetic, {weeks} weeks, seed {seed}")
    _progress(f"done in {time.monotonic() - started:.1f} s")
    typer.echo(f"{report}\n\n{tag}")


def _write(folder: Path, model: Any, frame: pd.DataFrame, report: Report, cut: Split) -> None:
    """Write the model as a file, the series as a CSV, the sample that describes its input, and the plots."""
    model.save(folder / f"{MODEL_NAME}.keras")
    frame.to_csv(folder / "series.csv", index_label=TIME)
    np.savez(folder / "sample.npz", **sample(cut.test))
    days = int(cut.starts[0]) + DAY * np.arange(min(7, report.days))
    week = windows(frame[NAMES].to_numpy(), days, hour_of_week(frame.index[0]))
    pictures.draw_week(pd.DatetimeIndex(frame.index[days]), week.future, forecast(model, week), folder)
    pictures.draw_errors(report, folder / "errors.png")


def _progress(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)
