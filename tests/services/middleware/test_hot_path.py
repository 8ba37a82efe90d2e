"""The request path does no SQL and no file or network I/O before it answers: its thread is watched while it does."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from starlette.types import Message

from tests.services.middleware.conftest import Hub

FORBIDDEN = ("open", "os.", "socket.", "sqlite3.", "subprocess.", "shutil.", "urllib.", "http.")
_watched: dict[int, list[str]] = {}  # what each watched thread did; an audit hook can't be removed again


def _note(name: str, arguments: Any) -> None:
    done = _watched.get(threading.get_ident()) if _watched else None
    if done is not None and name.startswith(FORBIDDEN):
        done.append(f"{name} {str(arguments)[:200]}")


sys.addaudithook(_note)


@contextmanager
def watching(thread: threading.Thread) -> Iterator[list[str]]:
    """Every file, socket, process and SQL statement of that thread."""
    assert thread.ident is not None
    done = _watched[thread.ident] = []

    def statement(*arguments: Any) -> None:
        if threading.get_ident() == thread.ident:
            done.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", statement)
    try:
        yield done
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        del _watched[thread.ident]


def test_the_watch_sees_what_it_should() -> None:
    with watching(threading.current_thread()) as done, open("/dev/null"):
        pass
    assert any("/dev/null" in line for line in done)


@pytest.mark.parametrize("kind", ["prediction", "refusals", "unknown"])
def test_nothing_is_read_or_written_before_the_answer(hub: Hub, kind: str) -> None:
    def call() -> list[int]:
        if kind == "prediction":
            return [hub.predict().status_code]
        if kind == "unknown":
            return [hub.ask("GET", "/nowhere").status_code, hub.ask("POST", "/api/predict/nobody").status_code]
        return [hub.predict(key).status_code for key in (None, "mp_live_x")]

    warm = call()  # the first call of a kind opens its metric series, its limiter's slot, its model
    hub.ask("GET", "/metrics")  # the series are written down a moment later, or when somebody reads them
    with watching(hub.thread) as done:
        for _ in range(20):
            assert call() == warm
    assert not done


def test_a_request_makes_no_task_of_its_own(hub: Hub) -> None:
    body: Message = {"type": "http.request", "body": b'{"x": 1}', "more_body": False}
    hub.raw("/api/predict/echo", [dict(body)])
    made: list[Any] = []

    def count(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    hub.loop.set_task_factory(count)
    sent = hub.raw("/api/predict/echo", [dict(body)])
    hub.loop.set_task_factory(None)

    assert sent[0]["status"] == 200
    assert len(made) == 1  # the call itself
