"""Child process of `export`: compiles a model, proves the result, times both runtimes and chooses between them.

A process of its own, for a converter may crash or hang; the original runtime serves then, and the export goes on.
"""

from dataclasses import asdict

from services.inference.compilation import NotCompiled
from services.inference.compilation.compile import compile_model
from services.inference.runtimes import Runtime
from services.packaging.job import Choice, Job
from services.packaging.loading import describe_model, load_model
from services.packaging.timing import fastest, time_calls


def prepare(job: Job) -> None:
    """Nothing: it starts when the model has been described."""


def work(job: Job) -> Choice:
    """The choice between the model's own framework and ONNX Runtime."""
    framework = job.described().framework
    model, _ = load_model(job)
    description, original = describe_model(job, framework, model)
    job.compiled.parent.mkdir()
    try:
        compiled = compile_model(framework, model, original, description, job.compiled.parent)
    except NotCompiled as reason:
        return Choice(
            runtime=framework, timings={framework: time_calls(original, description.rows)}, reason=str(reason)
        )
    runtimes: dict[str, Runtime] = {framework: original, "onnx": compiled.runtime}
    timings = {name: time_calls(runtime, description.rows) for name, runtime in runtimes.items()}
    chosen = fastest(timings)
    slower = None if chosen == "onnx" else "the compiled model is slower"
    return Choice(runtime=chosen, timings=timings, proof=asdict(compiled.proof), reason=slower)
