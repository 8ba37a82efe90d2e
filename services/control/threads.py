"""Where the control plane does what takes time, so that predictions notice nothing: a few threads of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from registry.errors import RegistryError
from services.auth_process import AuthProcess, registry_is_away

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


UPLOADS = 2  # at once, in each worker


class Threads:
    """A pool for the registry, one for uploads, and a process; a worker has one of these, from its start to its end."""

    def __init__(self) -> None:
        self.auth = AuthProcess()
        self._registry = ThreadPoolExecutor(2, thread_name_prefix="control")
        self._disk = ThreadPoolExecutor(UPLOADS, thread_name_prefix="uploads")
        self.uploads = asyncio.Semaphore(UPLOADS)

    async def registry(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """What `work(...)` returns or raises, from a thread; Unavailable when the registry fails it."""
        future = self._registry.submit(work, *args, **kwargs)
        try:
            return await asyncio.wrap_future(future)
        except (SQLAlchemyError, RegistryError) as error:
            raise registry_is_away() from error

    async def disk(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """The same for what an upload does: writing, and waiting for the process that looks at it."""
        try:
            return await asyncio.wrap_future(self._disk.submit(work, *args, **kwargs))
        except (SQLAlchemyError, RegistryError) as error:
            raise registry_is_away() from error

    def close(self) -> None:
        """End the threads."""
        self.auth.close()
        self._registry.shutdown(wait=True, cancel_futures=True)
        self._disk.shutdown(wait=True)  # what it has begun clears up after itself
