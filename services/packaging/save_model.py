"""Saves a model that was just trained into BentoML's model store, compiled where that is proved: for `train.py`."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple, get_args

from services.inference.describing import describe
from services.inference.describing.images import AsImage
from services.inference.runtimes import load_runtime
from services.inference.signature import Pixels
from services.packaging.choosing import choose
from services.packaging.job import Choice, Timings
from services.packaging.model_store import put
from services.packaging.timing import soonest

Framework = Literal["sklearn", "keras"]


class Saved(NamedTuple):
    """Where a model is now, and which runtime will serve it."""

    tag: str
    choice: Choice

    def __str__(self) -> str:
        timings, chosen = self.choice.timings, self.choice.runtime
        if chosen in get_args(Framework):
            return f"{self.tag}, served by {chosen}: {self.choice.reason}"
        own = next(times["1"] for runtime, times in timings.items() if runtime in get_args(Framework))
        return f"{self.tag}, compiled ({chosen}) and proved: {own / timings[chosen]['1']:.1f} times as fast for one row"


def save_model(
    name: str,
    model: Any,
    sample: Any,
    *,
    framework: Framework,
    classes: Sequence[str] | None = None,
    pixels: Pixels | None = None,
    metadata: Mapping[str, Any] | None = None,
    report: Callable[[str], None] | None = None,
    must_be_faster: bool = True,
) -> Saved:
    """Describe, compile, prove, time and save a fitted model; its own framework serves it where nothing faster is proved.

    `sample` are some hundred rows as the model takes them: a frame, or an array with shape (rows, ...). They give the
    signature and the proof its rows. `pixels` makes of a network of images one that takes bytes, and says what it scales
    them to first; the sample is then images as bytes. `metadata` (JSON-like) is kept with the model. Without
    `must_be_faster` what is compiled and proved serves whatever the timings say: a Bento then needs no framework, though
    this machine was busy. Raises ExportError with one line when the model can't be described.
    """
    with TemporaryDirectory() as made:
        folder = Path(made)
        file = _write(model, framework, folder / "model")
        description = describe(framework, model, sample, classes, None if pixels is None else AsImage(pixels))
        original = load_runtime(framework, file, description.signature)
        # By one row alone: what trained the model here has every core, what serves it has a share of them.
        compiled_for = partial(Path, folder, "compiled")
        decide = soonest if must_be_faster else partial(_soonest_beside, framework)
        choice = choose(framework, model, original, description, compiled_for, decide)
        served = file if choice.runtime == framework else next(compiled_for(choice.runtime).iterdir())
        signature = description.signature.model_dump(mode="json")
        saved = Saved(put(name, served, signature, framework, choice, {"example": name}, metadata), choice)
    if report is not None:
        report(f"saved {saved}")
    return saved


def _soonest_beside(framework: str, timings: Mapping[str, Timings]) -> str:
    return soonest({name: times for name, times in timings.items() if name != framework})


def _write(model: Any, framework: Framework, folder: Path) -> Path:
    """The model as a file of its framework's, alone in its folder."""
    folder.mkdir()
    if framework == "keras":
        model.save(folder / "model.keras")
        return folder / "model.keras"
    import joblib

    joblib.dump(model, folder / "model.joblib")
    return folder / "model.joblib"
