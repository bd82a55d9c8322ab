"""The approver's side: decide, hand on, ask for another signature."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import flow, history, opening, seating
from approvals.cases import Dossier, Moved, case_of, dossier, get, open_stage, settle, stage_of
from approvals.checks import Light
from approvals.flow import Case, NotFitting, OldVersion, State, Verdict
from approvals.history import Seen
from approvals.models import Application, Deed, SeatKind, SeatState, Stage
from crm import people
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now
from crm.kernel.errors import UserError
from crm.people import Person

DEEDS = {
    Verdict.APPROVE: Deed.APPROVED,
    Verdict.REJECT: Deed.REJECTED,
    Verdict.RETURN: Deed.RETURNED,
}
OUTCOME_WORDS = {
    Verdict.APPROVE.value: "同意",
    Verdict.REJECT.value: "驳回",
    Verdict.RETURN.value: "退回补件",
    "withdrawn": "由申请人撤回",
}


class DecidedAlready(UserError):
    say = "这一步已由 {by} 于 {at} {word}"


class NotInOrder(UserError):
    say = "现在不能同意：{what}；可以退回补件"


class AlreadyWithdrawn(UserError):
    say = "申请人已于 {at} 撤回这份申请"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What somebody acts on: a stage, at the version of the application that he saw."""

    stage: int
    version: int
    seen: Seen


async def decide(
    session: AsyncSession,
    person: Person,
    place: Place,
    verdict: Verdict,
    comment: str,
    calendar: Calendar,
) -> Moved:
    """The first one counts; what follows from it happens in the same transaction.

    Raises DecidedAlready, NotInOrder, and what ``flow.decide`` does.
    """
    stage, row, case = await _at(session, place)
    if verdict is Verdict.APPROVE and person.id in case.seated:
        _must_be_in_order(await dossier(session, row.id))
    after = flow.decide(case, person.id, verdict, comment=comment, seen=place.version)
    if after.state is case.state and after.step == case.step:
        return await _cosigned(session, row, stage, after, person, comment, place)
    step = stage.step
    absent = await seating.sits_for(session, stage, person.id)
    await seating.leave(session, stage, person.id, SeatState.DECIDED)
    ended = await seating.end(session, row, by=person.id, outcome=verdict.value)
    settle(row, after, now(session))
    await session.flush()
    deed = DEEDS[verdict]
    await history.add(
        session, row, person.id, deed, step=step, whom=absent, comment=comment, seen=place.seen
    )
    if after.state is State.RUNNING:
        begun = await seating.begin(session, row, after, calendar)
        return Moved(row=row, ended=ended, next=begun, news=await seating.waiting(session, begun))
    if after.state is State.APPROVED:
        await opening.open_client(session, row, calendar)
    return Moved(row=row, ended=ended)


def _must_be_in_order(found: Dossier) -> None:
    """What was right when it was submitted may not be so any more. Raises NotInOrder."""
    wrong = [f"{each.what}{each.why}" for each in found.checks if each.light >= Light.MISSING]
    if wrong:
        raise NotInOrder(what="、".join(wrong))


async def _cosigned(
    session: AsyncSession,
    row: Application,
    stage: Stage,
    after: Case,
    person: Person,
    comment: str,
    place: Place,
) -> Moved:
    """Given by one of the two, it is not waited for from the other."""
    absent = await seating.sits_for(session, stage, person.id)
    await seating.leave(session, stage, person.id, SeatState.DECIDED)
    if absent:
        await seating.leave(session, stage, absent, SeatState.CLOSED)
    await seating.free_deputies(session, stage)
    settle(row, after, now(session))
    await session.flush()
    await history.add(
        session, row, person.id, Deed.COSIGNED, whom=absent, comment=comment, seen=place.seen
    )
    return Moved(row=row, stays=stage, news=() if after.cosigners else sorted(after.seated))


async def hand(session: AsyncSession, person: Person, place: Place, to: str) -> Moved:
    """转交. Raises NotFitting, DecidedAlready, and what ``flow.hand`` does."""
    stage, row, case = await _at(session, place)
    after = flow.hand(case, person.id, to, seen=place.version)
    heir = await _asked(session, row, person, to, cosign=False)
    for staff in case.seated:
        await seating.leave(session, stage, staff, SeatState.CLOSED)
    news = await seating.seat_all(session, stage, case, [heir], SeatKind.HANDED)
    settle(row, after, now(session))
    await session.flush()
    await history.add(session, row, person.id, Deed.HANDED, whom=to, seen=place.seen)
    return Moved(row=row, stays=stage, news=() if after.cosigners else news)


async def cosign(session: AsyncSession, person: Person, place: Place, to: str) -> Moved:
    """加签. Raises NotFitting, DecidedAlready, and what ``flow.cosign`` does."""
    stage, row, case = await _at(session, place)
    after = flow.cosign(case, person.id, to, seen=place.version)
    asked = await _asked(session, row, person, to, cosign=True)
    news = await seating.seat_all(session, stage, after, [asked], SeatKind.COSIGNER)
    settle(row, after, now(session))
    await session.flush()
    await history.add(session, row, person.id, Deed.ASKED_COSIGN, whom=to, seen=place.seen)
    return Moved(row=row, stays=stage, news=news)


async def must_wait(session: AsyncSession, person: Person, place: Place) -> Application:
    """The application, when this person's word is still waited for. Raises like ``decide``."""
    _, row, case = await _at(session, place)
    flow.must_be_seated(case, person.id, seen=place.version)
    return row


async def _asked(
    session: AsyncSession, row: Application, person: Person, to: str, *, cosign: bool
) -> Person:
    """Raises NotFitting."""
    for each in await seating.may_be_asked(session, row, person.id, cosign=cosign):
        if each.id == to:
            return each
    raise NotFitting


async def _at(session: AsyncSession, place: Place) -> tuple[Stage, Application, Case]:
    """Locked by the application. Raises DecidedAlready or OldVersion where the step is over."""
    stage = await stage_of(session, place.stage)
    row = await get(session, stage.application_id, lock=True)
    stage = await stage_of(session, place.stage)
    if stage.ended_at is not None:
        await _over(session, stage)
    waiting = await open_stage(session, row.id)
    if waiting is None or waiting.id != stage.id:
        raise OldVersion
    return stage, row, await case_of(session, row)


async def _over(session: AsyncSession, stage: Stage) -> None:
    """Raises DecidedAlready or AlreadyWithdrawn."""
    at = f"{stage.ended_at.astimezone(SHANGHAI):%m-%d %H:%M}" if stage.ended_at else ""
    if stage.outcome == "withdrawn":
        raise AlreadyWithdrawn(at=at)
    by = stage.ended_by or ""
    names = await people.names(session, [by])
    raise DecidedAlready(by=names.get(by, by), at=at, word=OUTCOME_WORDS.get(stage.outcome, ""))
