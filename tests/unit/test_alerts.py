"""The ladder's walk: raised at once, left with patience, told once, whatever the market does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk import alerts, ladder
from risk.alerts import CALM, Event, Seen, State, What
from risk.ladder import RULES
from risk.levels import Level, judge

START = datetime(2026, 11, 23, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EQUITY = Decimal(100_000)


def seen(percent: str | Decimal) -> Seen:
    """An account at this degree, in percent, with margin of the exchange at two thirds."""
    margin = EQUITY * Decimal(percent) / 100
    return Seen(
        level=_judged(margin, RULES.ladder),
        held=_judged(margin, RULES.lowered),
        risk=margin / EQUITY,
    )


def _judged(margin: Decimal, by: object) -> Level:
    return judge(EQUITY, margin, margin * 2 / 3, EQUITY - margin, by)  # type: ignore[arg-type]


NEGATIVE = Seen(level=Level.NEGATIVE, held=Level.NEGATIVE, risk=None)
UNSURE = Seen(level=Level.UNSURE, held=Level.UNSURE, risk=None)


@dataclass(frozen=True)
class Moment:
    seen: Seen
    wait: int  # seconds since the one before


def walk(
    moments: Sequence[Moment], state: State = CALM, at: datetime = START
) -> list[tuple[datetime, Seen, State, Event | None]]:
    told: list[tuple[datetime, Seen, State, Event | None]] = []
    for moment in moments:
        at += moment.wait * SECOND
        unheard = at - state.told_at if state.told_at else timedelta(0)
        state, event = alerts.step(state, moment.seen, at, unheard, RULES)
        told.append((at, moment.seen, state, event))
    return told


def events(*moments: tuple[str | Seen, int]) -> list[Event]:
    steps = [Moment(each if isinstance(each, Seen) else seen(each), wait) for each, wait in moments]
    return [event for *_, event in walk(steps) if event]


class TestGivenACalmAccount:
    @pytest.mark.parametrize(
        ("degree", "level"),
        [
            ("89.99", None),
            ("90", Level.WARN),
            ("99.99", Level.WARN),
            ("100", Level.CALL),
            ("119.99", Level.CALL),
            ("120", Level.FORCE),
        ],
    )
    def test_when_a_threshold_is_reached_then_it_is_raised_at_once(
        self, degree: str, level: Level | None
    ) -> None:
        found = events((degree, 1))
        assert [event.level for event in found] == ([] if level is None else [level])

    def test_when_it_jumps_over_levels_then_only_the_worst_is_told(self) -> None:
        assert events((NEGATIVE, 1)) == [Event(What.RAISED, Level.NORMAL, Level.NEGATIVE)]

    def test_when_it_is_only_watched_then_nothing_is_told(self) -> None:
        assert events(("85", 1), ("89", 1)) == []


class TestGivenAMarginCall:
    def test_when_it_goes_just_below_then_it_stays(self) -> None:
        assert [e.what for e in events(("101", 1), ("99.5", 10), ("98", 300))] == [What.RAISED]

    def test_when_it_is_well_below_for_a_minute_then_it_is_left(self) -> None:
        found = events(("101", 1), ("85", 10), ("85", 59), ("85", 1))
        assert [e.what for e in found] == [What.RAISED, What.RESOLVED]

    def test_when_it_comes_back_within_the_minute_then_the_minute_begins_anew(self) -> None:
        found = events(("101", 1), ("85", 10), ("100", 59), ("85", 1), ("85", 59), ("85", 1))
        assert [e.what for e in found] == [What.RAISED, What.RESOLVED]
        assert len(walk([Moment(seen("101"), 1)])) == 1

    def test_when_it_falls_then_to_the_worst_of_that_minute(self) -> None:
        found = events(("125", 1), ("101", 1), ("50", 30), ("50", 30))
        assert found[-1] == Event(What.FELL, Level.FORCE, Level.CALL)

    def test_when_it_comes_down_by_steps_then_each_level_has_its_own_minute(self) -> None:
        found = events((NEGATIVE, 1), ("130", 1), ("110", 1), ("95", 1), ("50", 1), ("50", 900))
        assert [e.what for e in found] == [What.RAISED, What.RESOLVED]

    def test_when_it_worsens_by_ten_points_then_it_is_told_again(self) -> None:
        found = events(("101", 1), ("110.9", 1), ("111", 1), ("112", 1))
        assert [e.what for e in found] == [What.RAISED, What.WORSE]

    def test_when_nobody_claims_it_then_it_is_told_every_ten_minutes(self) -> None:
        found = events(("101", 1), ("101", 599), ("101", 1), ("101", 1), ("101", 600))
        assert [e.what for e in found] == [What.RAISED, What.REMINDED, What.REMINDED]

    def test_when_it_is_claimed_then_nobody_is_reminded(self) -> None:
        state = State(level=Level.CALL, told_at=START, told_risk=Decimal("1.01"), claimed=True)
        assert [e for *_, e in walk([Moment(seen("101"), 3600)], state) if e] == []

    def test_when_data_are_in_doubt_then_nothing_changes_and_the_minute_begins_anew(self) -> None:
        found = events(("101", 1), ("50", 10), (UNSURE, 30), ("50", 40), ("50", 59), ("50", 1))
        assert [e.what for e in found] == [What.RAISED, What.RESOLVED]


class TestGivenASilence:
    STATE = State(
        level=Level.CALL,
        told_at=START,
        told_risk=Decimal("1.01"),
        silenced_until=START + timedelta(minutes=30),
    )

    def test_when_it_lasts_then_neither_time_nor_points_are_told(self) -> None:
        steps = [Moment(seen("118"), 900), Moment(seen("101"), 840)]
        assert [event for *_, event in walk(steps, self.STATE) if event] == []

    def test_when_the_level_rises_then_it_is_told_and_the_silence_is_over(self) -> None:
        [(_, _, state, event)] = walk([Moment(seen("120"), 60)], self.STATE)
        assert event == Event(What.ROSE, Level.CALL, Level.FORCE)
        assert state.silenced_until is None


degrees = st.integers(0, 2000).map(lambda n: seen(Decimal(n) / 10))
moments = st.lists(
    st.builds(
        Moment,
        st.one_of(degrees, st.just(NEGATIVE), st.just(UNSURE)),
        st.integers(0, 120),
    ),
    max_size=60,
)


class TestWhateverTheMarketDoes:
    @given(moments)
    def test_nobody_is_called_calm_while_above(self, steps: list[Moment]) -> None:
        for _, now, state, _ in walk(steps):
            if now.level is not Level.UNSURE and now.level >= alerts.LOWEST:
                assert state.level >= now.level

    @given(moments)
    def test_a_level_is_told_once_until_it_was_left(self, steps: list[Moment]) -> None:
        level = Level.NORMAL
        for *_, event in walk(steps):
            if event is None:
                continue
            assert event.before is level
            match event.what:
                case What.RAISED | What.ROSE:
                    assert event.level > level
                case What.FELL | What.RESOLVED:
                    assert event.level < level
                case _:
                    assert event.level is level
            level = event.level

    @given(moments)
    def test_an_episode_ends_once_and_only_well_below_for_a_minute(
        self, steps: list[Moment]
    ) -> None:
        told = walk(steps)
        since: datetime | None = None
        for at, now, _, event in told:
            below = now.level is not Level.UNSURE and now.held < alerts.LOWEST
            since = (since or at) if below else None
            if event and event.what is What.RESOLVED:
                assert below
        ended = [e for *_, e in told if e and e.what is What.RESOLVED]
        begun = [e for *_, e in told if e and e.what is What.RAISED]
        assert len(begun) - len(ended) in (0, 1)

    @given(moments, st.integers(0, 60))
    def test_a_restart_repeats_nothing(self, steps: list[Moment], cut: int) -> None:
        """The memory is all in the state: going on from it is the same as never having stopped,
        and looking twice at the same moment says nothing the second time."""
        whole = walk(steps)
        before = walk(steps[:cut])
        at, state = (before[-1][0], before[-1][2]) if before else (START, CALM)
        assert [*before, *walk(steps[cut:], state, at)] == whole
        if before and before[-1][3] and before[-1][3].what is not What.RESOLVED:
            again = walk([Moment(before[-1][1], 0)], state, at)
            assert again[0][3] is None


class TestTheDocument:
    def test_what_is_written_is_read_again(self) -> None:
        rules = ladder.read(ladder.write(RULES), "3")
        assert rules.ladder == RULES.ladder
        assert (rules.settle, rules.version) == (RULES.settle, "3")

    @pytest.mark.parametrize(
        "document",
        [
            {"warn": "0.7"},
            {"cal": "1"},
            {"call": "NaN"},
            {"call": "often"},
            {"settle_seconds": -1},
            {"force": "0.95"},
        ],
    )
    def test_what_cannot_be_a_ladder_is_refused(self, document: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            ladder.read(document, "2")

    def test_what_it_leaves_out_is_as_it_was_shipped(self) -> None:
        assert ladder.read({"call": "0.98"}, "2").ladder.force == RULES.ladder.force
