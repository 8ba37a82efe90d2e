"""The steps from a staged model or service to its Bento, each in a process of its own, in their order."""

from collections.abc import Callable

from registry.errors import ExportError
from services.packaging.children import Child
from services.packaging.job import Built, Choice, Described, Job

Progress = Callable[[str], None]


def build(job: Job, progress: Progress) -> Built:
    """Build what was staged; ExportError with one line when that can't be done."""
    if job.kind == "service":
        progress("Loading it and building the Bento")
        with Child("build_service", job) as building:
            return Built.model_validate_json(building.result())
    described = _describe(job, progress)
    with Child("build_model", job) as building:
        choice = _compile(job, described, progress) if job.compile else _as_it_is(described)
        job.answer("compile_model").write_text(choice.model_dump_json())
        progress("Building the Bento")
        return Built.model_validate_json(building.result())


def _describe(job: Job, progress: Progress) -> Described:
    progress("Loading the model")
    with Child("describe_model", job) as describing:
        return Described.model_validate_json(describing.result())


def _compile(job: Job, described: Described, progress: Progress) -> Choice:
    """The choice that was made; whatever becomes of the converter, the model's own framework can serve."""
    progress("Compiling it")
    with Child("compile_model", job) as compiling:
        try:
            return Choice.model_validate_json(compiling.result())
        except ExportError as error:
            return _as_it_is(described, error.message)


def _as_it_is(described: Described, reason: str | None = None) -> Choice:
    """The model's own framework."""
    return Choice(runtime=described.framework, timings={described.framework: described.timings}, reason=reason)
