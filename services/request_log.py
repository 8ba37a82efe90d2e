"""The request log's queue: rows wait in memory until the sidecar has written them, never while a request waits.

Promise: an answered request is in the log within a second; on SIGTERM nothing is lost; on SIGKILL at most the last
quarter of a second of that worker. When the queue is full (a registry that stays away), rows are dropped, counted and
reported.
"""

from collections import deque
from itertools import islice

from prometheus_client import Counter

from registry.sidecar.frames import RequestRow

BATCH = 2000  # requests in one transaction


class RequestLog:
    """A bounded queue of rows that are not yet known to be written."""

    def __init__(self, max_rows: int) -> None:
        self._rows: deque[RequestRow] = deque()
        self._max = max_rows
        self._predictions = 0  # that wait with their requests; each takes as much room as one
        self._dropped = dropped_counter()
        self.dropped = 0

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._rows)

    def put(self, row: RequestRow) -> None:
        """Queue a row; costs one append."""
        predictions = len(row[-1])
        if len(self._rows) + self._predictions + predictions < self._max:
            self._rows.append(row)
            self._predictions += predictions
        else:
            self.dropped += 1 + predictions
            self._dropped.inc(1 + predictions)

    def oldest(self) -> list[RequestRow]:
        """The next batch; it stays queued."""
        return list(islice(self._rows, BATCH))

    def written(self, count: int) -> None:
        """Forget the oldest `count` rows: they are in the registry."""
        for _ in range(count):
            self._predictions -= len(self._rows.popleft()[-1])


_counters: list[Counter] = []


def dropped_counter() -> Counter:
    """Rows that never reached the log; made once a process."""
    if not _counters:
        _counters.append(Counter("modelport_log_dropped", "Request log rows dropped because the queue was full"))
    return _counters[0]
