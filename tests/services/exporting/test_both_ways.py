"""The direct path and BentoML's own route give the same answers, refuse the same bodies, and are counted alike."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.exporting.conftest import Shop
from tests.services.exporting.place import Place
from tests.services.exporting.test_service import write

pytestmark = pytest.mark.slow

ASK = Path(__file__).with_name("ask.py")
ROW = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}
ROOT = str(Path(__file__).parents[3])

GOOD = [ROW, {"instances": [ROW, list(ROW.values())]}, {"features": list(ROW.values())}]
BAD: list[Any] = [
    *(
        {},
        [],
        list(ROW.values()),
        None,
        1,
        "text",
        {"instances": []},
        {"instances": 3},
        {"instances": [[]]},
        {"features": [1]},
    ),
    *(ROW | {"petal width (cm)": wrong} for wrong in ("0.2", None, True, [0.2], {"a": 1})),
    *(ROW | {"colour": "red"}, {"instances": [ROW, {}]}, {name: ROW[name] for name in list(ROW)[:3]}),
]
RAW = ["", "{", "nonsense", '{"a": NaN}', '{"features": [1, 2, 3, 1e999]}', "\ud800".encode("utf-8", "ignore").decode()]


def both_ways(place: Place, bento: str, key: str, path: str, bodies: list[str]) -> list[list[Any]]:
    """The answers and the counts of each way."""
    found = []
    for way in ("direct", "bentoml"):
        command = [sys.executable, str(ASK), bento, key, way, path]
        metrics = place.folder / f"metrics-{way}"
        metrics.mkdir()
        environment = place.environment | {"PYTHONPATH": ROOT, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        done = subprocess.run(
            command, env=environment, cwd=place.folder, input=json.dumps(bodies), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def assert_alike(direct: list[Any], foreign: list[Any], unread: int) -> None:
    """Both ways agree; in the last `unread` bodies, which BentoML could not read as JSON, but for the wording."""
    (ours, counted), (theirs, counted_there) = direct, foreign
    assert ours[:-unread] == theirs[:-unread] and counted == counted_there
    codes = [[(status, said["error"]["code"]) for status, said in answers[-unread:]] for answers in (ours, theirs)]
    assert codes[0] == codes[1]


@pytest.fixture
def iris(shop: Shop, tmp_path: Path) -> Place:
    """The shop's machine, without its narrow limit."""
    copied = shop.copy(tmp_path / "shop")
    assert copied.place.run("export", copied.model, "--rate-limit", "1000/minute", "--allow-pickle").code == 0
    return copied.place


def test_a_model_answers_alike(shop: Shop, iris: Place) -> None:
    bodies = [*(json.dumps(body) for body in GOOD + BAD), *RAW]
    key = iris.run("keys", "create", "-o", "json").json()["api_key"]  # one that may read the metrics
    direct, foreign = both_ways(iris, str(shop.said["bento"]), key, "/api/predict/iris", bodies)
    assert_alike(direct, foreign, unread=len(RAW))
    answers, counted = direct
    assert [status for status, _ in answers] == [200] * len(GOOD) + [400] * (len(bodies) - len(GOOD))
    assert len(counted) == 2 and all('endpoint="/api/predict/iris"' in line for line in counted)


@pytest.mark.slow
def test_a_typed_method_answers_alike(place: Place) -> None:
    said = place.run("export", write(place.folder / "adder"), "-o", "json").json()
    key = place.run("keys", "create", "-o", "json").json()["api_key"]
    bodies = [json.dumps(body) for body in ({"a": 1, "b": 2}, {"a": 1.5, "b": -1.5}, {}, {"a": 1}, {"a": "x", "b": 1})]
    direct, foreign = both_ways(place, said["bento"], key, "/sums/add", [*bodies, "[]", "", "{"])
    assert [status for status, _ in direct[0]] == [200, 200] + [400] * 6
    assert_alike(direct, foreign, unread=3)
