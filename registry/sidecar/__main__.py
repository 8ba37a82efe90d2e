"""`python -m registry.sidecar`, its standard input a socket to the worker: one thread writes, one looks out.

It ends when the worker's end of the socket closes: after the last row, or because the worker is gone.
"""

import os
import signal
import socket
import threading
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import psutil

from registry.sidecar.frames import Order, frame, read
from registry.sidecar.requests import record
from registry.sidecar.store import Store, open_store
from registry.sidecar.watch import Lookout


def main() -> None:
    """Serve the worker until it hangs up; a signal meant for the server ends the worker, and so this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    link = socket.socket(fileno=os.dup(0))
    stream = link.makefile("rb")
    order: Order = read(stream)
    threading.Thread(target=look_out, args=(link, order), daemon=True).start()
    write(link, stream, order[0])


def look_out(link: socket.socket, order: Order) -> None:
    """Tell the worker of changes, and once of every time that none could be seen."""
    lookout, blind = Lookout(*order), False
    while True:
        try:
            if lookout.look() or blind:
                tell(link, "changed")
            blind = False
        except Exception as error:  # the database is away; whatever it is, the next look tries again
            if not blind:
                tell(link, "blind", first_line(error))
            blind = True
        sleep(lookout.seconds)


def write(link: socket.socket, stream: Any, url: str) -> None:
    """Write batch after batch; one that fails is the worker's to send again."""
    store: Store | None = None
    worker = Worker()
    while True:
        try:
            repeated, rows = read(stream)
        except EOFError:
            return
        try:
            store = store or open_store(url)
            record(store, rows, repeated, *worker.usage())
        except Exception as error:
            if store is not None:
                store.close()
            store = None
            tell(link, "failed", first_line(error))
        else:
            tell(link, "written")


class Worker:
    """The process that this one serves."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getppid())
        self._process.cpu_percent()  # the first call only sets the mark
        self._measured, self._usage = monotonic(), (0.0, 0.0)

    def usage(self) -> tuple[float, float]:
        """Its processor share in percent and its memory in megabytes, measured at most once a second."""
        if monotonic() - self._measured >= 1.0 or not self._usage[1]:
            with suppress(psutil.Error):  # it is gone, its last rows are not
                self._usage = self._process.cpu_percent(), self._process.memory_info().rss / 1e6
            self._measured = monotonic()
        return self._usage


_telling = threading.Lock()


def tell(link: socket.socket, *message: str) -> None:
    """Send the worker one message; if it is gone, so is the need, but not that of writing its last rows."""
    with _telling, suppress(OSError):
        link.sendall(frame(message))


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    main()
