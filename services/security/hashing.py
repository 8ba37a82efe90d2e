"""A small pool of threads for password hashing: the event loop goes on, and a login storm is refused, not queued."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from registry.errors import Unavailable

RETRY_AFTER_SECONDS = 2

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class HashingPool:
    """Runs at most `threads` hashings at a time and keeps at most `waiting` others; argon2 and bcrypt release the GIL."""

    def __init__(self, threads: int = 1, waiting: int = 16) -> None:
        self._places = threading.BoundedSemaphore(threads + waiting)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="hashing", initializer=_step_back)

    async def run(
        self, hashing: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """What `hashing(...)` returns or raises, from a thread of the pool; Unavailable when every place is taken."""
        if not self._places.acquire(blocking=False):
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise Unavailable("Too many people sign in at this moment: try again shortly", headers=headers)
        try:
            future = self._executor.submit(hashing, *args, **kwargs)
        except RuntimeError:
            self._places.release()
            raise Unavailable("The server is stopping") from None
        # On the thread's own future: a caller who goes away leaves a hashing that runs on and keeps its place.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the threads; what still waits is cancelled."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _step_back() -> None:
    # Niceness is a thread's own on Linux: where cores are short, predictions come first.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
