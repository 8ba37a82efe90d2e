"""What schemathesis loads beside the document, in a process of its own: who calls, and which findings are none."""

import os
from typing import Any

import schemathesis

from registry import database, sessions, users
from registry.clock import now
from services.security.tokens import AccessTokens

_TOKENS = AccessTokens.of_settings()
_WHO = os.environ["FUZZ_AS"]  # a username, or nothing


class SignedIn:
    """A session of its own for each call, as some calls end theirs; opened in the registry, where nobody counts them."""

    def get(self, case: Any, context: Any) -> str:
        """The access token of a new session."""
        with database.session() as session:
            opened, _ = sessions.open_session(session, users.existing_user(session, _WHO), "127.0.0.1", "", now())
            return _TOKENS.issue(opened.user_id, opened.sid, now().timestamp())

    def set(self, case: Any, data: str, context: Any) -> None:
        """Send it along."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


if _WHO:
    schemathesis.auth(refresh_interval=None)(SignedIn)


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """JSON Schema takes 1.0 for a whole number; we don't, as a float in an integer's column is a mistake."""
    return not (failure.title == "Schema-valid request rejected" and _holds_whole_float(case.body))


def _holds_whole_float(node: Any) -> bool:
    if isinstance(node, dict | list):
        return any(map(_holds_whole_float, node.values() if isinstance(node, dict) else node))
    return isinstance(node, float) and node.is_integer()
