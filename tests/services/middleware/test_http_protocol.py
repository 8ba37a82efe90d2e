"""The server's own protocol: heads that come again, answers that are waited for, connections, and what fails inside."""

import json
import socket
from collections.abc import Iterator
from time import sleep
from typing import Any

import pytest

from registry import accounts, catalog, database
from registry.accounts import Role
from registry.catalog import EndpointStatus
from services import http_refusals
from services.http_protocol import HttpProtocol
from services.http_refusals import layers_of
from services.middleware import immediate
from services.request import RequestContext
from tests.services.middleware.conftest import Hub, endpoint_named, new_key
from tests.services.middleware.served import (
    Served,
    answers_in,
    at,
    request,
)
from tests.services.middleware.served import ways as ways


def test_a_head_that_comes_again_is_not_parsed_again_but_all_else_is_asked_again(hub: Hub) -> None:
    parsed: list[str] = []

    class Counting(HttpProtocol):
        def on_message_begin(self) -> None:
            parsed.append("")
            super().on_message_begin()

    served, key = Served(hub, Counting), hub.new_key("echo")
    with socket.create_connection(served.address, timeout=20) as connection:

        def ask(body: bytes) -> bytes:
            connection.sendall(request(key, body))
            received = connection.recv(65536)
            while not received.endswith((b"}", b"}\n")):  # the long way sends the head first
                received += connection.recv(65536)
            return received

        assert all(
            body in ask(body).replace(b"\\", b"") for body in (b'{"x":1}', b'{"x":22}', b'{"x":333}', b'{"x":4}')
        )
        assert len(parsed) == 1
        assert ask(b"bomb").startswith(b"HTTP/1.1 500")
        hub.set_status("echo", EndpointStatus.ERROR)
        assert ask(b"{}").startswith(b"HTTP/1.1 503") and len(parsed) == 2, "what can't be answered at once is parsed"
        hub.set_status("echo", EndpointStatus.ACTIVE)
        hub.set_limit("echo", "1/day")
        assert ask(b"{}").startswith(b"HTTP/1.1 429")
        with database.session() as session:
            found = accounts.find_key(session, key.split("_")[2])
            assert found is not None
            accounts.revoke_key(session, found, actor="test")
        hub.hears()
        assert not ask(b"{}").startswith(b"HTTP/1.1 200")
    served.stop()


