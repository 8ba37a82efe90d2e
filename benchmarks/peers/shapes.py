"""The bodies that typed peers validate, as one writes them with pydantic: `{"rows": [...]}`."""

import os
from typing import Any, Literal

from pydantic import BaseModel


class Customer(BaseModel):
    """A row of the Pipeline."""

    age: float
    spent: float
    visits: float
    plan: Literal["free", "pro", "team"]
    region: Literal["north", "south", "east", "west"]


class Numbers(BaseModel):
    """Rows of the tree and the forest."""

    rows: list[list[float]]


class Customers(BaseModel):
    """Rows of the Pipeline."""

    rows: list[Customer]


class Series(BaseModel):
    """Rows of the LSTM: steps of channels."""

    rows: list[list[list[float]]]


class Answer(BaseModel):
    """One answer for each row."""

    predictions: list[int] | list[float] | list[str]


Body = {"pipeline": Customers, "lstm": Series}.get(os.environ["BENCH_MODEL"], Numbers)


def plain(body: Any) -> list[Any]:
    """The rows as lists and dicts."""
    return [row.model_dump() for row in body.rows] if isinstance(body, Customers) else body.rows
