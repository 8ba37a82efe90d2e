"""A row as a list of numbers, in the order of a pydantic model's fields."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

Codes = Mapping[int, str]  # what each number stands for

UNDEFINED = -1  # null, in a list that must be numbers


class Positional:
    """Reads lists of one value per field of `row`, text as itself or by its code, and gives them their names.

    Whole numbers may be written 3.0; -1 stands for null in fields that may be null, whose numbers are never negative.
    """

    def __init__(self, row: type[BaseModel], codes: Mapping[str, Codes]) -> None:
        self.names = [*row.model_fields]
        self._codes = codes
        types = tuple(_value(name, field, codes.get(name)) for name, field in row.model_fields.items())
        self._values = TypeAdapter(tuple[types], config=ConfigDict(strict=True, allow_inf_nan=False))  # type: ignore[valid-type]

    def __call__(self, value: Any) -> dict[str, Any]:
        """The values by name; pydantic's errors say which position is wrong."""
        if not isinstance(value, list):
            raise PydanticCustomError("list", "needs a list of {n} values", {"n": len(self.names)})
        if len(value) != len(self.names):
            told = {"n": len(self.names), "found": len(value)}
            raise PydanticCustomError("list_length", "needs {n} values, not {found}", told)
        return dict(zip(self.names, self._values.validate_python(tuple(value)), strict=True))

    def schema(self) -> dict[str, Any]:
        """The list's JSON schema."""
        return self._values.json_schema()

    def listed(self, row: Mapping[str, Any]) -> list[float]:
        """The list of nothing but numbers that stands for a row."""
        numbers = {name: {text: code for code, text in codes.items()} for name, codes in self._codes.items()}
        values = {name: numbers[name][row[name]] if name in numbers else row[name] for name in self.names}
        return [UNDEFINED if value is None else value for value in values.values()]


def _value(name: str, field: FieldInfo, codes: Codes | None) -> Any:
    """The type of one value: the field's own, after what only a list needs is undone."""
    if codes is not None:
        return _coded(name, field, codes)
    kinds = get_args(field.annotation) or (field.annotation,)
    decode: list[Any] = [BeforeValidator(_whole)] if int in kinds else []
    if type(None) in kinds:
        decode.append(BeforeValidator(_undefined))
    note = " -1 is null." if type(None) in kinds else ""
    told = FieldInfo(title=name, description=f"{field.description}{note}")
    return Annotated[field.annotation, *field.metadata, *decode, told]


def _coded(name: str, field: FieldInfo, codes: Codes) -> Any:
    expected = ", ".join(f"{text!r} ({code})" for code, text in codes.items())

    def decode(value: Any) -> str:
        text = codes.get(value) if type(value) in (int, float) else value
        if text not in codes.values():
            raise PydanticCustomError("code", "Input should be one of {expected}", {"expected": expected})
        return str(text)

    schema = {"enum": [*codes.values(), *codes], "title": name, "description": f"{field.description} {expected}."}
    return Annotated[str, BeforeValidator(decode), WithJsonSchema(schema)]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _undefined(value: Any) -> Any:
    return None if type(value) in (int, float) and value == UNDEFINED else value
