"""For whom an export is made: who they are in the audit, whether they still may, and what they get in its transaction."""

from typing import Protocol

from sqlmodel import Session

from registry.accounts import add_key, local_user
from registry.catalog import Endpoint
from services.keys import ACTOR, mint_key
from services.security.api_keys import MintedKey


class Asker(Protocol):
    """Whoever asks for an export or a deletion."""

    def begin(self) -> None:
        """Find out before the work what would be in its way at the end."""
        ...

    def actor(self, session: Session) -> str:
        """Their name in the audit; raises a PlatformError if they may no longer do this."""
        ...

    def written(self, session: Session, endpoint: Endpoint, is_new: bool) -> None:
        """Do what belongs to the export, in the transaction that makes, moves or confirms the endpoint."""
        ...


class Operator:
    """Whoever is at this machine's command line, and gets a key that never expires."""

    key: MintedKey

    def begin(self) -> None:
        """Mint the key: it may be that there is no pepper."""
        self.key = mint_key()

    def actor(self, session: Session) -> str:
        """The local user's name."""
        return ACTOR

    def written(self, session: Session, endpoint: Endpoint, is_new: bool) -> None:
        """Add the first key of a new endpoint."""
        if not is_new:
            return
        add_key(
            session,
            key_id=self.key.key_id,
            key_hash=self.key.key_hash,
            name=endpoint.name,
            user=local_user(session),
            endpoint=endpoint,
            actor=ACTOR,
        )
