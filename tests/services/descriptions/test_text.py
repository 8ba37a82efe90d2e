"""What a language model wrote is shown to people: short, on one line, and of printable characters alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.descriptions.description import Failed, Reason
from services.descriptions.failure import PAUSE, pause
from services.descriptions.text import LONGEST, shown


@pytest.mark.parametrize(
    ("written", "fit"),
    [
        (" Chess.\n\nVery\tsure. ", "Chess. Very sure."),
        ("Chess\x1b[2J\x00\u202e, sure\ud800", "Chess[2J, sure"),
        ("<b>Chess</b>", "<b>Chess</b>"),  # markup means nothing: who shows it shows text
        ("Schach, 囲碁", "Schach, 囲碁"),
    ],
)
def test_it_is_made_fit_to_be_shown(written: str, fit: str) -> None:
    assert shown(written) == fit


@given(st.text(max_size=3 * LONGEST))
def test_whatever_is_written_comes_out_short_and_printable(written: str) -> None:
    try:
        fit = shown(written)
    except Failed as failed:
        assert failed.reason == Reason.GARBLED
        assert not any(one.isprintable() and not one.isspace() for one in written)
        return
    assert fit.isprintable() and fit == fit.strip() and 0 < len(fit) <= LONGEST


def test_what_is_too_long_ends_with_an_ellipsis() -> None:
    assert shown("word " * 1000) == "word " * (LONGEST // 5 - 1) + "word…"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3),
        ("0.25", 0.25),
        ("-1", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("soon", PAUSE),
        ("nan", PAUSE),
        ("inf", PAUSE),
        ("", PAUSE),
    ],
)
def test_how_long_to_wait_is_a_number_or_a_date(said: str, seconds: float) -> None:
    assert pause({"retry-after": said}) == seconds
    assert pause({}) == PAUSE


def test_a_date_ahead_is_waited_for() -> None:
    assert pause({"retry-after": "Fri, 01 Jan 2999 00:00:00 GMT"}) > 10**9
