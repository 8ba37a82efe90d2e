"""Reads the sample rows that a user hands to `export`: a table, an array, or one array per input."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ExportError

MOST_ROWS = 10_000  # more rows say nothing new of the columns and slow the export down


def read_sample(path: Path) -> Any:
    """The rows of a `.csv`, `.json`, `.parquet`, `.npy` or `.npz` file, at most MOST_ROWS of them.

    Returns a DataFrame with named columns, an array (rows first), or a dict of arrays by input name.
    Raises ExportError with one line when the file can't be read that way.
    """
    readers = {".csv": _csv, ".json": _json, ".parquet": _parquet, ".npy": _npy, ".npz": _npz}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ExportError(f"{path.name}: a sample is a {', '.join(readers)} file")
    if not path.is_file():
        raise ExportError(f"{path}: no such sample file")
    try:
        sample = reader(path)
    except Exception as error:  # each reader raises its own: BadZipFile, EOFError, ArrowInvalid
        raise ExportError(f"{path.name}: can't be read as {path.suffix[1:]}: {first_line(error)}") from None
    if row_count(sample) == 0:
        raise ExportError(f"{path.name}: the sample has no rows")
    return sample


def first_line(error: Exception) -> str:
    """The first line of what an exception says, or its name when it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def row_count(sample: Any) -> int:
    """How many rows a sample holds."""
    return len(next(iter(sample.values()))) if isinstance(sample, dict) else len(sample)


def _csv(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path, nrows=MOST_ROWS)


def _parquet(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path).head(MOST_ROWS).reset_index(drop=True)


def _json(path: Path) -> Any:
    import pandas as pd

    document = json.loads(path.read_text())
    rows = document.get("instances", [document]) if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows:
        raise ValueError('expected a list of rows, or {"instances": [...]}')
    rows = rows[:MOST_ROWS]
    if not isinstance(rows[0], dict):
        array = np.asarray(rows)
        return np.asarray(rows, dtype=object) if array.dtype.kind == "U" else array  # 1 beside "a" stays a number
    if any(isinstance(value, list) for value in rows[0].values()):
        return {name: np.asarray([row[name] for row in rows]) for name in rows[0]}
    return pd.DataFrame(rows)


def _npy(path: Path) -> Any:
    with path.open("rb") as file:
        return np.load(file, allow_pickle=False)[:MOST_ROWS]


def _npz(path: Path) -> Any:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name][:MOST_ROWS] for name in arrays.files}
