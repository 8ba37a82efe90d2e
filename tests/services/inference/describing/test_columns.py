"""Columns of a sample: dtype, missing values, what was seen; and odd tables refused in one sentence."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from registry.errors import ExportError
from services.inference.arrays import assembler
from services.inference.describing import Description, describe
from services.inference.describing.columns import describe_column
from services.inference.instances import InstanceReader
from services.inference.runtimes.sklearn import SklearnRuntime


def described(sample: Any) -> Description:
    """The description of a model that takes anything."""
    return describe("sklearn", DummyRegressor().fit(np.zeros((len(sample), 1)), np.zeros(len(sample))), sample, None)


@pytest.mark.parametrize(
    ("values", "dtype", "nullable"),
    [
        (pd.Series([True, False]), "bool", False),
        (pd.Series([True, None]), "bool", True),
        (pd.Series([True, np.nan]), "bool", True),
        (pd.Series([True, None], dtype="boolean"), "bool", True),
        (pd.Series([1, 2]), "int64", False),
        (pd.Series([1, 2], dtype="uint8"), "uint8", False),
        (pd.Series([1, 2], dtype="uint16"), "int64", False),
        (pd.Series([1, None], dtype="Int64"), "float64", True),
        (pd.Series([1, 2], dtype="Int32"), "int32", False),
        (pd.Series([1, None]), "float64", True),
        (pd.Series([1, None], dtype=object), "float64", True),
        (pd.Series([1.5, None], dtype="Float64"), "float64", True),
        (pd.Series([1.5], dtype="float32"), "float32", False),
        (pd.Series([None, None], dtype=object), "float64", True),
        (pd.Series(["a", "b"]), "string", False),
        (pd.Series(["a", None], dtype="str"), "string", True),
        (pd.Series(["a", None], dtype="string"), "string", True),
        (pd.Series(["a", None], dtype=object), "string", True),
        (pd.Series(["a", "b"], dtype="category"), "string", False),
        (pd.Series([3, 1], dtype="category"), "int64", False),
    ],
    ids=lambda value: f"{value.dtype}-{list(value)}" if isinstance(value, pd.Series) else None,
)
def test_a_column_s_type_and_missing_values(values: Any, dtype: str, nullable: bool) -> None:
    field = describe_column("x", values)
    assert (field.dtype, field.nullable) == (dtype, nullable)
    description = described(values.to_frame("x"))
    assert InstanceReader(description.signature).rows({"instances": [list(row) for row in description.rows]})
    frame = assembler(description.signature.model_copy(update={"layout": "frame"}))(description.rows)
    assert frame["x"].isna().tolist() == values.isna().tolist()
    assert frame["x"].dropna().tolist() == values.dropna().tolist()


def test_ranges_are_told_and_never_reject() -> None:
    field = describe_column("x", pd.Series([1.0, 5.0]))
    assert (field.minimum, field.maximum) == (1.0, 5.0)
    assert InstanceReader(described(pd.DataFrame({"x": [1.0, 5.0]})).signature)(b'{"x": 99.5}') == [(99.5,)]


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (pd.DataFrame({"t": pd.date_range("2020", periods=2)}), "sample column `t` has the type datetime64"),
        (pd.DataFrame({"t": pd.to_timedelta([1, 2], unit="s")}), "sample column `t` has the type timedelta64"),
        (pd.DataFrame({"z": [1 + 2j, 2]}), "sample column `z` has the type complex128"),
        (pd.DataFrame({"m": [1, "a"]}), "sample column `m` has the type object"),
        (pd.DataFrame({"l": [[1], [2]]}), "sample column `l` has the type object"),
        (pd.DataFrame({"x": [1.0, np.inf]}), "sample column `x` holds an infinite number"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "more than one column named a"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=[1, "1"]), "more than one column named 1"),
        (np.zeros((2, 2, 2)), "takes a two-dimensional sample, not one of shape"),
        ({"x": np.zeros(2)}, "takes a table or a two-dimensional array"),
        (pd.DataFrame({"a": [1, 2], "b": [1, 2]}), "the sample has 2 columns, the model was fitted on 1"),
    ],
    ids=str,
)
def test_a_table_that_json_can_t_carry_is_refused(sample: Any, reason: str) -> None:
    model = LogisticRegression().fit([[0], [1]], [0, 1])
    with pytest.raises(ExportError, match=reason):
        describe("sklearn", model, sample, None)


def test_the_sample_must_have_the_model_s_columns_and_may_have_more() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0], "target": [0, 1]})
    model = LogisticRegression().fit(frame[["a"]], frame["target"])
    description = describe("sklearn", model, frame, None)
    assert [field.name for field in description.signature.inputs] == ["a"]
    assert description.remarks == ["sample columns that are no features were ignored: target"]
    with pytest.raises(ExportError, match="lacks columns that the model was fitted on: a"):
        describe("sklearn", model, frame[["target"]], None)


def test_a_missing_value_late_in_the_sample_is_tried_on_the_model() -> None:
    frame = pd.DataFrame({"a": [float(index) for index in range(300)], "b": 1.0})
    target = [0, 1] * 150
    gap = frame.assign(a=frame["a"].where(frame["a"] != 250))
    with pytest.raises(ExportError, match="can't predict the sample.*NaN"):
        describe("sklearn", LogisticRegression(max_iter=1000).fit(frame, target), gap, None)
    description = describe("sklearn", HistGradientBoostingClassifier(max_iter=2).fit(gap, target), gap, None)
    assert description.rows[1] == (None, 1.0)
    assert description.values.iloc[1].isna().tolist() == [True, False]


@pytest.mark.parametrize("table", [True, False])
def test_one_column_of_text_reaches_a_vectorizer_as_texts(table: bool) -> None:
    texts = ["good day", "bad day"] * 4
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0] * 4)
    sample = pd.DataFrame({"text": texts}) if table else np.array(texts)
    signature = describe("sklearn", model, sample, None).signature
    assert (signature.layout, signature.inputs[0].categories) == ("series", None)
    [got] = SklearnRuntime(model, signature).predict([("a good word never seen",)])
    assert list(got["probabilities"].values()) == model.predict_proba(["a good word never seen"])[0].tolist()


def test_what_is_no_fitted_estimator_is_one_line() -> None:
    class Duck:
        def predict(self, rows: Any) -> Any:
            raise RuntimeError("\n")

    models: list[Any] = [{}, None, LogisticRegression, LogisticRegression(), Duck(), TfidfVectorizer()]
    for model in models:
        for sample in (None, pd.DataFrame({"a": [1.0]})):
            with pytest.raises(ExportError) as caught:
                describe("sklearn", model, sample, None)
            assert "\n" not in caught.value.message
