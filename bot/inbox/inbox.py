"""Messages heard: stored before they are acknowledged.

Many callers at once share one durable commit (group commit): that makes full durability as cheap
as none. What becomes of them is in ``bot.inbox.heard``.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from bot import crashpoint
from bot.chat.raw import Raw
from bot.inbox.rows import Told, Writer, open_writer
from bot.store.groupcommit import GroupCommit
from crm.kernel.database import Database

PLACE = "heard.body"
BATCH = 1024


class Stored(NamedTuple):
    """A message's row; ``fresh`` is False when it was heard before."""

    id: int
    fresh: bool


class Inbox:
    """Stores what adapters hear."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer: Writer | None = None
        self._group = GroupCommit(self._insert, batch=BATCH, at_once=True)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Inbox"]:
        self._writer = open_writer(self._database)
        try:
            yield self
        finally:
            await self._group.settle()
            await self._writer.close()
            self._writer = None

    async def version(self) -> str:
        """That of the tables; "" where there are none."""
        return await self._opened().version()

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
        writer = self._opened()
        sealed = self._database.vault.seal_all([raw.body for raw in raws], PLACE)
        rows = [
            (platform, app, key, body)
            for (platform, app, key, _), body in zip(raws, sealed, strict=True)
        ]
        return await writer.insert(rows, self._database.clock.now())

    def _opened(self) -> Writer:
        if self._writer is None:
            raise RuntimeError("the inbox is closed")
        return self._writer
