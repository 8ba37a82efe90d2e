"""What a worker knows of the registry: endpoints, keys, people and their sessions, in memory, fresh within two seconds.

The request path reads dictionaries; `refresh` brings them up to the registry's changes when the sidecar has seen any.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, col, select

from registry import changes, rows
from registry.accounts import ApiKey
from registry.catalog import Endpoint, EndpointStatus
from registry.database import reading
from registry.settings import settings
from services.limits.rule import Limit
from services.security import scopes
from services.security.api_keys import KeyHasher
from services.security.people import People
from services.security.scopes import OF_ROLE, Scopes
from services.security.tokens import AccessTokens

log = logging.getLogger("modelport.directory")

_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """An endpoint as the request path needs it."""

    id: int
    name: str
    path: str
    status: EndpointStatus
    reason: str | None
    limit: Limit
    model: str
    version: str
    framework: str
    tag: str | None
    bento: str
    import_path: str | None
    size_bytes: int
    signature: dict[str, Any]

    @property
    def paths(self) -> list[str]:
        """Every path that this endpoint answers: by name, by id, and a hand-written service's own routes."""
        own = [route["path"] for route in self.signature.get("routes", ())] if self.import_path else [self.path]
        return own if self.import_path else [*own, f"/api/predict/{self.id}"]

    def images_at(self, path: str) -> Literal["one", "many"] | None:
        """How many images a form may carry that is sent to one of the paths; None where no form is answered."""
        if self.import_path is None:
            return "one" if any(field.get("pixels") for field in self.signature.get("inputs", ())) else None
        route: dict[str, Any] = next((route for route in self.signature["routes"] if route["path"] == path), {})
        files = len(route.get("files", ()))
        return "many" if route.get("lists") or files > 1 else "one" if files else None


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as the request path needs it; `endpoint_id` None opens every endpoint, but for what `scopes` leave out."""

    id: int
    key_id: str
    endpoint_id: int | None
    scopes: Scopes
    active: bool
    not_after: float  # epoch seconds


class Directory:
    """Endpoints and keys of the registry; `only` restricts it to one endpoint, for that endpoint's own Bento."""

    def __init__(self, only: str | None = None) -> None:
        self._only = only
        self.is_single = only is not None
        self._hash = KeyHasher(settings().pepper_bytes())
        self._keys: dict[bytes, KeyEntry] = {}
        self._key_hashes: dict[int, bytes] = {}
        self.endpoints: dict[int, EndpointEntry] = {}
        self.paths: dict[str, EndpointEntry] = {}
        self.people = People()
        self.tokens = AccessTokens.of_settings()
        self.epoch = 0  # grows with every change of an endpoint
        self._listeners: list[Callable[[], object]] = []
        self._follower: changes.Follower | None = None

    def key(self, credential: bytes) -> KeyEntry | None:
        """The key with that text: one hash, one dictionary."""
        return self._keys.get(self._hash(credential))

    @property
    def alone(self) -> EndpointEntry | None:
        """The endpoint of a server that serves just one, if the registry has it."""
        return next(iter(self.endpoints.values()), None) if self.is_single else None

    def start(self) -> None:
        """Load everything."""
        self._follower = changes.Follower(changes.latest(), self._apply)
        self._load()

    @property
    def cursor(self) -> int:
        """The newest change that is known here."""
        return self._follower.cursor if self._follower is not None else 0

    def refresh(self) -> None:
        """Read what changed since; not on the event loop."""
        if self._follower is not None:
            self._follower.look()

    def listen(self, listener: Callable[[], object]) -> None:
        """Call `listener` (in the thread that refreshes) whenever an endpoint changed."""
        self._listeners.append(listener)

    def _load(self) -> None:
        with reading() as session:
            self._put_endpoints(rows.read(session, Endpoint), gone=set(self.endpoints))
            self._put_keys(rows.read(session, ApiKey), gone=set(self._key_hashes))
            self.people.load(session)

    def _apply(self, changed: list[changes.Change] | None) -> None:
        if changed is None:
            self._load()
            return
        ids: dict[str, set[int]] = {}
        for change in changed:
            ids.setdefault(change.table_name, set()).add(change.row_id)
        with reading() as session:
            if endpoint_ids := ids.get("endpoints"):
                self._put_endpoints(rows.read(session, Endpoint, endpoint_ids), gone=endpoint_ids)
            if key_ids := self._key_ids(session, ids):
                self._put_keys(rows.read(session, ApiKey, key_ids), gone=key_ids)
            self.people.follow(session, ids.get("users", set()), ids.get("user_sessions", set()))

    def _key_ids(self, session: Session, ids: dict[str, set[int]]) -> set[int]:
        """Changed keys, and the keys of changed users."""
        keys = set(ids.get("api_keys", ()))
        if users := ids.get("users"):
            found = session.exec(select(ApiKey.id).where(col(ApiKey.user_id).in_(users))).all()
            keys.update(key for key in found if key is not None)
        return keys

    def _put_endpoints(self, found: Iterable[Endpoint], gone: set[int]) -> None:
        entries = {
            entry.id: entry for entry in rows.readable(endpoint_entry, found) if self._only in (None, entry.name)
        }
        self.endpoints = {key: entry for key, entry in self.endpoints.items() if key not in gone} | entries
        self.paths = paths_of(self.endpoints.values())
        self.epoch += 1
        for listener in self._listeners:
            try:
                listener()
            except Exception as error:  # the keys that changed with it must still be heard of
                log.error("a listener failed", exc_info=error)

    def _put_keys(self, found: Iterable[ApiKey], gone: set[int]) -> None:
        entries = dict(rows.readable(lambda row: (bytes.fromhex(row.key_hash), key_entry(row)), found))
        hashes = {entry.id: hashed for hashed, entry in entries.items()}
        for key_id in gone | hashes.keys():
            before = self._key_hashes.pop(key_id, None)
            if before is not None and before != hashes.get(key_id):
                self._keys.pop(before, None)
        self._keys.update(entries)
        self._key_hashes.update(hashes)


