"""OpenAI by its own SDK: chat completions, which vLLM, Ollama and other servers answer as well, unlike `responses`."""

import openai
from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam

from registry.settings import Settings
from services.descriptions.connection import http_client
from services.descriptions.description import Failed, Reason
from services.descriptions.failure import failure
from services.descriptions.question import INSTRUCTIONS, Question

MOST_TOKENS = 1000  # what a model thinks before it writes counts, too


class OpenAI:
    """A client that stays connected; the key goes along in `Authorization`."""

    def __init__(self, chosen: Settings) -> None:
        key = chosen.openai_api_key.get_secret_value() if chosen.openai_api_key else ""
        self._model = chosen.openai_model
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=chosen.openai_base_url,
            max_retries=0,
            timeout=None,
            http_client=http_client({"authorization": f"Bearer {key}"}, chosen.describe_concurrency),
        )
        self._create = self._client.chat.completions.create  # imports what it needs

    async def ask(self, question: Question) -> object:
        """What the model wrote, which may be anything; raises Failed."""
        parts: list[ChatCompletionContentPartParam] = [{"type": "text", "text": question.prediction}]
        if question.picture is not None:
            url = f"data:image/jpeg;base64,{question.picture}"
            parts.append({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": parts},
        ]
        try:
            answer = await self._create(model=self._model, messages=messages, max_completion_tokens=MOST_TOKENS)
        except Exception as error:
            raise failure(openai, error) from error
        try:
            message = answer.choices[0].message
            if message.refusal:
                raise Failed(Reason.REFUSED)
            return message.content
        except (AttributeError, LookupError, TypeError):  # the SDK hands on whatever JSON it was sent
            raise Failed(Reason.GARBLED) from None

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()
