"""Every answer is counted and logged with its subject; a call whose client left is neither."""

from starlette.types import Message

from services.middleware.security_headers import PAGE_HEADERS, SECURITY_HEADERS
from tests.services.middleware.conftest import Hub

ECHO = "/api/predict/echo"


def test_the_log_says_who_asked_what_and_how_it_went(hub: Hub) -> None:
    endpoint = hub.new_endpoint("churn")
    key = hub.new_key("churn")
    good = hub.ask("POST", "/api/predict/churn", key, json={"x": 1})
    bad = hub.ask("POST", f"/api/predict/{endpoint.id}", key, content=b"x", headers={"Content-Type": "text/plain"})
    hub.eventually(lambda: len(hub.log()) == 2)

    first, second = hub.log()
    assert first.request_id == good.headers["x-request-id"] and second.request_id == bad.headers["x-request-id"]
    assert (first.status_code, second.status_code) == (200, 415)
    assert (first.error_message, second.error_message) == (None, "UNSUPPORTED_MEDIA_TYPE")
    for row in (first, second):
        assert (row.method, row.route, row.endpoint_id) == ("POST", "/api/predict/churn", endpoint.id)
        assert row.api_key_id is not None and row.memory_usage and 0 < row.response_time < 5


def test_refusals_are_logged_under_the_endpoint_they_were_meant_for(hub: Hub) -> None:
    hub.set_limit("echo", "1/day")
    key = hub.new_key("echo")
    statuses = [hub.predict(given).status_code for given in (key, key, None, "mp_x")]
    hub.eventually(lambda: len(hub.log()) == 4)

    assert statuses == [200, 429, 401, 403] == [row.status_code for row in hub.log()]
    assert {row.route for row in hub.log()} == {ECHO}


def test_health_and_documents_are_not_logged(hub: Hub) -> None:
    for path in ("/livez", "/readyz", "/docs", "/openapi.json", "/docs/page/docs.js", "/"):
        assert hub.ask("GET", path, key=None).status_code in (200, 307)
    hub.predict()
    hub.eventually(hub.log)

    assert [row.route for row in hub.log()] == [ECHO]


def test_a_call_whose_client_left_is_not_logged(hub: Hub) -> None:
    half: list[Message] = [{"type": "http.request", "body": b'{"x":', "more_body": True}]

    assert hub.raw(ECHO, half) == []
    assert hub.raw(ECHO, []) == []
    hub.predict()
    hub.eventually(hub.log)
    assert [row.status_code for row in hub.log()] == [200]


def test_every_answer_bears_the_security_headers(hub: Hub) -> None:
    pages = (hub.ask("GET", "/docs", None), hub.ask("GET", "/livez", None))
    for answer in (hub.predict(), hub.predict(None), *pages):
        for name, value in PAGE_HEADERS if answer in pages else SECURITY_HEADERS:
            assert answer.headers.get_list(name.decode()) == [value.decode()]
        assert len(answer.headers.get_list("x-request-id")) == 1


def test_a_request_id_from_outside_is_not_believed(hub: Hub) -> None:
    assert hub.predict(headers={"X-Request-ID": "mine"}).headers["x-request-id"] != "mine"
