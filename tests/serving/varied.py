"""One endpoint of each kind, as small as can be: columns with gaps and categories, a tensor, a hand-written service."""

import joblib
import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.services.exporting.test_service import write
from tests.serving.conftest import Store

PATHS = {"/api/predict/churn", "/api/predict/ink", "/quotes/ask"}

SERVICE = """
from typing import Literal

import bentoml
from pydantic import BaseModel, ConfigDict, Field
from services.guarded import GuardedService

class Order(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    units: int = Field(ge=1, le=1000, examples=[3])
    plan: Literal["free", "pro"] = Field(examples=["pro"])
    discount: float | None = Field(None, ge=0, le=1, examples=[0.1])
    notes: list[str] = Field([], max_length=3, examples=[["soon"]])

class Quote(BaseModel):
    total: float
    plan: Literal["free", "pro"]

@bentoml.service(service_class=GuardedService)
class Quotes:
    @bentoml.api(route="/quotes/ask")
    def ask(self, order: Order, /) -> Quote:
        "What an order costs."
        return Quote(total=order.units * (0.0 if order.plan == "free" else 9.5) * (1 - (order.discount or 0)), plan=order.plan)
"""
BENTOFILE = 'service: "service:Quotes"\ninclude: ["service.py"]\npython:\n  packages: ["pydantic>=2"]\n'


def export_all(store: Store) -> None:
    """Export them into a home."""
    churn(store)
    tensor(store)
    store.modelport("export", str(write(store.folder / "quotes", SERVICE, BENTOFILE)))


def churn(store: Store) -> None:
    """A Pipeline over named columns: whole numbers, floats that may be missing, categories."""
    draw = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "age": draw.integers(18, 80, 200),
            "income": np.where(draw.random(200) < 0.2, np.nan, draw.lognormal(10, 0.5, 200)),
            "plan": draw.choice(["free", "pro", "team"], 200),
        }
    )
    columns = make_column_transformer(
        (SimpleImputer(), ["age", "income"]), (OneHotEncoder(handle_unknown="error"), ["plan"])
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000))
    joblib.dump(model.fit(data, np.where(data["age"] > 50, "leaves", "stays")), store.folder / "churn.joblib")
    data.head(50).to_csv(store.folder / "churn.csv", index=False)
    sample = ("--sample", str(store.folder / "churn.csv"))
    store.modelport("export", str(store.folder / "churn.joblib"), "--allow-pickle", "--no-compile", *sample)


def tensor(store: Store) -> None:
    """A graph that halves a tensor: whatever float32 it takes, the answer is one too."""
    shape = [None, 2, 3]
    takes, gives = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    half = helper.make_node("Constant", [], ["half"], value_float=0.5)
    nodes = [half, helper.make_node("Mul", ["x", "half"], ["y"])]
    opsets = [helper.make_opsetid("", 21)]
    graph = helper.make_model(helper.make_graph(nodes, "ink", [takes], [gives]), opset_imports=opsets, ir_version=10)
    onnx.save(graph, store.folder / "ink.onnx")
    store.modelport("export", str(store.folder / "ink.onnx"))
