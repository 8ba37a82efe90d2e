"""XGBoost and LightGBM models become endpoints: compiled, or with their library among what their Bento needs."""

import json
import os

import pytest

from tests.services.exporting.place import Place
from tests.services.exporting.test_compiling import notes

pytestmark = pytest.mark.slow

TRAIN = """
import joblib, lightgbm, numpy, xgboost
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
data = load_iris(as_frame=True)
frame, kinds = data.data, data.target
frame.iloc[::10].to_csv("rows.csv", index=False)
names = data.target_names[kinds]
"""
ASK = """
import asyncio, bentoml, json, sys
from services.packaging.in_process import running
async def call(bento, name, key, rows):
    async with running(bentoml.load(bento).to_asgi()) as client:
        body = {"instances": rows}
        return (await client.post(f"/api/predict/{name}", json=body, headers={"X-API-Key": key})).json()
print(json.dumps(asyncio.run(call(*json.loads(sys.argv[1])))["predictions"]))
print([name for name in ("xgboost", "lightgbm", "sklearn", "pandas") if name in sys.modules])
"""


def needed(place: Place, bento: str) -> set[str]:
    """The names of the packages that a Bento installs."""
    path = place.stores / "bentos" / bento.replace(":", os.sep) / "env/python/requirements.txt"
    return {line.partition("==")[0] for line in path.read_text().splitlines()}


@pytest.mark.parametrize(
    ("library", "model", "file"),
    [
        ("xgboost", "xgboost.XGBClassifier(n_estimators=3)", "flowers.joblib"),
        ("lightgbm", "lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)", "flowers.txt"),
    ],
)
def test_it_is_served_compiled_and_takes_null(place: Place, library: str, model: str, file: str) -> None:
    save = "joblib.dump(model, 'flowers.joblib')" if file.endswith("joblib") else f"model.booster_.save_model({file!r})"
    place.python("-W", "ignore", "-c", f"{TRAIN}\nmodel = {model}.fit(frame, kinds)\n{save}")
    said = place.run("export", file, "--allow-pickle", "--sample", "rows.csv", "-o", "json").json()
    assert (said["model"]["framework"], said["runtime"]) == (library, "onnx")
    assert said["signature"]["outputs"][0]["classes"] == [0, 1, 2]
    assert all(field["nullable"] for field in said["signature"]["inputs"])
    assert needed(place, said["bento"]).isdisjoint({"xgboost", "xgboost-cpu", "lightgbm", "scikit-learn", "pandas"})
    order = [said["bento"], "flowers", said["api_key"], [[5.1, 3.5, 1.4, 0.2], [None, 3.5, 1.4, None]]]
    answers, imported = place.python("-c", ASK, json.dumps(order)).splitlines()
    assert [answer["label"] for answer in json.loads(answers)] == [0, 0]
    assert imported == "[]"
    (row,) = place.run("list", "-o", "json").json()
    assert (row["framework"], row["runtime"]) == (library, "onnx")


def test_what_stays_uncompiled_brings_its_library(place: Place) -> None:
    place.python(
        "-W", "ignore", "-c",
        f"""{TRAIN}
pipeline = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=3, booster="dart"))
joblib.dump(pipeline.fit(frame, kinds), "dart.joblib")
members = [("one", lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)), ("other", xgboost.XGBClassifier(n_estimators=3))]
joblib.dump(VotingClassifier(members).fit(frame, names), "vote.joblib")
""",
    )  # fmt: skip
    done = place.run("export", "dart.joblib", "--allow-pickle", "-o", "json")
    said = done.json()
    assert (said["model"]["framework"], said["runtime"]) == ("xgboost", "xgboost")
    assert notes(done.err) == ["served by xgboost, not compiled: XGBoost's dart has no ONNX form here"]
    packages = needed(place, said["bento"])
    assert {"scikit-learn", "joblib", "pandas"} <= packages and packages & {"xgboost", "xgboost-cpu"}
    said = place.run("export", "vote.joblib", "--allow-pickle", "--no-compile", "-o", "json").json()
    assert (said["model"]["framework"], said["runtime"]) == ("sklearn", "sklearn")
    packages = needed(place, said["bento"])
    assert "lightgbm" in packages and packages & {"xgboost", "xgboost-cpu"}
