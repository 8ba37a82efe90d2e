"""Concurrent requests share a model's calls, and each gets what is its own."""

import asyncio
import threading
from collections.abc import Sequence
from itertools import chain
from time import sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ModelError, Unavailable
from services.inference import batching
from services.inference.batching import Batcher, Plan, plan

ON_LOOP, IN_THREAD = Plan(8, in_thread=False), Plan(8, in_thread=True)
BOTH = pytest.mark.parametrize("way", [ON_LOOP, IN_THREAD], ids=["loop", "thread"])


class Model:
    """Answers each row with its double, and remembers its calls; a row "bad" fails the call, "short" loses an answer."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls: list[list[Any]] = []
        self.seconds, self.running, self.together = seconds, 0, 0

    def predict(self, rows: Sequence[Any]) -> list[Any]:
        """The doubles."""
        self.running += 1
        self.together = max(self.together, self.running)
        sleep(self.seconds)
        self.running -= 1
        self.calls.append([row[0] for row in rows])
        if ["bad"] in rows:
            raise ModelError("bad row")
        answers: list[Any] = [row[0] * 2 for row in rows]
        return answers[1:] if ["short"] in rows else answers


def ask(batcher: Batcher, *requests: list[Any]) -> list[Any]:
    """All requests at once; their answers or errors."""

    async def run() -> list[Any]:
        calls: Any = (batcher([[value] for value in values], 10 * len(values)) for values in requests)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    return asyncio.run(run())


@BOTH
def test_a_lone_request_is_one_call(way: Plan) -> None:
    model = Model()
    assert ask(Batcher(model.predict, way), [1, 2]) == [[2, 4]]
    assert model.calls == [[1, 2]]


@BOTH
def test_what_comes_together_shares_a_call(way: Plan) -> None:
    model = Model()
    assert ask(Batcher(model.predict, way), [1], [2], [3, 4]) == [[2], [4], [6, 8]]
    assert len(model.calls) <= 2 and list(chain(*model.calls)) == [1, 2, 3, 4]


@BOTH
@given(sizes=st.lists(st.integers(0, 30), max_size=12), most=st.integers(1, 9))
def test_everyone_gets_the_own_answers_in_order(way: Plan, sizes: list[int], most: int) -> None:
    model = Model()
    requests = [[100 * number + index for index in range(size)] for number, size in enumerate(sizes)]
    answers = ask(Batcher(model.predict, Plan(most, way.in_thread)), *requests)
    assert answers == [[2 * value for value in values] for values in requests]
    assert all(len(call) <= most for call in model.calls)
    assert sorted(chain(*model.calls)) == sorted(chain(*requests))


@BOTH
def test_a_small_request_does_not_wait_for_a_large_one(way: Plan) -> None:
    model = Model()
    ask(Batcher(model.predict, way), list(range(100)), [1000])
    assert next(number for number, call in enumerate(model.calls) if 1000 in call) <= 1


@BOTH
def test_a_bad_row_fails_its_own_request_alone(way: Plan) -> None:
    answers = ask(Batcher(Model().predict, way), [1], ["bad"], [3])
    assert answers[0] == [2] and answers[2] == [6] and isinstance(answers[1], ModelError)


@BOTH
def test_an_answer_that_is_too_short_is_nobodys(way: Plan) -> None:
    answers = ask(Batcher(Model().predict, way), [1, 2], ["short", 5], [3])
    assert answers[0] == [2, 4] and answers[2] == [6]
    assert isinstance(answers[1], ModelError) and "1 predictions for 2 rows" in answers[1].message


@BOTH
def test_too_much_is_refused_and_says_when_to_come_again(way: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WAITING_ROWS", 10)
    answers = ask(Batcher(Model().predict, way), list(range(50)), [1], [2])
    assert answers[0] == [2 * value for value in range(50)]  # one alone is always taken
    assert all(isinstance(error, Unavailable) and error.headers == {"retry-after": "1"} for error in answers[1:])


@BOTH
def test_bytes_are_bounded_too(way: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "BATCH_BYTES", 20)  # of 10 a row
    model = Model()
    assert ask(Batcher(model.predict, way), [1, 2, 3], [4]) == [[2, 4, 6], [8]]
    assert all(len(call) <= 2 for call in model.calls)


def test_nothing_is_left_of_a_request_that_is_over() -> None:
    batcher = Batcher(Model().predict, ON_LOOP)
    ask(batcher, [1], ["bad"], [3, 4])
    assert (batcher._waiting_rows, batcher._waiting_bytes, list(batcher._jobs)) == (0, 0, [])


def test_a_call_that_is_late_keeps_the_model_busy_until_it_ends() -> None:
    model = Model(seconds=0.3)

    async def run() -> None:
        batcher = Batcher(model.predict, IN_THREAD, seconds=0.1)
        with pytest.raises(Unavailable, match="in time"):
            await batcher([[1]], 1)
        with pytest.raises(Unavailable):
            await batcher([[2]], 1)
        await asyncio.sleep(0.3)
        assert await Batcher(model.predict, IN_THREAD)([[3]], 1) == [6]

    asyncio.run(run())
    assert model.together == 1 and model.calls == [[1], [3]]  # nobody waited for 2 any more


def test_a_slow_model_leaves_the_loop_free() -> None:
    seen: set[int] = set()

    def predict(rows: Sequence[Any]) -> list[Any]:
        seen.add(threading.get_ident())
        return list(rows)

    ask(Batcher(predict, IN_THREAD), [1])
    assert threading.get_ident() not in seen
    ask(Batcher(predict, ON_LOOP), [1])
    assert threading.get_ident() in seen


@pytest.mark.parametrize(
    ("timings", "planned"),
    [
        ({"1": 20e-6, "8": 30e-6, "64": 90e-6}, None),
        ({"1": 0.001, "8": 0.001, "64": 0.001063}, Plan(512, in_thread=False)),
        ({"1": 0.004, "8": 0.032, "64": 0.256}, Plan(2, in_thread=False)),
        ({"1": 0.02, "8": 0.02, "64": 0.0263}, Plan(512, in_thread=True)),
        ({"1": 2.0}, Plan(1, in_thread=True)),
    ],
)
def test_the_plan_follows_the_timings(timings: dict[str, float], planned: Plan | None) -> None:
    assert plan(timings) == planned
