"""A plot is a PNG that shows its numbers; without matplotlib one line says what to install."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bentos import plots

RIGHT = np.array([[90, 10], [0, 50]])


def shade(path: Path, across: float, down: float) -> float:
    """How dark the picture is near one place, 0 to 255; places are shares of width and height."""
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L"), dtype="float64")
    height, width = grey.shape
    row, column = int(down * height), int(across * width)
    return 255 - float(np.median(grey[row - 5 : row + 5, column - 5 : column + 5]))


def test_the_confusion_plot_is_darker_where_more_flows_are(tmp_path: Path) -> None:
    path = tmp_path / "made" / "confusion.png"
    plots.confusion_matrix(RIGHT, ["chess", "go"], path, "Two games")
    found, lost = shade(path, 0.25, 0.15), shade(path, 0.7, 0.15)
    assert found > 150 > lost + 50 and lost > shade(path, 0.25, 0.8) + 5


def test_the_same_numbers_give_the_same_file_and_others_another(tmp_path: Path) -> None:
    first, again, other = (tmp_path / f"{name}.png" for name in ("first", "again", "other"))
    for path, counts in ((first, RIGHT), (again, RIGHT), (other, RIGHT.T)):
        plots.confusion_matrix(counts, ["chess", "go"], path, "Two games")
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_a_class_without_rows_is_drawn_too(tmp_path: Path) -> None:
    plots.confusion_matrix(np.array([[3, 0], [0, 0]]), ["chess", "go"], tmp_path / "plot.png", "One game")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_without_matplotlib_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ValueError, match=r'^plots need matplotlib: pip install "modelport\[plots\]"$'):
        plots.confusion_matrix(RIGHT, ["chess", "go"], tmp_path / "plot.png", "Two games")
    assert not (tmp_path / "plot.png").exists()
