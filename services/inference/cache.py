"""The models that a worker keeps loaded: least recently used out first, each loaded once however many wait for it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from itertools import accumulate

from registry.catalog import EndpointStatus
from registry.errors import PlatformError, Unavailable
from services.directory import EndpointEntry
from services.inference.servable import Handler, Servable

log = logging.getLogger("modelport.models")

Load = Callable[[EndpointEntry], Servable]
Failed = Callable[[EndpointEntry, str], None]


class ModelCache:
    """Bounded by count and by bytes. A new version is loaded before the old one is dropped.

    Callers of a model that isn't loaded wait `wait_seconds`, then get Unavailable (503) with Retry-After.
    """

    def __init__(self, load: Load, failed: Failed, max_count: int, max_bytes: int, wait_seconds: float) -> None:
        self._load, self._failed = load, failed
        self._max_count, self._max_bytes, self._wait = max_count, max_bytes, wait_seconds
        self._loaded: OrderedDict[int, Servable] = OrderedDict()
        self._loading: dict[tuple[int, str], asyncio.Task[Servable]] = {}
        self._gone: set[int] = set()  # deleted while being loaded
        # One: threads that import TensorFlow and Keras in different orders get half of a module, and each load imports.
        self._at_a_time = asyncio.Lock()

    def ready(self, endpoint: EndpointEntry, path: str) -> Handler | None:
        """The handler of one of the endpoint's paths, if its present version is loaded."""
        servable = self._loaded.get(endpoint.id)
        if servable is None or servable.version != endpoint.version:
            return None
        self._loaded.move_to_end(endpoint.id)
        return _handler(servable, endpoint, path)

    async def handler(self, endpoint: EndpointEntry, path: str) -> Handler | None:
        """The same after loading what isn't loaded: a first version is waited for, a newer one only started."""
        servable = self._loaded.get(endpoint.id)
        if servable is None:
            servable = await self._wait_for(self._start(endpoint))
        else:
            self._loaded.move_to_end(endpoint.id)
            if servable.version != endpoint.version:
                self._start(endpoint)
        return _handler(servable, endpoint, path)

    async def warm_up(self, endpoints: list[EndpointEntry]) -> None:
        """Load what fits, so that the first callers don't wait; what doesn't load is told and left out."""
        active = [endpoint for endpoint in endpoints if endpoint.status == EndpointStatus.ACTIVE]
        weights = accumulate(endpoint.size_bytes for endpoint in active)
        fitting = sum(weight <= self._max_bytes for weight in weights) or 1
        for endpoint in active[: min(fitting, self._max_count)]:
            try:
                await self._start(endpoint)
            except PlatformError as error:
                log.error("endpoint %s does not load: %s", endpoint.name, error.message)

    def keep_only(self, ids: set[int]) -> None:
        """Drop the models of endpoints that are gone, and of those still being loaded, as soon as they are."""
        for endpoint_id in set(self._loaded) - ids:
            self._loaded.pop(endpoint_id, None)
        self._gone = {endpoint_id for endpoint_id, _ in self._loading} - ids

    @property
    def loaded(self) -> list[int]:
        """The ids of loaded endpoints, least recently used first."""
        return list(self._loaded)

    def _start(self, endpoint: EndpointEntry) -> "asyncio.Task[Servable]":
        key = (endpoint.id, endpoint.version)
        task = self._loading.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load_one(endpoint))
            task.add_done_callback(lambda done: self._finished(key, done))
            self._loading[key] = task
        return task

    def _finished(self, key: tuple[int, str], task: "asyncio.Task[Servable]") -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen: those who waited have it, a background swap logged it

    async def _load_one(self, endpoint: EndpointEntry) -> Servable:
        try:
            async with self._at_a_time:
                servable = await asyncio.to_thread(self._load, endpoint)
        except Exception as error:
            reason = error.message if isinstance(error, PlatformError) else f"{type(error).__name__} while loading"
            log.error("endpoint %s: its model no longer loads", endpoint.name, exc_info=error)
            await asyncio.to_thread(self._failed, endpoint, reason)
            raise not_loading(endpoint) from None
        if endpoint.id not in self._gone:
            self._loaded[endpoint.id] = servable
            self._loaded.move_to_end(endpoint.id)
            self._evict()
        return servable

    async def _wait_for(self, task: "asyncio.Task[Servable]") -> Servable:
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._wait)
        except TimeoutError:
            raise Unavailable("The model is still being loaded.", headers={"retry-after": "5"}) from None

    def _evict(self) -> None:
        while len(self._loaded) > 1 and (
            len(self._loaded) > self._max_count
            or sum(servable.size_bytes for servable in self._loaded.values()) > self._max_bytes
        ):
            self._loaded.popitem(last=False)


def not_loading(endpoint: EndpointEntry) -> Unavailable:
    """The answer for an endpoint in status `error`."""
    return Unavailable(f"The model of endpoint {endpoint.name} does not load at present.")


def _handler(servable: Servable, endpoint: EndpointEntry, path: str) -> Handler | None:
    """By name or by id, a model answers at its own path; a service's method answers its own route and no other."""
    return servable.handlers.get(path if endpoint.import_path else endpoint.path)
