"""The pages, from results; and the committed pages are what the committed results say."""

import json
from pathlib import Path

import pytest

from benchmarks.profile_page import profile_page
from benchmarks.report import page
from benchmarks.results import read_all
from tests.benchmarks.rounds import one_round, rates, results

ROOT = Path(__file__).parent.parent.parent
COMMITTED = ROOT / "benchmarks" / "results"


def test_contenders_stand_by_speed_each_with_modelport_s_ratio_to_it() -> None:
    text = page({"tree": results(modelport=rates(4000), litserve=rates(500), floor=rates(5000))})
    rows = [line for line in text.splitlines() if "2.0 |" in line]
    assert [row.split(" | ")[0] for row in rows] == ["| the floor", "| **Modelport**", "| LitServe"]
    assert [row.split(" | ")[-1] for row in rows] == ["0.80 |", " |", "8.00 |"]
    assert "| LitServe | 500 (500–500) | 32.00 | 80.00 | 1800 (2000) | 128 | 256 | 2.0 | 8.00 |" in rows


def test_a_promise_says_what_was_measured_and_whether_it_is_kept() -> None:
    text = page({"tree": results(modelport=rates(4000), litserve=rates(500), floor=rates(8000))})
    assert "| Decision tree, 1 row: requests/s over LitServe | ≥ 6× | 8× | yes |" in text
    assert "| Decision tree, 1 row: requests/s over the floor | ≥ 0.75× | 0.5× | **no** |" in text
    assert "| Decision tree, 1 row: requests/s over MLServer | ≥ 6× | not measured |  |" in text


def test_a_peer_that_could_not_be_measured_is_named_with_the_reason() -> None:
    text = page({"tree": results(modelport=rates(4000), ray=[{"error": "NotInstalled: no wheel"}])})
    assert "- Ray Serve (Decision tree): NotInstalled: no wheel" in text
    assert "Not measured" not in page({"tree": results(modelport=[one_round(1)])})


def test_the_profile_gives_each_module_its_share_of_the_main_thread() -> None:
    found = {
        "date": "2026-11-22",
        "samples": {"services/request.py": 600, "event loop": 300, "services/tiny.py": 2, "uvicorn": 98},
        "purposes": {"services/request.py": "What is known of one request."},
        "main_seconds": 2.0,
        "other_seconds": 0.1,
        "process_seconds": 0.05,
        "requests": 10_000,
    }
    text = profile_page(found)
    assert "**200 µs**" in text
    assert "10 µs of its other threads and 5 µs of other" in text
    assert "| `services/request.py` | 120.0 | 60% | What is known of one request. |" in text
    assert "tiny" not in text


@pytest.mark.parametrize("name", ["benchmark", "profile"])
def test_the_committed_page_is_what_the_committed_results_say(name: str) -> None:
    results_file = COMMITTED / ("profile.json" if name == "profile" else "tree.json")
    assert results_file.exists()
    text = profile_page(json.loads(results_file.read_text())) if name == "profile" else page(read_all(COMMITTED))
    assert (ROOT / "docs" / f"{name}.md").read_text() == text
