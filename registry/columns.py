"""Column types that mean the same on SQLite and on Postgres."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Enum, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """A moment; SQLite has no zones, so it holds UTC there and gets the zone back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone: nobody could say which moment it is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class BigId(TypeDecorator[int]):
    """The id of a table that grows for ever; SQLite numbers rows only in a plain INTEGER, which is as wide."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int]:
        """The widest integer that the database numbers by itself."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


def choice(kind: type[StrEnum], index: bool | None = None) -> Column[Any]:
    """A column that holds one of the values of an enum, as text."""
    values = Enum(kind, native_enum=False, length=16, values_callable=lambda members: [item.value for item in members])
    return Column(values, nullable=False, index=index)
