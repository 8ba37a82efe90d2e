"""Scopes are a closed grammar, and whatever is done with them only narrows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.security.scopes import EVERYTHING, NOTHING, PREDICT, Scopes, of_key, parse

NAMES = st.from_regex(r"[a-z]([a-z0-9._-]{0,5}[a-z0-9])?", fullmatch=True)
SCOPES = st.builds(Scopes, st.none() | st.frozensets(NAMES, max_size=3), st.booleans())


def allows(scopes: Scopes, name: str) -> bool:
    """Whether a key with these may predict with that endpoint."""
    return scopes.endpoints is None or name in scopes.endpoints


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("predict", "predict"),
        ("metrics", "metrics"),
        ("predict metrics", "metrics predict"),
        ("predict:wine predict:churn predict:wine", "predict:churn predict:wine"),
        ("predict:churn predict", "predict"),
    ],
)
def test_scopes_have_one_spelling(words: str, text: str) -> None:
    assert str(parse(words.split())) == text


@pytest.mark.parametrize(
    "word",
    [
        *(
            "",
            "Predict",
            "predict ",
            "predict:",
            "predict:a:b",
            "predict:*",
            "predict:1",
            "predict:A",
            "*",
            "metrics:a",
        ),
        *("admin", "predict\n", "predict:a b", "predict:\N{CYRILLIC SMALL LETTER A}", ":predict", "metrics,predict"),
    ],
)
def test_everything_else_is_no_scope(word: str) -> None:
    with pytest.raises(ValueError, match="no scope|names no endpoint"):
        parse(["metrics", word])


def test_a_key_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        parse([])


@given(SCOPES)
def test_what_is_stored_is_read_again(scopes: Scopes) -> None:
    if scopes != NOTHING:
        assert of_key(str(scopes), one_endpoint=True) == of_key(str(scopes), one_endpoint=False) == scopes


def test_a_key_from_before_there_were_scopes_keeps_what_it_had() -> None:
    assert of_key(None, one_endpoint=True) == PREDICT
    assert of_key(None, one_endpoint=False) == EVERYTHING


@given(SCOPES, SCOPES, NAMES)
def test_narrowing_leaves_what_both_allow(one: Scopes, other: Scopes, name: str) -> None:
    both = one.narrowed(other)
    assert both == other.narrowed(one)
    assert allows(both, name) == (allows(one, name) and allows(other, name))
    assert both.metrics == (one.metrics and other.metrics)
    assert both.within(one) and both.within(other) and NOTHING.within(both) and both.within(EVERYTHING)


@given(SCOPES, SCOPES)
def test_what_is_within_each_other_is_the_same(one: Scopes, other: Scopes) -> None:
    assert (one.within(other) and other.within(one)) == (one == other)
