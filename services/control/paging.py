"""What every list of the control plane takes and answers: a page's length, where it begins, its order, its filters.

A list's query is a model that extends `Paged` with a closed `sort` and its own filters; whatever else stands in the
query is refused. `registry.pages` turns the pages.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

LONGEST = 200  # rows of a page
_YEAR = re.compile(r"\d{4}-")

Item = TypeVar("Item")


def _written_out(given: object) -> object:
    """A bare number would be taken for seconds since 1970, or for milliseconds, by its size."""
    if isinstance(given, str) and not _YEAR.match(given):
        raise ValueError("is no moment such as 2026-11-22T09:30:00Z")
    return given


def _in_utc(moment: datetime) -> datetime:
    """A moment without a zone is one in UTC, as on the command line."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the years 1 to 9999") from None


Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]  # a NUL, Postgres has no text with


class Paged(BaseModel):
    """Which page of a list is asked for."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: int = Field(50, ge=1, le=LONGEST, description="Rows of the page at most.")
    cursor: str | None = Field(None, max_length=1024, description="`next_cursor` of the page before.")


class Items(BaseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Ask on with it, the same sort and the same filters; null after the last page.",
        examples=["WyItY3JlYXRlZF9hdCIsIjIwMjYtMTEtMjNUMDg6MDA6MDArMDA6MDAiLDQyXQ", None],
    )
