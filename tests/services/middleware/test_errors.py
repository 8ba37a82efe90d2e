"""Every failure has one body, which says what is wrong and nothing of the inside."""

import json
import logging
from pathlib import Path

import pytest
from starlette.types import Message

from registry.catalog import EndpointStatus
from registry.errors import InvalidInput
from services.middleware.errors import translate
from tests.services.middleware.conftest import Hub

PREDICT = "/api/predict/echo"
WAYS_TO_FAIL = {
    "no credentials": ("POST", PREDICT, {"X-API-Key": ""}, 401, "UNAUTHENTICATED"),
    "a token that is no key": ("POST", PREDICT, {"X-API-Key": "", "Authorization": "Bearer a.b.c"}, 401, "UNAUTHENTICATED"),
    "a wrong key": ("POST", PREDICT, {"X-API-Key": "mp_live_nobody"}, 401, "UNAUTHENTICATED"),
    "an unknown endpoint": ("POST", "/api/predict/nobody", {}, 404, "NOT_FOUND"),
    "an unknown path": ("GET", "/nowhere", {}, 404, "NOT_FOUND"),
    "a method that isn't taken": ("GET", PREDICT, {}, 405, "METHOD_NOT_ALLOWED"),
    "a method that a document doesn't take": ("DELETE", "/openapi.json", {}, 405, "METHOD_NOT_ALLOWED"),
    "a declared length over the limit": ("POST", PREDICT, {"Content-Length": "1000001"}, 413, "PAYLOAD_TOO_LARGE"),
    "a body that isn't JSON": ("POST", PREDICT, {"Content-Type": "text/xml"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
}  # fmt: skip


def test_every_failure_has_the_one_body(hub: Hub) -> None:
    for way, (method, path, headers, status, code) in WAYS_TO_FAIL.items():
        answer = hub.ask(method, path, headers=headers)

        assert answer.status_code == status, way
        assert answer.headers["content-type"] == "application/json", way
        body = answer.json()
        assert body.keys() == {"error", "request_id"} and body["error"].keys() == {"code", "message", "details"}, way
        assert body["error"]["code"] == code and body["request_id"] == answer.headers["x-request-id"], way


def test_an_unforeseen_failure_is_a_500_that_says_nothing_of_the_inside(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    answer = hub.predict(json={"bomb": "4111-1111"})

    assert answer.status_code == 500 and answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert not any(word in answer.text for word in ("4111", "bomb", "secret", "/var", "RuntimeError", "Traceback"))
    assert answer.headers["x-request-id"] in caplog.text and "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("debug", "told", "shown"), [("0", {}, False), ("1", {}, True), ("1", {"X-Forwarded-For": "1.1.1.1"}, False)]
)
def test_a_traceback_is_shown_in_debugging_to_this_machine_alone(
    request: pytest.FixtureRequest,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    debug: str,
    told: dict[str, str],
    shown: bool,
) -> None:
    monkeypatch.setenv("MODELPORT_DEBUG", debug)
    hub: Hub = request.getfixturevalue("hub")
    failed = hub.predict(json={"bomb": 1}, headers=told)

    assert failed.status_code == 500 and failed.json()["error"]["code"] == "INTERNAL_ERROR"
    assert ("Traceback" in failed.text and "secret detail" in failed.text) is shown
    assert (failed.json()["error"]["details"] != {}) is shown


def test_what_a_request_holds_forges_no_line_of_the_log_and_steers_no_terminal(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.predict(content=b"bomb \x1b[31m\nERROR forged\r\x9b")
    written = logging.Formatter("%(message)s").format(caplog.records[-1])

    assert "bomb" in written and not any(sign in written for sign in "\x1b\r\x9b")
    assert not any(line.startswith("ERROR forged") for line in written.splitlines())
    log = logging.getLogger("modelport.test")
    log.error("the name is %s", "a\nERROR forged \x1b[2J")
    assert caplog.records[-1].getMessage() == r"the name is a\nERROR forged \x1b[2J"
    logging.getLogger("another").error("%s", "as\nit is")
    assert caplog.records[-1].getMessage() == "as\nit is"


def test_an_endpoint_in_error_says_so_with_503(hub: Hub) -> None:
    hub.set_status("echo", EndpointStatus.ERROR, "wrong digest of /var/lib/models/echo.pkl")

    hub.eventually(lambda: hub.predict().status_code == 503)
    body = hub.predict().json()["error"]
    assert body["code"] == "UNAVAILABLE" and "echo does not load" in body["message"] and "/var" not in body["message"]


def test_a_refused_method_says_which_is_taken(hub: Hub) -> None:
    assert hub.ask("PUT", PREDICT).headers["allow"] == "POST"
    assert hub.ask("DELETE", "/openapi.json").headers["allow"].split(", ") in (["GET", "HEAD"], ["HEAD", "GET"])


def foreign(status: int, body: bytes = b"{}", **headers: str) -> list[Message]:
    """An error answer as BentoML's app sends it."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return [
        {"type": "http.response.start", "status": status, "headers": pairs},
        {"type": "http.response.body", "body": body},
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *((400, 400), (401, 401), (403, 403), (404, 404), (405, 405), (409, 409), (413, 413), (415, 415), (422, 400)),
        *((429, 429), (500, 500), (502, 500), (503, 503), (504, 503)),
    ],
)
def test_what_bentoml_answers_is_translated_by_its_status(theirs: int, ours: int) -> None:
    assert translate(foreign(theirs, b"secret")).status == ours
    assert "secret" not in translate(foreign(theirs, b"secret")).message


def test_bentomls_report_on_a_body_keeps_place_and_problem_but_no_value() -> None:
    problem = {"type": "value_error", "loc": ["rows", 2, "age"], "msg": "too small", "input": "4111"}
    report = json.dumps({"error": "1 error", "detail": [problem]}).encode()
    error = translate(foreign(400, report))

    assert isinstance(error, InvalidInput) and error.message == "rows[2].age: too small"
    assert error.details == {"errors": [{"field": "rows[2].age", "problem": "too small"}]}


def test_an_overloaded_service_says_when_to_come_back() -> None:
    assert translate(foreign(503)).headers["retry-after"] == "1"
    assert translate(foreign(429, retry_after="7")).headers["retry-after"] == "7"
