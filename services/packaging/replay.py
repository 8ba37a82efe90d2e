"""Child process of `export`: sends the sample through the built Bento's own app, all layers included, without a port.

A registry made for the purpose holds the endpoint and one key, so that even the credentials take the real way. Nothing
is exported whose served answers differ from the original model's.
"""

import asyncio
import json
import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from registry.errors import ExportError
from services.inference.images import EXAMPLE, png_of
from services.inference.signature import Signature
from services.packaging.job import Built, Job, Replayed

_TOLERANCE = 1e-5  # relative: a float32 model's batches of different sizes differ in the last bits
_NEAR_ZERO = 1e-7
_SLOW = {"sklearn": ("sklearn.ensemble", "sklearn.pipeline", "pandas"), "keras": ("keras", "tensorflow")}


def prepare(job: Job) -> None:
    """While the Bento is being built: import what will take seconds, and make the registry."""
    from registry.database import upgrade

    slow = ("onnxruntime",) if job.compile else _SLOW.get(job.framework, ())
    for module in ("bentoml", "_bentoml_impl.server.app", "services.guarded", *slow):
        import_module(module)
    upgrade()


def work(job: Job) -> Replayed:
    """How many answers were right; ExportError unless every row is answered as the original model answers it."""
    built = job.built()
    return Replayed(answers=asyncio.run(_replay(job, built, _register(job, built))))


def _register(job: Job, built: Built) -> str:
    """Write the endpoint and a key for it into a fresh registry."""
    from registry.accounts import add_key, local_user
    from registry.catalog import set_limit
    from registry.database import session
    from registry.settings import settings
    from services.packaging.rows import put_built
    from services.security.api_keys import mint

    key = mint("test", settings().pepper_bytes())
    with session() as opened:
        endpoint = put_built(opened, job, built, digest="", source="", report={}, actor="export")
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


async def _replay(job: Job, built: Built, key: str) -> int:
    import bentoml

    from services.packaging.in_process import running

    service: Any = bentoml.load(job.bento)
    async with running(service.to_asgi()) as client:
        client.headers["X-API-Key"] = key
        if built.import_path:
            for route in built.signature["routes"]:
                _ok(await client.post(route["path"], **request_of(route)))
            return len(built.signature["routes"])
        if Signature.model_validate(built.signature).image is not None:
            compare(await _of_images(client, job, built), built.expected, *_allowance(built))
            return len(built.expected)
        answer = _ok(await client.post(f"/api/predict/{job.endpoint}", json={"instances": _rows(built)}))
        compare(answer["predictions"], built.expected, *_allowance(built))
        return len(built.expected)


def request_of(route: dict[str, Any]) -> dict[str, Any]:
    """The example of a service's method as httpx sends it: as JSON, or as a form with an image in every file's place."""
    if "files" not in route:
        return {"json": route["example"]}
    image = ("example.png", png_of(EXAMPLE), "image/png")
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in route["example"].items()}
    return {"data": texts, "files": [(name, image) for name in (*route["files"], *route["lists"])]}


async def _of_images(client: Any, job: Job, built: Built) -> list[Any]:
    """What is answered to each of the images, sent as a file."""
    answers = []
    for (pixels,) in built.rows:
        file = ("example.png", png_of(pixels), "image/png")
        answer = _ok(await client.post(f"/api/predict/{job.endpoint}", files={"file": file}))
        answers += answer["predictions"]
    return answers


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


def _allowance(built: Built) -> tuple[float, float]:
    """How far a number may be off, relative and absolute: for a compiled model what its proof allows.

    The proof measures by what the model's numbers usually are, for a sum that happens to end near zero has no more digits.
    """
    proof = built.choice.proof if built.choice is not None and built.runtime != built.framework else None
    if proof is None:
        return _TOLERANCE, _NEAR_ZERO
    found = [abs(number) for number in _floats(built.expected)]
    usual = sum(found) / len(found) if found else 0.0
    return proof["tolerance"], max(_NEAR_ZERO, proof["tolerance"] * usual)


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _floats(inner)


def compare(served: Any, expected: Any, relative: float = _TOLERANCE, absolute: float = _NEAR_ZERO) -> None:
    """ExportError naming the first row whose served prediction isn't the original model's."""
    if len(served) != len(expected):
        raise ExportError(f"the built Bento answers {len(served)} predictions for {len(expected)} rows")
    for index, (got, wanted) in enumerate(zip(served, expected, strict=True)):
        if not same(got, wanted, relative, absolute):
            raise ExportError(f"the built Bento answers row {index} of the sample differently from the original model")


def same(got: Any, wanted: Any, relative: float = _TOLERANCE, absolute: float = _NEAR_ZERO) -> bool:
    """Equal, but for floats within the tolerance."""
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or got.keys() != wanted.keys():
            return False
        return all(same(got[key], wanted[key], relative, absolute) for key in wanted)
    if isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            return False
        return all(same(one, other, relative, absolute) for one, other in zip(got, wanted, strict=True))
    if isinstance(wanted, float) and isinstance(got, int | float):
        return math.isclose(got, wanted, rel_tol=relative, abs_tol=absolute)
    return type(got) is type(wanted) and got == wanted
