"""The headers say what the limiter decided, and what they promise comes true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.limits import headers as module
from services.limits.headers import headers
from services.limits.ring import WORDS, decide
from services.limits.rule import Decision, Limit


def test_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", lambda: 1_700_000_000.25)
    assert headers(Decision(True, Limit(100, 60), 42, 18, 0)) == [
        (b"ratelimit-policy", b'"default";q=100;w=60'),
        (b"ratelimit", b'"default";r=42;t=18'),
        (b"x-ratelimit-limit", b"100"),
        (b"x-ratelimit-remaining", b"42"),
        (b"x-ratelimit-reset", b"1700000019"),
    ]


def test_refused_tells_when_to_come_back() -> None:
    found = dict(headers(Decision(False, Limit(5, 1), 0, 1, 1)))
    assert found[b"ratelimit"] == b'"default";r=0;t=1'
    assert found[b"retry-after"] == b"1"


def test_refused_for_ever_promises_nothing() -> None:
    decision = decide([0] * WORDS, Limit(5, 1), 6, 0)
    assert decision == Decision(False, Limit(5, 1), 5, 0, 0)
    assert b"retry-after" not in dict(headers(decision))


@given(
    st.builds(Limit, st.integers(1, 1200), st.integers(1, 90)),
    st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 700)), min_size=1, max_size=40),
)
def test_promises_come_true(limit: Limit, calls: list[tuple[int, int]]) -> None:
    words, now = [0] * WORDS, 0
    for pause, cost in calls:
        now += pause
        told = decide(words, limit, min(cost, limit.count), now)
        if told.allowed:
            assert 1 <= told.reset <= limit.seconds
            later = decide(list(words), limit, 1, now + told.reset * 1_000_000)
            assert later.allowed
            assert later.remaining >= told.remaining  # one unit came back, this call took one
        else:
            assert 1 <= told.retry_after == told.reset <= limit.seconds
            assert decide(list(words), limit, min(cost, limit.count), now + told.retry_after * 1_000_000).allowed
