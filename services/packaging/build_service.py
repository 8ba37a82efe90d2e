"""Child process of `export`: builds the Bento of a hand-written service from its folder and its bentofile.yaml."""

from pathlib import Path
from typing import Any

import yaml

from registry.errors import ExportError
from services.packaging.job import Built, Job, run
from services.packaging.requirements import BASE, POSTGRES, pinned
from services.packaging.source import stage_packages


def build(job: Job) -> Built:
    """Build it; its methods' schemas become the signature."""
    import bentoml

    from services.guarded import GuardedService
    from services.inference.typed import describe_routes, load_service

    context = job.folder / "model"
    _complete(context / "bentofile.yaml")
    stage_packages(context)
    try:
        bento = bentoml.bentos.build_bentofile(
            str(context / "bentofile.yaml"), name=job.endpoint, version=job.bento_version, build_ctx=str(context)
        )
    except (bentoml.exceptions.BentoMLException, ImportError, ValueError) as error:
        raise ExportError(f"BentoML could not build the service: {str(error).splitlines()[0]}") from None
    service = load_service(job.bento)
    if not isinstance(service, GuardedService):
        raise ExportError("the service has no guard: write @bentoml.service(service_class=GuardedService)")
    routes = describe_routes(service)
    if not routes:
        raise ExportError("the service has no method that takes JSON and answers once")
    return Built(
        signature={"routes": routes},
        runtime="service",
        framework="bentoml",
        size_bytes=sum(_size(str(model.tag)) for model in bento.info.all_models),
        import_path=str(bento.info.service),
        models=[str(model.tag) for model in bento.info.all_models],
    )


def _complete(path: Path) -> None:
    """Add the platform's packages and what they need to the staged bentofile."""
    try:
        written: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ExportError(f"bentofile.yaml is no YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(written, dict) or "service" not in written:
        raise ExportError("bentofile.yaml names no `service`")
    written["include"] = [*written.get("include", ["*.py"]), "services/**", "registry/**"]
    python = written.setdefault("python", {})
    named = {str(name).split("=")[0].split("[")[0].split("<")[0].split(">")[0] for name in python.get("packages", [])}
    python["packages"] = [*python.get("packages", []), *pinned(n for n in (*BASE, *POSTGRES) if n not in named)]
    python.setdefault("lock_packages", False)
    path.write_text(yaml.safe_dump(written))


def _size(tag: str) -> int:
    import bentoml

    return sum(file.stat().st_size for file in Path(bentoml.models.get(tag).path).rglob("*") if file.is_file())


if __name__ == "__main__":
    run(build)
