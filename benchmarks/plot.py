"""Draws requests a second, one panel a model, from the results: run by report.py in the plot's own environment."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
sys.path.insert(0, str(Path(__file__).parent.parent))
from matplotlib import pyplot

from benchmarks.results import OURS, Results, read_all

PANELS = ("tree", "forest", "pipeline", "lstm")
LOAD = "1x16"


def panel(axes: "pyplot.Axes", found: Results) -> None:
    """Bars of one model, the fastest on top, with the least and the most of the rounds; a logarithmic scale."""
    names = sorted(found.measured, key=lambda name: found.load(name, LOAD, "rate").median)
    figures = [found.load(name, LOAD, "rate") for name in names]
    colours = ["#0b6e4f" if name == "modelport" else "#9bc1bc" if name in OURS else "#b8b8b8" for name in names]
    middle = [figure.median for figure in figures]
    errors = [[f.median - f.low for f in figures], [f.high - f.median for f in figures]]
    labels = [found.about["labels"][name].replace("`", "") for name in names]
    axes.barh(labels, middle, xerr=errors, color=colours, error_kw={"elinewidth": 0.8})
    for place, (value, figure) in enumerate(zip(middle, figures, strict=True)):
        axes.text(figure.high * 1.12, place, f"{value:,.0f}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(right=max(middle) * 3)
    axes.set_title(found.about["title"], fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """`plot.py RESULTS PICTURE.png`."""
    results = read_all(Path(sys.argv[1]))
    drawn = [results[name] for name in PANELS if name in results]
    rows = -(-len(drawn) // 2)
    figure, grid = pyplot.subplots(rows, min(2, len(drawn)), figsize=(13, 4.2 * rows), squeeze=False)
    for axes in grid.flat[len(drawn) :]:
        axes.set_visible(False)
    for axes, found in zip(grid.flat, drawn, strict=False):
        panel(axes, found)
    figure.suptitle("Requests a second, one worker, one row a call, 16 connections (logarithmic)", fontsize=11)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
