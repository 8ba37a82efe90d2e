"""A limit is read from text, and written as the text that reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.limits.rule import MAX_COUNT, MAX_SECONDS, Limit


@pytest.mark.parametrize(
    ("text", "count", "seconds", "canonical"),
    [
        ("100/minute", 100, 60, "100/minute"),
        ("100 per minute", 100, 60, "100/minute"),
        ("5/second", 5, 1, "5/second"),
        ("1000/hour", 1000, 3600, "1000/hour"),
        ("10/day", 10, 86400, "10/day"),
        ("20/30 seconds", 20, 30, "20/30 seconds"),
        (" 7 Per 2 Hours ", 7, 7200, "7/2 hours"),
        ("7/120 minutes", 7, 7200, "7/2 hours"),
        ("1000000/1day", 1_000_000, 86400, "1000000/day"),
    ],
)
def test_parse(text: str, count: int, seconds: int, canonical: str) -> None:
    limit = Limit.parse(text)
    assert limit == Limit(count, seconds)
    assert str(limit) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", "100", "100/", "/minute", "0/minute", "-1/minute", "1.5/second", "1000001/day", "5/0 seconds", "1/2 days",
        "5/fortnight", "5perminute", "5/minute\n6/hour", "٣/minute", "9" * 5000 + "/day", "5/minute; 6/hour",
    ],
)  # fmt: skip
def test_parse_refuses_in_one_short_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"limit") as error:
        Limit.parse(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 150


@given(st.builds(Limit, st.integers(1, MAX_COUNT), st.integers(1, MAX_SECONDS)))
def test_text_round_trip(limit: Limit) -> None:
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(("count", "seconds"), [(0, 1), (MAX_COUNT + 1, 1), (1, 0), (1, MAX_SECONDS + 1)])
def test_out_of_range(count: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="must be 1"):
        Limit(count, seconds)
