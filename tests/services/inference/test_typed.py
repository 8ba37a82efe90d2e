"""A hand-written service's methods, called past BentoML's layers."""

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import bentoml
import httpx
import pytest
from bentoml.exceptions import BadInput, InternalServerError
from pydantic import BaseModel, Field

from registry.errors import ExportError, InvalidInput, ModelError, Unavailable
from services.inference.typed import describe_routes, example_of, import_service, typed_handlers


class Flow(BaseModel):
    """What is measured."""

    packets: int = Field(examples=[12], ge=0)
    rate: float = Field(examples=[0.5])


class Verdict(BaseModel):
    """What is answered."""

    label: str
    score: float
    note: str | None = None


class Classifier:
    """One method of each kind."""

    @bentoml.api(route="/flow")  # type: ignore[untyped-decorator]
    def flow(self, flow: Flow, /) -> Verdict:
        """Judge one flow."""
        if flow.packets == 13:
            raise BadInput("no thirteen")
        if flow.packets == 14:
            raise InternalServerError("/secret")
        if flow.packets == 15:
            httpx.get("http://127.0.0.1:1/nobody")
        return Verdict(label="ok", score=math.sqrt(flow.rate) if flow.rate >= 0 else math.nan)

    @bentoml.api(route="/add")  # type: ignore[untyped-decorator]
    async def add(self, a: float, b: float = 1.0) -> float:
        """Add two numbers."""
        return a + b

    @bentoml.api(route="/file")  # type: ignore[untyped-decorator]
    def file(self, file: Path) -> str:
        """Not JSON: left to BentoML."""
        return file.name


SERVICE: Any = bentoml.service(name="typed_test")(Classifier)


def ask(route: str, body: str) -> Any:
    answer: bytes = asyncio.run(typed_handlers(SERVICE, Classifier())[route](body.encode(), "r"))  # type: ignore[arg-type]
    return json.loads(answer, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_methods_that_take_json_have_a_handler() -> None:
    assert list(typed_handlers(SERVICE, Classifier())) == ["/add", "/flow"]


def test_a_model_or_named_arguments_go_in() -> None:
    assert ask("/flow", '{"packets": 1, "rate": 4}') == {"label": "ok", "score": 2.0, "note": None}
    assert ask("/add", '{"a": 1}') == 2.0


def test_a_dependency_that_does_not_answer_is_a_503() -> None:
    with pytest.raises(Unavailable, match="depends on does not answer"):
        ask("/flow", '{"packets": 15, "rate": 1}')


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"packets": 1}', "Missing required field: rate"),
        ('{"packets": -1, "rate": 1}', "packets: Input should be greater than or equal to 0"),
        ('{"packets": 13, "rate": 1}', "no thirteen"),
        ('{"packets": 1, "rate": NaN}', "The body is not valid JSON: NaN and Infinity are no JSON numbers."),
        ('{"packets": 1, "rate": -Infinity}', "The body is not valid JSON: NaN and Infinity are no JSON numbers."),
    ],
)
def test_what_does_not_fit_is_a_400(body: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask("/flow", body)
    assert caught.value.message == message
    with pytest.raises(InvalidInput, match="Invalid JSON"):
        ask("/flow", body[:-1])


@pytest.mark.parametrize(
    ("route", "body"),
    [("/flow", '{"packets": 1, "rate": -1}'), ("/flow", '{"packets": 14, "rate": 1}'), ("/add", '{"a": 1e999}')],
)
def test_a_service_that_fails_or_answers_nan_is_a_model_error(route: str, body: str) -> None:
    with pytest.raises(ModelError) as caught:
        ask(route, body)
    assert "secret" not in caught.value.message


def test_the_words_nan_and_infinity_are_fine_as_text() -> None:
    with pytest.raises(InvalidInput, match="Missing required field: rate"):
        ask("/flow", '{"packets": "NaN Infinity"}')


def test_routes_are_described_with_an_example() -> None:
    add, flow = describe_routes(SERVICE)
    assert (flow["path"], flow["summary"], flow["example"]) == (
        "/flow",
        "Judge one flow.",
        {"packets": 12, "rate": 0.5},
    )
    assert add["path"] == "/add"
    assert example_of({"examples": [{"b": 1, "a": 2}], "properties": {"a": {}, "b": {}}}) == {"a": 2, "b": 1}


def test_a_service_folder_that_fails_on_import_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text("raise RuntimeError('first\\nsecond')")
    for name in ("service:Thing", "absent:Thing"):
        with pytest.raises(ExportError, match="can't be imported") as caught:
            import_service(name, tmp_path)
        assert "\n" not in caught.value.message
    (tmp_path / "other.py").write_text("Thing = 5")
    with pytest.raises(ExportError, match="is no BentoML service"):
        import_service("other:Thing", tmp_path)
