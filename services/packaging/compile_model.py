"""Child process of `export`: compiles a model, proves the result, times the runtimes and chooses one.

A process of its own, for a converter may crash or hang; the original runtime serves then, and the export goes on.
"""

from dataclasses import asdict

from services.inference.compilation import NotCompiled
from services.inference.compilation.compile import FILES, compile_model, compile_tree
from services.packaging.job import Choice, Job
from services.packaging.loading import describe_model, load_model
from services.packaging.timing import fastest, time_calls


def prepare(job: Job) -> None:
    """Nothing: it starts when the model has been described."""


def work(job: Job) -> Choice:
    """The choice between the model's own framework and what it was compiled to."""
    framework = job.described().framework
    model, _ = load_model(job)
    description, original = describe_model(job, framework, model)
    for runtime in FILES:
        job.compiled(runtime).mkdir(parents=True)
    given = framework, model, original, description
    try:
        compiled = {"onnx": compile_model(*given, job.compiled("onnx"))}
    except NotCompiled as reason:
        return Choice(
            runtime=framework, timings={framework: time_calls(original, description.calls)}, reason=str(reason)
        )
    if tree := compile_tree(*given, job.compiled("tree")):
        compiled["tree"] = tree
    runtimes = {framework: original} | {name: form.runtime for name, form in compiled.items()}
    timings = {name: time_calls(runtime, description.calls) for name, runtime in runtimes.items()}
    chosen = fastest(timings)
    proof = compiled[chosen if chosen in compiled else "onnx"].proof
    slower = None if chosen in compiled else "the compiled model is slower"
    return Choice(runtime=chosen, timings=timings, proof=asdict(proof), reason=slower)
