"""The request log's writer: rows wait in memory and go to the registry in batches, never while a request waits.

Promise: an answered request is in the log within a second; on SIGTERM nothing is lost; on SIGKILL at most the last
quarter of a second of that worker. When the queue is full (a registry that stays away), rows are dropped, counted and
reported.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep

import psutil
from prometheus_client import Counter
from sqlalchemy.exc import IntegrityError

from registry import traffic
from registry.database import session
from registry.traffic import RequestRow

log = logging.getLogger("modelport.request_log")

INTERVAL = 0.2  # seconds between two batches; a batch takes the rest of the quarter second
BATCH = 500  # rows in one transaction
PATIENCE = 15.0  # seconds for which a worker that ends waits for a registry that can't be written
_REPORT_EVERY = 10.0  # seconds between two lines about a registry that can't be written


class RequestLog:
    """A bounded queue and the thread that empties it."""

    def __init__(self, max_rows: int) -> None:
        self._rows: deque[RequestRow] = deque()
        self._max = max_rows
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._process = psutil.Process(os.getpid())
        self._reported = -_REPORT_EVERY
        self._measured, self._cpu, self._memory = 0.0, 0.0, 0.0
        self._careful = False
        self._dropped = dropped_counter()
        self._also: list[Callable[[], None]] = []
        self._failed: set[Callable[[], None]] = set()
        self.dropped = 0

    def put(self, row: RequestRow) -> None:
        """Queue a row; costs one append."""
        if len(self._rows) < self._max:
            self._rows.append(row)
        else:
            self.dropped += 1
            self._dropped.inc()

    def each_interval(self, work: Callable[[], None]) -> None:
        """Have the thread do this too, as often as it writes."""
        self._also.append(work)

    def start(self) -> None:
        """Start writing."""
        self._process.cpu_percent()  # the first call only sets the mark
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            self._work()
        deadline = monotonic() + PATIENCE
        self._work()
        while self._rows and monotonic() < deadline:
            sleep(INTERVAL)
            self._flush()
        if self._rows:
            log.error("%d request log rows were lost: the registry can't be written", len(self._rows))

    def _work(self) -> None:
        for work in self._also:
            try:
                work()
            except Exception as error:  # the log must be written whatever becomes of the rest
                if work not in self._failed:
                    self._failed.add(work)
                    log.error("%s fails; said this once", work, exc_info=error)
        self._flush()

    def _flush(self) -> None:
        self._measure()
        while self._rows:
            batch = [self._rows[index] for index in range(min(BATCH, len(self._rows)))]
            try:
                rows = [row._replace(cpu_usage=self._cpu, memory_usage=self._memory) for row in batch]
                with session() as opened:
                    traffic.record(opened, rows, careful=self._careful)
                self._careful = False
            except Exception as error:  # the rows stay queued; the next interval tries again
                first, self._careful = not self._careful, True
                if first and isinstance(error, IntegrityError):
                    continue  # an endpoint or a key is gone since
                self._report(error)
                return
            for _ in batch:
                self._rows.popleft()

    def _measure(self) -> None:
        """The processor share and memory of this process, once a second: it takes as long as writing ten rows."""
        if monotonic() - self._measured >= 1.0:
            self._measured = monotonic()
            self._cpu, self._memory = self._process.cpu_percent(), self._process.memory_info().rss / 1e6

    def _report(self, error: Exception) -> None:
        if monotonic() - self._reported >= _REPORT_EVERY:
            self._reported = monotonic()
            reason = str(error).splitlines()[0]
            log.error(
                "the request log can't be written, %d rows wait, %d dropped: %s", len(self._rows), self.dropped, reason
            )


_counters: list[Counter] = []


def dropped_counter() -> Counter:
    """Rows that never reached the log; made once a process."""
    if not _counters:
        _counters.append(Counter("modelport_log_dropped", "Request log rows dropped because the queue was full"))
    return _counters[0]
