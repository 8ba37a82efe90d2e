"""A hundred clients at once: no failure of ours, and the log holds exactly the answered requests."""

import asyncio

import pytest

from registry.accounts import find_key
from tests.serving.callers import post, press
from tests.serving.conftest import WINE, Server


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_hundred_clients_are_answered_and_logged(hub: Server, row: dict[str, float], seconds: float) -> None:
    hub.set_limit("wine", "1000000/minute")
    made = hub.store.new_key("--endpoint", "wine")
    hub.everywhere_within(row, 200, made["api_key"])
    before = {line.request_id for line in hub.log()}
    answered = asyncio.run(press(hub.port, post(WINE, made["api_key"], row), 100, seconds))

    assert {status for status, _ in answered.values()} == {200} and len(answered) > 100 * seconds
    hub.eventually(lambda: answered.keys() <= {line.request_id for line in hub.log()})
    with hub.store.session() as session:
        key = find_key(session, made["id"])
        assert key is not None
        number = key.id
    assert {line.request_id for line in hub.log() if line.api_key_id == number} - before == answered.keys()