def test_a_request_that_has_begun_to_arrive_is_answered_though_the_server_is_told_to_end(hub: Hub) -> None:
    served = Served(hub, HttpProtocol)
    whole = request(hub.key)
    with socket.create_connection(served.address, timeout=20) as connection:
        connection.sendall(whole[:-3])
        sleep(0.2)
        served.server.should_exit = True
        sleep(0.5)
        connection.sendall(whole[-3:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    served.serving.result(20)


def test_an_answer_that_is_being_waited_for_is_sent_though_the_server_is_told_to_end(hub: Hub) -> None:
    hub.new_endpoint("wait")
    served = Served(hub, HttpProtocol)
    with socket.create_connection(served.address, timeout=20) as connection:
        connection.sendall(at("wait", [request(hub.key, b"long")])[0])
        sleep(0.1)
        served.server.should_exit = True
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    served.serving.result(20)
    (answer,) = answers_in(received)
    assert answer.status == 200 and ("connection", "close") in answer.headers


def test_a_client_that_leaves_while_its_answer_is_waited_for_hinders_nobody(hub: Hub) -> None:
    hub.new_endpoint("wait")
    served = Served(hub, HttpProtocol)
    served.ask(*at("wait", [request(hub.key)]))  # loads the model
    for _ in range(3):
        with socket.create_connection(served.address, timeout=20) as connection:
            connection.sendall(at("wait", [request(hub.key, b"long")])[0])
    hub.eventually(lambda: [row.status_code for row in hub.log()] == [200] * 4)
    (answer,) = served.ask(*at("wait", [request(hub.key)]))
    assert answer.status == 200
    served.stop()


def test_a_connection_is_kept_while_it_is_used_and_closed_when_it_is_not(hub: Hub) -> None:
    served = Served(hub, HttpProtocol, timeout_keep_alive=1)
    whole = request(hub.key)
    with socket.create_connection(served.address, timeout=30) as connection:
        for pause in (0.4, 0.4, 0.4, 0.4, 0):
            connection.sendall(whole)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            sleep(pause)
        connection.sendall(whole[:-3])
        sleep(1.5)  # a request that is arriving is not idleness
        connection.sendall(whole[-3:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert connection.recv(65536) == b""
    served.stop()


def test_a_connection_is_not_idle_while_what_came_along_is_waited_for(hub: Hub) -> None:
    hub.new_endpoint("wait")
    behind = at("wait", [request(hub.key, b"long")])[0]
    for allowed in (0.1, 0):
        served = Served(hub, HttpProtocol, timeout_keep_alive=allowed)
        served.ask(behind)  # loads the model
        with socket.create_connection(served.address, timeout=20) as connection:
            connection.sendall(request(hub.key) + behind)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert [answer.status for answer in answers_in(received)] == [200, 200]
        served.stop()


def test_what_fails_inside_is_logged_and_hung_up_on(
    hub: Hub, ways: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise OSError("no room in /var/lib")

    monkeypatch.setattr(immediate, "_whole", fail)
    (answer,) = ways[0].ask(request(hub.key))
    assert answer.status == 500 and "/var/lib" not in answer.body and "no room" in caplog.text
    assert ways[0].ask(*at("wait", [request(hub.key)])) == []


def test_what_a_request_can_not_bring_back_hinders_neither_its_answer_nor_its_record(
    hub: Hub, ways: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    brought: list[str] = []

    def fail() -> None:
        raise OSError("no locks")

    monkeypatch.setattr(RequestContext, "at_end", (fail, lambda: brought.append("")))
    for way in ways:
        for parts in ([request(hub.key)], at("wait", [request(hub.key)])):
            assert [answer.status for answer in way.ask(*parts)] == [200]
    assert len(brought) == 4 and "no locks" in caplog.text
    hub.eventually(lambda: len(hub.log()) == 5)  # with the one that loaded the model


def test_an_endpoint_that_goes_before_it_is_checked_predicts_no_more(hub: Hub) -> None:
    served, whole = Served(hub, HttpProtocol), request(hub.key)
    assert served.ask(whole)[0].status == 200
    with socket.create_connection(served.address, timeout=20) as connection:
        connection.sendall(whole[:-3])
        sleep(0.05)
        with database.session() as session:
            catalog.delete_endpoint(session, endpoint_named(session, "echo"), actor="test")
        hub.hears()
        connection.sendall(whole[-3:])
        (answer,) = answers_in(connection.recv(65536))
    assert answer.status == 404
    served.stop()


def test_an_app_that_is_not_ours_gets_uvicorns_own(hub: Hub) -> None:
    async def other(*_: Any) -> None: ...

    assert layers_of(other) is None and layers_of(hub.app) is not None
    assert new_key()


@pytest.fixture
def impatient(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that waits a third of a second for the rest of a request."""
    monkeypatch.setattr(http_refusals, "PATIENCE", 0.3)
    served = Served(hub, HttpProtocol)
    yield served
    served.stop()


UPLOAD = ("Authorization: Bearer TOKEN", "Content-Type: multipart/form-data; boundary=B", "Content-Length: 1000")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"POST /api/predict/echo HTT", 408),
        (b"POST /api/predict/echo HTTP/1.1\r\nHost: x\r\n", 408),
        (request("KEY", b'{"x"', "Content-Length: 7"), 408),
        (request(None, b"--B", *UPLOAD, path="/models/"), 408),
        (request("KEY") + request("KEY")[:-1], 200),
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "half an upload", "half of the second"],
)
def test_who_sends_no_more_is_hung_up_on(impatient: Served, hub: Hub, sent: bytes, status: int | None) -> None:
    token = hub.new_user("olga", Role.OPERATOR)
    with socket.create_connection(impatient.address, timeout=20) as connection:
        connection.sendall(sent.replace(b"KEY", hub.key.encode()).replace(b"TOKEN", token.encode()))
        answers = list(answers_in(b"".join(iter(lambda: connection.recv(65536), b""))))
    assert [answer.status for answer in answers] == {None: [], 200: [200, 408]}.get(status, [status])
    if status == 408:
        assert json.loads(answers[0].body)["error"]["code"] == "REQUEST_TIMEOUT"


def test_a_head_without_an_end_is_hung_up_on(impatient: Served) -> None:
    received = b""
    with socket.create_connection(impatient.address, timeout=0.1) as connection:
        connection.sendall(b"POST /api/predict/echo HTTP/1.1\r\nX: ")
        while not received:
            try:
                received = connection.recv(65536)
            except TimeoutError:
                connection.sendall(b"a")
    (answer,) = answers_in(received)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (408, "REQUEST_TIMEOUT")


def test_a_body_that_comes_slowly_is_waited_for(impatient: Served, hub: Hub) -> None:
    body = b'{"x": ' + b"1" * 30 + b"}"
    with socket.create_connection(impatient.address, timeout=20) as connection:
        connection.sendall(request(hub.key, body)[: -len(body)])
        for byte in body:
            connection.sendall(bytes([byte]))
            sleep(0.06)
        assert b" 200 OK" in connection.recv(65536)


def test_who_sends_slowly_is_waited_for(impatient: Served, hub: Hub) -> None:
    with socket.create_connection(impatient.address, timeout=20) as connection:
        for byte in request(hub.key, b"{}")[:-12]:
            connection.sendall(bytes([byte]))
            sleep(0.003)
        connection.sendall(request(hub.key, b"{}")[-12:])
        assert b" 200 OK" in connection.recv(65536)
        sleep(1.0)  # between two requests it is another limit that ends a connection
        connection.sendall(request(hub.key, b"{}"))
        assert b" 200 OK" in connection.recv(65536)
