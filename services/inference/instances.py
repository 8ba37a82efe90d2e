"""Reads a prediction's body into rows, strictly: one parse, one validation, one clear sentence when something is wrong."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pydantic
from annotated_types import Ge, Le, Len
from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError, WithJsonSchema, with_config
from pydantic_core import PydanticCustomError, from_json
from typing_extensions import TypedDict

from registry.errors import InvalidInput
from services.inference.signature import Field, Scalar, Signature
from services.invalid import explain, place

Row = Sequence[Any]  # one value per input, in the signature's order


class InstanceReader:
    """Turns the bytes of a request into rows that fit one signature.

    Accepts one row object, `{"instances": [row, ...]}` where a row is an object or a positional list, and
    `{"features": [...]}` for one positional row. Raises InvalidInput (400) for everything else.
    """

    def __init__(self, signature: Signature) -> None:
        self._names = {field.name for field in signature.inputs}
        self._named = TypeAdapter(row_type(signature)).validator.validate_python
        self._positional = TypeAdapter(positional_type(signature)).validator.validate_python
        self._width = len(signature.inputs)
        self._takes_tensor = self._width == 1 and signature.inputs[0].shape != ()
        self._numeric = signature.numeric

    def __call__(self, body: bytes) -> list[Row]:
        try:
            document = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise InvalidInput(f"The body is not valid JSON: {error}") from None
        return self.rows(document)

    def rows(self, document: Any) -> list[Row]:
        """The rows in an already parsed document."""
        if not isinstance(document, dict):
            raise InvalidInput('Send one row as a JSON object, or {"instances": [row, ...]}.')
        if self._wraps(document, "instances"):
            return self._instances(document)
        if self._numeric and self._wraps(document, "features"):
            return [self._features(document)]
        return [self._row(document, ())]

    def _wraps(self, document: dict[str, Any], name: str) -> bool:
        """Whether `name` is the envelope's and no column's: a column of that name never stands alone with a list."""
        if name not in document or name not in self._names:
            return name in document
        return len(document) == 1 and isinstance(document[name], list)

    def _features(self, document: dict[str, Any]) -> Row:
        _alone(document, "features")
        if not isinstance(document["features"], list):
            raise InvalidInput("`features` must be a list of values in the order of the columns.")
        return self._row(document["features"], ("features",))

    def _instances(self, document: dict[str, Any]) -> list[Row]:
        _alone(document, "instances")
        instances = document["instances"]
        if not isinstance(instances, list) or not instances:
            raise InvalidInput("`instances` must be a list of at least one row.")
        return [self._row(value, ("instances", index)) for index, value in enumerate(instances)]

    def _row(self, value: Any, where: tuple[str | int, ...]) -> Row:
        try:
            if isinstance(value, dict):
                return tuple(self._named(value).values())
            row: Row = self._positional(self._in_order(value, where))
            return row
        except ValidationError as error:
            raise explain(error, where) from None

    def _in_order(self, value: Any, where: tuple[str | int, ...]) -> list[Any]:
        """The values of a positional row; a model with one tensor input takes the tensor itself as the row."""
        if not isinstance(value, list):
            raise InvalidInput("A row is a JSON object, or a list of values in the order of the columns.")
        if self._takes_tensor:
            return [value]
        if len(value) != self._width:
            raise InvalidInput(
                f"{place(where) or 'The row'} needs {self._width} values, not {len(value)}.",
                details={"expected_length": self._width, "length": len(value)},
            )
        return value


def _alone(document: dict[str, Any], name: str) -> None:
    if len(document) > 1:
        others = sorted(set(document) - {name})
        raise InvalidInput(f"Nothing else may stand beside `{name}`.", details={"unknown_fields": others[:10]})


def row_type(signature: Signature) -> Any:
    """The type of a row object: a TypedDict, so that any column name is possible (`class`, `x y`, `model_config`)."""
    fields = {
        field.name: Annotated[value_type(field), pydantic.Field(**_documentation(field))] for field in signature.inputs
    }
    return with_config(ConfigDict(extra="forbid", strict=True))(TypedDict("Row", fields))  # type: ignore[operator]


def positional_type(signature: Signature) -> Any:
    """The type of a positional row: one value per input, in the signature's order."""
    types = tuple(value_type(field) for field in signature.inputs)
    return tuple[types]  # type: ignore[valid-type]


def value_type(field: Field) -> Any:
    """The strict pydantic type of one input's value: no coercion, no NaN, exact lengths."""
    value = _scalar_type(field)
    for length in reversed(field.shape):
        value = Annotated[list[value], Len(1, None) if length is None else Len(length, length)]  # type: ignore[valid-type]
    return value


_FLOAT = Annotated[float, pydantic.Strict(), pydantic.AllowInfNan(False)]
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number"}


def _scalar_type(field: Field) -> Any:
    if field.categories is not None:
        kind: Any = _one_of(field.categories)
    elif field.dtype == "bool":
        kind = Annotated[bool, pydantic.Strict()]
    elif field.dtype == "string":
        kind = Annotated[str, pydantic.Strict()]
    elif field.integer_range is not None:
        low, high = field.integer_range
        kind = Annotated[int, pydantic.Strict(), Ge(low), Le(high)]
    else:
        kind = _FLOAT if field.float_limit is None else Annotated[_FLOAT, Ge(-field.float_limit), Le(field.float_limit)]
    return kind | None if field.nullable else kind


def _one_of(categories: tuple[Scalar, ...]) -> Any:
    """The type of a closed column. Literal alone would take `true` and 1.0 for 1."""
    if isinstance(categories[0], str):
        return Literal[categories]
    known = ", ".join(map(str, categories[:20]))
    base = {bool: Annotated[bool, pydantic.Strict()], int: Annotated[int, pydantic.Strict()], float: _FLOAT}

    def check(value: Scalar) -> Scalar:
        if value not in categories:
            raise PydanticCustomError("category", "Input should be one of {known}", {"known": known})
        return value

    schema = {"enum": list(categories), "type": _JSON_TYPES[type(categories[0])]}
    return Annotated[base[type(categories[0])], AfterValidator(check), WithJsonSchema(schema)]


def _documentation(field: Field) -> dict[str, Any]:
    """What the OpenAPI document says of a column beyond its type; none of it rejects a value."""
    notes = [f"{field.dtype}"]
    if field.minimum is not None:
        notes.append(f"seen from {field.minimum:g} to {field.maximum:g}")
    if field.seen and field.categories is None:
        notes.append("seen: " + ", ".join(map(str, field.seen)))
    return {"description": "; ".join(notes)}
