"""What becomes of messages that were heard: each is handled once."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Ask
from bot.chat.raw import load_ask
from bot.models import Heard, HeardState
from crm.kernel.db import now, table

_CLAIM = (
    update(table(Heard))
    .where(table(Heard).c.id == bindparam("number"), table(Heard).c.state == HeardState.NEW)
    .values(
        state=bindparam("to_state"),
        done_at=bindparam("to_done_at"),
        attempts=table(Heard).c.attempts + 1,
    )
    .returning(table(Heard).c.id)
)


async def claim(session: AsyncSession, heard_id: int, state: HeardState = HeardState.DONE) -> bool:
    """Take a stored message for this transaction; False when it was handled before."""
    taken = {"number": heard_id, "to_state": state, "to_done_at": now(session)}
    done = await session.execute(_CLAIM, taken)
    return done.first() is not None


async def unhandled(session: AsyncSession) -> Sequence[int]:
    """The numbers of what waits, in the order in which it was heard."""
    numbers = select(Heard.id).where(Heard.state == HeardState.NEW).order_by(Heard.id)
    return list(await session.scalars(numbers))


async def read(session: AsyncSession, numbers: Collection[int]) -> list[tuple[int, datetime, Ask]]:
    """(number, when it was heard, ask) in order, without what was handled meanwhile."""
    rows = await session.execute(
        select(Heard.id, Heard.at, Heard.body)
        .where(Heard.id.in_(numbers), Heard.state == HeardState.NEW)
        .order_by(Heard.id)
    )
    return [(number, at, load_ask(body)) for number, at, body in rows]


async def is_new(session: AsyncSession, number: int) -> bool:
    """Whether it still waits."""
    return await session.scalar(select(Heard.state).where(Heard.id == number)) is HeardState.NEW
