"""What `train.py` saves comes back with the same answers, compiled where that is proved, verified before it is loaded."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from registry.errors import ExportError
from services.inference.runtimes.sklearn import SklearnRuntime
from services.inference.stored import load_model
from services.packaging.save_model import Saved, save_model

ROWS = pd.DataFrame({"width": np.linspace(0, 9, 100), "height": np.linspace(5, -5, 100) ** 2})
KINDS = np.where(ROWS["width"] + ROWS["height"] > 9, "large", "small")


def saved(model: Any, **keywords: Any) -> Saved:
    return save_model("shapes", model, ROWS, framework="sklearn", **keywords)


def test_a_saved_model_answers_as_the_original_does() -> None:
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(ROWS, KINDS)
    told: list[str] = []
    done = saved(tree, metadata={"accuracy": 0.9}, report=told.append)
    model = load_model(done.tag)
    rows = [tuple(row) for row in ROWS.to_numpy().tolist()]
    chances = [prediction["probabilities"] for prediction in model.predict(rows)]
    assert np.allclose([[row["large"], row["small"]] for row in chances], tree.predict_proba(ROWS))
    assert asyncio.run(model(rows)) == model.predict(rows)
    assert (model.name, model.metadata["accuracy"]) == ("shapes", 0.9)
    assert done.tag == f"shapes:{model.version}"
    assert told == [f"saved {done}"] and f"compiled ({done.choice.runtime}) and proved" in told[0]


def test_what_cannot_be_compiled_is_served_by_its_own_framework() -> None:
    model = make_pipeline(FunctionTransformer(np.sort), LinearRegression()).fit(ROWS, ROWS["width"])
    done = saved(model)
    assert isinstance(load_model(done.tag).runtime, SklearnRuntime)
    assert str(done) == f"{done.tag}, served by sklearn: {done.choice.reason}"


def test_what_is_compiled_and_proved_serves_though_it_is_slower_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def timed(runtime: Any, rows: Any) -> dict[str, float]:
        return {"1": 1e-6 if isinstance(runtime, SklearnRuntime) else 1e-3}

    monkeypatch.setattr("services.packaging.choosing.time_calls", timed)
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(ROWS, KINDS)
    assert saved(tree).choice.runtime == "sklearn"
    assert saved(tree, must_be_faster=False).choice.runtime in ("onnx", "tree")


def test_the_example_is_predicted_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    done, asked = saved(LinearRegression().fit(ROWS, ROWS["width"])), list[Any]()
    runtime = sys.modules["services.inference.runtimes.onnx"].OnnxRuntime
    predict = runtime.predict

    def note(self: Any, rows: Any) -> Any:
        asked.extend(rows)
        return predict(self, rows)

    monkeypatch.setattr(runtime, "predict", note)
    model = load_model(done.tag)
    assert [dict(zip(ROWS, row, strict=True)) for row in asked] == [model.signature.example]


def test_a_stored_file_that_was_changed_is_not_loaded() -> None:
    done = saved(LinearRegression().fit(ROWS, ROWS["width"]))
    stored = bentoml.models.get(done.tag)
    Path(stored.path, str(stored.info.metadata["file"])).write_bytes(b"another model")
    with pytest.raises(ExportError, match="was changed"):
        load_model(done.tag)


def test_a_model_that_was_saved_otherwise_is_refused_in_one_line() -> None:
    tag = bentoml.sklearn.save_model("otherwise", LinearRegression()).tag
    with pytest.raises(ExportError, match=rf"^the model {tag} was not saved by save_model: train it again$"):
        load_model(tag)
