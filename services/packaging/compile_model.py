"""Child process of `export`: compiles a model, proves the result, times the runtimes and chooses one.

A process of its own, for a converter may crash or hang; the original runtime serves then, and the export goes on.
"""

from services.packaging.choosing import choose
from services.packaging.job import Choice, Job
from services.packaging.loading import describe_model, load_model


def prepare(job: Job) -> None:
    """Nothing: it starts when the model has been described."""


def work(job: Job) -> Choice:
    """The choice between the model's own framework and what it was compiled to."""
    framework = job.described().framework
    model, _ = load_model(job)
    description, original = describe_model(job, framework, model)
    return choose(framework, model, original, description, job.compiled)
