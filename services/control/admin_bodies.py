"""What the control plane answers of the audit trail and of the platform in numbers."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from registry.audit import Action, AuditEntry
from services import audit_trail
from services.audit_trail import Verdict
from services.control.paging import Items, Moment, Paged, Text


class EntriesAsked(Paged):
    """Which entries of the trail are asked for, and in which order."""

    sort: Literal["seq", "-seq"] = Field("-seq", description="`-` descends.")
    actor: Text | None = Field(None, description="Only what they did, such as `user:ada`.")
    action: Action | None = Field(None, description="Only this.")
    target: Text | None = Field(None, description="Only what was done to it, such as `endpoint:churn`.")
    since: Moment | None = Field(None, alias="from", description="Only from then on.")
    until: Moment | None = Field(None, description="Only before.")


class EntryAnswer(BaseModel):
    """One change."""

    seq: int = Field(description="Its place in the chain.", examples=[4711])
    created_at: datetime
    actor: str = Field(examples=["user:ada"])
    action: str = Field(examples=["account:key:created"])
    target: str = Field(examples=["key:3kTq9fWz0aBc"])
    detail: Any = Field(description="What changed.", examples=[{"name": "checkout"}])

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """The entry of a row."""
        return cls(**audit_trail.row(entry))


class EntryList(Items[EntryAnswer]):
    """A page of the trail."""


class VerdictAnswer(BaseModel):
    """Whether anybody has touched the trail."""

    holds: bool = Field(examples=[True])
    entries: int = Field(description="How many there should be, as the chain's sealed head says.", examples=[4711])
    head: str | None = Field(description="The last entry's hash: note it elsewhere. null: the head was edited.")
    found: int = Field(description="Places where the chain does not hold.", examples=[0])
    problems: list[str] = Field(description="The first of them.", examples=[["entry 17: was edited"]])

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """A verdict as it is answered."""
        return cls(holds=not verdict.found, **verdict._asdict())


class UserNumbers(BaseModel):
    """Users."""

    by_role: dict[str, int] = Field(examples=[{"admin": 1, "operator": 2, "user": 30, "viewer": 4}])
    disabled: int = Field(examples=[3])


class EndpointNumbers(BaseModel):
    """Endpoints by status."""

    active: int = Field(examples=[12])
    inactive: int = Field(examples=[1])
    error: int = Field(examples=[0])


class KeyNumbers(BaseModel):
    """API keys."""

    working: int = Field(examples=[40])
    ended: int = Field(description="Revoked, replaced or expired.", examples=[7])


class BusyEndpoint(BaseModel):
    """What was asked of one endpoint."""

    endpoint: str | None = Field(examples=["churn"])
    requests: int = Field(examples=[12043])
    refused: int = Field(description="Answered with 4xx.", examples=[31])
    errors: int = Field(description="Answered with 5xx.", examples=[0])
    mean_seconds: float = Field(examples=[0.0009])


class DayNumbers(BaseModel):
    """What was asked in the last 24 hours."""

    requests: int = Field(examples=[13000])
    refused: int = Field(description="Answered with 4xx.", examples=[40])
    errors: int = Field(description="Answered with 5xx.", examples=[0])
    busiest: list[BusyEndpoint] = Field(description="The ten endpoints that were asked most.")


class LogNumbers(BaseModel):
    """How far the request log reaches."""

    oldest: datetime | None
    newest: datetime | None


class Stats(BaseModel):
    """The platform in numbers."""

    at: datetime
    users: UserNumbers
    endpoints: EndpointNumbers
    models: int = Field(description="Versions of models that are kept.", examples=[15])
    keys: KeyNumbers
    last_24_hours: DayNumbers
    log: LogNumbers
