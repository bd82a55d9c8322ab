"""Where a case goes next: pure moves over flows that are data.

A move takes a case as somebody saw it and gives the case as it is then, or raises what keeps it
from happening. Who is seated at a step is the caller's to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum

from crm.kernel.errors import UserError
from crm.models import Role


class State(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    RETURNED = "returned"  # 退回补件
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


OPEN = frozenset({State.DRAFT, State.RUNNING, State.RETURNED})
IN_HAND = frozenset({State.DRAFT, State.RETURNED})  # the applicant's to fill in


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"


class CaseEnded(UserError):
    say = "这份申请已经结束（{word}）"


class OldVersion(UserError):
    say = "这份申请已有新的进展，请看最新的卡片"


class NotYourTurn(UserError):
    say = "这一步不由您审批"


class OwnApplication(UserError):
    say = "不能审批自己的申请"


class DecidedBefore(UserError):
    say = "您已审批过这份申请的另一个环节，同一个人不能审批两个环节"


class ReasonWanted(UserError):
    say = "请用文字写明原因"


class AwaitsCosigner(UserError):
    say = "加签还没有完成，请等加签人给出意见"


class NotInHand(UserError):
    say = "申请正在审批，不能修改；需要修改时请先撤回，或请审批人退回补件"


class NotFitting(UserError):
    say = "不能交给这个人：他没有相应岗位，或已参与这份申请"


STATE_WORDS: Mapping[State, str] = {
    State.DRAFT: "填写中",
    State.RUNNING: "审批中",
    State.RETURNED: "待补件",
    State.APPROVED: "已通过",
    State.REJECTED: "未通过",
    State.WITHDRAWN: "已撤回",
    State.EXPIRED: "已过期",
}
VERDICT_WORDS: Mapping[Verdict, str] = {
    Verdict.APPROVE: "同意",
    Verdict.REJECT: "驳回",
    Verdict.RETURN: "退回补件",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``reasons`` are the verdicts that want words; ``minutes`` run in the flow's hours."""

    key: str
    title: str
    role: Role
    minutes: int
    of_branch: bool = False
    reasons: frozenset[Verdict] = frozenset({Verdict.REJECT, Verdict.RETURN})
    escalate: Role | None = None
    escalated_decide: bool = False
    confidential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What must be there before a case of this kind of client is submitted."""

    fields: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The figures of the checks; ages in full years, sizes in bytes."""

    min_age: int
    statement_age: int
    max_age: int
    id_warn_days: int
    file_min_bytes: int
    file_max_bytes: int
    file_long_side: int
    contact_warn: int
    contact_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    name: str
    title: str
    version: int
    steps: tuple[Step, ...]
    four_eyes: bool
    expires_days: int
    hours: tuple[tuple[time, time], ...]
    cosigners: frozenset[Role]
    papers: Mapping[str, Papers]
    limits: Limits

    def step(self, key: str) -> Step:
        return next(step for step in self.steps if step.key == key)

    def later(self, key: str) -> tuple[Step, ...]:
        """The steps behind this one."""
        keys = [step.key for step in self.steps]
        return self.steps[keys.index(key) + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as its moves need it. ``seated``: any one of them moves the step on; ``cosigners``
    must all agree before; ``instead``: whose 加签 a deputy may give for him; ``decided``: who gave
    a verdict at which step, in any round."""

    flow: Flow
    state: State
    step: str = ""
    round: int = 1
    version: int = 1
    applicants: frozenset[str] = frozenset()  # who filled it in, and who looks after it now
    seated: frozenset[str] = frozenset()
    cosigners: frozenset[str] = frozenset()
    instead: Mapping[str, str] = field(default_factory=dict)
    decided: frozenset[tuple[str, str]] = frozenset()


def submit(case: Case) -> Case:
    """To the first step; a returned one begins another round. Raises CaseEnded or NotInHand."""
    must_be_in_hand(case)
    again = case.state is State.RETURNED
    return replace(
        _moved(case),
        state=State.RUNNING,
        step=case.flow.steps[0].key,
        round=case.round + again,
    )


def decide(case: Case, by: str, verdict: Verdict, *, comment: str, seen: int) -> Case:
    """The first verdict counts. A cosigner's consent leaves the case where it is.

    Raises CaseEnded, OldVersion, NotYourTurn, OwnApplication, DecidedBefore, AwaitsCosigner or
    ReasonWanted.
    """
    step = must_be_seated(case, by, seen=seen)
    if verdict in step.reasons and not any(each.isalpha() for each in comment):  # 8 is no reason
        raise ReasonWanted
    decided = case.decided | {(by, step.key)}
    match verdict:
        case Verdict.REJECT:
            return replace(_moved(case), state=State.REJECTED, step="", decided=decided)
        case Verdict.RETURN:
            return replace(_moved(case), state=State.RETURNED, step="", decided=decided)
        case Verdict.APPROVE:
            return _agreed(replace(case, decided=decided), by, step)


def _agreed(case: Case, by: str, step: Step) -> Case:
    asked = case.instead.get(by, by)
    if asked in case.cosigners:
        return replace(
            case,
            cosigners=case.cosigners - {asked},
            instead={who: whom for who, whom in case.instead.items() if whom != asked},
            version=case.version + 1,
        )
    if case.cosigners:
        raise AwaitsCosigner
    following = case.flow.later(step.key)
    if following:
        return replace(_moved(case), step=following[0].key)
    return replace(_moved(case), state=State.APPROVED, step="")


def hand(case: Case, by: str, to: str, *, seen: int) -> Case:
    """转交: from now on it is ``to`` who decides this step. Raises like ``decide``, NotFitting."""
    step = must_be_seated(case, by, seen=seen)
    if by in cosigning(case) or to in case.seated | cosigning(case):
        raise NotFitting
    if not may_decide(case, to, step):
        raise NotFitting
    return replace(case, seated=frozenset({to}), version=case.version + 1)


def cosign(case: Case, by: str, to: str, *, seen: int) -> Case:
    """加签: ``to`` must agree before this step can. Raises like ``decide``, NotFitting."""
    step = must_be_seated(case, by, seen=seen)
    if to in case.seated | cosigning(case) or not may_decide(case, to, step):
        raise NotFitting
    return replace(case, cosigners=case.cosigners | {to}, version=case.version + 1)


def withdraw(case: Case) -> Case:
    """Raises CaseEnded."""
    _must_be_open(case)
    return replace(_moved(case), state=State.WITHDRAWN, step="")


def expire(case: Case) -> Case:
    """Raises CaseEnded or NotInHand."""
    must_be_in_hand(case)
    return replace(_moved(case), state=State.EXPIRED, step="")


def must_be_seated(case: Case, by: str, *, seen: int) -> Step:
    """Raises CaseEnded, OldVersion, NotYourTurn, OwnApplication or DecidedBefore."""
    _must_be_open(case)
    if seen != case.version or case.state is not State.RUNNING:
        raise OldVersion
    step = case.flow.step(case.step)
    if by in case.applicants:
        raise OwnApplication
    if by not in case.seated | cosigning(case):
        raise NotYourTurn
    if not may_decide(case, by, step):
        raise DecidedBefore
    return step


def cosigning(case: Case) -> frozenset[str]:
    """Whose 加签 is waited for, also that of a deputy."""
    return case.cosigners | case.instead.keys()


def may_decide(case: Case, person: str, step: Step) -> bool:
    """Whether this person's word at ``step`` keeps the four eyes apart."""
    if person in case.applicants:
        return False
    return not (case.flow.four_eyes and _decided_elsewhere(case, person, step))


def must_be_in_hand(case: Case) -> None:
    """Raises CaseEnded or NotInHand."""
    _must_be_open(case)
    if case.state not in IN_HAND:
        raise NotInHand


def _must_be_open(case: Case) -> None:
    if case.state not in OPEN:
        raise CaseEnded(word=STATE_WORDS[case.state])


def _decided_elsewhere(case: Case, person: str, step: Step) -> bool:
    return any(who == person and where != step.key for who, where in case.decided)


def _moved(case: Case) -> Case:
    """Nobody is seated until the caller seats somebody."""
    nobody: frozenset[str] = frozenset()
    return replace(case, version=case.version + 1, seated=nobody, cosigners=nobody, instead={})
