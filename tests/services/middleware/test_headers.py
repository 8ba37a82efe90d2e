"""Security headers stand on every answer of every kind, HSTS behind TLS alone; the request id goes there and back."""

from typing import Any

import httpx
import pytest

from services.middleware.security_headers import FOR_DATA, FOR_PAGES
from tests.services.middleware.conftest import Hub

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-xss-protection": "0",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
HSTS = "strict-transport-security"
ECHO = "/api/predict/echo"


def answers(hub: Hub) -> dict[str, httpx.Response]:
    """One answer of every kind."""
    key = hub.new_key("echo")
    token = hub.new_user("ada")
    hub.set_limit("echo", "1/day")
    found = {
        "a prediction": hub.predict(key),
        "429": hub.predict(key),
        "401": hub.predict(None),
        "403": hub.ask("GET", "/metrics", key),
        "404": hub.ask("GET", "/nowhere"),
        "405": hub.ask("PUT", ECHO),
        "413": hub.ask("POST", "/nowhere", headers={"Content-Length": "1000001"}),
        "415": hub.ask("POST", "/auth/login", None, content=b"x", headers={"Content-Type": "text/plain"}),
        "BentoML's": hub.ask("GET", "/schema.json"),
        "metrics": hub.ask("GET", "/metrics"),
        "control": hub.as_user("GET", "/auth/me", token),
        "control's 400": hub.ask("POST", "/auth/login", None, json={"username": 1}),
        "health": hub.ask("GET", "/livez", None),
        "page": hub.ask("GET", "/docs", None),
        "document": hub.ask("GET", "/openapi.json", None),
        "no method of a document": hub.ask("DELETE", "/openapi.json", None),
    }
    hub.set_limit("echo", "1000000/minute")
    return found | {"500": hub.predict(content=b"bomb")}


def test_every_answer_bears_them_once(hub: Hub) -> None:
    for kind, answer in answers(hub).items():
        for name, value in ALWAYS.items():
            assert (kind, answer.headers.get_list(name)) == (kind, [value])
        [policy] = answer.headers.get_list("content-security-policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert ("script-src 'self'" in policy) == (kind in {"page", "health", "document", "no method of a document"}), (
            kind
        )
        assert "unsafe" not in policy and HSTS not in answer.headers
        assert len(answer.headers.get_list("x-request-id")) == 1


def test_who_came_by_tls_is_told_to_come_so_again_and_nobody_else(hub: Hub) -> None:
    async def ask(url: str, path: str, key: str) -> list[str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(hub.app), base_url=url) as client:
            answer = await client.post(path, headers={"X-API-Key": key, "X-Forwarded-Proto": "https"}, json={})
            return answer.headers.get_list(HSTS)

    for path in (ECHO, "/livez", "/nowhere", "/auth/login"):
        assert hub.run(ask("https://hub.test", path, hub.key)) == ["max-age=31536000"]
        assert hub.run(ask("http://hub.test", path, hub.key)) == []


def test_the_lines_for_the_protocol_say_what_the_pairs_say() -> None:
    for fixed in (*FOR_DATA, *FOR_PAGES):
        assert fixed.lines == b"".join(name + b": " + value + b"\r\n" for name, value in fixed.pairs)


@pytest.mark.parametrize(
    "given", ["mine-1", "0" * 128, "a.B_c:d/e+f=", "Root=1-67891233-abcdef012345678912345678", "7"]
)
def test_a_sane_request_id_is_taken_over_into_answer_error_and_log(hub: Hub, given: str) -> None:
    good = hub.predict(headers={"X-Request-ID": given})
    bad = hub.predict(None, headers={"X-Request-ID": given})
    hub.eventually(lambda: len(hub.log()) == 2)

    assert good.headers["x-request-id"] == bad.headers["x-request-id"] == given
    assert good.json()["request_id"] == bad.json()["request_id"] == given
    first, second = hub.log()
    assert first.client_request_id == second.client_request_id == given
    assert first.request_id != second.request_id and len(first.request_id) == 32, "nobody can fill the log's own ids"


@pytest.mark.parametrize(
    "given",
    ["", " ", "a b", "x" * 129, "a\tb", "a;b", "<script>", "a\x1b[31m", "é", "a\r\nSet-Cookie: b=c", "a,b", "'--"],
)
def test_any_other_request_id_is_replaced_by_a_fresh_one(hub: Hub, given: str) -> None:
    sent: list[Any] = hub.raw(ECHO, [{"type": "http.request", "body": b"{}"}], {"x-request-id": given})
    [made] = [value for name, value in sent[0]["headers"] if name == b"x-request-id"]

    assert len(made) == 32 and made.isalnum()
    hub.eventually(hub.log)
    assert [(row.request_id.encode(), row.client_request_id) for row in hub.log()] == [(made, None)]
