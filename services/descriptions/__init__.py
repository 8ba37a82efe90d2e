"""A prediction in words: one or two sentences by a language model, or the reason why there are none."""

from services.descriptions.description import Description, Provider, Reason
from services.descriptions.desk import close
from services.descriptions.wording import describe

__all__ = ["Description", "Provider", "Reason", "close", "describe"]
