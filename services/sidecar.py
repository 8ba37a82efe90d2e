"""The worker's end of its sidecar: hands over the request log, hears of the registry's changes.

Nothing here makes the thread that answers requests wait: the socket is the event loop's, and what a change takes to be
read from the registry is done in a thread, once it has happened.
"""

import asyncio
import logging
import subprocess
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from registry.sidecar.frames import Order, frame, receive
from services import helper_process
from services.request_log import BATCH, RequestLog

log = logging.getLogger("modelport.sidecar")

PATIENCE = 15.0  # seconds for which a worker that ends waits for a registry that can't be written
AGAIN = 1.0  # seconds before another attempt of what failed
_REPORT_EVERY = 10.0  # seconds between two lines about a registry that can't be written


class Sidecar:
    """Starts `registry.sidecar`, starts it again when it dies, and looks after the registry itself meanwhile."""

    def __init__(self, rows: RequestLog, order: Callable[[], Order], refresh: Callable[[], None]) -> None:
        """`refresh` reads what changed in the registry, in a thread; `order` says where it is and what is known."""
        self._rows, self._order, self._refresh = rows, order, refresh
        self._writer: asyncio.StreamWriter | None = None  # None while there is no sidecar
        self._process: subprocess.Popen[bytes] | None = None
        self._sent = 0  # rows under way, the oldest of the log
        self._repeated = False
        self._reported = -_REPORT_EVERY

    def start(self) -> None:
        """Start the process and what hears it; call it on the running loop."""
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._tasks = [asyncio.create_task(self._keep_alive()), asyncio.create_task(self._follow())]

    async def stop(self) -> None:
        """Have the rest of the log written, then let the process end."""
        deadline = monotonic() + PATIENCE
        while len(self._rows) and monotonic() < deadline:
            self._idle.clear()
            self.flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), 0.2)
        if len(self._rows):
            log.error("%d request log rows were lost: the registry can't be written", len(self._rows))
        if self._writer is not None:
            self._writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ended()

    def flush(self) -> None:
        """Send the next batch, unless one is still under way or nobody is there."""
        if self._writer is None or self._sent or not len(self._rows):
            return
        batch = self._rows.oldest()
        self._sent = len(batch)
        self._writer.write(frame((self._repeated, batch)))

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self._live()
            except Exception as error:  # no process, no memory, no descriptors: another attempt may do better
                log.error("the registry's sidecar can't be started: %s", error)
            else:
                log.error("the registry's sidecar ended; starting another")
            self._changed.set()  # until there is one, look for changes without it
            await asyncio.sleep(AGAIN)

    async def _live(self) -> None:
        """One sidecar's life."""
        self._process, link = helper_process.start("registry.sidecar")
        reader, writer = await asyncio.open_connection(sock=link)
        writer.write(frame(self._order()))
        self._writer = writer
        try:
            while True:
                self._hear(*await receive(reader))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it ended
        finally:
            self._writer, self._sent, self._repeated = None, 0, True
            writer.close()
            await self._ended()

    async def _ended(self) -> None:
        """Wait until the process is gone; one that hangs over its last rows is ended."""
        deadline = monotonic() + PATIENCE
        while self._process is not None and self._process.poll() is None:
            if monotonic() > deadline:
                self._process.kill()
            await asyncio.sleep(0.01)

    def _hear(self, what: str, reason: str = "") -> None:
        match what:
            case "written":
                self._rows.written(self._sent)
                self._sent, self._repeated = 0, False
                self._idle.set()
                if (
                    len(self._rows) >= BATCH
                ):  # a few more rows wait for the next interval, or batches would be of one row
                    self.flush()
            case "failed":  # the rows stay queued; the next interval tries again
                self._sent, self._repeated = 0, True
                self._report(reason)
            case "changed":
                self._changed.set()
            case "blind":
                log.warning("Cannot follow the registry's changes, trying on: %s", reason)

    def _report(self, reason: str) -> None:
        if monotonic() - self._reported >= _REPORT_EVERY:
            self._reported = monotonic()
            waiting, dropped = len(self._rows), self._rows.dropped
            log.error("the request log can't be written, %d rows wait, %d dropped: %s", waiting, dropped, reason)

    async def _follow(self) -> None:
        outage = False
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await asyncio.to_thread(self._refresh)
                outage = False
            except Exception as error:
                if not outage:
                    log.warning("Cannot follow the registry's changes, trying on", exc_info=error)
                outage = True
                await asyncio.sleep(AGAIN)
                self._changed.set()
