"""What the clock does: reminders, escalation, seats of those who left, drafts that lapse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals import flow, history, hours, seating, versions
from approvals.cases import VERDICTS, case_of, get, seats_at, settle, stage_of
from approvals.flow import IN_HAND, Case, Step
from approvals.forgone import holders_of
from approvals.history import SYSTEM
from approvals.models import (
    COSIGNING,
    Application,
    ApplicationEvent,
    Deed,
    Seat,
    SeatKind,
    SeatState,
    Stage,
)
from crm import people
from crm.kernel.calendar import Calendar
from crm.kernel.db import now
from crm.models import Role, Staff
from crm.people import Person

AT_ONCE = 100
TRY_AGAIN = 30  # working minutes until a step without anybody is looked at again
REMIND, DEPUTIES, HEAD = 1, 2, 3
GONE = "加签人 {who} 已离职，不再等待其意见"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chased:
    """Whom a late step is told: ``reminded`` hear it again, ``seated`` may decide from now on,
    ``told`` are to press; ``empty`` when nobody at all may decide, for whoever holds the role gave
    his word at another step: ``barred``. ``left``: somebody is not waited for any more."""

    row: Application
    stage: Stage
    level: int
    reminded: Sequence[str] = ()
    seated: Sequence[str] = ()
    told: Sequence[str] = ()
    empty: bool = False
    left: bool = False
    barred: Sequence[ApplicationEvent] = ()


async def any_due(session: AsyncSession) -> bool:
    for query in (
        select(Stage.id).where(*_late(session)),
        select(Stage.id).where(*_waits_for_who_left()),
        select(Application.id).where(*await _lapsing(session)),
    ):
        if await session.scalar(query.limit(1)) is not None:
            return True
    return False


def _late(session: AsyncSession) -> tuple[ColumnElement[bool], ...]:
    return (Stage.ended_at.is_(None), Stage.chase_at <= now(session))


def _waits_for_who_left() -> tuple[ColumnElement[bool], ...]:
    left = (
        exists()
        .where(Seat.stage_id == Stage.id, Seat.state == SeatState.WAITING)
        .where(Staff.id == Seat.staff, Staff.disabled_at.is_not(None))
    )
    return (Stage.ended_at.is_(None), left)


async def _lapsing(session: AsyncSession) -> tuple[ColumnElement[bool], ...]:
    current = await versions.days_until_lapse(session)
    before = now(session) - timedelta(days=current)
    return (Application.state.in_(IN_HAND), Application.touched_at <= before)


async def chase(session: AsyncSession, calendar: Calendar) -> list[Chased]:
    """Every late step once, as far as it is late by now; the first to come takes it."""
    ids = await session.scalars(
        select(Stage.id).where(*_late(session)).order_by(Stage.chase_at).limit(AT_ONCE)
    )
    found = [await _chase(session, stage_id, calendar) for stage_id in list(ids)]
    return [each for each in found if each is not None]


async def _chase(session: AsyncSession, stage_id: int, calendar: Calendar) -> Chased | None:
    stage = await stage_of(session, stage_id)
    row = await get(session, stage.application_id, lock=True)
    stage = await stage_of(session, stage_id)
    at = now(session)
    if stage.ended_at is not None or stage.chase_at is None or stage.chase_at > at:
        return None
    case = await case_of(session, row)
    step = case.flow.step(stage.step)
    if not case.seated:
        return await _fill(session, row, stage, calendar)
    while stage.chase_at is not None and stage.chase_at <= at:
        stage.chased += 1
        stage.chase_at = seating.chase_at(case.flow, step, stage.began_at, stage.chased, calendar)
    await session.flush()
    if stage.chased == REMIND:
        return await _remind(session, row, stage)
    return await _escalate(session, row, stage, case, step)


async def _remind(session: AsyncSession, row: Application, stage: Stage, why: str = "") -> Chased:
    waiting = [s.staff for s in await _waiting(session, stage)]
    for staff in waiting:
        await history.add(session, row, SYSTEM, Deed.REMINDED, whom=staff, comment=why)
    return Chased(row=row, stage=stage, level=REMIND, reminded=waiting)


async def _escalate(
    session: AsyncSession, row: Application, stage: Stage, case: Case, step: Step
) -> Chased:
    """The deputies of those who are late; a step later, or without any, the head."""
    waiting = [s.staff for s in await _waiting(session, stage)]
    stand_in = await seating.deputies(session, case, step, case.seated)
    seated = await seating.seat(session, stage, stand_in, SeatKind.DEPUTY)
    told: list[str] = []
    if stage.chased >= HEAD or not stand_in:
        heads = await seating.stand_ins(session, case, step)
        seated += await seating.seat(session, stage, heads, SeatKind.ESCALATED)
        if not heads:
            told = [each.id for each in await _heads(session, row, step)]
    if seated:
        row.version += 1  # other cards show who may decide as well
        await session.flush()
    told = [staff for staff in told if staff not in {*waiting, *seated}]
    for staff in (*seated, *told):
        await history.add(session, row, SYSTEM, Deed.ESCALATED, whom=staff)
    return Chased(
        row=row, stage=stage, level=stage.chased, reminded=waiting, seated=seated, told=told
    )


async def _heads(session: AsyncSession, row: Application, step: Step) -> list[Person]:
    if step.escalate is None:
        return []
    return await people.with_role(session, step.escalate, row.branch)


async def _waiting(session: AsyncSession, stage: Stage) -> list[Seat]:
    return [s for s in await seats_at(session, [stage.id]) if s.state is SeatState.WAITING]


async def free_seats(session: AsyncSession, calendar: Calendar) -> list[Chased]:
    """Steps do not wait for those who left; one that loses its last approver gets others."""
    ids = await session.scalars(select(Stage.id).where(*_waits_for_who_left()).limit(AT_ONCE))
    found = [await _without_who_left(session, stage_id, calendar) for stage_id in list(ids)]
    return [each for each in found if each is not None]


async def _without_who_left(
    session: AsyncSession, stage_id: int, calendar: Calendar
) -> Chased | None:
    """Who asked for a 加签 that nobody will give any more hears that it is his again. What there is
    to decide is the same: a word that is on its way counts."""
    stage = await stage_of(session, stage_id)
    row = await get(session, stage.application_id, lock=True)
    stage = await stage_of(session, stage_id)
    if stage.ended_at is not None:
        return None
    left = [s for s in await _waiting(session, stage) if not await _is_here(session, s.staff)]
    for seat in left:
        await seating.leave(session, stage, seat.staff, SeatState.CLOSED)
    await seating.free_deputies(session, stage)
    if await seating.lacks_approver(session, stage):
        return await _fill(session, row, stage, calendar)
    cosigners = [seat.staff for seat in left if seat.kind in COSIGNING]
    if not cosigners or any(s.kind in COSIGNING for s in await _waiting(session, stage)):
        return Chased(row=row, stage=stage, level=REMIND, left=True)
    names = await people.names(session, cosigners)
    why = GONE.format(who="、".join(names[each] for each in cosigners))
    reminded = await _remind(session, row, stage, why)
    return replace(reminded, left=True)


async def _is_here(session: AsyncSession, staff: str) -> bool:
    row = await session.get(Staff, staff, populate_existing=True)
    return row is not None and row.disabled_at is None


async def _fill(
    session: AsyncSession, row: Application, stage: Stage, calendar: Calendar
) -> Chased:
    case = await case_of(session, row)
    step = case.flow.step(stage.step)
    seated = await seating.fill(session, stage, case, row.branch)
    if seated:
        row.version += 1
        stage.chase_at = seating.chase_at(case.flow, step, stage.began_at, stage.chased, calendar)
    else:
        stage.chase_at = hours.after(now(session), TRY_AGAIN, case.flow.hours, calendar)
    await session.flush()
    for staff in seated:
        await history.add(session, row, SYSTEM, Deed.ESCALATED, whom=staff)
    barred = () if seated else await _barred(session, row, step)
    return Chased(
        row=row, stage=stage, level=DEPUTIES, seated=seated, empty=not seated, barred=barred
    )


async def _barred(
    session: AsyncSession, row: Application, step: Step
) -> Sequence[ApplicationEvent]:
    """The word that keeps each who holds the step's role from deciding it."""
    holders = {each.id for each in await holders_of(session, step, row.branch)}
    given = [e for e in await history.of(session, row.id) if e.deed in VERDICTS]
    return list({e.actor: e for e in given if e.actor in holders and e.step != step.key}.values())


async def lapse(session: AsyncSession) -> list[Application]:
    """Drafts and returned applications that nobody touched for the flow's days."""
    rows = await session.scalars(
        select(Application)
        .where(*await _lapsing(session))
        .order_by(Application.id)
        .limit(AT_ONCE)
        .with_for_update()
    )
    found = list(rows)
    for row in found:
        settle(row, flow.expire(await case_of(session, row)), now(session))
        await session.flush()
        await history.add(session, row, SYSTEM, Deed.EXPIRED)
    return found


async def admins(session: AsyncSession) -> list[str]:
    """Who is told that a step has nobody to decide it: who grants roles, and who takes on."""
    roles = (Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN)
    return [each.id for role in roles for each in await people.with_role(session, role)]
