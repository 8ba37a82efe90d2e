import asyncio
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from registry.errors import InvalidInput, ModelError
from services.inference.describing import describe
from services.inference.instances import Row
from services.inference.runtimes.sklearn import SklearnRuntime
from services.inference.servable import Predictor

MODEL = LinearRegression().fit(np.array([[0.0], [1.0]]), [0.0, 2.0])
SIGNATURE = describe("sklearn", MODEL, None, None).signature


def predictor(seconds: float = 0.0, runtime: Any = None) -> Predictor:
    return Predictor(SIGNATURE, runtime or SklearnRuntime(MODEL, SIGNATURE), "doubler", "3", {"1": seconds})


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.1], ids=["at once", "batched", "in a thread"])
def test_an_answer_names_the_model_and_the_request(seconds: float) -> None:
    answer = asyncio.run(predictor(seconds)(b'{"instances": [[1], [2]]}', "r-1"))
    assert json.loads(answer) == {
        "predictions": MODEL.predict([[1], [2]]).tolist(),
        "model": {"name": "doubler", "version": "3"},
        "request_id": "r-1",
    }


def test_both_ways_to_ask_give_the_same_answer() -> None:
    served = predictor()
    body = b'{"x0": 0.1}'
    assert json.loads(asyncio.run(served(body, "r"))) == served.answer(served.read(body), "r")


class Echo:
    """Answers what it is given."""

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        return [row[0] for row in rows]


@pytest.mark.parametrize("text", ["5e-324", "1e308", "-1.7976931348623157e308", "-0.0", "0.1", "1e22", "-7", "1e-7"])
def test_a_number_goes_in_and_out_to_the_last_bit(text: str) -> None:
    answer = asyncio.run(predictor(runtime=Echo())(b'{"x0": ' + text.encode() + b"}", "r"))
    [got] = json.loads(answer)["predictions"]
    assert (got, math.copysign(1, got)) == (float(text), math.copysign(1, float(text)))


def test_the_answer_is_strict_json_or_an_error() -> None:
    steep = LinearRegression().fit(np.array([[0.0], [1.0]]), [0.0, 1e300])
    served = predictor(runtime=SklearnRuntime(steep, SIGNATURE))
    with pytest.raises(ModelError), np.errstate(over="ignore"):
        asyncio.run(served(b'{"x0": 1e300}', "r"))
    with pytest.raises(InvalidInput):
        asyncio.run(served(b'{"x0": NaN}', "r"))


def test_a_body_is_parsed_once_and_an_answer_is_written_once() -> None:
    served, calls = predictor(), []

    def note(frame: Any, event: str, argument: Any) -> None:
        name = argument.__name__ if event == "c_call" else frame.f_code.co_name if event == "call" else ""
        if "json" in name or name in ("loads", "dumps", "decode"):
            calls.append(name)

    async def call() -> None:
        sys.setprofile(note)
        await served(b'{"x0": 0.1}', "r")
        sys.setprofile(None)

    asyncio.run(call())
    assert calls == ["from_json", "to_json"]
