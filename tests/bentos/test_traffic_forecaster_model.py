"""The network answers anything finitely and in order, sees every link alike, and is the same model wherever it runs."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bentos.traffic_forecaster import model as network
from bentos.traffic_forecaster.backtest import UNKNOWN
from bentos.traffic_forecaster.series import CHANNELS, CONTEXT, HORIZON, Floats
from bentos.traffic_forecaster.train import Split, sample
from services.inference.compilation import convert
from services.inference.compilation.proof import TOLERANCE
from services.inference.describing import describe
from services.inference.runtimes.keras import load
from services.inference.runtimes.session import open_session
from tests.bentos.forecasts import quickly

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
Trained = tuple[Any, Split]
MEAN, LOW, HIGH = range(3)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return quickly()


def ask(model: Any, series: npt.NDArray[Any], clock: float = UNKNOWN) -> Floats:
    """The forecast for one series, (HORIZON, channels, 3)."""
    found: Floats = np.asarray(model([series[None].astype("float32"), np.array([clock], "float32")]))[0]
    return found


def in_order(forecast: Floats) -> bool:
    """Finite, not negative, low <= mean <= high."""
    low, mean, high = (forecast[..., part] for part in (LOW, MEAN, HIGH))
    return bool(np.isfinite(forecast).all() and (low >= 0).all() and (low <= mean).all() and (mean <= high).all())


@given(
    series=arrays("float64", (CONTEXT, 3), elements=st.floats(0, 1)),
    exponents=st.tuples(*(st.floats(-12, np.log10(channel.maximum)) for channel in CHANNELS)),
    clock=st.one_of(st.just(UNKNOWN), st.floats(0, 168)),
)
@settings(max_examples=60, deadline=None)
def test_every_series_within_its_range_has_a_forecast(
    trained: Trained, series: Floats, exponents: tuple[float, ...], clock: float
) -> None:
    forecast = ask(trained[0], series * 10.0 ** np.array(exponents), clock)
    assert forecast.shape == (HORIZON, 3, 3) and in_order(forecast)


@pytest.mark.parametrize("level", [0.0, 1.0, 5e10, 1e15, 3e38])
def test_a_constant_series_is_forecast_near_its_level(trained: Trained, level: float) -> None:
    forecast = ask(trained[0], np.full((CONTEXT, 3), level))
    assert in_order(forecast)
    if level == 0:
        assert forecast.max() < 1e-6
    else:
        known = min(level, network.LARGEST)
        assert (forecast[..., MEAN] > known / 50).all() and (forecast[..., MEAN] < 50 * known).all()


def test_links_of_any_size_look_alike(trained: Trained) -> None:
    model, cut = trained
    past, clock = cut.test.past[0], float(cut.test.clock[0])
    factors = np.array([8.0, 1 / 64, 2.0])  # powers of two, exact in float32
    assert np.allclose(ask(model, past * factors, clock), ask(model, past, clock) * factors[:, None], rtol=1e-5)


def test_the_clock_counts_and_can_be_left_out(trained: Trained) -> None:
    model, cut = trained
    answers = [ask(model, cut.test.past[0], clock) for clock in (UNKNOWN, 10.0, 130.0)]
    assert all(map(in_order, answers))
    assert not np.allclose(answers[1], answers[2], rtol=1e-3) and not np.allclose(answers[0], answers[1], rtol=1e-3)
    assert np.allclose(ask(model, cut.test.past[0], -77.0), answers[0]), "any time before the week is no time"


def test_the_interval_is_as_wide_as_what_it_is_set_on_needs(trained: Trained) -> None:
    model, cut = trained
    found = np.asarray(model(network.arrays(cut.kept)))
    inside = (cut.kept.future >= found[..., LOW]) & (cut.kept.future <= found[..., HIGH])
    assert np.allclose(inside.mean(axis=(0, 1)), 0.9, atol=0.02)


def test_it_loads_in_safe_mode_and_answers_alike_when_compiled(trained: Trained, tmp_path: Path) -> None:
    model, cut = trained
    model.save(tmp_path / "model.keras")
    loaded = load(tmp_path / "model.keras")
    inputs = network.arrays(cut.test)
    wanted = np.asarray(model(inputs))
    assert np.array_equal(np.asarray(loaded(inputs)), wanted)
    graph = convert("keras", loaded, describe("keras", loaded, sample(cut.test), None).signature, "float32")
    session = open_session(graph)
    got = session.run(None, {put.name: array for put, array in zip(session.get_inputs(), inputs, strict=True)})[0]
    assert np.max(np.abs(got - wanted) / np.maximum(wanted, wanted.mean(axis=0))) < TOLERANCE
