"""What asking a language model comes to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Provider = Literal["openai", "anthropic"]


class Reason(StrEnum):
    """Why a prediction has no description; what the provider said about it is never part of the answer."""

    NOT_CONFIGURED = "not_configured"
    NEEDS_EXTRA = "needs_extra_descriptions"
    BUSY = "busy"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    GARBLED = "garbled"


@dataclass(frozen=True, slots=True)
class Description:
    """Text to be shown as it is, never as markup; or None and the reason."""

    text: str | None
    reason: Reason | None = None


class Failed(Exception):
    """One attempt came to nothing; `pause` is how many seconds to wait before another one, None when that is no use."""

    def __init__(self, reason: Reason, pause: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause
