"""Decodes images off the event loop, in a few threads: Pillow lets go of Python's lock while it works."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from registry.errors import PlatformError
from services.inference.images import ImageFile, Pixels, pixels_of
from services.inference.threads import cores


@cache
def _pool() -> ThreadPoolExecutor:
    """As many threads as there are cores: what more images there are waits, undecoded and small."""
    return ThreadPoolExecutor(cores(), thread_name_prefix="images")


async def decoded(file: ImageFile, height: int, width: int, *, grey: bool = False) -> Pixels:
    """What `pixels_of` makes of a file; raises what it raises."""
    work = partial(pixels_of, file.data, height, width, grey=grey)
    return await asyncio.get_running_loop().run_in_executor(_pool(), work)


async def each_decoded(
    files: Sequence[ImageFile], height: int, width: int, *, grey: bool = False
) -> list[Pixels | PlatformError]:
    """The same for many at once: each one's pixels, or why there are none."""
    work = (decoded(file, height, width, grey=grey) for file in files)
    found = await asyncio.gather(*work, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, PlatformError):
            raise one
    return list(found)
