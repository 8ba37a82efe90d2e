"""A decision tree, walked: for one row some comparisons are less work than handing an array to any library."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.inference.instances import Row
from services.inference.runtimes.onnx import rows_of
from services.inference.signature import Signature

Node = Sequence[Any]  # feature, threshold, left, right, missing


class TreeRuntime:
    """Predicts with one tree as `compilation.walk` lays it out; a prediction is the same object whoever gets it."""

    def __init__(self, nodes: Sequence[Node], leaves: Sequence[Any]) -> None:
        self._nodes, self._leaves = nodes, leaves
        self._root = 0 if nodes else -1

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """One prediction per row."""
        return [self._leaves[~self._leaf(row)] for row in rows]

    def predict_values(self, values: Any) -> list[Any]:
        """The same for a frame or a matrix."""
        return self.predict(rows_of(values))

    def _leaf(self, row: Row) -> int:
        nodes, node = self._nodes, self._root
        while node >= 0:
            feature, threshold, left, right, missing = nodes[node]
            value = row[feature]
            node = missing if value is None else left if value <= threshold else right
        return node


def load_runtime(path: Path, _: Signature) -> TreeRuntime:
    """The tree at `path`, ready to predict."""
    tree = json.loads(path.read_text())
    return TreeRuntime([tuple(node) for node in tree["nodes"]], tree["leaves"])
