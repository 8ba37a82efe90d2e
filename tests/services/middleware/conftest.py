"""A hub in this process, without a port: the whole app with all its layers, and a registry to change beneath it."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from pydantic_core import to_json
from sqlmodel import Session, col, select
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

from registry import accounts, catalog, database, users
from registry.accounts import ApiKey, Role, User
from registry.catalog import Endpoint, EndpointStatus, Model
from registry.settings import settings
from registry.traffic import ApiRequest
from services import guarded, worker
from services.directory import EndpointEntry
from services.inference.servable import Servable
from services.middleware import stack
from services.middleware.control import NOTHING, ControlPlane
from services.packaging.in_process import running
from services.security.api_keys import mint
from services.security.passwords import hash_password

ACTOR = "user:test"
PASSWORD = "correct horse battery"
PATIENCE = 30.0  # seconds
STRANGERS = "MODELPORT_UNAUTHENTICATED_RATE_LIMIT"
SIGNATURE = {
    "inputs": [{"name": "x", "dtype": "float64", "shape": []}],
    "layout": "frame",
    "task": "regression",
    "outputs": [{"name": None, "shape": []}],
    "example": {"x": 1.0},
}


class Hub:
    """Answers calls as a served hub would; `echo` is an endpoint whose model gives the body back."""

    control = NOTHING

    def __init__(self, app: ASGIApp, bentoml_app: Starlette | None, key: str) -> None:
        self.app, self.bentoml_app, self.key = app, bentoml_app, key
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._running = AsyncExitStack()
        self._client: httpx.AsyncClient = self.run(self._running.enter_async_context(running(app)))

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine where the app runs."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def stop(self) -> None:
        """Stop the app as a server does."""
        self.run(self._running.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def ask(self, method: str, path: str, key: str | None = "its own", **options: Any) -> httpx.Response:
        """One call, with a key that opens everything unless told otherwise."""
        headers = httpx.Headers(options.pop("headers", {}))
        if key is not None:
            headers.setdefault("X-API-Key", self.key if key == "its own" else key)
        answer: httpx.Response = self.run(self._client.request(method, path, headers=headers, **options))
        return answer

    def eventually(self, condition: Callable[[], object]) -> None:
        """Wait until something holds; patiently, for what is promised in seconds is measured, not tested."""
        started = monotonic()
        while not condition():
            assert monotonic() - started < PATIENCE, "it did not happen in time"
            sleep(0.02)

    def predict(self, key: str | None = "its own", **options: Any) -> httpx.Response:
        """One prediction by `echo`."""
        return self.ask("POST", "/api/predict/echo", key, **({"json": {"x": 1}} | options))

    def sign_in(self, username: str) -> dict[str, Any]:
        """The tokens of a new session."""
        answer = self.ask("POST", "/auth/login", None, json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def as_user(self, method: str, path: str, access_token: str, **options: Any) -> httpx.Response:
        """One call of a signed-in user."""
        return self.ask(method, path, None, headers={"Authorization": f"Bearer {access_token}"}, **options)

    def new_user(self, username: str, role: Role = Role.USER) -> str:
        """A new user that the hub has heard of; an access token of theirs."""
        new_user(username, role)
        self.hears()
        access_token: str = self.sign_in(username)["access_token"]
        return access_token

    def raw(self, path: str, received: list[Message], headers: dict[str, str] | None = None) -> list[Message]:
        """POST by ASGI messages, for what no client would send; what the app sent."""
        given = {"x-api-key": self.key, **(headers or {})}
        pairs = [(name.encode(), value.encode()) for name, value in given.items()]
        return self._exchange({"type": "http", "method": "POST", "path": path, "headers": pairs}, received)

    def status_of(self, method: str, path: str) -> int:
        """Call a path without a key, spelled as it is here: a client would tidy it up first."""
        scope = {"type": "http", "method": method, "path": unquote(path), "headers": []}
        sent = self._exchange(scope, [{"type": "http.request"}])
        status: int = sent[0]["status"]
        return status

    def websocket(self, path: str) -> list[Message]:
        """Ask for a websocket; what the app sent."""
        return self._exchange({"type": "websocket", "path": path, "headers": []}, [{"type": "websocket.connect"}])

    def _exchange(self, scope: dict[str, Any], received: list[Message]) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return received.pop(0) if received else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        self.run(self.app({**scope, "raw_path": scope["path"].encode(), "query_string": b""}, receive, send))
        return sent

    def new_key(self, endpoint: str | None = None, **columns: Any) -> str:
        """A new key that the hub has heard of."""
        key = new_key(endpoint, **columns)
        self.hears()
        return key

    def new_endpoint(self, name: str, **columns: Any) -> Endpoint:
        """A new endpoint that the hub has heard of."""
        endpoint = new_endpoint(name, **columns)
        self.hears()
        return endpoint

    def set_status(self, name: str, status: EndpointStatus, reason: str | None = None) -> None:
        """Change an endpoint's status."""
        with database.session() as session:
            catalog.set_status(session, endpoint_named(session, name), status, reason=reason, actor=ACTOR)
        self.hears()

    def set_limit(self, name: str, limit: str) -> None:
        """Change an endpoint's rate limit."""
        with database.session() as session:
            catalog.set_limit(session, endpoint_named(session, name), limit, actor=ACTOR)
        self.hears()

    def hears(self) -> None:
        """Wait until the hub knows what the registry knows: its watcher reads a change that comes after."""
        marker = mint("test", settings().pepper_bytes())
        with database.session() as session:
            names: dict[str, Any] = {"key_id": marker.key_id, "key_hash": marker.key_hash, "name": "marker"}
            accounts.add_key(session, **names, user=accounts.local_user(session), endpoint=None, actor=ACTOR)
        self.eventually(lambda: self.ask("GET", "/metrics", marker.text).status_code == 200)

    def log(self) -> list[ApiRequest]:
        """The request log as far as it is written, oldest first; without the calls of `hears`."""
        with database.reading() as session:
            answered = select(ApiRequest).where(ApiRequest.route != "/metrics").order_by(col(ApiRequest.id))
            return list(session.exec(answered))


