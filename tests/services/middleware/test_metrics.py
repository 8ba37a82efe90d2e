"""BentoML's metric families tell of every request, once, under its route."""

import re
from collections import Counter

from tests.services.middleware.conftest import Hub

ECHO = "/api/predict/echo"


def requests(hub: Hub) -> Counter[tuple[str, str]]:
    """How many requests there were by route and status, since this process began."""
    found: Counter[tuple[str, str]] = Counter()
    for line in hub.ask("GET", "/metrics").text.splitlines():
        if line.startswith("bentoml_service_request_total{"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            found[labels["endpoint"], labels["http_response_code"]] += int(float(line.rpartition(" ")[2]))
    return found


def test_each_request_counts_once_under_its_route(hub: Hub) -> None:
    number = hub.new_endpoint("churn").id
    before = requests(hub)
    for path in (ECHO, ECHO, "/api/predict/churn", f"/api/predict/{number}"):
        hub.ask("POST", path, json={})
    hub.predict(None)
    hub.ask("GET", "/health")

    assert requests(hub) - before == {
        (ECHO, "200"): 2,
        ("/api/predict/churn", "200"): 2,
        (ECHO, "401"): 1,
        ("/health", "200"): 1,
        ("/metrics", "200"): 1,
    }


def test_all_unknown_paths_share_one_label(hub: Hub) -> None:
    before = requests(hub)
    for number in range(20):
        hub.ask("GET", f"/scan/{number}.php")
        hub.ask("GET", f"/scan/{number}", key=None)
        hub.ask("POST", f"/api/predict/guess-{number}", json={})
    hub.ask("GET", "/docs/swagger/nothing.js")

    new = requests(hub) - before
    assert new["unmatched", "404"] == 40 and new["unmatched", "401"] == 20
    assert {route for route, _ in new} == {"unmatched", "/docs/swagger/*", "/metrics"}


def test_who_left_is_neither_counted_nor_in_progress(hub: Hub) -> None:
    before = requests(hub)
    hub.raw(ECHO, [])

    assert not {route for route, _ in requests(hub) - before} - {"/metrics"}
    text = hub.ask("GET", "/metrics").text
    in_progress = re.findall(r"^bentoml_service_request_in_progress\{.*\} (.*)$", text, re.MULTILINE)
    assert sum(map(float, in_progress)) == 1, "the scrape itself"


def test_durations_and_dropped_log_rows_are_there(hub: Hub) -> None:
    hub.predict()
    text = hub.ask("GET", "/metrics").text

    assert f'bentoml_service_request_duration_seconds_bucket{{endpoint="{ECHO}"' in text
    assert "modelport_log_dropped_total" in text
