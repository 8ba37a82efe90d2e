"""Child process of `export`: stores what is to serve a model, the compiled one or the file itself, and builds its Bento."""

from registry.errors import ExportError
from services.inference.signature import Signature
from services.packaging.job import Built, Choice, Job
from services.packaging.model_store import put
from services.packaging.requirements import IMAGES, requirements
from services.packaging.source import stage_packages


def prepare(job: Job) -> None:
    """While the model is being loaded and compiled: copy the platform's packages, and import what builds."""
    import bentoml  # noqa: F401

    stage_packages(job.folder / "context")


def work(job: Job) -> Built:
    """The whole build, into the BentoML home of this export."""
    described, choice = job.described(), job.choice()
    served = job.path if choice.runtime == described.framework else next(job.compiled(choice.runtime).iterdir())
    put(job.bento, served, described.signature, described.framework, choice, {"endpoint": job.endpoint})
    packages = described.packages if choice.runtime == described.framework else []
    if Signature.model_validate(described.signature).image is not None:
        packages = [*packages, *IMAGES]
    _build_bento(job, requirements(choice.runtime, served.suffix, packages))
    return Built(
        signature=described.signature,
        runtime=choice.runtime,
        framework=described.framework,
        size_bytes=sum(path.stat().st_size for path in served.parent.rglob("*") if path.is_file()),
        models=[job.bento],
        choice=choice,
        rows=described.rows,
        expected=described.expected,
        remarks=described.remarks + _remarks(job, choice),
    )


def _remarks(job: Job, choice: Choice) -> list[str]:
    return [f"served by {choice.runtime}, not compiled: {choice.reason}"] if job.compile and choice.reason else []


def _build_bento(job: Job, packages: list[str]) -> None:
    import bentoml

    try:
        bentoml.bentos.build(
            "services.endpoint:service",
            name=job.endpoint,
            version=job.bento_version,
            build_ctx=str(job.folder / "context"),
            include=["services/**", "registry/**"],
            labels={"endpoint": job.endpoint},
            python={"packages": packages, "lock_packages": False},
            args={"endpoint": job.endpoint, "model": job.bento, "version": job.model_version},
        )
    except bentoml.exceptions.BentoMLException as error:
        raise ExportError(f"BentoML could not build the Bento: {str(error).splitlines()[0]}") from None
