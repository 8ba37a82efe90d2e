"""Random signatures: every row that fits comes back as it was sent, everything else is an InvalidInput and nothing else."""

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import InvalidInput
from services.inference.instances import InstanceReader
from services.inference.signature import Dtype, Field, Output, Signature

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def value(field: Field) -> st.SearchStrategy[Any]:
    """Values that fit one field."""
    if field.categories is not None:
        scalars: st.SearchStrategy[Any] = st.sampled_from(field.categories)
    elif field.integer_range is not None:
        scalars = st.integers(*field.integer_range)
    elif field.dtype == "string":
        scalars = TEXT
    elif field.dtype == "bool":
        scalars = st.booleans()
    else:
        limit = field.float_limit
        scalars = st.floats(-limit, limit) if limit else st.floats(allow_nan=False, allow_infinity=False)
    if field.nullable:
        scalars = scalars | st.none()
    for size in reversed(field.shape):
        scalars = st.lists(scalars, min_size=size or 1, max_size=size or 3)
    return scalars


@st.composite
def fields(draw: st.DrawFn) -> tuple[Field, ...]:
    names = draw(st.lists(TEXT, min_size=1, max_size=4, unique=True))
    return tuple(draw(field(name)) for name in names)


@st.composite
def field(draw: st.DrawFn, name: str) -> Field:
    dtype = draw(st.sampled_from(get_args(Dtype)))
    shape = draw(st.sampled_from([(), (), (2,), (None,), (2, 1)]))
    categories = draw(st.none() | st.just(("a", "b"))) if dtype == "string" else None
    return Field(name=name, dtype=dtype, shape=shape, nullable=draw(st.booleans()), categories=categories)


def reader(inputs: tuple[Field, ...]) -> InstanceReader:
    return InstanceReader(
        Signature(inputs=inputs, layout="frame", task="regression", outputs=(Output(),), example={"": 0})
    )


def exactly(got: Any, sent: Any) -> bool:
    if isinstance(sent, list):
        return len(got) == len(sent) and all(map(exactly, got, sent))
    if isinstance(sent, float):
        return isinstance(got, float) and got == sent and math.copysign(1, got) == math.copysign(1, sent)
    return type(got) is type(sent) and bool(got == sent)


@given(data=st.data())
@settings(max_examples=120)
def test_what_fits_comes_back_as_it_was_sent(data: st.DataObject) -> None:
    inputs = data.draw(fields())
    rows = data.draw(st.lists(st.tuples(*map(value, inputs)), min_size=1, max_size=3))
    names = [field.name for field in inputs]
    named = {"instances": [dict(zip(names, row, strict=True)) for row in rows]}
    listed = {"instances": [row[0] if len(row) == 1 and inputs[0].shape else list(row) for row in rows]}
    read = reader(inputs)
    for body in (named, listed):
        assert exactly([list(row) for row in read(json.dumps(body).encode())], [list(row) for row in rows])


WRONG: list[Any] = [None, True, -1, 0.5, 1e400, 10**400, "z", [], [[]], [[[0]]], {}, {"a": 1}, ["a"], [None], "\x00"]


@given(data=st.data())
@settings(max_examples=200)
def test_a_changed_row_is_read_or_refused_and_never_fails(data: st.DataObject) -> None:
    inputs = data.draw(fields())
    row = {field.name: data.draw(value(field)) for field in inputs}
    changed = row | {data.draw(st.sampled_from(list(row)) | TEXT): data.draw(st.sampled_from(WRONG))}
    body: Any = data.draw(
        st.sampled_from([changed, {"instances": [row, changed]}, {"features": list(changed.values())}])
    )
    try:
        rows = reader(inputs)(json.dumps(body).replace("Infinity", "1e400").encode())
    except InvalidInput as error:
        assert error.message
    else:
        json.dumps(rows, allow_nan=False)


@given(data=st.data())
@settings(max_examples=60)
def test_a_left_out_or_added_column_is_named(data: st.DataObject) -> None:
    inputs = data.draw(fields())
    row = {field.name: data.draw(value(field)) for field in inputs}
    lost = data.draw(st.sampled_from(list(row)))
    with pytest.raises(InvalidInput) as missing:
        reader(inputs).rows({"instances": [{k: v for k, v in row.items() if k != lost}]})
    assert missing.value.details == {"missing_fields": [lost]}
    with pytest.raises(InvalidInput) as unknown:
        reader(inputs).rows({"instances": [{**row, "not a column": 1}]})
    assert unknown.value.details == {"unknown_fields": ["not a column"]}


BODY = json.dumps({"instances": [{"plan": "pro é", "age": 41}, ["ü", -3]]}).encode()
MIXED = (Field(name="plan", dtype="string"), Field(name="age", dtype="int64"))


@pytest.mark.parametrize("length", range(len(BODY)))
def test_a_body_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match="not valid JSON"):
        reader(MIXED)(BODY[:length])


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + BODY,
        b"\xff\xfe" + BODY,
        b'{"plan": "\xc3\x28", "age": 1}',
        b'{"plan": "\xed\xa0\x80", "age": 1}',
        b'{"plan": "\\ud800", "age": 1}',
        b'{"plan": "\\udc00\\ud800", "age": 1}',
        b'{"plan": "\x00", "age": 1}',
        b'{"plan": "x", "age": NaN}',
        b'{"plan": "x", "age": -Infinity}',
        b'{"plan": "x", "age": 1e400}',
        b'{"plan": "x", "age": 01}',
        b'{"plan": "x", "age": 1,}',
        b'{"plan": \'x\', "age": 1}',
        b'{"plan": "x", "age": 1} {}',
        b'{"plan": "x", "age": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"instances": [' + b"[" * 150 + b"]" * 150 + b"]}",
        b"\x00",
        b"",
        b"null",
    ],
)
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        reader(MIXED)(body)


@pytest.mark.parametrize("text", ["\x00", "\U0001f600", "", " ", "null", "é", "e\u0301", "\u202e", "a" * 100_000])
def test_any_text_comes_through(text: str) -> None:
    for body in (json.dumps({"plan": text, "age": 1}), json.dumps({"plan": text, "age": 1}, ensure_ascii=False)):
        assert reader(MIXED)(body.encode()) == [(text, 1)]
