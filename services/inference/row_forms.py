"""The forms in which a hand-written service takes a row: by name, as a list in order, or many rows at once.

    FlowBody = row_forms(Flow, codes={"protocol": {6: "tcp", 17: "udp"}})

    @bentoml.api(route="/traffic/classify", input_spec=FlowBody)
    def classify(self, **body): ...                  # one row's fields, or `instances`: a list of rows

The body's own words say which form it has, so a mistake is told in that form's terms and at its place, never as a list
of alternatives. Exported models take the same forms; `instances.py` reads those by a signature.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Len
from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from services.inference.positional import Codes, Positional

Schema = dict[str, Any]


def row_forms(row: type[BaseModel], codes: Mapping[str, Codes]) -> type[BaseModel]:
    """The type of a body that is one `row`, `{"features": [...]}` or `{"instances": [row or list, ...]}`.

    `codes` names the values of each text field by number, for lists.
    """
    positional = Positional(row, codes)
    example = row.model_json_schema()["examples"][0]
    listed = positional.listed(example)
    kind: Any = row
    each = Annotated[kind, _Listed(positional, only=False)]
    features = _alone("features", Annotated[kind, _Listed(positional, only=True)], listed)
    instances = _alone("instances", Annotated[list[each], Len(1)], [example, listed])
    wrapped = {"features": features, "instances": instances}

    class Body(BaseModel):
        """One row, or many."""

        @model_validator(mode="before")
        @classmethod
        def read(cls, value: Any) -> Any:
            """The values by name, each checked; raises what the form raises."""
            form = next((form for name, form in wrapped.items() if isinstance(value, dict) and name in value), row)
            found = form.model_validate(value)
            return dict(found.features if form is features else found)  # type: ignore[attr-defined]

        @model_serializer
        def write(self) -> Schema:
            """What was given, as it can be read again."""
            given = {name: getattr(self, name) for name in self.model_fields_set}
            if "instances" in given:
                return {"instances": [each.model_dump() for each in given["instances"]]}
            return given

        @classmethod
        def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
            union = core_schema.union_schema([form.__pydantic_core_schema__ for form in (row, features, instances)])
            ways = handler(union)["anyOf"]
            named = {name: part for way in ways for name, part in handler.resolve_ref_schema(way)["properties"].items()}
            return {"title": row.__name__, "type": "object", "properties": named, "oneOf": ways, "examples": [example]}

    fields: Any = dict.fromkeys([*positional.names, "instances"], (Any, None))
    return create_model(f"{row.__name__}Body", __base__=Body, **fields)


def _alone(name: str, kind: Any, example: Any) -> type[BaseModel]:
    """A body of that one field."""
    config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{name: example}]})
    field: Any = {name: kind}
    return create_model(name.capitalize(), __config__=config, **field)


class _Listed:
    """Lets a list stand for a row; `only` refuses anything else."""

    def __init__(self, positional: Positional, only: bool) -> None:
        self._positional, self._only = positional, only

    def _read(self, value: Any) -> Any:
        return self._positional(value) if self._only or isinstance(value, list) else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        listed = self._positional.schema()
        return listed if self._only else {"oneOf": [handler(schema), listed]}
