"""Train the game classifier and save it to BentoML's model store: `python -m bentos.game_classifier.train --help`."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bentos import plots
from bentos.game_classifier.data import SCENES, Screenshots, draw, generate, read_folder
from bentos.held_out import Report
from registry.errors import ExportError

if TYPE_CHECKING:
    from bentos.game_classifier.network import Network

MODEL_NAME = "game_classifier"
SAMPLE = 32  # images that the compiled model is proved on, beside those made for the proof


def save(network: "Network", report: Report, shots: Screenshots, weights: str, source: str) -> str:
    """Save to BentoML's model store, compiled where that is proved, and return the tag, `game_classifier:<version>`."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")  # read when bentoml is imported
    from services.packaging.save_model import save_model

    metadata = {
        "accuracy": round(report.accuracy, 4),
        "classes": [*report.classes],
        "images": report.trained + report.held_out,
        "data": source,
        "weights": weights if weights in ("imagenet", "none") else Path(weights).name,
    }
    sample = shots.pixels[np.linspace(0, len(shots.pixels) - 1, SAMPLE).astype(int)]  # some of each class
    saved = save_model(
        MODEL_NAME,
        network,
        sample,
        framework="keras",
        classes=shots.classes,
        pixels="0..255",
        metadata=metadata,
        report=_progress,
        must_be_faster=False,  # the Bento is for ONNX Runtime; TensorFlow would make it ten times as large
    )
    return saved.tag


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of class folders of images; without it, synthetic.")] = None,
    weights: Annotated[str, typer.Option(help="What the base begins with: imagenet, a file, or none.")] = "imagenet",
    count: Annotated[int, typer.Option(min=60, help="How many synthetic screenshots.")] = 900,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="For the drawing, the split and the training.")] = 7,
    out: Annotated[Path | None, typer.Option(help="Also write the plot, the model and sample images here.")] = None,
) -> None:
    """Train the game classifier, report on held-out screenshots, save it to BentoML's model store and print its tag."""
    started = time.monotonic()
    try:
        if out:
            plots.require()
            out.mkdir(parents=True, exist_ok=True)
        shots = read_folder(data) if data else generate(count, seed)
        _progress(f"{len(shots.labels)} screenshots {'from ' + str(data) if data else 'drawn'}")
        if shots.warning:
            _progress(f"warning: {shots.warning}")
        from bentos.game_classifier.learning import train  # TensorFlow takes seconds to import

        network, report = train(shots, weights, seed, _progress)
        _progress(f"trained in {time.monotonic() - started:.0f} s")
        if out:
            _write(out, network, report, None if data else seed)
        tag = save(network, report, shots, weights, data.name if data else f"synthetic, seed {seed}")
    except (OSError, ValueError, ExportError) as error:
        _progress(f"error: {error}")
        raise typer.Exit(2) from None
    typer.echo(f"{report}\n\n{tag}")


def _write(folder: Path, network: "Network", report: Report, seed: int | None) -> None:
    """Write the plot, the model, its base for `--weights`, and of synthetic data a screenshot of each category."""
    title = f"{report.accuracy:.1%} of {report.held_out:,} held-out screenshots are right"
    plots.confusion_matrix(report.confusion, report.classes, folder / "confusion.png", title)
    network.save(folder / "model.keras")
    network.get_layer("mobilenet_v2").save_weights(folder / "base.weights.h5")
    if seed is None:
        return
    rng = np.random.default_rng([seed, 1])  # none that it learnt from
    for category in SCENES:
        (folder / f"{category}.jpg").write_bytes(draw(category, rng))


def _progress(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)
