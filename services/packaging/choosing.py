"""Which runtime is to serve a model: its own framework, or what it compiles to, whichever is proved and faster."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.inference.compilation import NotCompiled
from services.inference.compilation.compile import FILES, compile_model, compile_tree
from services.inference.describing import Description
from services.inference.runtimes import Runtime
from services.packaging.job import Choice, Timings
from services.packaging.timing import fastest, time_calls

Decide = Callable[[Mapping[str, Timings]], str]


def choose(
    framework: str,
    model: Any,
    original: Runtime,
    description: Description,
    folder_of: Callable[[str], Path],
    decide: Decide = fastest,
) -> Choice:
    """Compile the model into the folder of each runtime, prove the results, time all of them and `decide` by their times."""
    for runtime in FILES:
        folder_of(runtime).mkdir(parents=True)
    given = framework, model, original, description
    try:
        compiled = {"onnx": compile_model(*given, folder_of("onnx"))}
    except NotCompiled as reason:
        return Choice(
            runtime=framework, timings={framework: time_calls(original, description.calls)}, reason=str(reason)
        )
    if tree := compile_tree(*given, folder_of("tree")):
        compiled["tree"] = tree
    runtimes = {framework: original} | {name: form.runtime for name, form in compiled.items()}
    timings = {name: time_calls(runtime, description.calls) for name, runtime in runtimes.items()}
    chosen = decide(timings)
    proof = compiled[chosen if chosen in compiled else "onnx"].proof
    slower = None if chosen in compiled else "the compiled model is slower"
    return Choice(runtime=chosen, timings=timings, proof=asdict(proof), reason=slower)
