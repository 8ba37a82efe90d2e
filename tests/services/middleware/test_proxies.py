"""Whose word on a caller's address and scheme is taken: that of the proxies that were listed, and nobody else's."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.settings import settings
from services.http_protocol import HttpProtocol
from services.peer import Peer, Proxies
from tests.services.middleware.conftest import Hub
from tests.services.middleware.served import Answer, Served, request

PROXY = Peer("127.0.0.1", secure=False)


def seen(proxies: Proxies, peer: Peer, *headers: tuple[str, str]) -> Peer:
    """The caller, as told by these headers."""
    return proxies.caller(peer, [(name.lower().encode(), value.encode()) for name, value in headers])


def test_the_rightmost_hop_that_is_no_proxy_is_the_caller() -> None:
    proxies = Proxies(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])
    for told, address in {
        "203.0.113.7": "203.0.113.7",
        "1.1.1.1, 203.0.113.7": "203.0.113.7",
        "1.1.1.1, 203.0.113.7, 10.1.2.3": "203.0.113.7",
        "203.0.113.7:4711, 10.1.2.3": "203.0.113.7",
        "[2001:db9::1]:443": "2001:db9::1",
        "2001:db9::1, 2001:db8::5": "2001:db9::1",
        "::ffff:203.0.113.7": "203.0.113.7",
        "10.9.9.9, 10.1.2.3": "10.9.9.9",
        "203.0.113.7, unknown, 10.1.2.3": "10.1.2.3",
        "<script>": "127.0.0.1",
        "": "127.0.0.1",
        " , ": "127.0.0.1",
    }.items():
        assert seen(proxies, PROXY, ("X-Forwarded-For", told)) == Peer(address, secure=False), told


def test_headers_that_came_twice_are_one_list() -> None:
    twice = (("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "203.0.113.7"))

    assert seen(Proxies(["127.0.0.1"]), PROXY, *twice).address == "203.0.113.7"


@pytest.mark.parametrize(
    ("told", "secure"),
    [
        ("https", True),
        ("HTTPS", True),
        ("http", False),
        ("", False),
        ("https, http", False),
        ("http,https", True),
        ("x", False),
    ],
)
def test_the_nearest_proxy_says_how_the_caller_came(told: str, secure: bool) -> None:
    assert seen(Proxies(["127.0.0.1"]), PROXY, ("X-Forwarded-Proto", told)).secure is secure


def test_a_proxy_that_says_nothing_is_the_caller() -> None:
    assert seen(Proxies(["127.0.0.1"]), Peer("127.0.0.1", secure=True)) == Peer("127.0.0.1", secure=True)


@given(
    hops=st.lists(st.one_of(st.ip_addresses().map(str), st.text(max_size=9)), max_size=5),
    who=st.ip_addresses(v=4).map(str),
)
def test_who_is_not_listed_is_believed_nothing(hops: Sequence[str], who: str) -> None:
    proxies = Proxies(["192.0.2.0/24"])
    told = [("X-Forwarded-For", ", ".join(hops)), ("X-Forwarded-Proto", "https")]

    assert proxies.trusts(who) == who.startswith("192.0.2.")
    assert proxies.trusts(who) or seen(proxies, Peer(who, secure=False), *told) == Peer(who, secure=False)


def test_nobody_is_trusted_by_default_nor_is_what_has_no_address() -> None:
    assert not Proxies([]).trusts("127.0.0.1")
    assert not Proxies(["127.0.0.1"]).trusts("")
    assert Proxies(["127.0.0.1"]).trusts("::ffff:127.0.0.1")


@pytest.fixture
def proxied(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is a listed proxy."""
    monkeypatch.setenv("MODELPORT_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    settings.cache_clear()


def ask(hub: Hub, path: str, key: str | None, *lines: str) -> list[Answer]:
    """One call over a socket, by our protocol and by uvicorn's own."""
    found = []
    for protocol in (HttpProtocol, "httptools"):
        served = Served(hub, protocol)
        found.append(served.ask(request(key, b"{}", *lines, path=path))[0])
        served.stop()
    return found


def test_what_a_listed_proxy_says_decides_on_hsts_both_ways(proxied: None, hub: Hub) -> None:
    told = "X-Forwarded-Proto: https"
    for answer in (*ask(hub, "/api/predict/echo", hub.key, told), *ask(hub, "/nowhere", hub.key, told)):
        assert dict(answer.headers)["strict-transport-security"] == "max-age=31536000"
    for answer in ask(hub, "/api/predict/echo", hub.key):
        assert "strict-transport-security" not in dict(answer.headers)


def test_what_anybody_else_says_changes_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ask(hub, "/api/predict/echo", hub.key, "X-Forwarded-Proto: https", "X-Forwarded-For: 1.1.1.1"):
        assert answer.status == 200 and "strict-transport-security" not in dict(answer.headers)


def test_callers_behind_a_listed_proxy_are_told_apart(proxied: None, hub: Hub) -> None:
    async def statuses(*told: str) -> list[int]:
        found = []
        for value in told:
            sent = {"X-Forwarded-For": value}
            found.append(
                (await asyncio.to_thread(hub.ask, "POST", "/auth/login", None, json={}, headers=sent)).status_code
            )
        return found

    assert asyncio.run(statuses(*["203.0.113.7"] * 11, "203.0.113.8")) == [400] * 10 + [429, 400]
    spoofed = [f"198.51.100.{number}, 203.0.113.7" for number in range(3)]
    assert asyncio.run(statuses(*spoofed)) == [429] * 3