def endpoint_named(session: Session, name: str) -> Endpoint:
    """The endpoint of that name, which is there."""
    endpoint = catalog.find_endpoint(session, name)
    assert endpoint is not None
    return endpoint


def new_key(endpoint: str | None = None, **columns: Any) -> str:
    """The text of a new key, for one endpoint or for all."""
    key = mint("test", settings().pepper_bytes())
    with database.session() as session:
        found = catalog.find_endpoint(session, endpoint) if endpoint else None
        user = accounts.local_user(session)
        names: dict[str, Any] = {"key_id": key.key_id, "key_hash": key.key_hash, "name": "test"}
        row: ApiKey = accounts.add_key(session, **names, user=user, endpoint=found, actor=ACTOR)
        row.sqlmodel_update(columns)
    return key.text


def new_user(username: str, role: Role = Role.USER) -> User:
    """Someone who can sign in."""
    with database.session() as session:
        return users.create_user(session, username=username, role=role, password_hash=password_hash(), actor=ACTOR)


@cache
def password_hash() -> str:
    """The hash of everybody's password; it takes a while."""
    return hash_password(PASSWORD)


def new_endpoint(name: str, **columns: Any) -> Endpoint:
    """An endpoint in the registry; its model exists on paper."""
    with database.session() as session:
        model = Model(
            name=name,
            version=1,
            framework="sklearn",
            sha256="0",
            source_sha256="0",
            runtime="sklearn",
            signature=columns.pop("signature", SIGNATURE),
            size_bytes=1,
        )
        catalog.add_model(session, model, actor=ACTOR)
        endpoint = catalog.put_endpoint(
            session, name=name, path=f"/api/predict/{name}", model=model, bento=f"{name}:1", actor=ACTOR
        )
        endpoint.sqlmodel_update(columns)
        return endpoint


class Echo:
    """Stands in for a model: answers with what it was sent, and fails when it is sent a bomb."""

    def __init__(self, endpoint: EndpointEntry) -> None:
        self._name = endpoint.name

    async def __call__(self, body: bytes, request_id: str) -> bytes:
        return self.at_once(body, request_id)

    def at_once(self, body: bytes, request_id: str) -> bytes:
        """The answer to whoever can't wait."""
        if b"bomb" in body:
            raise RuntimeError(f"secret detail of {body!r} in /var/lib/models")
        return to_json({"endpoint": self._name, "body": body.decode(), "request_id": request_id})


class Wait(Echo):
    """The same for a model that is waited for."""

    at_once: Any = None

    async def __call__(self, body: bytes, request_id: str) -> bytes:
        await asyncio.sleep(0.3 if b"long" in body else 0.002)
        return Echo.at_once(self, body, request_id)


def load_echo(endpoint: EndpointEntry, link: object) -> Servable:
    """Stands in for loading a model."""
    made = Wait(endpoint) if endpoint.name == "wait" else Echo(endpoint)
    return Servable(dict.fromkeys(endpoint.paths, made), endpoint.version, 1)


@pytest.fixture
def registry(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with the endpoint `echo`, and models that need no file."""
    monkeypatch.setattr(worker, "load_servable", load_echo)
    if STRANGERS not in os.environ:  # the walks over all addresses come without credentials
        monkeypatch.setenv(STRANGERS, "1000000/minute")
        settings.cache_clear()
    new_endpoint("echo")
    return empty_home


@pytest.fixture
def hub(registry: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub over that registry."""
    from services.platform import Platform

    inner: list[Starlette] = []
    controls: list[ControlPlane] = []

    def remember(app: Starlette, made: worker.Worker, control: ControlPlane) -> ASGIApp:
        inner.append(app)
        controls.append(control)
        return stack(app, made, control)

    monkeypatch.setattr(guarded, "stack", remember)
    service: Any = Platform
    running_hub = Hub(service.to_asgi(), inner[0], new_key())
    running_hub.control = controls[0]
    yield running_hub
    running_hub.stop()
