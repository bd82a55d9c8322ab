"""Who sits at a step: picked when it begins, closed when it ends."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from approvals import hours
from approvals.cases import absent_ones, case_of, open_stage, seats_at
from approvals.flow import Case, Flow, Step, cosigning, may_decide
from approvals.forgone import who_fit
from approvals.models import (
    DECIDING,
    STANDS_FOR,
    Application,
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

# When a step that waits is chased, as parts of its minutes: reminder, deputies, head.
CHASES = (0.5, 1.0, 2.0)


def chase_at(
    flow: Flow, step: Step, began: datetime, chased: int, calendar: Calendar
) -> datetime | None:
    """When the next reminder or escalation is due; None after the last."""
    if chased >= len(CHASES):
        return None
    return hours.after(began, step.minutes * CHASES[chased], flow.hours, calendar)


async def begin(session: AsyncSession, row: Application, case: Case, calendar: Calendar) -> Stage:
    """The stage of the step that the case has come to, with whoever may decide it."""
    step, at = case.flow.step(case.step), now(session)
    stage = Stage(
        application_id=row.id,
        round=row.round,
        step=step.key,
        began_at=at,
        due_at=hours.after(at, step.minutes, case.flow.hours, calendar),
        chased=0,
        chase_at=chase_at(case.flow, step, at, 0, calendar),
        outcome="",
    )
    session.add(stage)
    await session.flush()
    await fill(session, stage, case, row.branch)
    return stage


async def fill(session: AsyncSession, stage: Stage, case: Case, branch: str | None) -> list[str]:
    """Seats for whoever may decide; gives for whom it is news. With nobody at all the step is
    late at once, and looked at again and again until there is somebody."""
    step = case.flow.step(stage.step)
    if fitting := await who_fit(session, case, step, branch):
        return await seat_all(session, stage, case, fitting, SeatKind.ROLE)
    if others := await stand_ins(session, case, step):
        return await seat_all(session, stage, case, others, SeatKind.ESCALATED)
    stage.chase_at = now(session)
    await session.flush()
    return []


async def look_again(session: AsyncSession) -> None:
    """Somebody came or has another role: a step that nobody may decide need not wait until it is
    looked at again."""
    waits = exists().where(
        Seat.stage_id == Stage.id, Seat.state == SeatState.WAITING, Seat.kind.in_(DECIDING)
    )
    empty = select(Stage.id).where(Stage.ended_at.is_(None), ~waits)
    ids = list(await session.scalars(empty.with_for_update(skip_locked=True)))
    await session.execute(update(Stage).where(Stage.id.in_(ids)).values(chase_at=now(session)))


async def seat_all(
    session: AsyncSession, stage: Stage, case: Case, who: Sequence[Person], kind: SeatKind
) -> list[str]:
    """With the deputies of those who are absent, who need not wait until it is late."""
    news = await seat(session, stage, who, kind)
    return news + await _seat_deputies(session, stage, case, [each.id for each in who], kind)


async def _seat_deputies(
    session: AsyncSession, stage: Stage, case: Case, absent: Iterable[str], of: SeatKind
) -> list[str]:
    """As far as there are any who may sit at the seats of this kind."""
    kind = next((kind for kind, others in STANDS_FOR.items() if of in others), None)
    if kind is None:  # whoever gives a 加签 for somebody is not stood in for himself
        return []
    found = await deputies(session, case, case.flow.step(stage.step), absent)
    return await seat(session, stage, found, kind)


async def stand_ins(session: AsyncSession, case: Case, step: Step) -> list[Person]:
    """Who may decide when nobody else does: of any branch, where the flow says so."""
    if step.escalate is None or not step.escalated_decide:
        return []
    return [
        each
        for each in await people.with_role(session, step.escalate)
        if may_decide(case, each.id, step)
    ]


async def deputies(
    session: AsyncSession, case: Case, step: Step, of: Iterable[str]
) -> list[Person]:
    """The deputies of these people, as far as they may decide."""
    rows = await session.scalars(select(Staff.deputy).where(Staff.id.in_(list(of))))
    found = []
    for staff_id in sorted({each for each in rows if each}):
        logins = await people.logins(session, staff_id)  # none for who is disabled
        if logins and may_decide(case, staff_id, step):
            found.append(await people.get(session, staff_id))
    return found


async def seat(
    session: AsyncSession, stage: Stage, who: Sequence[Person], kind: SeatKind
) -> list[str]:
    """Seats for those who have none that waits; gives whom it is news for."""
    there = {seat.staff: seat for seat in await seats_at(session, [stage.id])}
    news = []
    for person in who:
        mine = there.get(person.id)
        if mine is None:
            session.add(
                Seat(
                    stage_id=stage.id,
                    staff=person.id,
                    kind=kind,
                    state=SeatState.WAITING,
                    at=now(session),
                )
            )
        elif mine.state is SeatState.WAITING or _has_signed(mine, kind):
            continue
        else:
            mine.kind, mine.state, mine.at = kind, SeatState.WAITING, now(session)
        news.append(person.id)
    await session.flush()
    return news


def _has_signed(mine: Seat, kind: SeatKind) -> bool:
    """Whoever gave his 加签 to a step gives no second word to it for somebody else."""
    return kind in STANDS_FOR and mine.state is SeatState.DECIDED


async def stand_in(session: AsyncSession, absent: str) -> list[tuple[Stage, list[str]]]:
    """Every step that waits for ``absent`` waits for the deputy too, from now on and not only when
    it is late; gives the steps with whom it is news for."""
    found = []
    for stage, row in await _waiting_for(session, absent):
        case = await case_of(session, row)
        [mine] = [s for s in await seats_at(session, [stage.id]) if s.staff == absent]
        if news := await _seat_deputies(session, stage, case, [absent], mine.kind):
            row.version += 1  # other cards show who may decide as well
            found.append((stage, news))
    await session.flush()
    return found


async def stand_down(session: AsyncSession, deputy: str) -> list[Stage]:
    """Steps at which nobody is left whom ``deputy`` stands in for do not wait for him any more."""
    found = []
    for stage, row in await _waiting_for(session, deputy, *STANDS_FOR):
        if not await sits_for(session, stage, deputy):
            await give_up(session, row, deputy)
            row.version += 1
            found.append(stage)
    await session.flush()
    return found


async def sits_for(session: AsyncSession, stage: Stage, staff: str) -> str:
    """Whom ``staff`` stands in for at a stage that waits; "" where the seat is his own."""
    waiting = [s for s in await seats_at(session, [stage.id]) if s.state is SeatState.WAITING]
    return (await absent_ones(session, waiting)).get(staff, "")


async def _waiting_for(
    session: AsyncSession, staff: str, *kinds: SeatKind
) -> list[tuple[Stage, Application]]:
    rows = await session.execute(
        select(Stage, Application)
        .join(Seat, Seat.stage_id == Stage.id)
        .join(Application, Application.id == Stage.application_id)
        .where(
            Stage.ended_at.is_(None),
            Seat.staff == staff,
            Seat.state == SeatState.WAITING,
            Seat.kind.in_(kinds or SeatKind),
        )
        .order_by(Stage.id)
    )
    return [(stage, row) for stage, row in rows]


async def waiting(session: AsyncSession, stage: Stage) -> list[str]:
    """Whose word the stage waits for."""
    seats = await seats_at(session, [stage.id])
    return [seat.staff for seat in seats if seat.state is SeatState.WAITING]


async def lacks_approver(session: AsyncSession, stage: Stage) -> bool:
    """Whether nobody who is waited for may decide it: who only cosigns does not."""
    seats = await seats_at(session, [stage.id])
    return not any(s.state is SeatState.WAITING and s.kind in DECIDING for s in seats)


async def leave(session: AsyncSession, stage: Stage, staff: str, state: SeatState) -> None:
    """One seat does not wait any more."""
    await session.execute(
        update(Seat).where(Seat.stage_id == stage.id, Seat.staff == staff).values(state=state)
    )


async def free_deputies(session: AsyncSession, stage: Stage) -> None:
    """The deputies of cosigners whose word is there already are not waited for any more."""
    waiting = [s for s in await seats_at(session, [stage.id]) if s.state is SeatState.WAITING]
    instead = await absent_ones(session, waiting)
    for each in waiting:
        if each.kind is SeatKind.COSIGNS_FOR and each.staff not in instead:
            await leave(session, stage, each.staff, SeatState.CLOSED)


async def give_up(session: AsyncSession, row: Application, staff: str) -> None:
    """Who looks after an application from now on does not decide it; a step that loses its last
    approver is late at once, so that somebody else is found."""
    stage = await open_stage(session, row.id)
    if stage is None:
        return
    await leave(session, stage, staff, SeatState.CLOSED)
    await free_deputies(session, stage)
    if await lacks_approver(session, stage):
        stage.chase_at = now(session)
        await session.flush()


async def close(session: AsyncSession, stage: Stage) -> None:
    """Nobody is waited for any more."""
    await session.execute(
        update(Seat)
        .where(Seat.stage_id == stage.id, Seat.state == SeatState.WAITING)
        .values(state=SeatState.CLOSED)
    )


async def end(session: AsyncSession, row: Application, *, by: str, outcome: str) -> Stage | None:
    """The stage that waits is over; None when none does. ``by`` "" for nobody."""
    stage = await open_stage(session, row.id)
    if stage is None:
        return None
    await close(session, stage)
    stage.ended_at, stage.ended_by, stage.outcome = now(session), by or None, outcome
    stage.chase_at = None
    await session.flush()
    return stage


async def may_be_asked(
    session: AsyncSession, row: Application, by: str, *, cosign: bool
) -> list[Person]:
    """To whom ``by`` may hand the step on, or whom he may ask to sign as well: nobody who would
    be missed at a later step."""
    case = await case_of(session, row)
    step = case.flow.step(case.step)
    roles = case.flow.cosigners if cosign else frozenset({step.role})
    holders: dict[str, Person] = {}
    for role in sorted(roles, key=lambda role: list(Role).index(role)):
        holders |= {each.id: each for each in await people.with_role(session, role)}
    taken = case.seated | cosigning(case) | {by}
    found = []
    for person in holders.values():
        fits = person.id not in taken and may_decide(case, person.id, step)
        if fits and not await _missed(session, case, row.branch, person.id):
            found.append(person)
    return found


async def _missed(session: AsyncSession, case: Case, branch: str | None, staff: str) -> bool:
    """Whether a later step could be decided by nobody but this person."""
    if not case.flow.four_eyes:
        return False
    for step in case.flow.later(case.step):
        holders = {each.id for each in await who_fit(session, case, step, branch)}
        if staff in holders and holders == {staff}:
            return True
    return False
