"""Plots of the examples' reports, as PNG files. They need matplotlib, the extra `plots`: it is imported when one is drawn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 120
INK = "#222222"
# Okabe and Ito's colours: told apart with every kind of colour blindness. Vary markers or dashes as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def require() -> None:
    """Raise ValueError, one line that says what to install, where plots can't be drawn: ask before a long training."""
    if find_spec("matplotlib") is None:
        raise ValueError('plots need matplotlib: pip install "modelport[plots]"')


@contextmanager
def chart(path: Path, title: str, width: float = 8.0, height: float = 5.0) -> Iterator["Axes"]:
    """Give axes to draw on, `width` by `height` inches, and write them to `path` as a PNG; folders are made."""
    require()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # no window system, no state shared with a caller's own plots
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=12)
    axes.spines[["top", "right"]].set_visible(False)
    yield axes
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the library's version in it, the same numbers give the same file.
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


def confusion_matrix(counts: npt.NDArray[np.int64], classes: Sequence[str], path: Path, title: str) -> None:
    """Draw `counts`, shape (classes, classes), rows true and columns predicted: shade and percentage are shares of a row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(5.0, 2.2 + 1.05 * len(classes))
    with chart(path, title, side + 0.6, side) as axes:
        # One hue from light to dark, and every cell says its number: nothing rests on telling colours apart.
        # The root of the share is the shade, or the few that are wrong would all look white.
        axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(classes)), classes, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(classes)), classes)
        axes.set_xlabel("predicted", fontweight="bold")
        axes.set_ylabel("true", fontweight="bold")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        for (row, column), share in np.ndenumerate(shares):
            _cell(axes, row, column, int(counts[row, column]), float(share))


def _cell(axes: "Axes", row: int, column: int, count: int, share: float) -> None:
    """Write one cell's count and share; those that are right have a frame."""
    from matplotlib.patches import Rectangle

    ink = "white" if share > 0.3 else INK
    right = row == column
    text = f"{count}\n{share:.1%}" if count else "0"
    axes.text(column, row, text, ha="center", va="center", color=ink, fontweight="bold" if right else "normal")
    colour, width = (INK, 2.0) if right else ("#cccccc", 0.5)
    corner = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, zorder=2 + right, edgecolor=colour, linewidth=width))
