"""The service's typed flow says exactly what the features say; its other forms are other ways to write the same flow."""

import json
import math
import re
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bentos.traffic_classifier.data import generate
from bentos.traffic_classifier.features import CATEGORIES, FEATURES, NAMES, Feature
from bentos.traffic_classifier.service import CODES, EXAMPLE, Flow
from services.inference.positional import Positional
from services.inference.row_forms import row_forms
from services.invalid import explain

BODY = row_forms(Flow, CODES)


def test_the_flow_has_the_columns_of_the_training_in_their_order() -> None:
    assert list(Flow.model_fields) == NAMES


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_field_has_its_features_type_and_limits(feature: Feature) -> None:
    field = Flow.model_fields[feature.name]
    annotation: Any = field.annotation
    if feature.kind == "category":
        assert typing.get_args(annotation) == feature.values
        return
    number = {"number": float, "integer": int}[feature.kind]
    assert annotation == (number | None if feature.nullable else number)
    bounds = {type(bound).__name__.lower(): next(iter(vars_of(bound))) for bound in field.metadata}
    assert bounds == {"ge": feature.minimum, "le": feature.maximum}


def vars_of(bound: Any) -> list[float]:
    """The value of a Ge or Le."""
    return [getattr(bound, name) for name in bound.__slots__]


def test_the_example_is_a_flow() -> None:
    assert Flow.model_validate(EXAMPLE).packets_up == 1200


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocol": "icmp"},
        {"packets_up": 0},
        {"packets_up": 1.5},
        {"duration_s": math.nan},
        {"extra": 1},
        {"bytes_up": "1"},
    ],
)
def test_what_is_no_flow_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Flow.model_validate({**EXAMPLE, **wrong})


@given(
    changes=st.dictionaries(
        st.sampled_from([*NAMES, "colour"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text()
        | st.just([]),
        max_size=3,
    ),
    gone=st.sets(st.sampled_from(NAMES), max_size=2),
)
def test_one_flow_is_read_and_refused_as_if_there_were_no_other_form(changes: dict[str, Any], gone: set[str]) -> None:
    body = json.dumps({name: value for name, value in {**EXAMPLE, **changes}.items() if name not in gone})
    assert outcome(BODY, body) == outcome(Flow, body)


@pytest.mark.parametrize("body", ["[]", "3", "null", '"x"', "{", "", "{}", '{"duration_s": 1e400}', "[{}]"])
def test_what_is_no_object_is_refused_alike(body: str) -> None:
    assert outcome(BODY, body) == outcome(Flow, body)


def outcome(kind: type[BaseModel], body: str) -> Any:
    """The fields that were read, or what the caller is told."""
    try:
        return {name: getattr(found, name) for found in [kind.model_validate_json(body)] for name in NAMES}
    except ValidationError as error:
        told = explain(error)
        return told.message, told.details


def test_the_codes_name_every_category() -> None:
    assert {name: list(codes.values()) for name, codes in CODES.items()} == CATEGORIES


@given(seed=st.integers(0, 1000), at=st.integers(0, 99))
def test_a_list_of_numbers_in_the_order_of_the_features_is_that_flow(seed: int, at: int) -> None:
    record = generate(100, seed)[NAMES].iloc[at].to_dict()
    flow = {str(name): None if value != value else value for name, value in record.items()}
    listed = [float(number) for number in Positional(Flow, CODES).listed(flow)]
    assert outcome(BODY, json.dumps({"features": listed})) == outcome(BODY, json.dumps(flow))


def test_the_readme_documents_the_order_and_the_codes() -> None:
    readme = (Path(__file__).parents[2] / "bentos/traffic_classifier/README.md").read_text()
    table = [
        line.split("`")[1] for line in readme.splitlines() if re.match(r"\| `\w+` \| (category|number|integer) ", line)
    ]
    assert table == NAMES
    for name, codes in CODES.items():
        assert f"`{name}` " + ", ".join(f"{code} = `{text}`" for code, text in codes.items()) in readme
