"""A process beside each worker of the hub for what strangers can ask of it: signing in, which hashes a password.

Threads would not do. Whatever holds the worker's interpreter keeps predictions waiting, for as long as the kernel likes
when the machine is busy, and a sign-in's transactions hold it for milliseconds. `python -m services.auth_process` is the process.
"""

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from registry.errors import InternalError, PlatformError, RegistryError, Unavailable
from registry.sidecar.frames import frame, read
from services import helper_process

WAITING = 16  # at a password's hashing each: half a second
RETRY_AFTER_SECONDS = 2
PATIENCE = 5.0  # seconds for what is under way when the worker ends
NICENESS = 10

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class AuthProcess:
    """The worker's end. The process starts with the first question, and again with the next one once it has died."""

    def __init__(self, waiting: int = WAITING) -> None:
        """At most `waiting` questions are kept besides the one that is being answered."""
        self._places = threading.BoundedSemaphore(1 + waiting)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="auth")
        self._process: subprocess.Popen[bytes] | None = None

    async def call(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """What `work(...)`, a function of some module's, returns or raises there.

        Unavailable when every place is taken, when the registry fails it, and when the process ends over it.
        """
        if not self._places.acquire(blocking=False):
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise Unavailable("Too many people sign in at this moment: try again shortly", headers=headers)
        try:
            future = self._thread.submit(self._ask, pickle.dumps((work, args, kwargs)))
        except RuntimeError:
            self._places.release()
            raise Unavailable("The server is stopping") from None
        # On the thread's own future: a caller who goes away leaves work that goes on and keeps its place.
        future.add_done_callback(lambda _: self._places.release())
        result: Result = await asyncio.wrap_future(future)
        return result

    def close(self) -> None:
        """End the process; what still waits is cancelled, and what is under way interrupted should it hang."""
        impatience = threading.Timer(PATIENCE, self._kill)
        impatience.start()
        self._thread.shutdown(wait=True, cancel_futures=True)
        impatience.cancel()
        self._end()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _ask(self, question: bytes) -> Any:
        if self._process is None:
            self._process, self._link = helper_process.start("services.auth_process")
            self._answers = self._link.makefile("rb")
        try:
            self._link.sendall(frame(question))
            answer, error = pickle.loads(read(self._answers))  # noqa: S301  from our own process
        except (EOFError, OSError):
            self._end()
            raise Unavailable("This was interrupted: try again", headers={"Retry-After": "1"}) from None
        if error is not None:
            raise error
        return answer

    def _end(self) -> None:
        if self._process is not None:
            self._answers.close()
            self._link.close()
            self._process.wait()
            self._process = None


def main() -> None:
    """Answer until the worker hangs up; a signal meant for the server ends the worker, and so this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    step_back()
    link = socket.socket(fileno=os.dup(0))
    questions: BinaryIO = link.makefile("rb")
    with suppress(EOFError, OSError):
        while True:
            link.sendall(frame(pickle.dumps(_answered(read(questions)))))


def step_back() -> None:
    """Let everybody else have the cores first, be they shared out by process or, as desktops do it, by session."""
    os.setsid()
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def _answered(question: bytes) -> tuple[Any, PlatformError | None]:
    work, args, kwargs = pickle.loads(question)  # noqa: S301  from our own worker
    try:
        return work(*args, **kwargs), None
    except (SQLAlchemyError, RegistryError) as error:
        print(f"modelport: the registry fails {work.__name__}: {type(error).__name__}", file=sys.stderr)
        return None, registry_is_away()
    except PlatformError as error:
        return None, error
    except Exception:
        traceback.print_exc()
        return None, InternalError("The platform failed; the server's log says why.")


def registry_is_away() -> Unavailable:
    """What is answered while the registry fails."""
    return Unavailable("The registry does not answer; try again shortly.", headers={"Retry-After": "1"})


if __name__ == "__main__":
    main()
