"""The network: an LSTM reads the day behind, a small head answers each interval of the day ahead; all scaling is inside.

Only Keras's own layers and operations, so that it loads in safe mode, converts to ONNX and needs nothing of this package.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from bentos.traffic_forecaster.backtest import FLOOR, NOTHING, UNKNOWN, Windows
from bentos.traffic_forecaster.series import CHANNELS, CONTEXT, HORIZON, INTERVAL, MINUTES, Floats

Tensor = Any  # keras.KerasTensor, without types
Model = Any  # keras.Model, without types

LARGEST = max(channel.maximum for channel in CHANNELS)
# Per hour: the day and its parts, the week and its parts.
TURNS = np.array([1 / 24, 2 / 24, 3 / 24, *(part / 168 for part in range(1, 7))], "float32")
AHEAD = np.arange(HORIZON, dtype="float32")[None, :, None] * (MINUTES / 60)  # hours to the begin of each step
STRANGE = 4.0  # standard deviations: an outage; what is beyond counts as no stranger, and rounding stays small
EPOCHS, BATCH, RATE, DECAY, DROPPED = 12, 64, 0.003, 0.01, 0.2


def build(known: Windows, seed: int) -> Model:
    """The untrained core: `series` (CONTEXT, 3) and `clock` () to centre, down and up, 3 channels each: (HORIZON, 9).

    Everything is in logarithms of parts of the window's own mean, so that links of any size look alike. `clock` is the hour
    of the week at which the forecast begins, or UNKNOWN.
    """
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(seed)
    series, clock = inputs()
    normal = layers.Normalization(name="normal")
    normal.adapt(logarithm(known.past, known.scale))
    day = ops.clip(normal(ops.log(ops.maximum(limited(series) / scale(series), FLOOR))), -STRANGE, STRANGE)
    hours = layers.Conv1D(24, 4, strides=4, activation="tanh", name="hours")(day)  # a quarter of the LSTM's steps
    state = layers.Dropout(DROPPED)(layers.LSTM(32, name="state")(hours))
    yesterday = layers.Conv1D(16, 9, padding="same", activation="relu", name="yesterday")(
        day
    )  # around each step's time
    fading = day[:, -1:] * np.exp(-AHEAD / 4)  # what is unusual now is usual again some hours later
    step = layers.Concatenate()([day, yesterday, fading, *steps(clock)])
    # One layer on all that is known, computed once for what is the same at every step.
    context = layers.Dense(48)(layers.Concatenate()([state, layers.Flatten()(day[:, -4:])]))
    hidden = layers.Dense(48)(step) + layers.RepeatVector(HORIZON)(context)
    hidden = layers.Dense(32, activation="relu")(layers.Dropout(DROPPED)(ops.relu(hidden)))
    centre = layers.Dense(3, name="centre")(layers.Concatenate()([hidden, day, yesterday, fading]))
    narrow = keras.initializers.Constant(-1.5)
    spread = layers.Dense(6, activation="softplus", bias_initializer=narrow, name="spread")(hidden)
    # No input, however odd, makes a number that float32 can't hold.
    answer = layers.Concatenate()([5 * ops.tanh(centre / 5), ops.minimum(spread, 5)])
    return keras.Model([series, clock], answer, name="core")


def inputs() -> tuple[Tensor, Tensor]:
    """What a forecast is made from."""
    import keras

    return keras.Input((CONTEXT, len(CHANNELS)), name="series"), keras.Input((), name="clock")


def limited(series: Tensor) -> Tensor:
    """The series within what was promised: other numbers can't make the arithmetic overflow."""
    from keras import ops

    return ops.clip(series, 0, LARGEST)


def scale(series: Tensor) -> Tensor:
    """The mean of each channel, (1, 3), as `Windows.scale` has it."""
    from keras import ops

    return ops.mean(limited(series), axis=1, keepdims=True) + NOTHING


def steps(clock: Tensor) -> list[Tensor]:
    """What is known of each step ahead: its time of day and week as turns of a circle (0 when unknown), how far it is."""
    from keras import ops

    first = ops.expand_dims(ops.clip(clock, UNKNOWN, 168), (1, 2))
    is_known = ops.cast(ops.greater_equal(first, 0), "float32")
    turned = (first + AHEAD) * (2 * np.pi * TURNS)
    distance = ops.zeros_like(first) + np.concatenate([AHEAD / 24, np.exp(-AHEAD / 2)], axis=-1)
    return [ops.sin(turned) * is_known, ops.cos(turned) * is_known, distance]


def logarithm(values: Floats, scales: Floats) -> npt.NDArray[np.float32]:
    """Values as the core sees them and answers."""
    return np.log(np.maximum(values / scales, FLOOR)).astype("float32")


def loss(truth: Tensor, answer: Tensor) -> Tensor:
    """Squared error of the centre, pinball loss of the interval's ends, which the centre does not follow."""
    from keras import ops

    centre, down, up = ops.split(answer, 3, axis=-1)
    around, tail = ops.stop_gradient(centre), (1 - INTERVAL) / 2
    under, over = truth - (around - down), truth - (around + up)
    low = ops.maximum(tail * under, (tail - 1) * under)
    high = ops.maximum((1 - tail) * over, -tail * over)
    return ops.mean(ops.square(centre - truth) + low + high)


def fit(core: Model, known: Windows, seed: int, epochs: int = EPOCHS) -> None:
    """Train the core; it is told the time of half of the windows, so that it can do without."""
    import keras

    told = np.random.default_rng(seed).random(len(known.clock)) < 0.5
    batches = -(-len(told) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, epochs * batches)
    trained = keras.Model(core.inputs, core.outputs)  # the same weights: our loss shall not be saved with the core
    trained.compile(keras.optimizers.AdamW(rate, weight_decay=DECAY, clipnorm=1.0), loss)
    truth = logarithm(known.future, known.scale)
    trained.fit(arrays(known, told), truth, batch_size=BATCH, epochs=epochs, verbose=0)


def arrays(windows: Windows, told: npt.NDArray[np.bool_] | bool = True) -> list[npt.NDArray[np.float32]]:
    """The inputs of the model for windows; the clock is `told` or UNKNOWN."""
    clock = np.where(told, windows.clock, UNKNOWN)
    return [windows.past.astype("float32"), clock.astype("float32")]


def stretch(core: Model, kept: Windows) -> Floats:
    """By how much the core's interval is too narrow for windows that it has not learnt from: a factor a channel, shape (3,)."""
    centre, down, up = np.split(core.predict(arrays(kept), batch_size=512, verbose=0), 3, axis=-1)
    truth = logarithm(kept.future, kept.scale)
    used = np.where(truth < centre, (centre - truth) / down, (truth - centre) / up)  # 1: at the interval's end
    factors: Floats = np.quantile(used, INTERVAL, axis=(0, 1)).astype("float64")
    return factors.clip(0.2, 5)


def complete(core: Model, factors: Floats) -> Model:
    """The model that is served: `series` and `clock` to mean, low and high in the series' own units, (HORIZON, 3, 3)."""
    import keras
    from keras import layers, ops

    series, clock = inputs()
    centre, down, up = ops.split(core([series, clock]), 3, axis=-1)
    low = centre - layers.Rescaling(factors.tolist(), name="down")(down)
    high = centre + layers.Rescaling(factors.tolist(), name="up")(up)
    # At most a whole day's traffic in one interval, whatever was sent.
    relative = ops.exp(ops.minimum(ops.stack([centre, low, high], axis=-1), float(np.log(CONTEXT))))
    return keras.Model([series, clock], relative * ops.expand_dims(scale(series), -1), name="traffic_forecaster")
