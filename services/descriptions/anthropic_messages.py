"""Anthropic by its own SDK: messages."""

import anthropic
from anthropic.types import Base64ImageSourceParam, ImageBlockParam, TextBlockParam

from registry.settings import Settings
from services.descriptions.connection import http_client
from services.descriptions.description import Failed, Reason
from services.descriptions.failure import failure
from services.descriptions.question import INSTRUCTIONS, Question

MOST_TOKENS = 1000  # what a model thinks before it writes counts, too


class Anthropic:
    """A client that stays connected; the key goes along in `X-Api-Key`."""

    def __init__(self, chosen: Settings) -> None:
        key = chosen.anthropic_api_key.get_secret_value() if chosen.anthropic_api_key else ""
        self._model = chosen.anthropic_model
        self._client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=chosen.anthropic_base_url,
            max_retries=0,
            timeout=None,
            open_telemetry=False,
            http_client=http_client({"x-api-key": key}, chosen.describe_concurrency),
        )
        self._create = self._client.messages.create  # imports what it needs

    async def ask(self, question: Question) -> object:
        """What the model wrote, which may be anything; raises Failed."""
        parts: list[TextBlockParam | ImageBlockParam] = [{"type": "text", "text": question.prediction}]
        if question.picture is not None:
            source: Base64ImageSourceParam = {"type": "base64", "media_type": "image/jpeg", "data": question.picture}
            parts.insert(0, {"type": "image", "source": source})
        try:
            answer = await self._create(
                model=self._model,
                system=INSTRUCTIONS,
                messages=[{"role": "user", "content": parts}],
                max_tokens=MOST_TOKENS,
            )
        except Exception as error:
            raise failure(anthropic, error) from error
        try:
            if answer.stop_reason == "refusal":
                raise Failed(Reason.REFUSED)
            return "".join(part.text for part in answer.content if part.type == "text")
        except (AttributeError, TypeError):  # the SDK hands on whatever JSON it was sent
            raise Failed(Reason.GARBLED) from None

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()
