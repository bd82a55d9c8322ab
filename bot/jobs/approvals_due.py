"""Reminds of steps that wait too long, hands them on, and ends drafts that nobody touches."""

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases, chasing
from approvals.chasing import Chased
from approvals.models import Application
from bot.cards import application as draw
from bot.cards import notice
from bot.chat.message import Audience
from bot.desk import Desk
from bot.outbox.outbox import Priority
from crm import people
from crm.kernel.db import Store, now

WHY = "approvals_due"


async def chase(store: Store, desk: Desk) -> None:
    """Each late step once for each of its limits, in the transaction that marks it."""
    async with store.reading(brief=True) as session:
        if not await chasing.any_due(session):
            return
    async with store.writing(brief=True) as session:
        for chased in await chasing.free_seats(session, desk.calendar):
            await _tell(session, desk, chased)
        for chased in await chasing.chase(session, desk.calendar):
            await _tell(session, desk, chased)
        for row in await chasing.lapse(session):
            await _tell_lapsed(session, desk, row)


async def _tell(session: AsyncSession, desk: Desk, chased: Chased) -> None:
    """Who may decide from now on gets the card; who is late hears a sentence; heads are told."""
    found = await cases.dossier(session, chased.row.id)
    step = found.flow.step(chased.stage.step).title
    if chased.seated or chased.left:
        for subject in (f"approval:{chased.stage.id}", f"application:{chased.row.id}"):
            await desk.refresh(session, subject, why=WHY)
    for staff in chased.seated:
        person = await people.get(session, staff)
        card = draw.approver_card(found, chased.stage, person, now(session), Audience.PRIVATE)
        await desk.tell(session, staff, card, why=WHY, priority=Priority.URGENT)
    for staff in chased.reminded:
        person = await people.get(session, staff)
        card = draw.reminder(found, chased.stage, person, now(session))
        await desk.tell(session, staff, card, why=WHY, priority=Priority.URGENT)
    waited = "、".join(found.name(seat.staff) for seat in found.waiting(chased.stage))
    for staff in chased.told:
        card = notice.sentence(
            f"{found.row.name} 的开户申请卡在{step}", f"等 {waited}，已超时，请督促"
        )
        await desk.tell(session, staff, card, why=WHY)
    if chased.empty:
        for staff in await chasing.admins(session):
            card = draw.nobody_decides(found, chased.stage, chased.barred)
            await desk.tell(session, staff, card, why=WHY, priority=Priority.URGENT)


async def _tell_lapsed(session: AsyncSession, desk: Desk, row: Application) -> None:
    await desk.refresh(session, f"application:{row.id}", why=WHY)
    found = await cases.dossier(session, row.id)
    owner = await people.get(session, row.owner)
    card = draw.ended_card(found, owner, now(session))
    await desk.tell(session, row.owner, card, why=WHY, priority=Priority.DIGEST)
