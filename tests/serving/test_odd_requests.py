"""Odd bytes on the wire: the caller is told that it is wrong, and a worker never fails on them."""

import json

import pytest

from tests.serving.callers import speak, status
from tests.serving.conftest import WINE, Server

Row = dict[str, float]


def request(hub: Server, body: bytes, *lines: str, version: str = "1.1", length: bool = True) -> bytes:
    """A prediction with extra header lines."""
    head = [f"POST {WINE} HTTP/{version}", "Host: x", f"X-API-Key: {hub.key}", *lines]
    if length:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*chunks: bytes) -> bytes:
    """A body of unknown length."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def test_what_is_odd_but_right_is_answered(hub: Server, row: Row) -> None:
    body = json.dumps(row).encode()
    right = [
        request(hub, body),
        request(hub, body, version="1.0"),
        request(hub, body, "Content-Type: application/json; charset=utf-8"),
        request(hub, body, "Expect: 100-continue", "Connection: close"),
        request(hub, chunked(body[:9], body[9:]), "Transfer-Encoding: chunked", length=False),
        request(hub, body, f"X-Filler: {'x' * 60_000}"),
    ]
    for sent in right:
        answer = speak(hub.port, sent)
        while answer.startswith(b"HTTP/1.1 100"):
            answer = answer.partition(b"\r\n\r\n")[2] or speak(hub.port, request(hub, body))
        assert status(answer) == 200, sent[:300]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("X-API-Key: mp_live_second", {400}),
        ("Content-Type: application/json; charset=utf-16", {415}),
        ("Content-Encoding: gzip", {415}),
        ("Content-Length: ten", {400}),
        ("Content-Length: -1", {400}),
        ("Content-Length: 5", {400}),
        ("Transfer-Encoding: chunked", {400}),
        ("Transfer-Encoding: gzip, chunked", {400}),
        ("Authorization: Bearer \x00", {400}),
        ("no colon", {400}),
        ("X Y: z", {400}),
        (" folded", {200, 400}),
    ],
)
def test_what_is_wrong_is_the_callers_fault(hub: Server, row: Row, line: str, expected: set[int]) -> None:
    assert status(speak(hub.port, request(hub, json.dumps(row).encode(), line))) in expected


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(hub: Server, sent: bytes) -> None:
    assert status(speak(hub.port, sent)) in (0, 400)


def test_a_credential_of_any_bytes_is_refused_like_any_other(hub: Server) -> None:
    for credential in ("\xfc\xf1", "mp_live_" + "x" * 64_000, "mp_" + "\xff" * 40):
        sent = f"POST {WINE} HTTP/1.1\r\nHost: x\r\nX-API-Key: {credential}\r\nContent-Length: 2\r\n\r\n{{}}"
        assert status(speak(hub.port, sent.encode("latin-1"))) in (401, 431)


@pytest.mark.parametrize(
    "path",
    [
        "//metrics",
        "/%6detrics",
        "/livez/../metrics",
        "/metrics;x",
        "/metrics%00",
        "/%2fmetrics",
        "http://x/metrics",
        "*",
    ],
)
def test_no_spelling_of_a_path_opens_it(hub: Server, path: str) -> None:
    assert status(speak(hub.port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())) in (400, 401)


def test_a_body_in_chunks_over_the_limit_ends_the_connection(hub: Server) -> None:
    chunks = [b"%x\r\n%s\r\n" % (100_000, b"[" * 100_000)] * 30
    answer = speak(hub.port, request(hub, b"", "Transfer-Encoding: chunked", length=False), *chunks)

    assert status(answer) == 413 and b"connection: close" in answer.lower()


def test_a_body_over_the_limit_is_refused_before_it_is_sent(hub: Server) -> None:
    sent = request(hub, b"", "Content-Length: 2000000", "Expect: 100-continue", length=False)
    answer = speak(hub.port, sent)

    assert status(answer) == 413 and b"connection: close" in answer.lower() and b"100 Continue" not in answer


def test_a_websocket_is_refused(hub: Server) -> None:
    lines = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
    ]
    sent = "\r\n".join([f"GET {WINE} HTTP/1.1", "Host: x", *lines, "", ""]).encode()

    assert status(speak(hub.port, sent)) in (401, 403)


def test_after_all_that_both_workers_are_well(hub: Server, row: Row) -> None:
    assert len(hub.workers()) == 2 and hub.everywhere(row, 200)
