"""The moves of a case: whatever people do and in whatever order, the laws hold."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from approvals import flow, hours, versions
from approvals.flow import (
    AwaitsCosigner,
    Case,
    CaseEnded,
    DecidedBefore,
    NotFitting,
    NotInHand,
    NotYourTurn,
    OldVersion,
    OwnApplication,
    ReasonWanted,
    State,
    Verdict,
)
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError
from crm.models import Role

FLOW = versions.flow_of(versions.shipped("account_opening"), 1)
PEOPLE = ("am", "head", "head2", "suit", "comp", "desk", "risk", "stranger")
SEATS = {  # who is seated at a step
    "branch": frozenset({"head", "head2"}),
    "suitability": frozenset({"suit", "head2"}),
    "compliance": frozenset({"comp"}),
    "opening_desk": frozenset({"desk"}),
}
KEYS = [step.key for step in FLOW.steps]


def draft() -> Case:
    return Case(flow=FLOW, state=State.DRAFT, applicants=frozenset({"am"}))


def seated(case: Case) -> Case:
    """As the caller does after a move that comes to a step."""
    if case.state is not State.RUNNING or case.seated:
        return case
    step = case.flow.step(case.step)
    who = frozenset(p for p in SEATS[case.step] if flow.may_decide(case, p, step))
    return replace(case, seated=who)


def at(step: str) -> Case:
    case = seated(flow.submit(draft()))
    while case.step != step:
        by = min(case.seated)
        decided = flow.decide(case, by, Verdict.APPROVE, comment="", seen=case.version)
        case = seated(decided)
    return case


def test_a_case_that_everybody_agrees_to_is_approved_in_as_many_steps_as_the_flow_has() -> None:
    case = at("opening_desk")
    assert [step for _, step in sorted(case.decided, key=lambda d: KEYS.index(d[1]))] == KEYS[:3]
    case = flow.decide(case, "desk", Verdict.APPROVE, comment="", seen=case.version)
    assert (case.state, case.step) == (State.APPROVED, "")


def test_the_second_of_two_who_saw_the_same_version_is_too_late() -> None:
    case = at("branch")
    after = seated(flow.decide(case, "head", Verdict.APPROVE, comment="", seen=case.version))
    with pytest.raises(OldVersion):
        flow.decide(after, "head2", Verdict.REJECT, comment="不行", seen=case.version)


def test_nobody_decides_two_steps_of_one_case() -> None:
    case = at("branch")
    case = flow.decide(case, "head2", Verdict.APPROVE, comment="", seen=case.version)
    case = replace(case, seated=frozenset({"suit", "head2"}))
    with pytest.raises(DecidedBefore):
        flow.decide(case, "head2", Verdict.APPROVE, comment="", seen=case.version)


def test_the_same_step_may_be_decided_again_in_another_round() -> None:
    case = at("branch")
    case = flow.decide(case, "head", Verdict.RETURN, comment="补", seen=case.version)
    assert (case.state, case.step, case.round) == (State.RETURNED, "", 1)
    case = seated(flow.submit(case))
    assert case.round == 2
    case = flow.decide(case, "head", Verdict.APPROVE, comment="", seen=case.version)
    assert case.step == "suitability"


def test_an_applicant_never_decides_his_own_even_when_seated() -> None:
    case = replace(at("branch"), seated=frozenset({"am"}))
    with pytest.raises(OwnApplication):
        flow.decide(case, "am", Verdict.APPROVE, comment="", seen=case.version)


def test_a_reason_is_wanted_where_the_step_says_so() -> None:
    case = at("branch")
    for verdict in (Verdict.REJECT, Verdict.RETURN):
        with pytest.raises(ReasonWanted):
            flow.decide(case, "head", verdict, comment="  ", seen=case.version)


def test_a_cosigner_comes_first_and_leaves_the_step_to_its_own() -> None:
    case = at("suitability")
    case = flow.cosign(case, "suit", "risk", seen=case.version)
    with pytest.raises(AwaitsCosigner):
        flow.decide(case, "suit", Verdict.APPROVE, comment="", seen=case.version)
    case = flow.decide(case, "risk", Verdict.APPROVE, comment="", seen=case.version)
    assert (case.step, case.cosigners) == ("suitability", frozenset())
    case = flow.decide(case, "suit", Verdict.APPROVE, comment="", seen=case.version)
    assert case.step == "compliance"


def test_a_cosigner_may_end_it() -> None:
    case = at("suitability")
    case = flow.cosign(case, "suit", "risk", seen=case.version)
    case = flow.decide(case, "risk", Verdict.REJECT, comment="穿仓记录", seen=case.version)
    assert case.state is State.REJECTED


def test_a_step_is_handed_to_somebody_who_may_decide_it_and_to_nobody_else() -> None:
    case = at("suitability")
    for to in ("am", "head", "suit"):  # the applicant, who decided before, who sits there
        with pytest.raises(NotFitting):
            flow.hand(case, "suit", to, seen=case.version)
    after = flow.hand(case, "suit", "risk", seen=case.version)
    assert after.seated == {"risk"}
    with pytest.raises(NotYourTurn):
        flow.decide(after, "suit", Verdict.APPROVE, comment="", seen=after.version)


def test_the_consent_of_a_deputy_is_the_cosigners_and_only_his() -> None:
    case = replace(
        at("suitability"),
        cosigners=frozenset({"risk", "comp"}),
        instead={"stranger": "risk"},
    )
    with pytest.raises(AwaitsCosigner):
        flow.decide(case, "suit", Verdict.APPROVE, comment="", seen=case.version)
    for to in ("stranger", "risk"):
        with pytest.raises(NotFitting):
            flow.cosign(case, "suit", to, seen=case.version)
    with pytest.raises(NotFitting):
        flow.hand(case, "stranger", "desk", seen=case.version)
    for by in ("stranger", "risk"):
        after = flow.decide(case, by, Verdict.APPROVE, comment="", seen=case.version)
        assert (after.cosigners, dict(after.instead)) == (frozenset({"comp"}), {})
        other = "risk" if by == "stranger" else "stranger"
        with pytest.raises(NotYourTurn):
            flow.decide(after, other, Verdict.APPROVE, comment="", seen=after.version)


def test_what_is_in_hand_lapses_and_what_runs_does_not() -> None:
    assert flow.expire(draft()).state is State.EXPIRED
    with pytest.raises(NotInHand):
        flow.expire(at("branch"))


class AnyOrder(RuleBasedStateMachine):
    """Anybody does anything at any time, on what he saw then or now."""

    def __init__(self) -> None:
        super().__init__()
        self.case = draft()
        self.seen = [self.case.version]
        self.verdicts: list[tuple[str, str, int]] = []  # who, where, of which version
        self.refused = 0

    def moved(self, case: Case) -> None:
        assert case.version == self.case.version + 1
        self.case = seated(case)
        self.seen.append(self.case.version)

    @rule(
        by=st.sampled_from(PEOPLE),
        verdict=st.sampled_from(Verdict),
        comment=st.sampled_from(("", "原因")),
        back=st.integers(0, 2),
    )
    def decides(self, by: str, verdict: Verdict, comment: str, back: int) -> None:
        seen, before = self.seen[max(-len(self.seen), -1 - back)], self.case
        try:
            after = flow.decide(before, by, verdict, comment=comment, seen=seen)
        except UserError:
            self.refused += 1
            return
        assert seen == before.version
        assert by in before.seated | before.cosigners
        assert by not in before.applicants
        assert comment or verdict is Verdict.APPROVE
        if after.step != before.step or after.state is not State.RUNNING:
            assert not any(version == before.version for _, _, version in self.verdicts)
            self.verdicts.append((by, before.step, before.version))
        self.moved(after)

    @rule(by=st.sampled_from(PEOPLE), to=st.sampled_from(PEOPLE), cosign=st.booleans())
    def asks_another(self, by: str, to: str, cosign: bool) -> None:
        act = flow.cosign if cosign else flow.hand
        try:
            after = act(self.case, by, to, seen=self.case.version)
        except UserError:
            self.refused += 1
            return
        assert to not in self.case.applicants
        assert (after.step, after.state) == (self.case.step, State.RUNNING)
        self.moved(after)

    @rule()
    def submits(self) -> None:
        try:
            after = flow.submit(self.case)
        except UserError:
            return
        assert self.case.state in flow.IN_HAND
        self.moved(after)

    @precondition(lambda self: len(self.seen) > 12)
    @rule()
    def withdraws(self) -> None:
        try:
            after = flow.withdraw(self.case)
        except CaseEnded:
            assert self.case.state not in flow.OPEN
            return
        self.moved(after)

    @invariant()
    def a_step_is_named_while_it_runs_and_only_then(self) -> None:
        assert (self.case.step in KEYS) == (self.case.state is State.RUNNING)

    @invariant()
    def nobody_decided_two_steps(self) -> None:
        by_person: dict[str, set[str]] = {}
        for who, where in self.case.decided:
            by_person.setdefault(who, set()).add(where)
        assert all(len(steps) == 1 for steps in by_person.values())

    @invariant()
    def the_flow_is_the_one_it_began_with(self) -> None:
        assert self.case.flow is FLOW

    @invariant()
    def who_applied_never_decided(self) -> None:
        assert not {who for who, _ in self.case.decided} & self.case.applicants

    @invariant()
    def an_approved_case_has_a_verdict_of_every_step(self) -> None:
        if self.case.state is State.APPROVED:
            assert {where for _, where in self.case.decided} == set(KEYS)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

HOURS = FLOW.hours
CALENDAR = Calendar.shipped()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "minutes", "wanted"),
    [
        ("2026-11-23T10:00", 30, "2026-11-23T10:30"),
        ("2026-11-23T11:20", 30, "2026-11-23T13:20"),  # over lunch
        ("2026-11-23T16:45", 30, "2026-11-24T09:15"),  # over night
        ("2026-11-27T16:45", 30, "2026-11-30T09:15"),  # over the weekend
        ("2026-09-30T16:50", 20, "2026-10-08T09:10"),  # over the National Day holiday
        ("2026-11-23T07:00", 30, "2026-11-23T09:30"),
        ("2026-11-23T12:00", 30, "2026-11-23T13:30"),
    ],
)
def test_deadlines_run_in_working_time(start: str, minutes: int, wanted: str) -> None:
    assert hours.after(moment(start), minutes, HOURS, CALENDAR) == moment(wanted)


@given(
    passed=st.integers(0, 330 * 24 * 60),
    one=st.integers(1, 600),
    two=st.integers(0, 600),
)
def test_a_longer_deadline_is_never_earlier_and_parts_add_up(
    passed: int, one: int, two: int
) -> None:
    begun = moment("2026-01-01T00:00") + timedelta(minutes=passed)
    first = hours.after(begun, one, HOURS, CALENDAR)
    assert first >= begun
    assert (
        hours.after(first, two, HOURS, CALENDAR) == hours.after(begun, one + two, HOURS, CALENDAR)
        or two == 0
    )


def test_a_deadline_ends_within_the_hours() -> None:
    for minutes in range(1, 800, 7):
        end = hours.after(moment("2026-11-23T10:00"), minutes, HOURS, CALENDAR)
        assert any(opens <= end.time() <= closes for opens, closes in HOURS), end
        assert CALENDAR.is_trading(end.date())


class TestGivenTheShippedFlow:
    def test_when_it_is_read_then_the_chain_is_the_contracts(self) -> None:
        roles = [step.role for step in FLOW.steps]
        assert roles == [Role.HEAD, Role.SUITABILITY, Role.COMPLIANCE, Role.OPENING_DESK]
        assert [step.of_branch for step in FLOW.steps] == [True, False, False, False]
        assert [step.minutes for step in FLOW.steps] == [30, 30, 30, 60]
        assert FLOW.hours == ((time(9), time(11, 30)), (time(13), time(17)))

    def test_when_a_key_is_misspelled_then_it_is_refused(self) -> None:
        body = versions.shipped("account_opening").replace('"four_eyes"', '"for_eyes"')
        with pytest.raises(ValueError, match="for_eyes"):
            versions.flow_of(body, 2)
