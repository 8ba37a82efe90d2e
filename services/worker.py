"""What one worker process keeps beside the app: the directory, the request log, the loaded models."""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from registry import catalog
from registry.catalog import EndpointStatus
from registry.database import require_schema, session
from registry.settings import settings
from services import descriptions
from services.directory import Directory, EndpointEntry
from services.inference.cache import ModelCache
from services.inference.servable import Handler, Servable, load_predictor
from services.kept_images import KeptImages
from services.neighbours import link, unavailable
from services.request import request_id
from services.request_log import RequestLog
from services.sidecar import Sidecar

INTERVAL = 0.2  # seconds between two batches of the log; what a batch takes is the rest of the quarter second
log = logging.getLogger("modelport.worker")


class Worker:
    """Made when the app is made, started when the server starts; the request path reads it and never waits for it."""

    def __init__(self, only: str | None = None) -> None:
        chosen = settings()
        require_schema()
        chosen.home.mkdir(parents=True, exist_ok=True)
        self.directory = Directory(only)
        self.log = RequestLog(chosen.log_queue_rows)
        self._sidecar = Sidecar(self.log, lambda: (chosen.url, self.directory.cursor), self.directory.refresh)
        self._also: list[Callable[[], None]] = []
        self._at_start: list[Callable[[], None]] = []
        self._at_end: list[Callable[[], None]] = []
        self._failed: set[Callable[[], None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._own: Mapping[str, Handler] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.images = KeptImages()
        self.at_start(self.images.start)
        self.at_end(self.images.close)
        self._cache = ModelCache(
            self._load, mark_broken, chosen.model_cache_count, chosen.model_cache_bytes, chosen.model_wait_seconds
        )

    async def start(self, own: Mapping[str, Handler] | None) -> None:
        """Load the registry and the models; `own` are the handlers of a service that serves itself alone."""
        self._own = own
        await asyncio.to_thread(self.directory.start)
        self._sidecar.start()
        for work in self._at_start:
            await asyncio.to_thread(self._attempted, work)
        if own is None:
            loop = self._loop = asyncio.get_running_loop()
            self.directory.listen(lambda: loop.call_soon_threadsafe(self._endpoints_changed))
            await self._cache.warm_up(list(self.directory.endpoints.values()))
        self._work()
        gc.freeze()  # what is there now stays: a full collection of it would hold up a request by a tenth of a second

    async def stop(self) -> None:
        """Write what is left of the log, stop following the registry, and hang up on language models."""
        if self._timer is not None:
            self._timer.cancel()
        for work in self._at_end:
            await asyncio.to_thread(work)
        await self._sidecar.stop()
        await descriptions.close()
        gc.unfreeze()

    def each_interval(self, work: Callable[[], None]) -> None:
        """Have this done several times a second, between two requests; it must not take longer than one."""
        self._also.append(work)

    def at_start(self, work: Callable[[], None]) -> None:
        """Have this done when the server starts, in a thread; should it fail, the server serves all the same."""
        self._at_start.append(work)

    def at_end(self, work: Callable[[], None]) -> None:
        """Have this done once the last request is answered, in a thread."""
        self._at_end.append(work)

    def _attempted(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            log.error("%s failed", work, exc_info=error)

    def _work(self) -> None:
        for work in self._also:
            try:
                work()
            except Exception as error:  # the log must be written whatever becomes of the rest
                if work not in self._failed:
                    self._failed.add(work)
                    log.error("%s fails; said this once", work, exc_info=error)
        self._sidecar.flush()
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._work)

    def ready(self, endpoint: EndpointEntry, path: str) -> Handler | None:
        """Who answers the JSON requests of an endpoint's path, if that is known at once."""
        if self._own is not None:
            return self._own.get(path) or self._own.get(endpoint.path)
        return self._cache.ready(endpoint, path)

    async def handler(self, endpoint: EndpointEntry, path: str) -> Handler | None:
        """The same once the model is loaded; None when the endpoint answers no JSON there."""
        return None if self._own is not None else await self._cache.handler(endpoint, path)

    def _load(self, endpoint: EndpointEntry) -> Servable:
        assert self._loop is not None  # started
        return load_servable(endpoint, partial(link, ask=self.ask, loop=self._loop))

    async def ask(self, path: str, body: bytes) -> bytes:
        """What the endpoint at that path answers, for another endpoint of the hub; Unavailable when there is none."""
        endpoint = self.directory.paths.get(path)
        if endpoint is None or endpoint.status != EndpointStatus.ACTIVE:
            raise unavailable(path)
        handler = self.ready(endpoint, path) or await self.handler(endpoint, path)
        if handler is None:
            raise unavailable(path)
        return await handler(body, request_id())

    def _endpoints_changed(self) -> None:
        self._cache.keep_only(set(self.directory.endpoints))


def load_servable(endpoint: EndpointEntry, link: Callable[[Any], None]) -> Servable:
    """Load an endpoint of the hub: its model, or the hand-written service in its Bento, linked to what it depends on."""
    if endpoint.import_path is not None:
        from services.inference.typed import load_service, typed_handlers

        service = load_service(endpoint.bento)
        link(service)
        return Servable(typed_handlers(service, service()), endpoint.version, endpoint.size_bytes)
    predictor = load_predictor(str(endpoint.tag), endpoint.model, endpoint.version)
    return Servable({endpoint.path: predictor}, endpoint.version, endpoint.size_bytes)


def mark_broken(endpoint: EndpointEntry, reason: str) -> None:
    """Write status `error` into the registry, so that every worker answers 503 and `modelport list` shows it."""
    try:
        with session() as opened:
            row = catalog.find_endpoint(opened, endpoint.name)
            if row is not None and row.status == EndpointStatus.ACTIVE and str(row.model.version) == endpoint.version:
                catalog.set_status(opened, row, EndpointStatus.ERROR, reason=reason, actor="server")
    except Exception as error:  # a registry that can't be written must not take predictions down
        log.error("endpoint %s could not be marked as broken: %s", endpoint.name, str(error).splitlines()[0])
