"""A description by a language model, or the reason why there is none: against a server that speaks each API."""

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from services.descriptions import Description, Reason, describe
from services.descriptions.connection import LONGEST_ANSWER
from tests.services.descriptions.language_models import (
    ANTHROPIC,
    KEY,
    OPENAI,
    LanguageModel,
    Reply,
    Wire,
    answer,
    both,
    configure,
    drip,
    hang_up,
    language_model,
    never,
    when_released,
)

SENTENCE = "The picture shows a chess board; the classifier is very sure."
PROBABILITIES = {"chess": 0.91249, "go": 0.08751}

Scene = Callable[[LanguageModel], Coroutine[Any, Any, None]]


async def ask(wire: Wire) -> Description:
    """Have a prediction described."""
    return await describe(wire.provider, category="chess", probabilities=PROBABILITIES)


@pytest.fixture
def play(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LanguageModel]:
    """Play a scene with a language model that gives these replies; what it was asked is left."""

    def run(wire: Wire, scene: Scene, *replies: Reply, **others: str) -> LanguageModel:
        async def main() -> LanguageModel:
            async with language_model(*replies) as model:
                configure(monkeypatch, wire, model.port, **others)
                await scene(model)
            return model

        return asyncio.run(main())

    return run


Play = Callable[..., LanguageModel]


