"""Compiles a model and proves it: no compiled form without a proof.

To a graph, in float32 first, and in float64 where that isn't exact enough; a single decision tree to plain data too.
"""

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from registry.errors import ExportError
from services.inference.compilation import NotCompiled, OtherPrecision, Precision, convert
from services.inference.compilation.answers import answers
from services.inference.compilation.proof import Proof, compare, prove
from services.inference.compilation.rows import Splits, proof_rows
from services.inference.compilation.walk import walk_of
from services.inference.describing import Description
from services.inference.runtimes import Runtime, kind_of
from services.inference.runtimes.onnx import OnnxRuntime
from services.inference.runtimes.session import open_session
from services.inference.runtimes.tree import load_runtime as load_tree
from services.inference.signature import Signature

FILES = {"onnx": "model.onnx", "tree": "tree.json"}  # of a compiled model, by the runtime that serves it


@dataclass(frozen=True)
class Compiled:
    """A proved form of a model: where it is, how it was proved, and itself ready to predict."""

    path: Path
    proof: Proof
    runtime: Runtime


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
            path = folder / FILES["onnx"]
            path.write_bytes(graph)
            return Compiled(path, proof, runtime)
        refusals.append(f"compiled to {precision}, {proof.reason}")
    raise NotCompiled("; ".join(dict.fromkeys(refusals)))


def compile_tree(
    framework: str, model: Any, original: Runtime, description: Description, folder: Path
) -> Compiled | None:
    """Write `tree.json` into the folder if the model is a single decision tree that can be walked, and is proved."""
    signature, sample = description.signature, description.rows
    tree = walk_of(model, signature)
    if tree is None:
        return None
    path = folder / FILES["tree"]
    path.write_text(json.dumps(tree))
    runtime = load_tree(path, signature)
    rows = proof_rows(signature, sample, splits_of(framework, model, signature))
    proof = prove(original, runtime, rows, "float64", len(sample))
    return Compiled(path, proof, runtime) if proof.passed else None


def splits_of(framework: str, model: Any, signature: Signature) -> Splits:
    """Where the model's trees turn, column by column; nothing for a framework that has no trees."""
    name = f"services.inference.compilation.{kind_of(framework)}_splits"
    if find_spec(name) is None:
        return {}
    splits: Splits = import_module(name).splits(model, signature)
    return splits
