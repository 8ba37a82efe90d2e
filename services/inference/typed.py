"""Hand-written BentoML services: their typed JSON methods as handlers, called in this process, no BentoML layers.

The same pydantic models validate, the same methods answer; only the way to them is shorter.
"""

import asyncio
import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bentoml
import httpx
from bentoml.exceptions import BentoMLException
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from registry.errors import ExportError, InvalidInput, ModelError, Unavailable
from services.inference.sample import first_line
from services.inference.servable import Handler
from services.invalid import explain

TypedService = Any  # bentoml.Service, generic over a class that we don't know


def typed_handlers(service: TypedService, instance: Any) -> Mapping[str, Handler]:
    """One handler for each of the service's methods that takes JSON and answers once, by its route."""
    return {api.route: _handler(api, instance) for api in service.apis.values() if takes_json(api)}


def takes_json(api: Any) -> bool:
    """Whether a method's input is JSON (no files, arrays from bytes) and its answer is no stream."""
    return not api.is_stream and not api.is_task and not api.batchable and not api.input_spec.multipart_fields


def _handler(api: Any, instance: Any) -> Handler:
    root = getattr(api.input_spec, "__root_input__", False)
    is_async = inspect.iscoroutinefunction(api.func)

    async def handle(body: bytes, request_id: str) -> bytes:
        arguments, keywords = _arguments(api.input_spec, root, body)
        try:
            if is_async:
                result = await api.func(instance, *arguments, **keywords)
            else:
                result = await asyncio.to_thread(api.func, instance, *arguments, **keywords)
        except BentoMLException as error:
            if error.error_code < 500:
                raise InvalidInput(str(error)) from None
            raise ModelError("The service could not answer this request.") from error
        except httpx.TransportError as error:
            raise Unavailable("A service that this one depends on does not answer at present.") from error
        return _answer(result)

    return handle


def _answer(result: Any) -> bytes:
    """The method's answer as JSON; ModelError when it holds NaN, which pydantic's models would write as `null`."""
    if not isinstance(result, BaseModel):
        answer, faithful = to_json(result), b""
    else:
        answer = result.model_dump_json(by_alias=True).encode()
        faithful = to_json(result.model_dump()) if b"null" in answer else b""
    if not (_is_strict(answer) and _is_strict(faithful)):
        raise ModelError("The service answered NaN or an infinite number for this input.")
    return answer


def _is_strict(body: bytes) -> bool:
    """False for JSON with NaN or Infinity in it, which pydantic reads and writes; other faults are left to pydantic."""
    if b"NaN" not in body and b"Infinity" not in body:
        return True
    try:
        from_json(body)
    except ValueError:
        return True
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _arguments(spec: Any, root: bool, body: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not _is_strict(body):
        raise InvalidInput("The body is not valid JSON: NaN and Infinity are no JSON numbers.")
    try:
        value = spec.model_validate_json(body)
    except ValidationError as error:
        raise explain(error) from None
    if root:
        return (getattr(value, "root", value),), {}
    return (), {name: getattr(value, name) for name in type(value).model_fields}


def load_service(bento_tag: str) -> TypedService:
    """The service class inside a built Bento, imported from the Bento's own source beside our packages."""
    bento = bentoml.bentos.get(bento_tag)
    module, _, name = (
        bento.entry_service.rpartition(":") if ":" in bento.entry_service else (bento.info.service, "", "")
    )
    import_path = bento.info.service if not name else f"{module}:{name}"
    return import_service(str(import_path), Path(bento.path_of("src")))


def import_service(import_path: str, source: Path) -> TypedService:
    """Import `module:Class` from a folder, then forget its modules, so that two folders may both have a `service.py`."""
    module_name, _, attribute = import_path.partition(":")
    before = set(sys.modules)
    sys.path.insert(0, str(source))
    try:
        service = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # its modules may raise anything while they are imported
        raise ExportError(f"the service {import_path} can't be imported: {first_line(error)}") from error
    finally:
        sys.path.remove(str(source))
        for name in set(sys.modules) - before:
            if _stands_in(sys.modules[name], source):
                del sys.modules[name]
    if not isinstance(service, bentoml.Service):
        raise ExportError(f"{import_path} is no BentoML service")
    return service


def _stands_in(module: Any, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def describe_routes(service: TypedService) -> list[dict[str, Any]]:
    """What the OpenAPI document says of a service's methods: path, schemas and an example."""
    return [_describe(api) for api in service.apis.values() if takes_json(api)]


def _describe(api: Any) -> dict[str, Any]:
    inputs, outputs = api.input_spec.model_json_schema(), api.output_spec.model_json_schema(mode="serialization")
    return {
        "path": api.route,
        "summary": (inspect.getdoc(api.func) or api.name).splitlines()[0],
        "input": inputs,
        "output": outputs,
        "example": example_of(inputs),
    }


def example_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema's first example, or one put together from its properties' examples, in the order of the properties."""
    properties: dict[str, Any] = schema.get("properties", {})
    parts = {name: part["examples"][0] for name, part in properties.items() if part.get("examples")}
    found = schema.get("examples", [parts])[0]
    return {name: found[name] for name in [*properties, *found] if name in found}