def paths_of(endpoints: Iterable[EndpointEntry]) -> dict[str, EndpointEntry]:
    """Which endpoint answers at which path; where two claim the same, the older one keeps it."""
    paths: dict[str, EndpointEntry] = {}
    for entry in sorted(endpoints, key=lambda entry: entry.id):
        for path in entry.paths:
            if paths.setdefault(path, entry) is not entry:
                log.warning("endpoint %s does not answer at %s: %s does", entry.name, path, paths[path].name)
    return paths


def _limit_of(row: Endpoint) -> Limit:
    default = Limit.parse(settings().rate_limit)
    try:
        return default if row.rate_limit is None else Limit.parse(row.rate_limit)
    except ValueError as error:
        log.error("endpoint %s has the default limit: %s", row.name, error)
        return default


def endpoint_entry(row: Endpoint) -> EndpointEntry:
    """The row of an endpoint and its model as one entry."""
    assert row.id is not None
    return EndpointEntry(
        id=row.id,
        name=row.name,
        path=row.path,
        status=row.status,
        reason=row.status_reason,
        limit=_limit_of(row),
        model=row.model.name,
        version=str(row.model.version),
        framework=row.model.framework,
        tag=row.model.tag,
        bento=row.bento,
        import_path=row.import_path,
        size_bytes=row.model.size_bytes,
        signature=row.model.signature,
    )


def key_entry(row: ApiKey) -> KeyEntry:
    """The row of a key as an entry."""
    assert row.id is not None
    ends = [moment.timestamp() for moment in (row.expires_at, row.grace_until) if isinstance(moment, datetime)]
    active = row.is_active and row.user.is_active
    allowed = scopes.of_key(row.scopes, one_endpoint=row.endpoint_id is not None).narrowed(OF_ROLE[row.user.role])
    return KeyEntry(row.id, row.key_id, row.endpoint_id, allowed, active, min(ends, default=_FOREVER))
