"""Messages heard: stored before they are acknowledged, handled once.

Many callers at once share one durable commit (group commit): that makes full durability as cheap
as none.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint
from bot.chat.message import Ask
from bot.chat.raw import Raw, load_ask
from bot.groupcommit import GroupCommit
from bot.heardrows import Told, Writer, open_writer
from bot.models import Heard, HeardState
from crm.kernel.db import Store, now, table

PLACE = "heard.body"
BATCH = 1024


class Stored(NamedTuple):
    """A message's row; ``fresh`` is False when it was heard before."""

    id: int
    fresh: bool


class Inbox:
    """Stores what adapters hear."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer: Writer | None = None
        self._group = GroupCommit(self._insert, batch=BATCH, at_once=True)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Inbox"]:
        self._writer = open_writer(self._store)
        try:
            yield self
        finally:
            await self._group.settle()
            await self._writer.close()
            self._writer = None

    async def store(self, raw: Raw) -> Stored:
        """Durable when it returns. Raises what the database raised: then nothing is stored."""
        [told] = await self.store_all([raw])
        return Stored(*told)

    async def store_all(self, raws: Sequence[Raw]) -> Sequence[Told]:
        """The same for what came together: all of it is stored, or nothing."""
        told = await self._group.submit_all(raws)
        crashpoint.here("inbox.after_commit")
        return told

    async def _insert(self, raws: Sequence[Raw]) -> Sequence[Told]:
        if self._writer is None:
            raise RuntimeError("the inbox is closed")
        sealed = self._store.vault.seal_all([raw.body for raw in raws], PLACE)
        rows = [
            (platform, app, key, body)
            for (platform, app, key, _), body in zip(raws, sealed, strict=True)
        ]
        return await self._writer.insert(rows, self._store.clock.now())


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