@both
def test_a_prediction_is_worded(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        assert await ask(wire) == Description(SENTENCE)

    (asked,) = play(wire, scene, wire.says(f"  {SENTENCE}\n"), **{f"{wire.provider.upper()}_MODEL": "small-1"}).asked
    assert asked.path == wire.path
    assert asked.headers[wire.credentials[0]] == wire.credentials[1]
    assert asked.body["model"] == "small-1" and not asked.body.get("stream")
    assert json.loads(wire.text_of(asked.body)) == {
        "category": "chess",
        "probabilities": [["chess", 0.912], ["go", 0.088]],
    }


@both
@pytest.mark.parametrize(
    "first",
    [
        (429, {"retry_after": "0"}),
        (500, {}),
        (503, {"retry_after": "0"}),
        (529, {"retry_after": "0"}),
        (408, {"retry_after": "0"}),
    ],
    ids=lambda first: str(first[0]),
)
def test_what_may_pass_is_tried_once_more(play: Play, wire: Wire, first: tuple[int, dict[str, str]]) -> None:
    async def scene(model: LanguageModel) -> None:
        assert await ask(wire) == Description(SENTENCE)

    assert len(play(wire, scene, wire.fails(first[0], **first[1]), wire.says(SENTENCE)).asked) == 2


@both
@pytest.mark.parametrize(
    ("reply", "reason", "attempts"),
    [
        ("429", Reason.RATE_LIMITED, 2),
        ("500", Reason.UNAVAILABLE, 2),
        ("529", Reason.UNAVAILABLE, 2),
        ("cut", Reason.UNAVAILABLE, 2),
        ("400", Reason.REFUSED, 1),
        ("401", Reason.REFUSED, 1),
        ("404", Reason.REFUSED, 1),
        ("declined", Reason.REFUSED, 1),
        ("no JSON", Reason.GARBLED, 1),
        ("a page", Reason.GARBLED, 1),
        ("null", Reason.GARBLED, 1),
        ("a list", Reason.GARBLED, 1),
        ("a number", Reason.GARBLED, 1),
        ("another shape", Reason.GARBLED, 1),
        ("nothing inside", Reason.GARBLED, 1),
        ("no text", Reason.GARBLED, 1),
        ("blank text", Reason.GARBLED, 1),
        ("text of another type", Reason.GARBLED, 1),
        ("huge", Reason.GARBLED, 1),
        ("a huge error", Reason.GARBLED, 1),
        ("compressed", Reason.GARBLED, 1),
    ],
)
def test_what_does_not_pass_has_a_reason(play: Play, wire: Wire, reply: str, reason: Reason, attempts: int) -> None:
    huge = b'{"x": "' + b"x" * LONGEST_ANSWER + b'"}'
    replies = {
        "cut": hang_up,
        "declined": answer(200, json.dumps(wire.declined).encode()),
        "no JSON": answer(200, b"{"),
        "a page": answer(200, b"<html>Sign in</html>", content_type="text/html"),
        "null": answer(200, b"null"),
        "a list": answer(200, b"[1]"),
        "a number": answer(200, b"7"),
        "another shape": answer(200, b'{"answer": 42}'),
        "nothing inside": answer(200, b'{"choices": [], "content": []}'),
        "no text": wire.says(None),
        "blank text": wire.says(" \n\x00"),
        "text of another type": wire.says(7),
        "huge": answer(200, huge),
        "a huge error": answer(500, huge),
        "compressed": answer(200, gzip.compress(json.dumps(wire.said(SENTENCE)).encode()), content_encoding="gzip"),
    }

    async def scene(model: LanguageModel) -> None:
        assert await ask(wire) == Description(None, reason)

    chosen = wire.fails(int(reply), retry_after="0") if reply.isdigit() else replies[reply]
    assert len(play(wire, scene, chosen).asked) == attempts


@both
def test_the_second_attempt_waits_as_long_as_it_is_told_to(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        assert await ask(wire) == Description(SENTENCE)

    first, second = play(wire, scene, wire.fails(429, retry_after="1"), wire.says(SENTENCE)).asked
    assert second.at - first.at >= 1


@both
def test_to_wait_for_longer_than_there_is_time_is_not_begun(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        assert await ask(wire) == Description(None, Reason.RATE_LIMITED)

    assert len(play(wire, scene, wire.fails(429, retry_after="3600"), DESCRIBE_SECONDS="3000").asked) == 1


@both
@pytest.mark.parametrize("reply", [never, drip])
def test_time_runs_out_whatever_the_provider_does(
    play: Play, monkeypatch: pytest.MonkeyPatch, wire: Wire, reply: Reply
) -> None:
    async def scene(model: LanguageModel) -> None:
        assert (await ask(wire)).text == SENTENCE  # the client is there: what follows takes no time to begin
        configure(monkeypatch, wire, model.port, DESCRIBE_SECONDS="1")
        assert await ask(wire) == Description(None, Reason.TIMEOUT)
        await model.until(lambda: model.connections == 0)  # it is hung up on

    assert len(play(wire, scene, wire.says(SENTENCE), reply).asked) == 2


@both
def test_both_attempts_together_have_that_time(play: Play, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        assert (await ask(wire)).text == SENTENCE
        configure(monkeypatch, wire, model.port, DESCRIBE_SECONDS="2")
        assert await ask(wire) == Description(None, Reason.TIMEOUT)

    assert len(play(wire, scene, wire.says(SENTENCE), wire.fails(500), never).asked) == 3


@both
def test_who_comes_when_enough_is_under_way_gets_none_at_once(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        two = [asyncio.ensure_future(ask(wire)) for _ in range(2)]
        await model.until(lambda: len(model.asked) == 2)
        assert await ask(wire) == Description(None, Reason.BUSY)
        model.released.set()
        assert await asyncio.gather(*two) == [Description(SENTENCE)] * 2
        assert await ask(wire) == Description(SENTENCE)

    assert len(play(wire, scene, when_released(wire.says(SENTENCE)), DESCRIBE_CONCURRENCY="2").asked) == 3


@both
def test_who_stops_waiting_makes_room(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        leaving = asyncio.ensure_future(ask(wire))
        await model.until(lambda: len(model.asked) == 1)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert await ask(wire) == Description(SENTENCE)

    play(wire, scene, never, wire.says(SENTENCE), DESCRIBE_CONCURRENCY="1")


@both
def test_one_connection_is_used_again(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        for _ in range(3):
            assert (await ask(wire)).text == SENTENCE

    assert play(wire, scene, wire.says(SENTENCE)).opened == 1


@both
def test_a_redirection_is_not_followed(play: Play, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        async with language_model(wire.says("elsewhere")) as elsewhere:
            model.replies = [answer(307, b"", location=f"http://127.0.0.1:{elsewhere.port}/")]
            assert await ask(wire) == Description(None, Reason.REFUSED)
            assert elsewhere.opened == 0

    play(wire, scene, never)


@both
def test_where_nobody_listens_it_is_unavailable(home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        configure(monkeypatch, wire, closed.getsockname()[1])
        assert asyncio.run(ask(wire)) == Description(None, Reason.UNAVAILABLE)


@both
def test_the_key_is_in_no_log_and_in_no_reason(play: Play, caplog: pytest.LogCaptureFixture, wire: Wire) -> None:
    async def scene(model: LanguageModel) -> None:
        with caplog.at_level(logging.DEBUG):
            told = [await ask(wire) for _ in range(4)]
        assert [one.reason for one in told] == [Reason.REFUSED, Reason.UNAVAILABLE, Reason.GARBLED, None]

    fails = wire.fails(500, retry_after="0")
    garbage = answer(200, json.dumps({"key": KEY}).encode())
    play(wire, scene, wire.fails(401), fails, fails, garbage, wire.says("Fine."))
    said = [f"{record.getMessage()} {record.exc_text}" for record in caplog.records]
    assert f"no description by {wire.provider}: refused (AuthenticationError)" in " ".join(said)
    assert not [line for line in said if KEY in line]
    ours = [line for record, line in zip(caplog.records, said, strict=True) if record.name.startswith("modelport")]
    assert not [line for line in ours if "127.0.0.1" in line]


@pytest.mark.parametrize(("wire", "other"), [(OPENAI, "ANTHROPIC"), (ANTHROPIC, "OPENAI")], ids=["openai", "anthropic"])
def test_without_a_key_of_its_own_a_provider_is_not_asked(
    play: Play, monkeypatch: pytest.MonkeyPatch, wire: Wire, other: str
) -> None:
    async def scene(model: LanguageModel) -> None:
        assert await ask(wire) == Description(None, Reason.NOT_CONFIGURED)
        assert model.opened == 0

    monkeypatch.setenv(f"{wire.provider.upper()}_API_KEY", KEY)
    play(wire, scene, never, **{f"{other}_API_KEY": KEY, f"{wire.provider.upper()}_API_KEY": ""})
