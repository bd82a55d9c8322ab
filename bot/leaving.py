"""Somebody leaves, or an account of his does: what was owned is handed over, what is on the screens
ends with the access."""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.belongings import OF_OTHERS
from bot.chat.message import Place
from bot.models import Conversation, LiveCard
from bot.outbox import outbox
from crm import binding, handover, people
from crm.handover import Leaving


async def leave(session: AsyncSession, staff_id: str, *, by: str) -> Leaving:
    """Access ends with the commit; cards that are still shown answer no click and are not drawn
    anew, and what waits to be shown is not. Raises NoSuchStaff."""
    cards = select(LiveCard.id).where(LiveCard.receiver == staff_id)
    await outbox.drop(session, await people.logins(session, staff_id), cards)
    left = await handover.leave(session, staff_id, by=by)
    if left.to is not None:
        for holding in OF_OTHERS.values():
            await holding.move(session, staff_id, left.to.id, by=by)
    await session.execute(delete(LiveCard).where(LiveCard.receiver == staff_id))
    await session.execute(delete(Conversation).where(Conversation.staff == staff_id))
    return left


async def bind(session: AsyncSession, staff_id: str, platform: str, user: str, *, by: str) -> None:
    """Give a person an account, in the place of any other on the same platform. Raises
    NoSuchStaff or TakenLogin."""
    before = await binding.accounts(session, staff_id, platform)
    await binding.bind(session, staff_id, platform, user, by=by)
    await close_screens(session, platform, set(before) - {user})


async def unbind(session: AsyncSession, staff_id: str, platform: str, *, by: str) -> list[str]:
    """Take a person's accounts on a platform away; gives them. Raises NoLogin."""
    users = await binding.unbind(session, staff_id, platform, by=by)
    await close_screens(session, platform, users)
    return users


async def close_screens(session: AsyncSession, platform: str, users: Iterable[str]) -> None:
    """Private chats with accounts that are nobody's now: their cards end, what waits for them is
    not shown."""
    users = set(users)
    private = (LiveCard.platform == platform, LiveCard.place == Place.PRIVATE)
    cards = select(LiveCard.id).where(*private, LiveCard.chat.in_(users))
    await outbox.drop(session, [(platform, user) for user in users], cards)
    await session.execute(delete(LiveCard).where(*private, LiveCard.chat.in_(users)))
    talks = (Conversation.platform == platform, Conversation.chat.in_(users))
    await session.execute(delete(Conversation).where(*talks))
