"""Keeps images behind the answers: a thread of the worker encrypts and writes them, and deletes those whose days are over.

A prediction never waits for it and never fails with it: what there is no room for, in memory or on the disk, isn't kept,
and the log says so, once an hour at most.
"""

import logging
import threading
from collections import deque
from datetime import timedelta
from time import monotonic

from registry import images
from registry.clock import now
from registry.database import session
from registry.predictions import forget_images
from registry.settings import settings

ROOM = 64_000_000  # bytes of images that may wait
PATIENCE = 15.0  # seconds for which a worker that ends waits for a slow disk
HOUR = 3600.0  # seconds
_NOT_KEPT = "an image is not kept, nor may the next ones be"
_NOT_DELETED = "images that are too old can't be deleted, trying on"

log = logging.getLogger("modelport.images")


class KeptImages:
    """A bounded queue of images, and the thread that writes them."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._said: dict[str, float] = {}  # when

    def start(self) -> None:
        """Start the thread, where images are kept or once were."""
        if settings().keep_images or images.any_kept():
            self._thread = threading.Thread(target=self._run, name="images", daemon=True)
            self._thread.start()

    def put(self, name: str, image: bytes) -> bool:
        """Queue an image under its digest; False when too many wait."""
        with self._changed:
            if self._thread is None or self._closed or self._bytes + len(image) > ROOM:
                self._report(_NOT_KEPT, "too many wait for the disk")
                return False
            self._waiting.append((name, image))
            self._bytes += len(image)
            self._changed.notify()
        return True

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE)
            if self._waiting:
                log.error("%d images were lost: the disk is too slow", len(self._waiting))

    def _run(self) -> None:
        due = monotonic()
        while True:
            if monotonic() >= due:
                self._sweep()
                due = monotonic() + HOUR
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed, due - monotonic())
                if not self._waiting and self._closed:
                    return
                one = self._waiting[0] if self._waiting else None
            if one is not None:
                self._keep(*one)

    def _keep(self, name: str, image: bytes) -> None:
        try:
            images.keep(image, name)
        except Exception as error:
            self._report(_NOT_KEPT, error)
        with self._changed:
            self._waiting.popleft()
            self._bytes -= len(image)

    def _sweep(self) -> None:
        before = now() - timedelta(days=settings().image_days)
        try:
            images.sweep(before.timestamp())
            with session() as opened:
                forget_images(opened, before)
        except Exception as error:
            self._report(_NOT_DELETED, error)

    def _report(self, what: str, reason: object) -> None:
        if monotonic() - self._said.get(what, -HOUR) >= HOUR:
            self._said[what] = monotonic()
            log.error("%s: %s", what, reason)
