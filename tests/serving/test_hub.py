"""A hub with two workers keeps its promises over both of them."""

import asyncio
import re
from collections import Counter
from time import sleep, time

import httpx
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.serving.callers import at_once, post
from tests.serving.conftest import WINE, Server

Row = dict[str, float]


def test_of_a_thousand_calls_at_once_a_hundred_are_let_in(hub: Server, row: Row) -> None:
    hub.set_limit("wine", None)
    key = hub.store.new_key("--endpoint", "wine")["api_key"]
    hub.eventually(lambda: hub.predict(row, key, "/api/predict/x").status_code == 404)
    sleep(0.2)
    answers = asyncio.run(at_once(hub.port, post(WINE, key, row), clients=50, calls=1000))

    assert Counter(answer.status for answer in answers) == {200: 99, 429: 901}, "one was spent by the wait"
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=100;w=60'}
    left = sorted(int(answer.headers["x-ratelimit-remaining"]) for answer in answers if answer.status == 200)
    assert left == list(range(99)), "every admitted call was told a number of its own"
    resets = [int(answer.headers["x-ratelimit-reset"]) - time() for answer in answers if answer.status == 429]
    assert 0 < min(resets) <= max(resets) <= 62


def test_who_waits_as_long_as_he_is_told_is_let_in(hub: Server, row: Row) -> None:
    hub.set_limit("wine", "5/2 seconds")
    key = hub.store.new_key("--endpoint", "wine")["api_key"]
    sleep(0.5)
    answers = asyncio.run(at_once(hub.port, post(WINE, key, row), clients=20, calls=40))
    assert Counter(answer.status for answer in answers) == {200: 5, 429: 35}

    sleep(max(int(answer.headers["retry-after"]) for answer in answers if answer.status == 429))
    assert hub.predict(row, key).status_code == 200
    hub.set_limit("wine", "1000000/minute")


def test_a_revoked_key_is_soon_dead(hub: Server, row: Row) -> None:
    hub.set_limit("wine", "1000000/minute")
    made = hub.store.new_key("--endpoint", "wine")
    hub.eventually(lambda: hub.everywhere(row, 200, made["api_key"]))

    hub.store.modelport("keys", "revoke", made["id"])
    hub.eventually(lambda: hub.everywhere(row, 401, made["api_key"]))


def test_a_changed_status_soon_holds(hub: Server, row: Row) -> None:
    hub.set_limit("wine", "1000000/minute")
    hub.store.modelport("deactivate", "wine")
    hub.eventually(lambda: hub.everywhere(row, 403))

    hub.store.modelport("activate", "wine")
    hub.eventually(lambda: hub.everywhere(row, 200))


@pytest.mark.slow
def test_a_new_export_soon_answers(hub: Server) -> None:
    inputs = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0]])
    key = hub.store.export(LinearRegression().fit(inputs, inputs @ [1.0, 2.0]), "slope", "--no-compile")
    point = {"x0": 3.0, "x1": 4.0}
    names = list(
        hub.client.get("/openapi.json").json()["paths"]["/api/predict/slope"]["post"]["requestBody"]["content"][
            "application/json"
        ]["example"]["instances"][0]
    )

    hub.eventually(
        lambda: hub.everywhere(dict(zip(names, point.values(), strict=True)), 200, key, "/api/predict/slope")
    )
    answer = hub.predict(dict(zip(names, point.values(), strict=True)), key, "/api/predict/slope")
    assert answer.json()["predictions"] == [pytest.approx(11.0)]


def test_the_log_has_every_answer(hub: Server, row: Row) -> None:
    hub.set_limit("wine", "1000000/minute")
    for _ in range(4):  # at four moments of the writer's interval
        answers = [hub.predict(row), hub.predict({}), hub.predict(row, "mp_live_x"), hub.client.get("/nowhere")]
        wanted = {(answer.headers["x-request-id"], answer.status_code) for answer in answers}
        assert [answer.status_code for answer in answers] == [200, 400, 401, 404]
        hub.eventually(lambda: wanted <= {(line.request_id, line.status_code) for line in hub.log()})  # noqa: B023


def test_two_workers_count_together(hub: Server, row: Row) -> None:
    hub.set_limit("wine", "1000000/minute")
    key = hub.store.new_key()["api_key"]
    hub.everywhere_within(row, 404, key, "/nowhere")

    def counted(route: str, status: int) -> float:
        text = httpx.get(f"{hub.url}/metrics", headers={"X-API-Key": key}).text
        line = rf'^bentoml_service_request_total\{{.*endpoint="{route}",http_response_code="{status}".*\}} (\S+)$'
        return sum(map(float, re.findall(line, text, re.MULTILINE)))

    before = counted(WINE, 200), counted("unmatched", 404)
    assert hub.everywhere(row, 200) and hub.everywhere(row, 404, key, "/nowhere/1")
    assert hub.everywhere(row, 404, key, "/nowhere/2")
    after = (before[0] + 8, before[1] + 16)
    hub.eventually(lambda: (counted(WINE, 200), counted("unmatched", 404)) == after)
    assert httpx.get(f"{hub.url}/metrics", headers={"X-API-Key": hub.key}).status_code == 403
