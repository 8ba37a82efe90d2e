"""Flows to learn from: your own CSV."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bentos.traffic_classifier.columns import Source, translate
from bentos.traffic_classifier.features import LABEL, NAMES, conform


def read_csv(
    path: Path, mapping: dict[str, Source] | None = None, report: Callable[[str], None] = print
) -> pd.DataFrame:
    """Read your own flows: the feature columns and `label`, other columns dropped; ValueError says in one line what is wrong.

    With a mapping the columns have other names and units, and `report` is told which rows were left out.
    """
    try:
        frame = pd.read_csv(path, low_memory=False)
        if mapping is not None:
            frame = _translated(frame, mapping, report)
        missing = [name for name in [*NAMES, LABEL] if name not in frame.columns]
        if missing:
            raise ValueError(f"missing columns: {', '.join(missing)}")
        if frame[LABEL].isna().any():
            raise ValueError(f"{LABEL}: missing in {frame[LABEL].isna().sum()} of {len(frame)} rows")
        return conform(frame).assign(label=frame[LABEL].astype("str"))
    except ValueError as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None


def _translated(frame: pd.DataFrame, mapping: dict[str, Source], report: Callable[[str], None]) -> pd.DataFrame:
    flows, left_out = translate(frame, mapping)
    reasons = ", ".join(f"{name} {count}" for name, count in left_out.items())
    if not len(flows):
        raise ValueError(f"no row is a flow; unusable values: {reasons or 'none, for there are no rows'}")
    if left_out:
        report(f"left out {len(frame) - len(flows)} of {len(frame)} rows for unusable values: {reasons}")
    return flows.reset_index(drop=True)
