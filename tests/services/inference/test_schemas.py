"""The published schemas accept what the reader accepts and what the models answer, and refuse what the reader refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from registry.errors import InvalidInput
from services.inference.describing import describe
from services.inference.instances import InstanceReader
from services.inference.runtimes.sklearn import SklearnRuntime
from services.inference.schemas import Schema, prediction_schema, request_schema, response_schema
from services.inference.signature import Field, Output, Signature

_KINDS: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": (int, float),
}  # fmt: skip
_NOTES = {"title", "description", "examples"}


def fits(value: Any, schema: Schema) -> bool:
    """A judge for the keywords that our schemas use; a keyword that it doesn't know is an error."""
    rules: dict[str, Callable[[Any], bool]] = {
        "type": lambda kind: isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool)),
        "enum": lambda values: any(type(v) is type(value) and v == value for v in values),
        "const": lambda one: type(one) is type(value) and one == value,
        "anyOf": lambda options: any(fits(value, option) for option in options),
        "minimum": lambda low: value >= low,
        "maximum": lambda high: value <= high,
        "required": lambda names: all(name in value for name in names),
        "properties": lambda parts: all(fits(value[name], part) for name, part in parts.items() if name in value),
        "additionalProperties": lambda allowed: allowed or set(value) <= set(schema["properties"]),
        "items": lambda item: all(fits(part, item) for part in value),
        "prefixItems": lambda items: all(fits(part, item) for part, item in zip(value, items, strict=False)),
        "minItems": lambda count: len(value) >= count,
        "maxItems": lambda count: len(value) <= count,
    }
    order = sorted(set(schema) - _NOTES, key=lambda keyword: keyword != "type")
    return all(rules[keyword](schema[keyword]) for keyword in order)


FIELDS = (
    Field(name="age", dtype="int64", minimum=1, maximum=99),
    Field(name="income", dtype="float32", nullable=True),
    Field(name="plan", dtype="string", categories=("basic", "pro")),
    Field(name="rooms", dtype="int64", categories=(1, 2)),
    Field(name="class", dtype="bool"),
    Field(name="grid", dtype="uint8", shape=(2, None)),
)
ROW = {"age": 41, "income": 1.5, "plan": "pro", "rooms": 2, "class": True, "grid": [[1], [2]]}


def signature(*fields: Field, example: dict[str, Any]) -> Signature:
    return Signature(inputs=fields, layout="frame", task="regression", outputs=(Output(),), example=example)


WRONG: list[dict[str, Any]] = [
    {"age": "41"}, {"age": None}, {"age": 2**63}, {"age": True}, {"income": 1e39}, {"income": "a"}, {"plan": "gold"},
    {"rooms": 3}, {"rooms": True}, {"class": 1}, {"grid": [[1]]}, {"grid": [[], []]}, {"grid": [[256], [1]]}, {"x": 1},
]  # fmt: skip


@pytest.mark.parametrize("changed", [{}, {"income": None}, {"age": 1000}, *WRONG], ids=str)
def test_the_request_s_schema_and_the_reader_agree(changed: dict[str, Any]) -> None:
    described = signature(*FIELDS, example=ROW)
    row = ROW | changed
    bodies: list[dict[str, Any]] = [
        row,
        {"instances": [row]},
        {"instances": [ROW, list(row.values())]},
        {"instances": [row], "x": 1},
    ]
    for body in bodies:
        try:
            InstanceReader(described).rows(body)
        except InvalidInput:
            accepted = False
        else:
            accepted = True
        assert fits(body, request_schema(described)) is accepted, body
        assert accepted is (changed not in WRONG and "x" not in body)


@pytest.mark.parametrize(
    ("fields", "example", "features"),
    [
        ((Field(name="a", dtype="float64"), Field(name="b", dtype="int64")), {"a": 1.5, "b": 2}, [1.5, 2]),
        ((Field(name="x", dtype="float32", shape=(3,)),), {"x": [1.0, 2.0, 3.0]}, [1.0, 2.0, 3.0]),
        ((Field(name="t", dtype="string"),), {"t": "a"}, None),
    ],
)
def test_features_are_offered_where_a_row_is_numbers(
    fields: tuple[Field, ...], example: dict[str, Any], features: list[float] | None
) -> None:
    described = signature(*fields, example=example)
    schema, read = request_schema(described), InstanceReader(described)
    shown = [body for form in schema["anyOf"] for body in form["examples"]]
    assert [body["features"] for body in shown if "features" in body] == ([features] if features else [])
    assert all(fits(body, schema) for body in shown)
    assert {str(read.rows(body)) for body in shown} == {str([tuple(example.values())])}


FRAME = pd.DataFrame({"age": np.arange(8.0), "city": ["Bonn", "Kiel"] * 4})
ONE_HOT = make_column_transformer((OneHotEncoder(sparse_output=False), ["city"]), remainder="passthrough")


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (GaussianNB(), [0, 1] * 4),
        (GaussianNB(), ["no", "yes"] * 4),
        (GaussianNB(), [False, True] * 4),
        (LinearRegression(), np.arange(8.0)),
        (LinearRegression(), np.arange(16.0).reshape(8, 2)),
        (KNeighborsClassifier(2), [["a", "u"], ["b", "v"]] * 4),
    ],
    ids=lambda value: str(np.asarray(value).dtype) if not hasattr(value, "fit") else type(value).__name__,
)
def test_real_answers_fit_the_response_s_schema(model: Any, target: Any) -> None:
    fitted = make_pipeline(ONE_HOT, model).fit(FRAME, target)
    description = describe("sklearn", fitted, FRAME, None)
    predictions = SklearnRuntime(fitted, description.signature).predict(description.rows)
    answer = {"predictions": predictions, "model": {"name": "m", "version": "1"}, "request_id": "r"}
    assert fits(answer, response_schema(description.signature))
    assert not fits({**answer, "predictions": ["?"]}, response_schema(description.signature))
    assert not fits({"label": "another", "probabilities": {}}, prediction_schema(description.signature))
    assert fits(description.signature.example, request_schema(description.signature))
