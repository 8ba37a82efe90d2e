import json
from typing import Any

import pytest

from registry.errors import InvalidInput
from services.inference.instances import InstanceReader
from services.inference.signature import Field, Output, Signature

AGE = Field(name="age", dtype="int64")
INCOME = Field(name="income", dtype="float64", nullable=True)
PLAN = Field(name="plan", dtype="string", categories=("basic", "pro"))
IMAGE = Field(name="image", dtype="uint8", shape=(2, 2))


def reader(*fields: Field) -> InstanceReader:
    layout: Any = "tensors" if fields[0].shape else "frame"
    return InstanceReader(
        Signature(inputs=fields, layout=layout, task="regression", outputs=(Output(),), example={"age": 1})
    )


def refused(fields: tuple[Field, ...], body: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        reader(*fields)(body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        {"age": 41, "income": 1.5},
        {"income": 1.5, "age": 41},
        {"instances": [{"age": 41, "income": 1.5}]},
        {"instances": [[41, 1.5]]},
        {"features": [41, 1.5]},
    ],
)
def test_a_row_comes_in_four_forms(body: dict[str, Any]) -> None:
    assert reader(AGE, INCOME)(json.dumps(body).encode()) == [(41, 1.5)]


def test_many_rows_of_both_kinds_keep_their_order() -> None:
    body = {"instances": [[1, 2.5], {"income": None, "age": 2}, [3, None]]}
    assert reader(AGE, INCOME)(json.dumps(body).encode()) == [(1, 2.5), (2, None), (3, None)]


def test_one_tensor_is_its_own_row() -> None:
    image = [[0, 255], [1, 2]]
    for body in ({"image": image}, {"instances": [image]}, {"instances": [{"image": image}]}):
        assert reader(IMAGE)(json.dumps(body).encode()) == [(image,)]


def test_a_missing_field_is_named() -> None:
    error = refused((AGE, INCOME), {"income": 1})
    assert (error.status, error.code, error.message) == (400, "INVALID_INPUT", "Missing required field: age")
    assert error.details == {"missing_fields": ["age"]}


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_json_number_is_no_json(number: bytes) -> None:
    assert refused((INCOME,), b'{"income": ' + number + b"}").message.startswith("The body is not valid JSON")


def test_a_row_of_a_batch_is_pointed_at() -> None:
    error = refused((AGE, INCOME), {"instances": [[1, 2], {"age": 1, "income": "much"}]})
    assert error.message == "instances[1].income: Input should be a valid number"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ((AGE,), {"age": "41"}),
        ((AGE,), {"age": 41.0}),
        ((AGE,), {"age": True}),
        ((AGE,), {"age": None}),
        ((AGE,), {"age": 2**63}),
        ((AGE,), {"age": 41, "extra": 1}),
        ((AGE,), {"instances": [[41]], "extra": 1}),
        ((AGE,), {"instances": []}),
        ((AGE,), {"instances": 41}),
        ((AGE,), {"instances": [41]}),
        ((AGE, INCOME), {"instances": [[41]]}),
        ((AGE, INCOME), {"features": [41, 1.5, 2]}),
        ((AGE,), {"features": {"age": 41}}),
        ((AGE,), [41]),
        ((AGE,), 41),
        ((INCOME,), {"income": True}),
        ((INCOME,), {"income": "1.5"}),
        ((INCOME,), {"income": 10**400}),
        ((INCOME,), b'{"income": 1e400}'),
        ((PLAN,), {"plan": "gold"}),
        ((PLAN,), {"plan": None}),
        ((PLAN,), {"features": ["pro"]}),
        ((IMAGE,), {"image": [[0, 256], [1, 2]]}),
        ((IMAGE,), {"image": [[0, -1], [1, 2]]}),
        ((IMAGE,), {"image": [[0, 1], [1]]}),
        ((IMAGE,), {"image": [[0, 1]]}),
        ((Field(name="x", dtype="float32"),), {"x": 1e39}),
        ((Field(name="x", dtype="float16"),), {"x": 70000}),
        ((Field(name="x", dtype="float64", largest=3.4e38),), {"x": -1e300}),
        ((Field(name="x", dtype="int64", categories=(1, 2)),), {"x": True}),
        ((Field(name="x", dtype="int64", categories=(1, 2)),), {"x": 1.0}),
        ((Field(name="x", dtype="int64", categories=(1, 2)),), {"x": 3}),
        ((Field(name="x", dtype="bool", categories=(True, False)),), {"x": 1}),
        ((Field(name="x", dtype="float64", categories=(1.0, 2.0)),), {"x": 1.5}),
        ((Field(name="x", dtype="float32", shape=(None,)),), {"x": []}),
    ],
)
def test_what_does_not_fit_is_refused(fields: tuple[Field, ...], body: Any) -> None:
    assert refused(fields, body).status == 400


@pytest.mark.parametrize("name", ["class", "model_config", "instances", "features", "x y", "", "a.b", "__init__"])
def test_any_column_name_will_do(name: str) -> None:
    read = reader(Field(name=name, dtype="int64"), AGE)
    for body in ({name: 7, "age": 1}, {"instances": [{name: 7, "age": 1}]}, {"features": [7, 1]}):
        assert read(json.dumps(body).encode()) == [(7, 1)]
    assert reader(Field(name=name, dtype="int64"))(json.dumps({name: 7}).encode()) == [(7,)]


def test_no_value_is_echoed() -> None:
    secret = "4111-1111-1111-1111"
    for fields, body in [
        ((AGE,), {"age": secret}),
        ((PLAN,), {"plan": secret}),
        ((IMAGE,), {"image": secret}),
        ((AGE,), {"instances": [secret]}),
    ]:
        error = refused(fields, body)
        assert secret not in error.message + json.dumps(error.details)


def test_an_answer_stays_short_whatever_was_sent() -> None:
    many = Field(name="city", dtype="string", categories=tuple(f"city {index}" for index in range(5000)))
    for fields, body in [((many,), {"city": "x"}), ((AGE,), {"age": 1, **{"k" * 999 + str(i): 1 for i in range(999)}})]:
        error = refused(fields, body)
        assert len(error.message + json.dumps(error.details)) < 2000
