"""Hand-written BentoML services: their typed methods as handlers, called in this process, no BentoML layers.

The same pydantic models validate, the same methods answer; only the way to them is shorter.
"""

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bentoml

from registry.errors import ExportError
from services.inference.methods import FormMethod, Method, fields_of
from services.inference.sample import first_line
from services.inference.servable import Handler

TypedService = Any  # bentoml.Service, generic over a class that we don't know


def typed_handlers(service: TypedService, instance: Any) -> Mapping[str, Handler]:
    """One handler for each of the service's methods that takes JSON or images and answers once, by its route."""
    return {
        api.route: FormMethod(api, instance) if takes_images(api) else Method(api, instance)
        for api in service.apis.values()
        if answers_once(api)
    }


def answers_once(api: Any) -> bool:
    """Whether a method's input is JSON or a form with images (no arrays from bytes), and its answer is no stream."""
    return not api.is_stream and not api.is_task and not api.batchable and not _is_bentomls(api.input_spec)


def takes_images(api: Any) -> bool:
    """Whether a method is asked by a form."""
    fields = fields_of(api.input_spec)
    return bool(fields.files or fields.lists)


def _is_bentomls(spec: Any) -> bool:
    """Whether BentoML alone reads such input: files other than ImageFile, or one that is the whole body."""
    fields = fields_of(spec)
    others = set(spec.multipart_fields) - {*fields.files, *fields.lists}
    return bool(others) or ("root" in spec.model_fields and "root" not in fields.texts)


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
    """What the OpenAPI document says of a service's methods: path, schemas and an example; of a form, its files too."""
    return [_describe(api) for api in service.apis.values() if answers_once(api)]


def _describe(api: Any) -> dict[str, Any]:
    inputs, outputs = api.input_spec.model_json_schema(), api.output_spec.model_json_schema(mode="serialization")
    fields = fields_of(api.input_spec)
    files = {"files": [*fields.files], "lists": [*fields.lists]} if takes_images(api) else {}
    return {
        "path": api.route,
        "summary": (inspect.getdoc(api.func) or api.name).splitlines()[0],
        "input": binary(inputs) if files else inputs,
        "output": outputs,
        "example": example_of(inputs),
        **files,
    }


def binary(schema: Any) -> Any:
    """A schema in which files are what OpenAPI calls them, and not what BentoML does."""
    if isinstance(schema, list):
        return [binary(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "file":
        return {**schema, "type": "string", "format": "binary"}
    return {name: binary(part) for name, part in schema.items()}


def example_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema's first example, or one put together from its properties' examples, in the order of the properties."""
    properties: dict[str, Any] = schema.get("properties", {})
    parts = {name: part["examples"][0] for name, part in properties.items() if part.get("examples")}
    found = schema.get("examples", [parts])[0]
    return {name: found[name] for name in [*properties, *found] if name in found}
