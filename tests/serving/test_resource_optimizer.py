"""Three worked systems as one: the hub composes its own endpoints, the Bento alone brings a process for each of them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bentos.resource_optimizer.bodies import EXAMPLE
from bentos.resource_optimizer.data import measured
from tests.serving.conftest import ROOT, Server, Store, free_port
from tests.serving.elsewhere import served_elsewhere

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATH = "/traffic/optimize"
NAMES = ("traffic_classifier", "traffic_forecaster", "resource_optimizer")
TRAINED = {"traffic_classifier": ("--rows", "2000"), "traffic_forecaster": ("--weeks", "2", "--epochs", "1")}


class Served(NamedTuple):
    """The hub with all three systems, and the optimizer's own Bento, over one home."""

    store: Store
    hub: Server
    alone: Server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = Store(tmp_path_factory.mktemp("link"))
    for name, options in TRAINED.items():
        train = [sys.executable, "-m", f"bentos.{name}.train", *options]
        subprocess.run(train, cwd=ROOT, env=store.environment, check=True, capture_output=True)
    *_, exported = (store.modelport("export", str(ROOT / "bentos" / name), "-o", "json") for name in NAMES)
    started = []
    for command in (("cli.main", "serve", "--workers", "1"), ("bentoml", "serve", "resource_optimizer:latest")):
        port = free_port()
        line = [sys.executable, "-m", *command, "--port", str(port)]
        started.append(Server(store, exported["api_key"], line, port, store.folder / f"{port}.log"))
    for server in started:
        server.wait_until_ready()
    yield Served(store, *started)
    for server in started:
        server.stop()


def services_of(server: Server) -> list[str]:
    """The service that each worker process of a server runs."""
    lines = [worker.cmdline() for worker in server.workers()]
    return sorted(line[line.index("--service-name") + 1] for line in lines if "--service-name" in line)


MEASURED = measured(flows=40, seed=3)
CALLS: dict[str, Any] = {
    "demands": EXAMPLE,
    "flows and a past": MEASURED,
    "for what is expected": {**MEASURED, "plan_for": "mean"},
    "flows and a volume": {**{n: v for n, v in MEASURED.items() if n != "past"}, "volume_bps": 800_000_000},
    "what can't be": {**EXAMPLE, "link_capacity_bps": 100_000_000},
    "no class": {**EXAMPLE, "classes": []},
    "no class for what flows": {**MEASURED, "classes": EXAMPLE["classes"][:1]},  # type: ignore[index]
    "a short past": {**MEASURED, "past": {**MEASURED["past"], "series": [[1, 1, 1]]}},
    "a wrong flow": {**MEASURED, "flows": [{"protocol": "tcp"}]},
}


@pytest.mark.parametrize("body", CALLS.values(), ids=CALLS)
def test_the_hub_and_its_own_bento_answer_the_same(served: Served, body: Any) -> None:
    answers = [server.client.post(PATH, json=body) for server in (served.hub, served.alone)]
    assert answers[0].status_code == answers[1].status_code in (200, 400)
    contents = [answer.json() for answer in answers]
    for content, answer in zip(contents, answers, strict=True):
        assert content.pop("request_id") == answer.headers["x-request-id"]
    assert contents[0] == contents[1]


def test_one_call_goes_from_flows_and_a_past_to_a_plan(served: Served) -> None:
    answer = served.hub.client.post(PATH, json=MEASURED).json()
    assert [model["name"] for model in answer["models"]] == ["traffic_classifier", "traffic_forecaster"]
    shares, volume = answer["measured"]["shares"], answer["measured"]["volume_bps"]
    assert sum(shares.values()) == pytest.approx(1) and volume > 1_000_000
    for got in answer["allocations"]:
        assert got["demand_bps"] == pytest.approx(shares.get(got["name"], 0) * volume, abs=1)
    expected = served.hub.client.post(PATH, json=CALLS["for what is expected"]).json()
    assert expected["measured"]["volume_bps"] < volume


def test_the_bento_has_a_process_for_each_system_and_the_hub_needs_none(served: Served) -> None:
    assert services_of(served.alone) == sorted(NAMES)
    assert set(services_of(served.hub)) <= {"modelport"} and len(served.hub.workers()) == 1


def test_a_system_that_is_depended_on_is_no_address_of_the_bento(served: Served) -> None:
    for path in ("/traffic/classify", "/traffic/forecast", "/classify"):
        assert served.alone.client.post(path, json={}).status_code == 404


def test_a_class_that_flows_but_is_not_planned_for_is_named(served: Served) -> None:
    answer = served.alone.client.post(PATH, json=CALLS["no class for what flows"]).json()
    assert "streaming" in answer["error"]["details"]["unknown_classes"]


def test_without_a_key_nothing_is_answered(served: Served) -> None:
    for server in (served.hub, served.alone):
        assert server.client.post(PATH, json=EXAMPLE, headers={"X-API-Key": ""}).status_code == 401


def test_the_document_describes_its_route_with_an_example_that_works(served: Served) -> None:
    for server in (served.hub, served.alone):
        operation = server.client.get("/openapi.json").json()["paths"][PATH]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert server.client.post(PATH, json=example).status_code == 200


def test_the_hub_asks_the_endpoint_itself_whatever_becomes_of_it(served: Served) -> None:
    """Switched off, it is missed and named; what needs no model is still planned. Last: it changes the hub."""

    def ask(body: Any) -> Any:
        return served.hub.client.post(PATH, json=body)

    served.store.modelport("deactivate", "traffic_forecaster")
    served.hub.eventually(lambda: ask(MEASURED).status_code == 503)
    refusal = ask(MEASURED).json()["error"]
    assert (refusal["code"], refusal["details"]) == ("UNAVAILABLE", {"needs": "/traffic/forecast"})
    assert ask(EXAMPLE).status_code == ask(CALLS["flows and a volume"]).status_code == 200
    served.store.modelport("activate", "traffic_forecaster")
    served.hub.eventually(lambda: ask(MEASURED).status_code == 200)
    train = [sys.executable, "-m", "bentos.traffic_classifier.train", "--rows", "1500"]
    subprocess.run(train, cwd=ROOT, env=served.store.environment, check=True, capture_output=True)
    served.store.modelport("export", str(ROOT / "bentos" / NAMES[0]), "-o", "json")
    before = served.alone.client.post(PATH, json=MEASURED).json()["models"][0]
    served.hub.eventually(lambda: ask(MEASURED).json()["models"][0] != before)


def test_the_bento_serves_in_an_environment_that_has_only_what_it_asks_for(served: Served, tmp_path: Path) -> None:
    bento = served.store.modelport("show", "resource_optimizer", "-o", "json")["bento"]
    with served_elsewhere(served.store, bento, served.hub.key, tmp_path) as server:
        assert server.client.post(PATH, json=MEASURED, timeout=60).status_code == 200
