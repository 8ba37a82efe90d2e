import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from registry.errors import ExportError
from services.inference.describing.columns import describe_column
from services.inference.sample import MOST_ROWS, read_sample, row_count

TABLE = pd.DataFrame({"age": [41, 7], "plan": ["pro", None]})


def test_a_table_comes_from_csv_json_or_parquet(tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "rows.csv", index=False)
    TABLE.to_parquet(tmp_path / "rows.parquet")
    rows = [{"age": 41, "plan": "pro"}, {"age": 7, "plan": None}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "body.JSON").write_text(json.dumps({"instances": rows}))
    for path in sorted(tmp_path.iterdir()):
        sample = read_sample(path)
        found = [(f.name, f.dtype, f.nullable) for f in (describe_column(n, sample[n]) for n in sample.columns)]
        assert found == [("age", "int64", False), ("plan", "string", True)], path.name


def test_arrays_come_from_npy_npz_or_json(tmp_path: Path) -> None:
    images = np.arange(8).reshape(2, 2, 2)
    np.save(tmp_path / "images.npy", images)
    np.savez(tmp_path / "inputs.npz", images=images, size=np.ones(2))
    (tmp_path / "images.json").write_text(json.dumps(images.tolist()))
    (tmp_path / "inputs.json").write_text(json.dumps([{"images": i, "size": 1.0} for i in images.tolist()]))
    assert np.array_equal(read_sample(tmp_path / "images.npy"), images)
    assert np.array_equal(read_sample(tmp_path / "images.json"), images)
    for name in ("inputs.npz", "inputs.json"):
        sample = read_sample(tmp_path / name)
        assert (list(sample), row_count(sample)) == (["images", "size"], 2)
        assert np.array_equal(sample["images"], images)


def test_positional_rows_of_numbers_and_text_keep_their_types(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[[1, "a"], [2, "b"]]')
    assert read_sample(tmp_path / "rows.json").tolist() == [[1, "a"], [2, "b"]]


def test_only_the_first_rows_of_a_large_sample_are_read(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(MOST_ROWS + 5)}).to_csv(tmp_path / "rows.csv", index=False)
    np.save(tmp_path / "rows.npy", np.zeros(MOST_ROWS + 5))
    assert {row_count(read_sample(tmp_path / name)) for name in ("rows.csv", "rows.npy")} == {MOST_ROWS}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.txt", b""),
        ("rows.csv", b""),
        ("rows.csv", b"a,b\n"),
        ("rows.csv", b'a,b\n1,"2'),
        ("rows.csv", b"\xff\xfe\x00"),
        ("rows.json", b""),
        ("rows.json", b"[]"),
        ("rows.json", b"5"),
        ("rows.json", b'{"instances": 5}'),
        ("rows.json", b"[[1, 2], [3]]"),
        ("rows.json", b'[{"a": 1}, 5]'),
        ("rows.json", b'[{"a": [1]}, {"b": [1]}]'),
        ("rows.json", b"\xff"),
        ("rows.json", b"[" * 100_000),
        ("rows.parquet", b"PAR1"),
        ("rows.npy", b""),
        ("rows.npy", b"\x93NUMPY\x01\x00"),
        ("rows.npz", b"PK\x03\x04 no archive"),
        ("rows.npz", b""),
    ],
)
def test_what_is_no_sample_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExportError) as caught:
        read_sample(tmp_path / name)
    assert caught.value.message.startswith(name)
    assert "\n" not in caught.value.message


def test_a_pickled_array_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "scalar.npz", x=np.float64(1))
    for name in ("rows.npy", "scalar.npz", "absent.csv"):
        with pytest.raises(ExportError):
            read_sample(tmp_path / name)
