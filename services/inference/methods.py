"""One method of a hand-written service as a handler: its own pydantic model reads JSON or a form, and writes the answer."""

import asyncio
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

import httpx
from bentoml.exceptions import BadInput, BentoMLException
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from registry.errors import InvalidInput, ModelError, PlatformError, Unavailable, UnsupportedMediaType
from services.inference.forms import Form, FormHandler
from services.inference.images import ImageFile
from services.invalid import explain
from services.multipart import Fields
from services.request import current


class Method:
    """A method that takes JSON and answers once."""

    def __init__(self, api: Any, instance: Any) -> None:
        self._function, self._instance, self._spec = api.func, instance, api.input_spec
        self._is_root = getattr(api.input_spec, "__root_input__", False)
        self._is_async = inspect.iscoroutinefunction(api.func)

    async def __call__(self, body: bytes, request_id: str) -> bytes:
        if not _is_strict(body):
            raise InvalidInput("The body is not valid JSON: NaN and Infinity are no JSON numbers.")
        try:
            value = self._spec.model_validate_json(body)
        except ValidationError as error:
            raise explain(error) from None
        return await self._answer(value)

    async def _answer(self, value: Any) -> bytes:
        """What the method answers to its validated input."""
        arguments, keywords = self._arguments(value)
        try:
            if self._is_async:
                result = await self._function(self._instance, *arguments, **keywords)
            else:
                result = await asyncio.to_thread(self._function, self._instance, *arguments, **keywords)
        except BentoMLException as error:
            if error.error_code < 500:
                raise InvalidInput(str(error)) from None
            raise ModelError("The service could not answer this request.") from error
        except httpx.TransportError as error:
            raise Unavailable("A service that this one depends on does not answer at present.") from error
        return _written(result)

    def _arguments(self, value: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._is_root:
            return (getattr(value, "root", value),), {}
        return (), {name: getattr(value, name) for name in type(value).model_fields}


class FormMethod(Method):
    """A method that takes images, and with them text."""

    def __init__(self, api: Any, instance: Any) -> None:
        super().__init__(api, instance)
        self.on_form = FormHandler(fields_of(api.input_spec), self._answer_form, alone=True)

    async def __call__(self, body: bytes, request_id: str) -> bytes:
        raise UnsupportedMediaType("Send multipart/form-data.")

    async def _answer_form(self, values: Mapping[str, Any], request_id: str) -> bytes:
        try:
            value = self._spec.model_validate(values)
        except ValidationError as error:
            raise explain(error) from None
        return await self._answer(value)


def fields_of(spec: Any) -> Fields:
    """The fields of a form that fills a method's input model; without any file where it takes no images."""
    kinds = {name: list(_types(field.annotation)) for name, field in spec.model_fields.items()}
    with_images = [name for name, types in kinds.items() if ImageFile in types]
    lists = [name for name in with_images if any(get_origin(kind) in (list, Sequence) for kind in kinds[name])]
    return Fields(
        files=[name for name in with_images if name not in lists],
        lists=lists,
        texts=[name for name in kinds if name not in with_images],
    )


def read_forms(spec: Any) -> None:
    """Let BentoML's own route, too, read the forms of an input model as they are read here: it would fetch URLs."""

    async def from_http_request(request: Any, serde: Any) -> Any:
        try:
            form = Form(request.headers.get("content-type", "").encode("latin-1"), fields_of(spec))
            async for piece in request.stream():
                form.feed(piece)
            form.end()
        except PlatformError as error:
            if (context := current()) is not None:
                context.fault = error
            raise BadInput(error.message) from None
        return spec.model_validate(form.values)

    spec.from_http_request = from_http_request


def _types(annotation: Any) -> Iterator[Any]:
    """An annotation and all that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _written(result: Any) -> bytes:
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
