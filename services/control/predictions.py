"""/predictions: the request log, people's own part of it and for admins the whole."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services import log_rows
from services.control.callers import OfThreads, permitted
from services.control.described import failures
from services.control.paging import Items, Moment, Paged, Text
from services.security.bearer import Identity
from services.security.permissions import Permission

router = APIRouter(prefix="/predictions", tags=["predictions"])

Reader = Annotated[Identity, permitted(Permission.PREDICTIONS_OWN)]


class PredictionsAsked(Paged):
    """Which predictions are asked for, and in which order."""

    sort: Literal["timestamp", "-timestamp"] = Field("-timestamp", description="`-` descends.")
    endpoint: Text | None = Field(None, description="Only by this endpoint.")
    status: Literal["2xx", "4xx", "5xx"] | None = Field(None, description="Only those answered so.")
    key: Text | None = Field(None, description="Only with the key of this id.")
    since: Moment | None = Field(None, alias="from", description="Only from then on.")
    until: Moment | None = Field(None, description="Only before.")
    request_id: Text | None = Field(None, description="The one whose answer had this `X-Request-ID`.")


class Prediction(BaseModel):
    """One answered prediction; neither what was asked nor what was answered is kept."""

    request_id: str = Field(examples=["01a203f28fbf74898f500a2e67f2d656"])
    timestamp: datetime
    endpoint: str | None = Field(examples=["churn"])
    key: str | None = Field(description="The id of the key; null for an access token.", examples=["3kTq9fWz0aBc"])
    user: str | None = Field(description="Who holds the key.", examples=["ada"])
    route: str = Field(examples=["/api/predict/churn"])
    status: int = Field(examples=[200])
    error: str | None = Field(description="The error's code.", examples=["INVALID_INPUT", None])
    seconds: float = Field(description="From the first byte read to the answer.", examples=[0.0012])


class PredictionList(Items[Prediction]):
    """A page of predictions."""


@router.get("", summary="List predictions", responses=failures(401, 403))
async def list_predictions(
    who: Reader, asked: Annotated[PredictionsAsked, Query()], threads: OfThreads
) -> PredictionList:
    """Your predictions, or everybody's if you may see them; newest first unless told otherwise, about a second late."""
    found = await threads.registry(
        log_rows.list_predictions,
        who,
        endpoint=asked.endpoint,
        key=asked.key,
        status=None if asked.status is None else int(asked.status[0]),
        since=asked.since,
        until=asked.until,
        request_id=asked.request_id,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return PredictionList(items=[Prediction(**one) for one in found.items], next_cursor=found.next_cursor)
