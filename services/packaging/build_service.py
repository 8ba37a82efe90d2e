"""Child process of `export`: builds the Bento of a hand-written service from its folder and its bentofile.yaml."""

import re
from pathlib import Path
from typing import Any

import yaml

from registry.errors import ExportError, InvalidInput
from services.packaging.job import Built, Job
from services.packaging.requirements import BASE, IMAGES, POSTGRES, RUNTIMES, pinned
from services.packaging.source import stage_packages
from services.packaging.written import canonical_limit

_BY_PATH = "If you are importing by python module path: '"


def prepare(job: Job) -> None:
    """Nothing can be done before the service is there to be imported."""


def work(job: Job) -> Built:
    """Build it; its methods' schemas become the signature."""
    import bentoml

    from services.inference.typed import describe_routes, load_service

    context = job.folder / "model"
    _complete(context / "bentofile.yaml")
    stage_packages(context)
    try:
        bento = bentoml.bentos.build_bentofile(
            str(context / "bentofile.yaml"), name=job.endpoint, version=job.bento_version, build_ctx=str(context)
        )
        service = load_service(job.bento)
    except ExportError:
        raise
    except Exception as error:  # importing the service runs its code
        raise ExportError(f"the service can't be built: {_line(error)}") from None
    if not hasattr(service, "own_handlers"):
        raise ExportError("the service has no guard: write @bentoml.service(service_class=GuardedService)")
    _served(bento, context / "bentofile.yaml")
    routes = describe_routes(service)
    if not routes:
        raise ExportError("the service has no method that takes JSON or images and answers once")
    return Built(
        signature={"routes": routes},
        runtime="service",
        framework="bentoml",
        size_bytes=sum(_size(str(model.tag)) for model in bento.info.all_models),
        import_path=str(bento.info.service),
        rate_limit=_limit(service),
        models=[str(model.tag) for model in bento.info.all_models],
    )


def _served(bento: Any, path: Path) -> None:
    """ExportError when the Bento lacks what its stored models (see `save_model`) are served by."""
    import bentoml

    listed = {_canonical(str(package)) for package in _part(_read(path), "python", dict)["packages"]}
    for model in bento.info.all_models:
        runtime = bentoml.models.get(model.tag).info.metadata.get("runtime")
        missing = [name for name in RUNTIMES.get(str(runtime), ()) if name not in listed]
        if missing:
            raise ExportError(
                f"bentofile.yaml lacks what the model {model.tag} is served by: add {', '.join(missing)} to `packages`"
            )


def _limit(service: Any) -> str | None:
    """The class attribute `rate_limit`; ExportError when it is no limit."""
    try:
        return canonical_limit(getattr(service.inner, "rate_limit", None))
    except InvalidInput as error:
        raise ExportError(f"the service's `rate_limit`: {error.message}") from None


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        if line.startswith(_BY_PATH):  # BentoML took the module for a tag as well, and says both
            return line.removeprefix(_BY_PATH).removesuffix("'.")[:300]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _complete(path: Path) -> None:
    """Add the platform's packages and what they need to the staged bentofile."""
    written = _read(path)
    python = _part(written, "python", dict) or {}
    packages = _part(python, "packages", list) or []
    named = {_canonical(str(package)) for package in packages}
    missing = pinned(name for name in (*BASE, *POSTGRES, *IMAGES) if _canonical(name) not in named)
    written["include"] = [*(_part(written, "include", list) or ["*.py"]), "services/**", "registry/**"]
    written["python"] = {"lock_packages": False, **python, "packages": [*packages, *missing]}
    path.write_text(yaml.safe_dump(written))


def _read(path: Path) -> dict[str, Any]:
    try:
        written = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}: {getattr(error, 'problem', '')})" if mark else ""
        raise ExportError(f"bentofile.yaml is no YAML{where}") from None
    if not isinstance(written, dict) or not isinstance(written.get("service"), str):
        raise ExportError('bentofile.yaml names no `service`: write service: "service:Name"')
    return written


def _part(written: dict[str, Any], name: str, kind: type) -> Any:
    found = written.get(name)
    if found is not None and not isinstance(found, kind):
        raise ExportError(f"bentofile.yaml: `{name}` must be a {'list' if kind is list else 'mapping'}")
    return found


def _canonical(requirement: str) -> str:
    """The distribution that a requirement line names, as the package index compares names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]).lower()


def _size(tag: str) -> int:
    import bentoml

    return sum(file.stat().st_size for file in Path(bentoml.models.get(tag).path).rglob("*") if file.is_file())
