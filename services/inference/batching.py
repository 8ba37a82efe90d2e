"""Micro-batching: concurrent requests of one model share its calls.

There is no timer. What has come together while the model was busy is its next batch, so that a lone request never
waits and a crowd is answered by a few large calls (the "natural batching" of write-ahead logs and of Clipper, Crankshaw
et al., NSDI 2017, without its delay). A model of some milliseconds runs on the event loop itself, between two rounds of
reading sockets; a slower one in a thread, one call at a time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.errors import ModelError, Unavailable
from services.inference.instances import Row

Predict = Callable[[Sequence[Row]], list[Any]]

ALONE_BELOW = 100e-6  # seconds a row: below, sharing a call costs more than it saves
ON_LOOP_BELOW = 0.005  # seconds a row: below, a thread costs more than a moment's wait
ON_LOOP, IN_THREAD = 0.01, 0.1  # seconds that a batch may take
MOST_ROWS = 512

WAITING_ROWS = 4096  # beyond, a request is refused; one alone is always taken
WAITING_BYTES = 64 * 2**20
BATCH_BYTES = 8 * 2**20
_BUSY = "The model has more requests than it can answer; try again shortly."
_LATE = "The model did not answer in time; try again shortly."


@dataclass(frozen=True)
class Plan:
    """How a model's requests share its calls."""

    max_rows: int
    in_thread: bool


def plan(timings: Mapping[str, float]) -> Plan | None:
    """The plan for a model from its `timings`, seconds a call by the call's rows ("1", "8", "64"); None: call it at once.

    A call is taken to last a fixed time and a time for each row, which the smallest and the largest call give.
    """
    alone = timings["1"]
    if alone < ALONE_BELOW:
        return None
    in_thread = alone >= ON_LOOP_BELOW
    most = max(timings, key=int)
    a_row = max((timings[most] - alone) / max(1, int(most) - 1), 1e-6)
    fitting = int(1 + max(0.0, (IN_THREAD if in_thread else ON_LOOP) - alone) / a_row)
    return Plan(min(fitting, MOST_ROWS), in_thread)


class Job:
    """One request's rows, and its predictions as far as they are made."""

    __slots__ = ("bytes_per_row", "done", "future", "rows", "taken")

    def __init__(self, rows: Sequence[Row], size: int, future: "asyncio.Future[list[Any]]") -> None:
        self.rows, self.future, self.bytes_per_row = rows, future, size / max(1, len(rows))
        self.taken = 0
        self.done: list[Any] = []

    def take(self, count: int) -> "Slice":
        """The next `count` rows."""
        begin, self.taken = self.taken, self.taken + count
        return Slice(self, self.rows[begin : self.taken])

    def settle(self, predictions: Sequence[Any]) -> None:
        """Add the predictions of a slice; with the last one the request is answered."""
        self.done.extend(predictions)
        if len(self.done) == len(self.rows) and not self.future.done():
            self.future.set_result(self.done)

    def fail(self, error: Exception) -> None:
        """Answer with an error; what is left of the rows isn't predicted."""
        if not self.future.done():
            self.future.set_exception(error)


class Slice:
    """Some rows of one job, in a batch."""

    __slots__ = ("job", "rows")

    def __init__(self, job: Job, rows: Sequence[Row]) -> None:
        self.job, self.rows = job, rows


class Batcher:
    """Answers rows through shared calls of a model, as planned."""

    def __init__(self, predict: Predict, plan: Plan, seconds: float = 60.0) -> None:
        """`seconds`: how long a request waits. Its call goes on: only when that ends is the model free."""
        self._predict, self._plan, self._seconds = predict, plan, seconds
        self._jobs: deque[Job] = deque()
        self._busy = False
        self._waiting_rows, self._waiting_bytes = 0, 0

    async def __call__(self, rows: Sequence[Row], size: int) -> list[Any]:
        """The predictions of `rows`, whose body had `size` bytes.

        Raises what the model raises for these rows, or Unavailable (503) when too much waits or it takes too long.
        """
        if not rows:
            return []
        if self._jobs and (self._waiting_rows + len(rows) > WAITING_ROWS or self._waiting_bytes + size > WAITING_BYTES):
            raise Unavailable(_BUSY, headers={"retry-after": "1"})
        job = Job(rows, size, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._waiting_rows += len(rows)
        self._waiting_bytes += size
        self._start()
        try:
            return await asyncio.wait_for(job.future, self._seconds)
        except TimeoutError:
            raise Unavailable(_LATE, headers={"retry-after": "5"}) from None
        finally:
            self._waiting_rows -= len(rows)
            self._waiting_bytes -= size

    def _start(self) -> None:
        if self._busy or not self._jobs:
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        if self._plan.in_thread:
            self._task = loop.create_task(self._in_turn())
        else:
            loop.call_soon(self._at_once)  # after every request that has been read by now

    def _at_once(self) -> None:
        settle(answers(self._predict, self._next()))
        self._busy = False
        self._start()

    async def _in_turn(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next():
            settle(await loop.run_in_executor(None, answers, self._predict, batch))
        self._busy = False

    def _next(self) -> list[Slice]:
        """The next batch, an equal share for every request that waits; what is left of one goes to the back."""
        batch: list[Slice] = []
        room, space = self._plan.max_rows, float(BATCH_BYTES)
        share = max(1, room // max(1, len(self._jobs)))
        while self._jobs and room and space > 0:
            job = self._jobs.popleft()
            if job.future.done():  # it failed, or nobody waits any more
                continue
            count = min(share, room, len(job.rows) - job.taken, max(1, int(space / max(1.0, job.bytes_per_row))))
            batch.append(job.take(count))
            room, space = room - count, space - count * job.bytes_per_row
            if job.taken < len(job.rows):
                self._jobs.append(job)
        return batch


Answer = tuple[Slice, list[Any] | Exception]


def answers(predict: Predict, batch: Sequence[Slice]) -> list[Answer]:
    """The predictions of every slice; when a batch fails, each slice by itself, so that a bad row fails alone."""
    rows = [row for part in batch for row in part.rows]
    found = attempt(predict, rows)
    if isinstance(found, Exception):
        if len(batch) == 1:
            return [(batch[0], found)]
        return [(part, attempt(predict, part.rows)) for part in batch]
    given = iter(found)
    return [(part, [next(given) for _ in part.rows]) for part in batch]


def attempt(predict: Predict, rows: Sequence[Row]) -> list[Any] | Exception:
    """The predictions, one a row, or what went wrong: an answer of another length is nobody's."""
    try:
        found = predict(rows)
    except Exception as error:
        return error
    if len(found) != len(rows):
        return ModelError(f"The model answered {len(found)} predictions for {len(rows)} rows.")
    return found


def settle(found: Sequence[Answer]) -> None:
    """Hand every request what is its own."""
    for part, answer in found:
        if isinstance(answer, Exception):
            part.job.fail(answer)
        else:
            part.job.settle(answer)
