"""The backtest looks at nothing that was not known, and counts as one would by hand."""

import numpy as np
import pytest

from bentos.traffic_forecaster.backtest import Ridge, Windows, last_week, origins, windows, yesterday
from bentos.traffic_forecaster.data import generate
from bentos.traffic_forecaster.report import BLIND, DAY_NAIVE, LSTM, WEEK_NAIVE, Report, Score, score
from bentos.traffic_forecaster.series import CONTEXT, DAY, HORIZON, WEEK, Floats
from bentos.traffic_forecaster.train import split


@pytest.fixture(scope="module")
def counted() -> Floats:
    """Three channels in which every value says which interval it is of."""
    index = np.arange(3.0 * WEEK)
    return np.stack([index, 10 * index, index + 0.5], axis=1)


def test_origins_have_a_context_before_them_and_the_horizon_within() -> None:
    assert origins(0, CONTEXT + HORIZON).tolist() == [CONTEXT]
    assert origins(200, 200 + HORIZON + 7, 5).tolist() == [200, 205]
    assert origins(0, CONTEXT + HORIZON - 1).tolist() == []


def test_a_window_is_cut_at_its_origin(counted: Floats) -> None:
    cut = windows(counted, np.array([200, 300]), monday=24.0)
    assert cut.past[:, [0, -1], 0].tolist() == [[200 - CONTEXT, 199], [300 - CONTEXT, 299]]
    assert cut.future[1, [0, -1], 1].tolist() == [3000, 10 * (300 + HORIZON - 1)]
    assert cut.clock.tolist() == [24 + 50, 24 + 75]
    assert windows(counted, np.array([WEEK]), monday=1.0).clock.tolist() == [1.0]


def test_seasonal_naive_repeats_the_day_or_the_week(counted: Floats) -> None:
    starts = np.array([WEEK, WEEK + 3])
    cut = windows(counted, starts, 0)
    assert (cut.future - yesterday(cut) == np.array([DAY, 10 * DAY, DAY])).all()
    assert (cut.future - last_week(counted, starts) == np.array([WEEK, 10 * WEEK, WEEK])).all()


def test_the_parts_of_a_split_do_not_overlap() -> None:
    frame = generate(4, 1).assign(bytes=np.arange(4 * WEEK))
    cut = split(frame)
    known, kept, test = (part.future[:, :, 0] for part in (cut.known, cut.kept, cut.test))
    assert known.max() < kept.min() and kept.max() < test.min()
    assert (kept.min() - 1, test.min() - 1) == (known.max(), kept.max()) and test.max() == 4 * WEEK - 1
    assert cut.starts[0] == 21 * DAY and set(np.diff(cut.starts)) == {1}


def test_ridge_finds_what_is_linear_and_sees_no_future() -> None:
    values = generate(3, 2).to_numpy()
    known, later = windows(values, origins(0, 2 * WEEK), 0), windows(values, origins(2 * WEEK, 3 * WEEK), 0)
    fitted = Ridge(known)
    blind = Windows(later.past, later.clock, np.zeros_like(later.future))
    assert np.array_equal(fitted(later), fitted(blind))
    assert fitted(later).shape == later.future.shape and (fitted(later) > 0).all()
    scaled = Windows(1000 * later.past, later.clock, later.future)
    assert np.allclose(fitted(scaled), 1000 * fitted(later), rtol=1e-6), "a link of any size is the same to it"


def test_errors_are_counted_as_by_hand() -> None:
    truth = np.zeros((2, HORIZON, 3))
    mean = truth.copy()
    mean[0, 0] = [4.0, -2.0, 0.0]
    found = score(mean, truth, mean - 1, mean + 2)
    assert found.by_step[0].tolist() == [2.0, 1.0, 0.0] and not found.by_step[1:].any()
    assert np.allclose(found.mae, [4 / 192, 2 / 192, 0])
    assert np.allclose(found.rmse, [np.sqrt(16 / 192), np.sqrt(4 / 192), 0])
    assert found.coverage is not None
    assert np.allclose(found.coverage, [191 / 192, 1.0, 1.0]), "4 - 1 is above 0; -2 + 2 is not below it"


def scores(lstm: float, day: float, week: float) -> Report:
    """A report in which every method errs by one number."""
    errors = {LSTM: lstm, BLIND: lstm, DAY_NAIVE: day, WEEK_NAIVE: week}
    made = {
        name: Score(np.full((HORIZON, 3), error), np.full(3, error), np.full(3, 0.9)) for name, error in errors.items()
    }
    return Report(made, 100, 10, 20, 5)


def test_the_report_says_so_when_the_network_is_not_worth_it() -> None:
    assert scores(0.5, 1.0, 2.0).verdict.splitlines() == [
        "the LSTM beats seasonal-naive, day, on every channel",
        "the LSTM beats seasonal-naive, week, on every channel",
    ]
    worse = scores(1.0, 2.0, 0.5)
    assert worse.verdict.splitlines()[1] == "the LSTM does NOT beat seasonal-naive, week: bytes, flows, latency_ms"
    assert worse.verdict in str(worse) and worse.not_beaten(DAY_NAIVE) == []
    assert len(scores(1.0, 1.0, 2.0).not_beaten(DAY_NAIVE)) == 3, "as good as is not better"
    assert scores(0.5, 1.0, 2.0).share(LSTM) == 0.5


def test_the_report_is_an_aligned_table() -> None:
    lines = str(scores(0.5, 1.0, 2.0)).splitlines()
    assert lines[0].startswith(
        "100 windows to learn from, 10 to set the interval; tested from 20 moments, one per interval, in 5 days"
    )
    assert [len(line) for line in lines[2:7]] == [len(lines[2])] * 5
    assert lines[3].split() == ["LSTM", "0.5", "0.5", "0.5", "0.500", "0.500"]
