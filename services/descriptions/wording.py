"""Ask a language model for a description, within bounds of time and number; the prediction answers in any case."""

import asyncio
import logging
from collections.abc import Mapping

from registry.settings import Settings, settings
from services.descriptions.description import Description, Failed, Provider, Reason
from services.descriptions.desk import Client, Desk, desk
from services.descriptions.picture import picture
from services.descriptions.question import Label, Question, prediction_text
from services.descriptions.text import shown

log = logging.getLogger("modelport.descriptions")


async def describe(
    provider: Provider, *, category: Label, probabilities: Mapping[str, float] | None, image: bytes | None = None
) -> Description:
    """The prediction in words, or why not; raises nothing but CancelledError. `image` is sent where settings allow it."""
    try:
        chosen = settings()
        if getattr(chosen, f"{provider}_api_key") is None:
            return Description(None, Reason.NOT_CONFIGURED)
        here = desk()
        if here.under_way >= chosen.describe_concurrency:
            return Description(None, Reason.BUSY)  # to wait for a turn would hold up the prediction
        here.under_way += 1
        try:
            async with asyncio.timeout(chosen.describe_seconds) as limit:
                question = await _question(chosen, category, probabilities, image)
                return Description(await _asked(here, provider, chosen, question, limit))
        finally:
            here.under_way -= 1
    except Exception as error:
        return Description(None, _reason(provider, error))


async def _question(
    chosen: Settings, category: Label, probabilities: Mapping[str, float] | None, image: bytes | None
) -> Question:
    sent = image if chosen.describe_images else None
    return Question(
        prediction_text(category, probabilities), await asyncio.to_thread(picture, sent) if sent is not None else None
    )


async def _asked(here: Desk, provider: Provider, chosen: Settings, question: Question, limit: asyncio.Timeout) -> str:
    """What the provider says, at the second attempt if need be and if there is the time."""
    client: Client = await here.client(provider, chosen)
    try:
        return shown(await client.ask(question))
    except Failed as first:
        end = limit.when()
        left = 0.0 if end is None else end - asyncio.get_running_loop().time()
        if first.pause is None or first.pause >= left:
            raise
        await asyncio.sleep(first.pause)
    return shown(await client.ask(question))


def _reason(provider: Provider, error: Exception) -> Reason:
    """Why, to the caller; to the log, no more than the kind of error: its text may quote what was sent or answered."""
    match error:
        case Failed():
            reason, cause = error.reason, error.__cause__
        case TimeoutError():
            reason, cause = Reason.TIMEOUT, None
        case ImportError():
            reason, cause = Reason.NEEDS_EXTRA, error
        case _:
            reason, cause = Reason.UNAVAILABLE, error
    log.warning("no description by %s: %s%s", provider, reason, f" ({type(cause).__name__})" if cause else "")
    return reason
