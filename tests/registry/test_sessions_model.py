"""Whatever is done with refresh tokens, in whatever order and at whatever time, a simple model foretells the answer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from registry import accounts, database, sessions
from registry.sessions import UserSession
from registry.trail import verify

DAY = timedelta(days=1)
WAITS = st.one_of(
    st.integers(0, 12).map(lambda seconds: timedelta(seconds=seconds)),
    st.sampled_from([5 * DAY, 6 * DAY, 7 * DAY - timedelta(seconds=1), 7 * DAY]),
)


@dataclass
class Family:
    """A session as the model has it: its tokens with the moments at which they were handed out first."""

    row: UserSession
    texts: list[str]
    given: list[datetime]
    is_open: bool = True

    def expected(self, place: int, now: datetime) -> str:
        """What the token at that place in the chain is good for."""
        newest = len(self.texts) - 1
        if not self.is_open or now >= min(self.given[0] + 30 * DAY, self.given[-1] + 7 * DAY):
            return "refused"
        if place == newest:
            return "new"
        return "again" if place == newest - 1 and now - self.given[-1] <= timedelta(seconds=10) else "stolen"


class Tokens(RuleBasedStateMachine):
    """Two sessions of one user, a clock, and somebody who tries every token there ever was."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.families: list[Family] = []

    @initialize()
    def sign_in(self) -> None:
        with database.session() as session:
            self.user = accounts.local_user(session)
            sessions.close_all(session, self.user, actor="user:local", now=self.now)
            for _ in range(2):
                row, text = sessions.open_session(session, self.user, "127.0.0.1", "curl", self.now)
                self.families.append(Family(row, [text], [self.now]))

    @rule(which=st.integers(0, 1))
    def refresh(self, which: int) -> None:
        self._use(self.families[which], len(self.families[which].texts) - 1)

    @rule(which=st.integers(0, 1), back=st.integers(1, 4))
    def replay(self, which: int, back: int) -> None:
        self._use(self.families[which], max(0, len(self.families[which].texts) - 1 - back))

    @rule(seconds=WAITS)
    def wait(self, seconds: timedelta) -> None:
        self.now += seconds

    @rule(which=st.integers(0, 1), seldom=st.integers(0, 4))
    def close(self, which: int, seldom: int) -> None:
        if seldom:
            return
        family = self.families[which]
        with database.session() as session:
            sessions.close_session(session, family.row, actor="user:local", now=self.now)
        family.is_open = False

    @invariant()
    def those_that_go_on_are_listed(self) -> None:
        if not self.families:
            return
        with database.reading() as session:
            listed = {row.sid for row in sessions.sessions_of(session, self.user, self.now)}
        last = [family for family in self.families if family.expected(len(family.texts) - 1, self.now) == "new"]
        assert listed == {family.row.sid for family in last}

    def _use(self, family: Family, place: int) -> None:
        expected = family.expected(place, self.now)
        with database.session() as session:
            answer = sessions.refresh(session, family.texts[place], self.now)
        if expected == "new":
            assert answer is not None and answer[1] not in family.texts
            family.texts.append(answer[1])
            family.given.append(self.now)
        elif expected == "again":
            assert answer is not None and answer[1] == family.texts[-1]
        else:
            assert answer is None
            family.is_open = family.is_open and expected != "stolen"
        assert answer is None or answer[0].sid == family.row.sid


def test_every_answer_is_the_models(store: str) -> None:
    # Not made smaller when it fails: each try is a real transaction, and thousands of them take minutes.
    chosen = settings(max_examples=30, stateful_step_count=20, phases=[Phase.generate])
    run_state_machine_as_test(Tokens, settings=chosen)
    with database.reading() as session:
        assert list(verify(session)) == []
