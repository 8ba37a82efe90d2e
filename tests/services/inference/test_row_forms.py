"""A row by name, as a list, or many: what each form reads, what it refuses and where, and how it is described."""

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.inference.row_forms import row_forms
from services.invalid import explain


class Cup(BaseModel):
    """A hot drink."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"drink": "tea", "degrees": 70.5, "spoons": None}]},
    )
    drink: Literal["tea", "coffee"] = Field(description="Which drink.")
    degrees: float = Field(ge=0, le=100, description="Celsius.")
    spoons: int | None = Field(ge=0, description="Of sugar.")


CupBody = row_forms(Cup, {"drink": {0: "tea", 1: "coffee"}})
NAMED = {"drink": "tea", "degrees": 70.5, "spoons": None}


def read(body: Any) -> dict[str, Any]:
    """What a method is given for that body."""
    found = CupBody.model_validate_json(json.dumps(body))
    return {name: getattr(found, name) for name in found.model_fields_set}


def refusal(body: Any) -> str:
    """What the caller is told."""
    with pytest.raises(ValidationError) as caught:
        read(body)
    return explain(caught.value).message


@pytest.mark.parametrize("listed", [["tea", 70.5, None], [0, 70.5, -1], [0.0, 70.5, -1.0]])
def test_a_list_is_a_row_by_position_with_text_or_nothing_but_numbers(listed: list[Any]) -> None:
    assert read({"features": listed}) == read(NAMED) == NAMED


def test_a_batch_mixes_rows_by_name_and_lists() -> None:
    cups = read({"instances": [NAMED, [1, 60, 2.0]]})["instances"]
    assert [dict(cup) for cup in cups] == [NAMED, {"drink": "coffee", "degrees": 60.0, "spoons": 2}]


@pytest.mark.parametrize("body", [NAMED, {"features": [0, 70.5, -1]}, {"instances": [NAMED, [1, 60, 2]]}])
def test_what_is_written_again_reads_the_same(body: Any) -> None:
    """BentoML sends the fields on to the service of a `bentoml.depends`."""
    first = CupBody(**body)
    assert CupBody.model_validate(first.model_dump()) == CupBody.model_validate_json(first.model_dump_json()) == first


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**NAMED, "degrees": 101}, "degrees: Input should be less than or equal to 100"),
        ({**NAMED, "spoons": 1.0}, "spoons: Input should be a valid integer"),
        ({**NAMED, "spoons": -1}, "spoons: Input should be greater than or equal to 0"),
        ({**NAMED, "drink": 0}, "drink: Input should be 'tea' or 'coffee'"),
        ({"features": [2, 70, 1]}, "features[0]: Input should be one of 'tea' (0), 'coffee' (1)"),
        ({"features": [True, 70, 1]}, "features[0]: Input should be one of 'tea' (0), 'coffee' (1)"),
        ({"features": [0, -1, 1]}, "features[1]: Input should be greater than or equal to 0"),
        ({"features": [0, "70", 1]}, "features[1]: Input should be a valid number"),
        ({"features": [0, 70, 1.5]}, "features[2]: Input should be a valid integer"),
        ({"features": [0, 70, -2]}, "features[2]: Input should be greater than or equal to 0"),
        ({"features": [0, 70]}, "features: needs 3 values, not 2"),
        ({"features": NAMED}, "features: needs a list of 3 values"),
        ({"features": [0, 70, 1], "drink": "tea"}, "Unknown field: drink"),
        ({"instances": []}, "instances: List should have at least 1 item after validation, not 0"),
        ({"instances": NAMED}, "instances: Input should be a valid array"),
        ({"instances": [NAMED, {**NAMED, "degrees": -1}]}, "instances[1].degrees: Input should be greater than or equal to 0"),
        ({"instances": [NAMED, [0, 70, "x"]]}, "instances[1][2]: Input should be a valid integer"),
        ({"instances": [[0, 70]]}, "instances[0]: needs 3 values, not 2"),
        ({"instances": [7]}, "instances[0]: Input should be an object"),
        ({"instances": [[0, 70, 1]], "features": [0, 70, 1]}, "Unknown field: instances"),
        ({}, "Missing required fields: drink, degrees, spoons"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place_in_the_words_of_its_form(body: Any, said: str) -> None:
    assert refusal(body) == said


def test_each_form_is_described_once_with_an_example_that_it_takes() -> None:
    schema = CupBody.model_json_schema()
    ways = [schema["$defs"][way["$ref"].rpartition("/")[2]] for way in schema["oneOf"]]
    assert [way["title"] for way in ways] == ["Cup", "Features", "Instances"]
    for way in ways:
        assert read(way["examples"][0])
    assert schema["examples"] == [NAMED] and list(schema["properties"]) == [*NAMED, "features", "instances"]
    drink, degrees, spoons = ways[1]["properties"]["features"]["prefixItems"]
    assert drink["enum"] == ["tea", "coffee", 0, 1] and "'tea' (0)" in drink["description"]
    assert (degrees["title"], degrees["maximum"], spoons["description"]) == ("degrees", 100, "Of sugar. -1 is null.")
