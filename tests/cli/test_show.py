"""`show` says which runtime serves a model, what was proved of it, and how fast each candidate was."""

from typing import Any

from registry import database
from registry.catalog import Endpoint, Model
from tests.cli.terminal import Command

PROOF = {"rows": 447, "labels_equal": True, "max_difference": 2.4e-8, "tolerance": 1e-5, "precision": "float32"}
TIMINGS = {"sklearn": {"1": 0.003, "8": 0.004}, "onnx": {"1": 2.15e-05, "8": 4e-05, "64": 0.0002}}


def reported(endpoint: Endpoint, **report: Any) -> None:
    """Write an export's report into the registry."""
    with database.session() as session:
        model = session.get(Model, endpoint.model_id)
        assert model is not None
        model.report = {**model.report, **report}
        session.add(model)


def test_what_a_compiled_model_was_proved_by(modelport: Command, churn: Endpoint) -> None:
    reported(churn, proof=PROOF, timings=TIMINGS, reason=None)
    shown = modelport("show", "churn").out.splitlines()
    (proof,) = [line for line in shown if line.startswith("proof")]
    assert proof.split(maxsplit=1)[1] == "447 rows, the same labels, numbers within 2e-08 (allowed 1e-05), in float32"
    assert not any(line.startswith("not_compiled") for line in shown)
    start = shown.index("RUNTIME  1 ROW      8 ROWS   64 ROWS")
    assert shown[start + 1 : start + 3] == [
        "onnx     0.0215 ms  0.04 ms  0.2 ms",
        "sklearn  3 ms       4 ms     -",
    ]
    assert modelport("show", "churn", "-o", "json").json()["report"]["proof"] == PROOF


def test_why_a_model_is_not_served_compiled(modelport: Command, churn: Endpoint) -> None:
    reported(churn, proof=None, timings={"sklearn": {"1": 0.003}}, reason="there is no converter")
    assert "not_compiled    there is no converter\n" in modelport("show", "churn").out


def test_an_endpoint_that_was_never_timed(modelport: Command, churn: Endpoint) -> None:
    assert "RUNTIME  " not in modelport("show", "churn").out
