"""BentoML's own types of files (`Path`, `PIL.Image`): text in a file's place is refused, where BentoML would fetch a URL."""

from typing import Any

from bentoml.exceptions import BadInput
from starlette.datastructures import UploadFile

from registry.errors import InvalidInput
from services.request import current

_TOLD = "Send a file, not its address."


def install() -> None:
    """Have services of this process fetch nothing for those who call them."""
    from _bentoml_impl import serde  # type: ignore[import-untyped]

    serde.MultipartSerde.ensure_file = staticmethod(_file)
    serde.is_http_url = lambda url: False


async def _file(value: Any) -> UploadFile:
    if isinstance(value, UploadFile):
        return value
    if (context := current()) is not None:
        context.fault = InvalidInput(_TOLD)
    raise BadInput(_TOLD)
