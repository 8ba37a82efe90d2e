"""Predictions go on while many people try wrong passwords. What it costs them is printed, not tested:

python -m pytest tests/serving/test_storm.py -s
"""

import asyncio
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from registry import users
from registry.accounts import Role
from services.security.passwords import hash_password
from tests.serving.callers import post
from tests.serving.conftest import WINE, Server
from tests.serving.storm import Storm, Timed, sign_in, timed, together

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CLIENTS, SECONDS, ROUNDS = 4, 4.0, 5
PASSWORD = "correct horse battery"


def test_a_storm_of_wrong_passwords_holds_up_no_prediction(serve: Callable[..., Server], row: dict[str, float]) -> None:
    limits = dict.fromkeys(
        ("MODELPORT_RATE_LIMIT", "MODELPORT_SIGN_IN_RATE_LIMIT", "MODELPORT_UNAUTHENTICATED_RATE_LIMIT"),
        "1000000/minute",
    )
    hub = serve(**limits)
    with hub.store.session() as session:
        users.create_user(
            session, username="ada", role=Role.USER, password_hash=hash_password(PASSWORD), actor="user:test"
        )
    request = post(WINE, hub.key, row)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere:
        calm, stormy, storm, signed_in = asyncio.run(alternately(hub.port, request, elsewhere))

    tell(calm, stormy, storm)
    for measured in (calm, stormy):
        assert measured.statuses.keys() == {200} and measured.different == 0
    assert storm.keys() <= {401, 429, 503} and storm[401] > 0
    assert signed_in, "whose password is right gets in all the same"
    assert "Traceback" not in hub.log_file.read_text(), "a refusal is no fault of ours"


async def alternately(port: int, request: bytes, elsewhere: Executor) -> tuple[Timed, Timed, dict[int, int], bool]:
    """Predictions by turns without and with the storm, so that both see the same machine."""
    loop = asyncio.get_running_loop()
    statuses: dict[int, int] = {}
    calm, stormy, signed_in = [], [], False
    await loop.run_in_executor(elsewhere, timed, port, request, CLIENTS, 1.0)
    for _ in range(ROUNDS):
        calm.append(await loop.run_in_executor(elsewhere, timed, port, request, CLIENTS, SECONDS))
        storm = Storm(port, clients=200, pause=1.0)
        blowing = asyncio.create_task(storm.blow())
        measuring = loop.run_in_executor(elsewhere, timed, port, request, CLIENTS, SECONDS)
        while not measuring.done():
            status, body = await sign_in(port, "ada", PASSWORD, 240)
            signed_in |= status == 200 and "access_token" in json.loads(body)
            await asyncio.sleep(0.3)
        stormy.append(await measuring)
        storm.end()
        await blowing
        statuses = {status: statuses.get(status, 0) + count for status, count in storm.statuses.items()} | {
            status: count for status, count in statuses.items() if status not in storm.statuses
        }
    return together(calm), together(stormy), statuses, signed_in


def tell(calm: Timed, stormy: Timed, storm: dict[int, int]) -> None:
    """Print the figures."""
    print(f"\nsign-ins by status: {dict(sorted(storm.items()))} in {ROUNDS * SECONDS:.0f} s")
    for share in (0.5, 0.9, 0.99):
        without, with_it = calm.at(share), stormy.at(share)
        line = f"p{100 * share:.0f} {without:.2f} ms, in the storm {with_it:.2f} ms: {with_it / without:.2f} x"
        print(line)
    print(f"predictions {len(calm.seconds)}, in the storm {len(stormy.seconds)}")
