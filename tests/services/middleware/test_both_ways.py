"""The short way, in the server's protocol, and the long one, through the layers: the same answers, log and counts."""

import asyncio
import json
import re
import socket
from itertools import pairwise
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.catalog import EndpointStatus
from services.http_refusals import LARGEST_HEAD, MOST_HEADERS
from tests.services.middleware.conftest import Hub
from tests.services.middleware.served import (
    CHUNKED,
    Answer,
    Served,
    answers_in,
    asked,
    at,
    either,
    request,
)
from tests.services.middleware.served import ways as ways


def corpus(key: str, bound: str) -> dict[str, list[bytes]]:
    """Requests of every kind, each in the parts in which it is sent."""
    typed, plain = "Content-Type: application/json", request(key)
    upgrading = request(
        key, b'{"x":3}', "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"
    )
    return {
        "plain": [plain],
        "by its number": [request(key, path="/api/predict/1")],
        "two at once": [plain + plain],
        "two after another": [plain, plain],
        "the same head with other bodies": [
            plain,
            request(key, b'{"x":22}'),
            request(key, b"{}"),
            plain + plain,
            plain,
        ],
        "the end of a head, twice": [plain[:20], plain[20:], plain[20:]],
        "a body that reads like a request": [plain, request(key, plain)[: -len(plain)], plain],
        "a head without its body": [plain, plain[:-7], plain[-7:], plain[:-7]],
        "refused between two": [plain + request(None) + plain],
        "in parts": [plain[:9], plain[9:40], plain[40:-3], plain[-3:]],
        "behind one that takes longer": [request(None, b"", method="GET", path="/openapi.json") + plain],
        "no key": [request(None)],
        "wrong key": [request("mp_live_x")],
        "bearer": [request(None, b"{}", f"Authorization: Bearer {key}")],
        "no token": [request(None, b"{}", "Authorization: Bearer a.b.c")],
        "a closed address": [request(None, b"", method="GET", path="/auth/me")],
        "a key where people sign in": [request(key, b"", path="/auth/logout")],
        "two keys": [request(key, b"{}", f"X-API-Key: {key}")],
        "another's key": [request(bound, path="/api/predict/other")],
        "utf-8": [request(key, '{"x":"é"}'.encode(), f"{typed}; charset=utf-8")],
        "not json": [request(key, b"<x/>", "Content-Type: text/xml")],
        "compressed": [request(key, b"x", typed, "Content-Encoding: gzip")],
        "not utf-8": [request(key, b"\xff")],
        "no body": [request(key, b"")],
        "no length": [request(key, b"", "Transfer-Encoding: chunked") + b'7\r\n{"x":1}\r\n0\r\n\r\n'],
        "a model's failure": [request(key, b"bomb")],
        "closing": [request(key, b"{}", "Connection: close")],
        "http/1.0": [plain.replace(b"HTTP/1.1", b"HTTP/1.0")],
        "http/1.0 that stays": [request(key, b"{}", "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")],
        "expecting": [request(key, b"{}", "Expect: 100-continue")],
        "upgrading": [request(key, b"", "Connection: upgrade", "Upgrade: h2c")],
        "upgrading with a body": [upgrading + plain],
        "upgrading in parts": [upgrading[:30], upgrading[30:-3], upgrading[-3:], plain],
        "upgrading again": [upgrading, upgrading, upgrading * 3],
        "GET": [request(key, b"", method="GET")],
        "HEAD": [request(key, b"", method="HEAD")],
        "OPTIONS": [request(key, b"", method="OPTIONS")],
        "with a query": [request(key, path="/api/predict/echo?x=1")],
        "absolute": [request(key, path="http://x/api/predict/echo")],
        "escaped": [request(key, path="/api/predict/%65cho")],
        "two slashes": [request(key, path="//api/predict/echo")],
        "slash behind": [request(key, path="/api/predict/echo/")],
        "nowhere": [request(key, path="/nowhere")],
        "health": [request(None, b"", method="GET", path="/livez")],
        "metrics": [request(bound, b"", method="GET", path="/metrics")],
        "inactive": [request(key, path="/api/predict/off")],
        "broken": [request(key, path="/api/predict/broken")],
        "large": [request(key, b'{"x":"' + b"x" * 100_000 + b'"}')],
        "too large": [request(key, b"", "Content-Length: 1000001")],
        "two lengths": [request(key, b"{}", "Content-Length: 2", "Content-Length: 3")],
        "odd length": [request(key, b"{}", "Content-Length: +2")],
        "length and chunks": [request(key, b"", "Content-Length: 7", "Transfer-Encoding: chunked") + b"0\r\n\r\n"],
        "no http": [b"hello\r\n\r\n"],
        "no target": [b"GET \xff HTTP/1.1\r\n\r\n"],
        "no chunk": [request(key, b"", "Transfer-Encoding: chunked") + b"zz\r\n"],
        "trailing headers": [request(key, b"", CHUNKED) + b'7\r\n{"x":1}\r\n0\r\nX-Request-ID: mine\r\n\r\n', plain],
        "a key that trails": [request(None, b"", CHUNKED) + b"0\r\nX-API-Key: %b\r\n\r\n" % key.encode()],
        "trailing headers without end": [request(key, b"", CHUNKED) + b"0\r\nX-Long: ", *[b"x" * 10_000] * 7],
        "many small chunks": [request(key, b"", CHUNKED) + b"1\r\n \r\n" * 9_000, b"1\r\n \r\n" * 9_000 + b"0\r\n\r\n"],
        "its own id": [request(key, b"{}", "X-Request-ID: mine")],
        "no sane id": [request(key, b"{}", "X-Request-ID: <mine>")],
        "from elsewhere": [request(key, b"{}", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https")],
        "many headers": [request(key, b"{}", *(f"X-{number}: x" for number in range(MOST_HEADERS)))],
        "a long header": [request(key, b"{}", f"X-Long: {'x' * LARGEST_HEAD}")],
        "a header without end": [plain[:60] + b"X-Long: ", *[b"x" * 10_000] * 7],
        "a large body behind a small head": [plain, request(key, b'{"x":"' + b"x" * 60_000 + b'"}') + plain],
        "a websocket": [
            request(
                key,
                b"",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                method="GET",
            )
        ],
        "cut off": [plain[:-2]],
    }


UNLOGGED = {"/openapi.json", "/livez", "/metrics"}  # asked once each


@either
def test_both_ways_say_log_and_count_the_same(hub: Hub, ways: tuple[Served, Served], endpoint: str) -> None:
    hub.new_endpoint("other")
    hub.new_endpoint("off", status=EndpointStatus.INACTIVE)
    hub.new_endpoint("broken", status=EndpointStatus.ERROR, status_reason="gone")
    requests = corpus(hub.key, hub.new_key("echo"))
    hub.ask("GET", "/openapi.json")  # made once
    heard = []
    for way in ways:
        before = len(hub.log())
        answered = {name: way.ask(*at(endpoint, parts)) for name, parts in requests.items()}
        final = [answer for answers in answered.values() for answer in answers if answer.status >= 200]
        unread = [answer for answer in final if answer.status == 431 or "no valid HTTP" in answer.body]
        expected = before + len(final) - len(unread) - len(UNLOGGED)
        hub.eventually(lambda: len(hub.log()) >= expected)  # noqa: B023
        rows = [(row.method, row.route, row.status_code, row.error_message, row.api_key_id) for row in hub.log()]
        assert len(rows) == expected
        heard.append((answered, sorted(map(str, rows[before:]))))

    (short, short_rows), (long, long_rows) = heard
    for name in requests:
        assert (name, short[name]) == (name, long[name])
    assert short_rows == long_rows
    assert {answer.status for answers in long.values() for answer in answers} >= {
        200,
        400,
        401,
        403,
        404,
        405,
        413,
        415,
        431,
    }
    for name in (
        "no http",
        "no target",
        "no chunk",
        "two lengths",
        "many headers",
        "a long header",
        "a header without end",
        "trailing headers without end",
    ):
        [refused] = short[name]
        assert refused.status == (431 if "header" in name else 400), name
        headers = dict(refused.headers)
        assert headers["connection"] == "close" and headers["x-content-type-options"] == "nosniff", name
        assert json.loads(refused.body).keys() == {"error", "request_id"}, name
    assert [answer.status for answer in short["a websocket"]] == [405]
    assert [answer.body for answer in short["upgrading with a body"]][1:] == [short["plain"][0].body]
    assert [answer.status for answer in short["upgrading with a body"]] == [200, 200]
    assert [answer.status for answer in short["a key that trails"]] == [401]
    assert [answer.status for answer in short["trailing headers"]] == [200, 200]


def test_what_is_no_http_takes_no_answer_from_the_request_before_it(hub: Hub, ways: tuple[Served, Served]) -> None:
    behind = request(hub.key) + b"hello\r\n\r\n"
    assert [answer.status for answer in ways[0].ask(behind)] == [200, 400]
    hub.ask("GET", "/openapi.json", None)  # the first takes a while, and who asks below hangs up
    for way in ways:
        document = request(None, b"", method="GET", path="/openapi.json")
        assert [answer.status for answer in way.ask(document + b"hello\r\n\r\n")] == [200]
    [answer] = ways[1].ask(behind)
    assert answer.status == 200 and dict(answer.headers)["connection"] == "close"


def test_a_broken_chunk_is_refused_in_its_own_requests_place(hub: Hub, ways: tuple[Served, Served]) -> None:
    broken = request(hub.key, b"", CHUNKED) + b"zz\r\n"
    document = request(None, b"", method="GET", path="/openapi.json")
    for way in ways:
        for before in (document, *at("wait", [request(hub.key)])):
            first, second = way.ask(before + broken)
            assert (first.status, second.status) == (200, 400) and "no valid HTTP" in second.body
            assert dict(second.headers)["connection"] == "close"


def test_a_broken_chunk_of_a_request_that_was_answered_early_gets_no_second_answer(
    hub: Hub, ways: tuple[Served, Served]
) -> None:
    for way in ways:
        with socket.create_connection(way.address, timeout=20) as connection:
            connection.sendall(request(None, b"", CHUNKED) + b"2\r\n{}\r\n")
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(65536)
            connection.sendall(b"zz\r\n")
            received += connection.recv(65536)
        assert [answer.status for answer in answers_in(received)] == [401]


@either
def test_what_fits_is_answered_without_uvicorns_task(hub: Hub, ways: tuple[Served, Served], endpoint: str) -> None:
    taken = {"plain", "by its number", "refused between two", "no key", "not json", "a model's failure", "in parts"}
    waited = taken - {"by its number"} if endpoint == "wait" else set()  # the number is another's
    behind = {"refused between two": 2} if endpoint == "wait" else {}  # one that is waited for: uvicorn lines them up
    left = {"no length", "closing", "expecting", "GET", "with a query", "large", "nowhere"}
    requests = corpus(hub.key, hub.new_key("echo"))
    made: list[Any] = []

    def count(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    hub.loop.call_soon_threadsafe(hub.loop.set_task_factory, count)
    for name in sorted(taken | left):
        made.clear()
        answers = ways[0].ask(*at(endpoint, requests[name]))
        tasks = [getattr(each, "__name__", "") for each in made]
        assert (name, tasks.count("run_asgi")) == (name, behind.get(name, 0) if name in taken else 1)
        assert (name, tasks.count("_reply_later")) == (
            name,
            len(answers) - behind.get(name, 0) if name in waited else 0,
        )


def test_a_key_that_has_used_up_its_limit_is_told_so_both_ways(hub: Hub, ways: tuple[Served, Served]) -> None:
    hub.set_limit("echo", "3/day")
    key = hub.new_key("echo")
    short, long = ([way.ask(request(key))[0] for _ in range(2)] for way in ways)

    assert [answer.status for answer in (*short, *long)] == [200, 200, 200, 429]
    refused = ways[0].ask(request(key))[0]
    assert (refused.status, refused.body) == (429, long[1].body) and refused.headers == long[1].headers


def test_who_guesses_keys_is_told_to_wait_both_ways(
    monkeypatch: pytest.MonkeyPatch, home: Path, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MODELPORT_UNAUTHENTICATED_RATE_LIMIT", "3/day")
    monkeypatch.setenv("MODELPORT_TRUSTED_PROXIES", "127.0.0.1")  # the hub's own calls come from there
    hub: Hub = request.getfixturevalue("hub")
    ways: tuple[Served, Served] = request.getfixturevalue("ways")
    guess = asked("mp_live_x", b"{}", "X-Forwarded-For: 203.0.113.7")
    short, long = ([way.ask(guess)[0] for _ in range(2)] for way in ways)

    assert [answer.status for answer in (*short, *long)] == [401, 401, 401, 429]
    refused = ways[0].ask(guess)[0]
    assert (refused.status, refused.body) == (429, long[1].body) and refused.headers == long[1].headers
    assert {way.ask(asked(hub.key))[0].status for way in ways} == {200}


def test_a_signed_in_user_is_answered_both_ways(hub: Hub, ways: tuple[Served, Served]) -> None:
    asked = request(None, b"{}", f"Authorization: Bearer {hub.new_user('ada')}")
    ((short,), (long,)) = (way.ask(asked) for way in ways)

    assert short.status == 200 and short.body == long.body and short.headers == long.headers


def test_nobody_chooses_the_address_that_their_sign_ins_are_counted_by(hub: Hub, ways: tuple[Served, Served]) -> None:
    def sign_in(number: int) -> Answer:
        forwarded = (f"{name}: 192.0.2.{number}" for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"))
        return ways[0].ask(request(None, b"{}", *forwarded, path="/auth/login"))[0]

    assert [sign_in(number).status for number in range(11)] == [400] * 10 + [429]


@either
def test_more_requests_than_the_connection_can_answer_at_once_are_answered_in_their_order(
    hub: Hub, ways: tuple[Served, Served], endpoint: str
) -> None:
    bodies = [b'{"x":"%d%s"}' % (number, b"y" * 1000) for number in range(3000)]
    with socket.create_connection(ways[0].address, timeout=30) as connection:
        sender = asyncio.run_coroutine_threadsafe(
            asyncio.to_thread(connection.sendall, b"".join(at(endpoint, [request(hub.key, body) for body in bodies]))),
            hub.loop,
        )
        sleep(0.5)  # nobody reads meanwhile: the server's buffers fill
        received = b""
        while received.count(b"HTTP/1.1 200") < len(bodies) or not received.endswith(b"}"):
            received += connection.recv(1 << 20)
        sender.result(20)

    numbers = re.findall(rb'\\"x\\":\\"(\d+)y', received)
    assert [int(number) for number in numbers] == list(range(len(bodies)))


@either
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 400), max_size=4))
def test_where_a_request_is_cut_does_not_matter(
    hub: Hub, ways: tuple[Served, Served], endpoint: str, cuts: list[int]
) -> None:
    (whole,) = at(endpoint, [request(hub.key) + request(hub.key, b'{"x":2}')])
    edges = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    parts = [whole[start:end] for start, end in pairwise(edges)]

    assert [answer.status for answer in ways[0].ask(*parts)] == [200, 200]
