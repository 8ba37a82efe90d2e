"""The service's typed flow says exactly what the features say, and reads a row as the pipeline was trained on it."""

import math
import typing
from typing import Any

import pytest
from pydantic import ValidationError

from bentos.traffic_classifier.data import generate
from bentos.traffic_classifier.features import FEATURES, NAMES, Feature, conform
from bentos.traffic_classifier.service import EXAMPLE, Flow, one_row
from bentos.traffic_classifier.train import train


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


def test_a_flow_is_classified_as_the_pipeline_classifies_its_row_in_a_table() -> None:
    frame = generate(1500, seed=3)
    pipeline, _ = train(frame, seed=3)
    for position, record in enumerate(frame[NAMES].head(40).to_dict("records")):
        flow = {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in record.items()
        }
        row = one_row(Flow.model_validate(flow).model_dump())
        assert list(row.columns) == NAMES
        alone = pipeline.predict_proba(row)[0].tolist()
        assert alone == pipeline.predict_proba(conform(frame[NAMES].iloc[[position]]))[0].tolist()
