"""Exports at the same time never mix: each Bento holds its own model, and the same name is taken in turn."""

from typing import Any

import pytest

from services.inference.runtimes.session import open_session
from tests.services.exporting.place import Place, finished
from tests.services.exporting.samples import constant


def intercept(place: Place, tag: str) -> float:
    """What the stored model of that tag answers to everything."""
    (file,) = (place.stores / "models" / tag.replace(":", "/")).glob("*.onnx")
    session = open_session(file)
    [answer] = session.run(None, {session.get_inputs()[0].name: [[0.0]]})
    return float(answer.item())


def at_once(place: Place, *orders: tuple[str, float]) -> list[dict[str, Any]]:
    """What exports say that were started together, each of a name and a model."""
    started = []
    for name, value in orders:
        folder = place.folder / f"{name}-{value}"
        folder.mkdir()
        file = constant(folder, value)
        started.append(place.start("export", file, "--name", name, "--allow-pickle", "-o", "json"))
    return [finished(process).json() for process in started]


@pytest.mark.slow
def test_two_names_at_once(place: Place) -> None:
    apples, pears = at_once(place, ("apples", 1.0), ("pears", 2.0))
    assert (apples["endpoint"], pears["endpoint"]) == ("apples", "pears")
    assert apples["api_key"] != pears["api_key"]
    assert (intercept(place, apples["bento"]), intercept(place, pears["bento"])) == (1.0, 2.0)
    for said in (apples, pears):
        described = (place.stores / "bentos" / said["bento"].replace(":", "/") / "bento.yaml").read_text()
        assert f"- tag: {said['bento']}\n" in described


@pytest.mark.slow
def test_one_name_at_once_is_two_versions(place: Place) -> None:
    said = at_once(place, ("churn", 1.0), ("churn", 2.0))
    assert sorted(one["model"]["version"] for one in said) == ["1", "2"]
    assert [one["api_key"] is None for one in said].count(True) == 1
    assert sorted(intercept(place, one["bento"]) for one in said) == [1.0, 2.0]
    (listed,) = place.run("list", "-o", "json").json()
    assert (listed["version"], listed["bento"]) == ("2", max(said, key=lambda one: one["model"]["version"])["bento"])


@pytest.mark.slow
def test_one_file_at_once_is_one_version(place: Place) -> None:
    first = place.start("export", constant(place.folder, 1.0), "--allow-pickle", "-o", "json")
    second = place.start("export", place.folder / "constant.joblib", "--allow-pickle", "-o", "json")
    said = [finished(first).json(), finished(second).json()]
    assert said[0]["bento"] == said[1]["bento"]
    assert [one["api_key"] is None for one in said].count(True) == 1
