"""What the control plane reads and answers of API keys."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from registry.errors import InvalidInput
from services.control.bodies import Body, Span, Username
from services.control.paging import Items, Paged, Text
from services.held_keys import Wanted
from services.key_status import KeyStatus
from services.keys import LIFETIME
from services.security import scopes


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


class KeysAsked(Paged):
    """Which keys are asked for, and in which order."""

    sort: Literal[
        "created_at", "-created_at", "name", "-name", "last_used", "-last_used", "expires_at", "-expires_at"
    ] = Field("-created_at", description="`-` descends.")  # fmt: skip
    user: Text | None = Field(None, description="Only this user's keys; by default an admin sees everybody's.")
    endpoint: Text | None = Field(None, description="Only keys made for this endpoint.")


class NewKey(Body):
    """A key that is to be made."""

    name: Annotated[str, AfterValidator(_printable)] = Field(
        min_length=1, max_length=64, description="What it is for.", examples=["checkout"]
    )
    endpoint: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00]*$",
        description="The only endpoint it opens.",
        examples=["churn", None],
    )
    scopes: list[Annotated[str, Field(max_length=80)]] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="What it may do: `predict`, `predict:<endpoint>`, `metrics`; by default all that its kind may.",
        examples=[["predict"]],
    )
    expires_days: int | None = Field(
        None, ge=1, le=365, description=f"Days until it expires, {LIFETIME.days} by default.", examples=[90]
    )
    never_expires: bool = Field(False, description="An admin's key alone.", examples=[False])
    user: Username | None = Field(None, description="Who will hold it; an admin alone may name another.")

    @model_validator(mode="after")
    def _one_end(self) -> "NewKey":
        if self.never_expires and self.expires_days is not None:
            raise ValueError("a key that never expires has no expires_days")
        return self

    def wanted(self) -> Wanted:
        """The key in the platform's terms; InvalidInput for a word that is no scope."""
        try:
            allowed = None if self.scopes is None else scopes.parse(self.scopes)
        except ValueError as error:
            raise InvalidInput(f"scopes: {error}") from None
        days = LIFETIME if self.expires_days is None else timedelta(days=self.expires_days)
        return Wanted(self.name, self.endpoint, allowed, None if self.never_expires else days, self.user)


class Rotation(Body):
    """How a key is replaced."""

    grace: Span = Field(
        "24h", max_length=8, description="How long the old key works on: 30m, 24h, 7d at most, or 0.", examples=["24h"]
    )


class KeyRow(BaseModel):
    """A key in a list; never its text."""

    id: str = Field(description="Its public part.", examples=["3kTq9fWz0aBc"])
    user: str = Field(description="Who holds it.", examples=["ada"])
    endpoint: str | None = Field(description="The only endpoint it opens; null: every one.", examples=["churn"])
    name: str = Field(examples=["checkout"])
    scopes: list[str] = Field(examples=[["predict"]])
    status: KeyStatus
    created_at: datetime
    last_used: datetime | None = Field(description="Some seconds late.")
    expires_at: datetime | None = Field(description="When it stops by itself; null: never.")

    @model_validator(mode="before")
    @classmethod
    def _words(cls, known: Any) -> Any:
        """A key's scopes stand in one text on the command line, and each by itself here."""
        return known | {"scopes": known["scopes"].split()} if isinstance(known.get("scopes"), str) else known


class KeyDetails(KeyRow):
    """What is known of a key."""

    rotated_from: str | None = Field(description="The key that it replaces.", examples=["05yo6bvwPbAI"])
    grace_until: datetime | None = Field(description="When a replaced key stops.")
    revoked_at: datetime | None


class KeyMade(KeyDetails):
    """A new key, and its text, which is shown this once."""

    api_key: str = Field(description="Keep it: only its hash is stored.", examples=["mp_live_3kTq9fWz0aBc_…"])


class KeyList(Items[KeyRow]):
    """A page of keys."""
