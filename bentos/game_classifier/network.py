"""The network: MobileNetV2 without its top, what comes before it (bytes to -1..1) and after it (one output per class).

All of it is layers of Keras's own, so that the saved model is safe to load, compiles to ONNX, and takes the bytes of pixels.
"""

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from bentos.game_classifier.data import SIDE

ALPHA = 0.35  # the narrowest that ImageNet weights exist for
DROPOUT = 0.2
FINE_TUNED_FROM = "block_13_expand"  # the last four blocks of 17, and what follows them
PUBLISHED = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{ALPHA}_{SIDE}_no_top.h5"
)

Network = Any  # a keras.Model: Keras has no types


def backbone(weights: str) -> Network:
    """MobileNetV2 with `imagenet` weights, those of a file, or random ones (`none`); ValueError when they can't be had."""
    if weights == "imagenet":
        try:
            with redirect_stdout(sys.stderr):  # Keras reports the download's progress; ours is the report's
                return _mobile_net("imagenet")
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise ValueError(
                f"the ImageNet weights can't be downloaded ({_line(error)}): "
                f"bring {PUBLISHED} here and name the file with --weights, or train with --weights none"
            ) from None
    base = _mobile_net(None)
    if weights != "none":
        _read(base, Path(weights))
    return base


def _mobile_net(weights: str | None) -> Network:
    return keras.applications.MobileNetV2(
        (SIDE, SIDE, 3), alpha=ALPHA, include_top=False, weights=weights, pooling="avg", name="mobilenet_v2"
    )


def _read(base: Network, path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"{path}: no such weights file; --weights takes imagenet, none or a file such as {PUBLISHED}")
    try:
        base.load_weights(path)
    except Exception as error:  # whatever h5py and Keras raise for a file of another kind
        raise ValueError(
            f"{path}: not the weights of a MobileNetV2 of width {ALPHA} without its top ({_line(error)})"
        ) from None


def _line(error: Exception) -> str:
    lines = str(error).rpartition(" -- ")[2].strip().splitlines()  # after the address, where Keras names one
    return lines[0].rstrip(".:")[:160] if lines else type(error).__name__


def classifier(base: Network, classes: int) -> Network:
    """The whole: a uint8 image of SIDE by SIDE pixels in, a probability for each class out."""
    image = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    features = keras.layers.Dropout(DROPOUT)(base(scaled))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax", name="category")(features))


def freeze(base: Network) -> None:
    """Let nothing of the base learn; its normalisation keeps the statistics that it came with."""
    base.trainable = False


def unfreeze_top(base: Network) -> None:
    """Let the last blocks learn, but for their normalisation: a few hundred images would give it worse statistics."""
    base.trainable = True
    first = base.layers.index(base.get_layer(FINE_TUNED_FROM))
    for place, layer in enumerate(base.layers):
        layer.trainable = place >= first and not isinstance(layer, keras.layers.BatchNormalization)


def hasten_statistics(base: Network) -> None:
    """For a random base: let the normalisation's averages, meant for a million steps, follow within some hundred."""
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9


def augmentation() -> Network:
    """What makes another screenshot of the same game: mirrored, moved a little. Not part of the model."""
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomTranslation(0.06, 0.06, fill_mode="nearest"),
        ]
    )
