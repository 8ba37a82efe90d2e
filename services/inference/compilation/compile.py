"""Compiles a model and proves it: float32 first, float64 where that isn't exact enough, and no graph without a proof."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from registry.errors import ExportError
from services.inference.compilation import NotCompiled, OtherPrecision, Precision, convert
from services.inference.compilation.answers import answers
from services.inference.compilation.proof import Proof, compare
from services.inference.compilation.rows import Splits, proof_rows
from services.inference.describing import Description
from services.inference.runtimes import Runtime, kind_of
from services.inference.runtimes.onnx import OnnxRuntime
from services.inference.runtimes.session import open_session
from services.inference.signature import Signature

FILE = "model.onnx"


@dataclass(frozen=True)
class Compiled:
    """A proved graph: where it is, how it was proved, and itself ready to predict."""

    path: Path
    proof: Proof
    runtime: OnnxRuntime


def compile_model(framework: str, model: Any, original: Runtime, description: Description, folder: Path) -> Compiled:
    """Write `model.onnx` into the folder; NotCompiled says in one line why there is none, and nothing is written then."""
    signature, sample = description.signature, description.rows
    rows = proof_rows(signature, sample, splits_of(framework, model, signature))
    wanted = answers(original, rows)
    refusals: list[str] = []
    for precision in get_args(Precision):
        try:
            graph = convert(framework, model, signature, precision)
            runtime = OnnxRuntime(open_session(graph), signature)
        except OtherPrecision:
            continue
        except (NotCompiled, ExportError) as error:
            refusals.append(str(error))
            continue
        proof = compare(wanted, runtime, rows, precision, len(sample))
        if proof.passed:
            path = folder / FILE
            path.write_bytes(graph)
            return Compiled(path, proof, runtime)
        refusals.append(f"compiled to {precision}, {proof.reason}")
    raise NotCompiled("; ".join(dict.fromkeys(refusals)))


def splits_of(framework: str, model: Any, signature: Signature) -> Splits:
    """Where the model's trees turn, column by column; nothing for a framework that has no trees."""
    name = f"services.inference.compilation.{kind_of(framework)}_splits"
    if find_spec(name) is None:
        return {}
    splits: Splits = import_module(name).splits(model, signature)
    return splits
