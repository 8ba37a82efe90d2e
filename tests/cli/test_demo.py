"""`modelport demo all`: every worked system is trained, exported and called once, and stays to be served."""

import socket
from pathlib import Path

import pytest

from tests.services.exporting.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CALLS = {
    "traffic_classifier": ("POST /traffic/classify", "classification"),
    "traffic_forecaster": ("POST /traffic/forecast", "steps"),
    "resource_optimizer": ("POST /traffic/optimize", "allocations"),
    "game_classifier": ("POST /predict/image", "category"),
}


def test_all_of_them_in_one_go(tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shown = place.run("demo", "all", "--port", port, patience=550)
    assert shown.code == 0, shown.err
    for name, (call, field) in CALLS.items():
        assert f"{name}: answered" in shown.err
        row = next(line for line in shown.out.splitlines() if call in line)
        assert row.split()[0] == name
        assert f'"{field}": ' in shown.out
    assert [row["endpoint"] for row in place.run("list", "-o", "json").json()] == sorted(CALLS)


def test_the_port_is_asked_for_before_anything_is_trained(tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = place.run("demo", "images", "--port", taken.getsockname()[1])
    assert (refused.code, refused.out) == (1, "")
    assert "can't listen on" in refused.err
