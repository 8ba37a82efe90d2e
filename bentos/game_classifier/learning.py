"""Training in two phases: the new top on a frozen base, then the base's last blocks with it. A random base learns as a whole."""

from collections.abc import Callable
from math import ceil

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from bentos.game_classifier.data import Screenshots
from bentos.game_classifier.network import (
    Network,
    augmentation,
    backbone,
    classifier,
    freeze,
    hasten_statistics,
    unfreeze_top,
)
from bentos.held_out import Report

HELD_OUT = 0.2
BATCH = 16
FROZEN_EPOCHS, FINE_TUNED_EPOCHS, WHOLE_EPOCHS = 4, 4, 5
FROZEN_RATE, FINE_TUNED_RATE, WHOLE_RATE = 3e-3, 3e-4, 4e-3

Progress = Callable[[str], None]


def train(shots: Screenshots, weights: str, seed: int, progress: Progress) -> tuple[Network, Report]:
    """Learn from four fifths of the screenshots, measure on the rest (same class shares); the model that was measured.

    `weights` is as `backbone` takes it, ValueError when they can't be had.
    """
    keras.utils.set_random_seed(seed)
    base = backbone(weights)
    places = np.arange(len(shots.labels))
    fitted, held_out = train_test_split(places, test_size=HELD_OUT, stratify=shots.labels, random_state=seed)
    network = classifier(base, len(shots.classes))
    images = _batches(shots, fitted, seed)
    if weights == "none":
        hasten_statistics(base)
        _fit(network, images, "whole", WHOLE_EPOCHS, WHOLE_RATE, progress)
    else:
        freeze(base)
        _fit(network, images, "frozen base", FROZEN_EPOCHS, FROZEN_RATE, progress)
        unfreeze_top(base)
        _fit(network, images, "fine-tuning", FINE_TUNED_EPOCHS, FINE_TUNED_RATE, progress)
    predicted = network.predict(shots.pixels[held_out], batch_size=100, verbose=0).argmax(axis=1)
    confusion = confusion_matrix(shots.labels[held_out], predicted, labels=range(len(shots.classes)))
    return network, Report(shots.classes, confusion, len(fitted), "screenshots")


def _batches(shots: Screenshots, places: "np.ndarray[tuple[int], np.dtype[np.int64]]", seed: int) -> tf.data.Dataset:
    """The images of those places, shuffled and altered anew each time they are gone through."""
    altered = augmentation()
    whole = tf.data.Dataset.from_tensor_slices((shots.pixels[places], shots.labels[places]))
    batches = whole.shuffle(len(places), seed=seed).batch(BATCH)
    return batches.map(
        lambda pixels, labels: (tf.cast(altered(tf.cast(pixels, "float32"), training=True), "uint8"), labels)
    )


def _fit(network: Network, images: tf.data.Dataset, phase: str, epochs: int, rate: float, progress: Progress) -> None:
    steps = epochs * len(images)
    falling = keras.optimizers.schedules.CosineDecay(rate, steps, warmup_target=rate, warmup_steps=ceil(steps / 20))
    # XLA would compile for longer than the training takes.
    adam, loss = keras.optimizers.Adam(falling), "sparse_categorical_crossentropy"
    # What keeps count is made here: a first step that made it would have to be traced twice, for seconds.
    adam.build(network.trainable_variables)
    right = keras.metrics.SparseCategoricalAccuracy("accuracy")
    network.compile(adam, loss, metrics=[right], jit_compile=False)

    def told(epoch: int, logs: dict[str, float]) -> None:
        progress(f"{phase}: epoch {epoch + 1} of {epochs}, {logs['accuracy']:.3f} right of what it learns from")

    spoken = keras.callbacks.LambdaCallback(on_epoch_end=told)
    network.fit(images, epochs=epochs, shuffle=False, verbose=0, callbacks=[spoken])  # shuffled already
