"""What an SDK's error means to us; both SDKs come from one generator and name their errors alike."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import ModuleType

from services.descriptions.connection import Unreadable
from services.descriptions.description import Failed, Reason

PAUSE = 0.5  # seconds before the second attempt when the provider names none
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)


def failure(sdk: ModuleType, error: Exception) -> Failed:
    """The reason, and whether another attempt may help."""
    if isinstance(error, sdk.APIStatusError):
        return of_status(error.response.status_code, error.response.headers)
    if isinstance(error, sdk.APIConnectionError):
        unreadable = isinstance(error.__cause__, Unreadable)
        return Failed(Reason.GARBLED) if unreadable else Failed(Reason.UNAVAILABLE, PAUSE)
    return Failed(Reason.GARBLED)  # neither reached us as JSON of a known kind nor as an error


def of_status(status: int, headers: Mapping[str, str]) -> Failed:
    """What a status that isn't success means."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Failed(Reason.RATE_LIMITED, pause(headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Failed(Reason.UNAVAILABLE, pause(headers))
    return Failed(Reason.REFUSED)


def pause(headers: Mapping[str, str]) -> float:
    """How many seconds `Retry-After` asks for, as a number or a date; PAUSE when it says nothing that makes sense."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return PAUSE
    return max(seconds, 0.0) if math.isfinite(seconds) else PAUSE
