"""What an API key may do: a closed grammar, deny by default, parsed once when the key is loaded.

    scopes = scope *(" " scope)
    scope  = "predict"                ; with every endpoint that the key opens
           | "predict:" endpoint      ; with that endpoint alone
           | "metrics"                ; read /metrics, which tells of every endpoint

A key does what its scopes say as far as its holder's role permits (`services.security.permissions`): a lowered role
narrows every key at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from registry.accounts import Role
from registry.errors import ExportError
from services.naming import check_name
from services.security.permissions import Permission, allows

_METRICS, _PREDICT = "metrics", "predict"


@dataclass(frozen=True, slots=True)
class Scopes:
    """The names of the endpoints that predict for the key, None for every one it opens; and whether it reads metrics."""

    endpoints: frozenset[str] | None
    metrics: bool

    def __str__(self) -> str:
        names = [_PREDICT] if self.endpoints is None else [f"{_PREDICT}:{name}" for name in sorted(self.endpoints)]
        return " ".join([*([_METRICS] if self.metrics else []), *names])

    def narrowed(self, to: "Scopes") -> "Scopes":
        """What both allow."""
        if self.endpoints is None or to.endpoints is None:
            endpoints = to.endpoints if self.endpoints is None else self.endpoints
        else:
            endpoints = self.endpoints & to.endpoints
        return Scopes(endpoints, self.metrics and to.metrics)

    def within(self, wider: "Scopes") -> bool:
        """Whether the other allows all of this."""
        return self.narrowed(wider) == self


EVERYTHING = Scopes(None, metrics=True)
PREDICT = Scopes(None, metrics=False)
NOTHING = Scopes(frozenset(), metrics=False)

OF_ROLE = {
    role: Scopes(None if allows(role, Permission.PREDICT) else frozenset(), allows(role, Permission.MONITORING_READ))
    for role in Role
}


def parse(words: Iterable[str]) -> Scopes:
    """The scopes that the words name; ValueError for a word that is none, and for no word at all."""
    names: set[str] = set()
    metrics = everywhere = False
    for word in words:
        action, colon, name = word.partition(":")
        if word == _METRICS:
            metrics = True
        elif word == _PREDICT:
            everywhere = True
        elif action == _PREDICT and colon:
            names.add(_endpoint(name, word))
        else:
            raise ValueError(f"{word!r} is no scope: there are predict, predict:<endpoint> and metrics")
    if not (names or metrics or everywhere):
        raise ValueError("a key needs at least one scope")
    return Scopes(None if everywhere else frozenset(names), metrics)


def of_key(stored: str | None, *, one_endpoint: bool) -> Scopes:
    """The scopes of a stored key; without any, what its kind could do before there were scopes."""
    if stored is not None:
        return parse(stored.split(" "))
    return PREDICT if one_endpoint else EVERYTHING


def _endpoint(name: str, word: str) -> str:
    try:
        return check_name(name)
    except ExportError:
        raise ValueError(f"{word!r} names no endpoint: a scope is predict:<its name>") from None
