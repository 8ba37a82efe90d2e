"""A model is served compiled when that is proved and faster; else by its own framework, and the export says why."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.packaging import children
from tests.cli.terminal import Command
from tests.services.exporting.conftest import Shop
from tests.services.exporting.place import Place
from tests.services.exporting.samples import constant, in_step

pytestmark = pytest.mark.slow

FRAMEWORKS = ["sklearn", "pandas", "joblib", "scipy", "tensorflow", "keras", "onnx", "skl2onnx"]


def test_the_stores_hold_the_compiled_model_and_what_speaks_for_it(shop: Shop) -> None:
    folder = shop.place.stores / "models" / str(shop.said["bento"]).replace(":", "/")
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "model.yaml"}
    report = shop.place.run("show", "iris", "-o", "json").json()["report"]
    assert report["proof"]["passed"] and report["proof"]["rows"] > 15
    assert set(report["timings"]) == {"onnx", "sklearn"}
    assert set(report["timings"]["onnx"]) == {"1", "8", "64"}
    assert report["seconds_per_row"] == report["timings"]["onnx"]["1"]
    metadata = yaml.safe_load((folder / "model.yaml").read_text())["metadata"]
    assert (metadata["framework"], metadata["runtime"], metadata["proof"]) == ("sklearn", "onnx", report["proof"])
    assert set(metadata["files"]) == {"model.onnx"}


def test_who_serves_a_compiled_model_imports_no_framework(shop: Shop) -> None:
    row = {"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}
    assert served_by(shop.place, shop.said, row) == ["setosa", "onnxruntime"]


def served_by(place: Place, said: dict[str, Any], row: dict[str, float]) -> list[str]:
    """The label that a process of its own answers for the row, and which libraries of models it has imported."""
    script = f"""
import asyncio, bentoml, sys
from services.packaging.in_process import running
async def call():
    async with running(bentoml.load({said["bento"]!r}).to_asgi()) as client:
        return await client.post({said["url"]!r}, json={row!r}, headers={{"X-API-Key": {said["api_key"]!r}}})
answer = asyncio.run(call()).json()["predictions"][0]["label"]
print(answer, *[name for name in {["onnxruntime", *FRAMEWORKS]!r} if name in sys.modules])
"""
    return place.python("-c", script).split()


def test_a_single_tree_needs_no_library_at_all(place: Place) -> None:
    script = """
import joblib
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier
data = load_iris()
joblib.dump(DecisionTreeClassifier(random_state=0).fit(data.data, data.target_names[data.target]), "stump.joblib")
"""
    place.python("-c", script)
    said = place.run("export", "stump.joblib", "--allow-pickle", "-o", "json").json()
    report = place.run("show", "stump", "-o", "json").json()["report"]
    assert set(report["timings"]) == {"tree", "onnx", "sklearn"}
    assert (said["runtime"], report["proof"]["max_difference"]) == ("tree", 0)
    model, bento = (place.stores / kind / said["bento"].replace(":", os.sep) for kind in ("models", "bentos"))
    assert {path.name for path in model.iterdir()} == {"tree.json", "model.yaml"}
    assert "onnxruntime" not in (bento / "env/python/requirements.txt").read_text()
    row = {"x0": 5.1, "x1": 3.5, "x2": 1.4, "x3": 0.2}
    assert served_by(place, said, row) == ["setosa"]


def notes(err: str) -> list[str]:
    """What an export remarks."""
    return [line.removeprefix("Note: ") for line in err.splitlines() if line.startswith("Note: ")]


@pytest.mark.slow
def test_a_converter_that_crashes_takes_nothing_with_it(modelport: Command, tmp_path: Path) -> None:
    model = in_step("compile_model", "__import__('os').abort()", constant(tmp_path, 1.0))
    done = modelport("export", model, "--allow-pickle", "-o", "json")
    assert json.loads(done.out)["runtime"] == "sklearn"
    assert notes(done.err) == ["served by sklearn, not compiled: the conversion crashed its process (SIGABRT)"]


@pytest.mark.slow
def test_a_converter_that_hangs_is_given_up(
    modelport: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "COMPILE_TIMEOUT", 8)
    model = in_step("compile_model", "__import__('time').sleep(200)", constant(tmp_path, 1.0))
    done = modelport("export", model, "--allow-pickle", "-o", "json")
    assert json.loads(done.out)["runtime"] == "sklearn"
    assert notes(done.err) == ["served by sklearn, not compiled: the conversion took more than 8 s"]


@pytest.mark.slow
def test_what_a_converter_refuses_is_said_in_one_line(place: Place) -> None:
    fit = "KernelRidge().fit([[0], [1]], [0, 1])"
    script = f"import joblib; from sklearn.kernel_ridge import KernelRidge; joblib.dump({fit}, 'k.joblib')"
    place.python("-c", script)
    done = place.run("export", "k.joblib", "--allow-pickle", "-o", "json")
    assert done.json()["runtime"] == "sklearn"
    (note,) = notes(done.err)
    assert note.startswith("served by sklearn, not compiled: ")
    assert "KernelRidge" in note
    shown = place.run("show", "k").out
    assert f"not_compiled    {note.removeprefix('served by sklearn, not compiled: ')}" in shown


@pytest.mark.slow
def test_the_other_choice_makes_the_next_version(place: Place) -> None:
    model = constant(place.folder, 1.0)
    said = [
        place.run("export", model, "--allow-pickle", "-o", "json", *option).json()
        for option in ([], ["--no-compile"], ["--no-compile"], [])
    ]
    assert [(one["model"]["version"], one["runtime"]) for one in said] == [
        ("1", "onnx"), ("2", "sklearn"), ("2", "sklearn"), ("3", "onnx"),
    ]  # fmt: skip
    needed = place.stores / "bentos" / said[1]["bento"].replace(":", os.sep) / "env/python/requirements.txt"
    assert "scikit-learn==" in needed.read_text()
    assert "onnxruntime" not in needed.read_text()


@pytest.mark.slow
def test_an_onnx_file_is_served_as_it_is(place: Place) -> None:
    script = """
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from skl2onnx import to_onnx
data = load_iris()
model = LogisticRegression(max_iter=500).fit(data.data, data.target_names[data.target])
open("iris.onnx", "wb").write(to_onnx(model, data.data[:1].astype("f")).SerializeToString())
"""
    place.python("-W", "ignore", "-c", script)
    done = place.run("export", "iris.onnx", "-o", "json")
    said = done.json()
    assert (said["model"]["framework"], said["runtime"], notes(done.err)) == ("onnx", "onnx", [])
    assert said["signature"]["outputs"][0]["classes"] == ["setosa", "versicolor", "virginica"]
    assert place.run("export", "iris.onnx", "--no-compile", "-o", "json").json()["bento"] == said["bento"]
    (place.folder / "iris.onnx").write_bytes(b"not a graph")
    broken = place.run("export", "iris.onnx")
    assert (broken.code, broken.err.splitlines()[-1]) == (1, "modelport: iris.onnx: truncated, or not an ONNX model")
