"""Predictions go on while many people try wrong passwords. What it costs them is printed, not tested:

python -m pytest tests/serving/test_storm.py -s
"""

import asyncio
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from registry import users
from registry.accounts import Role
from services.auth_process import step_back
from services.security.passwords import hash_password
from tests.serving.callers import post
from tests.serving.conftest import WINE, Server
from tests.serving.storm import Timed, sign_in, storm, timed, together

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
    new = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, new) as caller, ProcessPoolExecutor(1, new, initializer=step_back) as strangers:
        calm, stormy, refused, signed_in = asyncio.run(alternately(hub.port, request, caller, strangers))

    tell(calm, stormy, refused)
    for measured in (calm, stormy):
        assert measured.statuses.keys() == {200} and measured.different == 0
    assert refused.keys() <= {401, 429, 503} and refused[401] > 0
    assert signed_in, "whose password is right gets in all the same"
    assert "Traceback" not in hub.log_file.read_text(), "a refusal is no fault of ours"


async def alternately(
    port: int, request: bytes, caller: Executor, strangers: Executor
) -> tuple[Timed, Timed, Counter[int], bool]:
    """Predictions by turns without and with the storm, so that both see the same machine."""
    loop = asyncio.get_running_loop()
    refused: Counter[int] = Counter()
    calm, stormy, signed_in = [], [], False
    await loop.run_in_executor(caller, timed, port, request, CLIENTS, 1.0)
    await loop.run_in_executor(strangers, storm, port, 1, 0.1, 1.0)
    for _ in range(ROUNDS):
        calm.append(await loop.run_in_executor(caller, timed, port, request, CLIENTS, SECONDS))
        blowing = loop.run_in_executor(strangers, storm, port, 200, 1.0, SECONDS)
        measuring = loop.run_in_executor(caller, timed, port, request, CLIENTS, SECONDS)
        while not measuring.done():
            status, body = await sign_in(port, "ada", PASSWORD, 240)
            signed_in |= status == 200 and "access_token" in json.loads(body)
            await asyncio.sleep(0.3)
        stormy.append(await measuring)
        refused.update(await blowing)
    return together(calm), together(stormy), refused, signed_in


def tell(calm: Timed, stormy: Timed, refused: Counter[int]) -> None:
    """Print the figures."""
    print(f"\nsign-ins by status: {dict(sorted(refused.items()))} in {ROUNDS * SECONDS:.0f} s")
    for share in (0.5, 0.9, 0.99):
        without, with_it = calm.at(share), stormy.at(share)
        line = f"p{100 * share:.0f} {without:.2f} ms, in the storm {with_it:.2f} ms: {with_it / without:.2f} x"
        print(line)
    print(f"predictions {len(calm.seconds)}, in the storm {len(stormy.seconds)}")
