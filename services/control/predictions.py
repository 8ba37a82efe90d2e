"""/predictions: what was predicted, people's own part of it and for admins the whole."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from services import log_rows, stored_predictions
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
    category: Text | None = Field(None, description="Only where one of the results is of this category.")
    request_id: Text | None = Field(None, description="The one whose answer had this `X-Request-ID`.")


ID = "01a203f28fbf74898f500a2e67f2d656"
PREDICTION = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$", description="The prediction's id.")]


class Result(BaseModel):
    """One of a request's predictions in short."""

    id: str = Field(description="`GET /predictions/{id}` shows the rest.", examples=[ID])
    category: str | None = Field(description="Null where this one failed.", examples=["Action"])
    confidence: float | None = Field(examples=[0.93])


class Prediction(BaseModel):
    """One answered request for predictions; neither what was asked nor what was answered is kept, but for its results."""

    request_id: str = Field(examples=["01a203f28fbf74898f500a2e67f2d656"])
    timestamp: datetime
    endpoint: str | None = Field(examples=["churn"])
    key: str | None = Field(description="The id of the key; null for an access token.", examples=["3kTq9fWz0aBc"])
    user: str | None = Field(description="Who holds the key.", examples=["ada"])
    route: str = Field(examples=["/api/predict/churn"])
    status: int = Field(examples=[200])
    error: str | None = Field(description="The error's code.", examples=["INVALID_INPUT", None])
    seconds: float = Field(description="From the first byte read to the answer.", examples=[0.0012])
    results: list[Result] = Field(description="What the service had stored of it, in its order; models store nothing.")


class StoredPrediction(BaseModel):
    """Everything that is stored of one prediction."""

    id: str = Field(examples=[ID])
    request_id: str = Field(description="That of the request in the list.", examples=[ID])
    timestamp: datetime
    endpoint: str | None = Field(examples=["game_classifier"])
    user: str | None = Field(description="Who was signed in, or holds the key.", examples=["ada"])
    filename: str | None = Field(description="The client's, made harmless.", examples=["screenshot.png"])
    category: str | None = Field(examples=["Action"])
    confidence: float | None = Field(examples=[0.93])
    probabilities: dict[str, float | None] | None = Field(examples=[{"Action": 0.93, "Puzzle": 0.07}])
    processing_time: float | None = Field(description="Seconds.", examples=[0.021])
    status: str = Field(description="`success`, or `error`.", examples=["success"])
    error: str | None = Field(description="Why it failed, if it did.", examples=[None])
    has_image: bool = Field(description="Whether `GET /predictions/{id}/image` has what was sent.")


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
        category=asked.category,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return PredictionList(items=[Prediction(**one) for one in found.items], next_cursor=found.next_cursor)


@router.get("/{id}", summary="Show a prediction", responses=failures(401, 403, 404))
async def one_prediction(who: Reader, id: PREDICTION, threads: OfThreads) -> StoredPrediction:
    """What is stored of a prediction: your own, or anybody's if you may see them."""
    return StoredPrediction(**await threads.registry(stored_predictions.one_prediction, who, id))


@router.get(
    "/{id}/image",
    summary="Fetch a prediction's image",
    response_class=Response,
    responses={
        **failures(401, 403, 404),
        200: {
            "description": "The image as it was sent, under its own type.",
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def image(who: Reader, id: PREDICTION, threads: OfThreads) -> Response:
    """The image that a prediction was made of, where the operator keeps images, until its days are over."""
    found = await threads.registry(stored_predictions.image_of, who, id)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.filename)}"}
    return Response(found.data, media_type=found.content_type, headers=headers)
