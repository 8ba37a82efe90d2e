"""Child process of `export`: sends the sample through the built Bento's own app, all layers included, without a port.

A registry made for the purpose holds the endpoint and one key, so that even the credentials take the real way. Nothing
is exported whose served answers differ from the original model's.
"""

import asyncio
import math
from importlib import import_module
from typing import Any

from registry.errors import ExportError
from services.packaging.job import Built, Job, Replayed

_TOLERANCE = 1e-5  # relative: a float32 model's batches of different sizes differ in the last bits
_SLOW = {"sklearn": ("sklearn.ensemble", "sklearn.pipeline", "pandas"), "keras": ("keras", "tensorflow")}


def prepare(job: Job) -> None:
    """While the Bento is being built: import what will take seconds, and make the registry."""
    from registry.database import upgrade

    for module in ("bentoml", "_bentoml_impl.server.app", "services.guarded", *_SLOW.get(job.framework, ())):
        import_module(module)
    upgrade()


def work(job: Job) -> Replayed:
    """How many answers were right; ExportError unless every row is answered as the original model answers it."""
    built = job.built()
    return Replayed(answers=asyncio.run(_replay(job, built, _register(job, built))))


def _register(job: Job, built: Built) -> str:
    """Write the endpoint and a key for it into a fresh registry."""
    from registry.accounts import add_key, local_user
    from registry.catalog import Model, add_model, put_endpoint, set_limit
    from registry.database import session
    from registry.settings import settings
    from services.security.api_keys import mint

    key = mint("test", settings().pepper_bytes())
    with session() as opened:
        model = add_model(opened, _model(Model, job, built), actor="export")
        path = built.signature["routes"][0]["path"] if built.import_path else f"/api/predict/{job.endpoint}"
        endpoint = put_endpoint(
            opened,
            name=job.endpoint,
            path=path,
            model=model,
            bento=job.bento,
            import_path=built.import_path,
            actor="export",
        )
        set_limit(opened, endpoint, "1000000/minute", actor="export")
        user = local_user(opened)
        add_key(
            opened,
            key_id=key.key_id,
            key_hash=key.key_hash,
            user=user,
            endpoint=endpoint,
            name="replay",
            actor="export",
        )
    return key.text


def _model(model: Any, job: Job, built: Built) -> Any:
    return model(
        name=job.endpoint,
        version=int(job.model_version),
        framework=built.framework,
        sha256="",
        source_sha256="",
        tag=job.bento,
        runtime=built.runtime,
        signature=built.signature,
        size_bytes=built.size_bytes,
    )


async def _replay(job: Job, built: Built, key: str) -> int:
    import bentoml

    from services.packaging.in_process import running

    service: Any = bentoml.load(job.bento)
    async with running(service.to_asgi()) as client:
        client.headers["X-API-Key"] = key
        if built.import_path:
            for route in built.signature["routes"]:
                _ok(await client.post(route["path"], json=route["example"]))
            return len(built.signature["routes"])
        answer = _ok(await client.post(f"/api/predict/{job.endpoint}", json={"instances": _rows(built)}))
        compare(answer["predictions"], built.expected)
        return len(built.expected)


def _rows(built: Built) -> list[Any]:
    """Positional rows as a client would send them: a model with one tensor input takes the tensor itself."""
    inputs = built.signature["inputs"]
    return [row[0] if len(inputs) == 1 and inputs[0]["shape"] else row for row in built.rows]


def _ok(response: Any) -> Any:
    if response.status_code != 200:
        try:
            reason = response.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            reason = f"status {response.status_code}"
        raise ExportError(f"the built Bento does not answer its own sample: {reason}")
    return response.json()


def compare(served: Any, expected: Any) -> None:
    """ExportError naming the first row whose served prediction isn't the original model's."""
    if len(served) != len(expected):
        raise ExportError(f"the built Bento answers {len(served)} predictions for {len(expected)} rows")
    for index, (got, wanted) in enumerate(zip(served, expected, strict=True)):
        if not same(got, wanted):
            raise ExportError(f"the built Bento answers row {index} of the sample differently from the original model")


def same(got: Any, wanted: Any) -> bool:
    """Equal, but for floats within the tolerance."""
    if isinstance(wanted, dict):
        return (
            isinstance(got, dict) and got.keys() == wanted.keys() and all(same(got[key], wanted[key]) for key in wanted)
        )
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, float) and isinstance(got, int | float):
        return math.isclose(got, wanted, rel_tol=_TOLERANCE, abs_tol=1e-7)
    return type(got) is type(wanted) and got == wanted
