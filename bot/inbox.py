"""Messages heard: stored before they are acknowledged, handled once.

Many callers at once share one durable commit (group commit): that makes full durability as cheap
as none. The raw insert goes past the ORM, because every acknowledgement waits for it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from sqlalchemy import make_url, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint
from bot.chat import codec
from bot.chat.message import Ask
from bot.chat.ports import Raw
from bot.groupcommit import GroupCommit
from bot.models import Heard, HeardState
from crm.kernel.db import SQLITE_PRAGMAS, Store, now, sqlite_path

PLACE = "heard.body"
LIMIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Stored:
    """A heard message with its row's number; ``fresh`` is False when it was heard before."""

    id: int
    raw: Raw
    fresh: bool


Row = tuple[str, str, str, bytes, Any]  # platform, app, key, sealed body, at


class Writer(Protocol):
    async def insert(self, rows: Sequence[Row]) -> list[tuple[int, bool]]:
        """(row number, whether it is new) for each row, committed."""
        ...

    async def close(self) -> None: ...


class SqliteWriter:
    """Its own connection in a thread; waits for this process's turn like every writer."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in SQLITE_PRAGMAS:
            self._connection.execute(pragma)

    async def insert(self, rows: Sequence[Row]) -> list[tuple[int, bool]]:
        """A thread cannot be cancelled: the turn is kept until it has ended."""
        async with self._store.turn():
            work = asyncio.ensure_future(asyncio.to_thread(self._insert, rows))
            try:
                return await asyncio.shield(work)
            finally:
                await asyncio.wait({work})

    def _insert(self, rows: Sequence[Row]) -> list[tuple[int, bool]]:
        with self._connection as db:
            db.execute("BEGIN IMMEDIATE")
            numbers = [self._insert_one(db, row) for row in rows]
            crashpoint.here("inbox.before_commit")
            db.execute("COMMIT")
        return numbers

    @staticmethod
    def _insert_one(db: sqlite3.Connection, row: Row) -> tuple[int, bool]:
        platform, app, key, body, at = row
        found = db.execute(
            "INSERT INTO heard (platform, app, key, body, at, state, attempts)"
            " VALUES (?, ?, ?, ?, ?, 'new', 0)"
            " ON CONFLICT (platform, app, key) DO NOTHING RETURNING id",
            (platform, app, key, body, at.strftime("%Y-%m-%d %H:%M:%S.%f")),
        ).fetchone()
        if found is not None:
            return found[0], True
        known = db.execute(
            "SELECT id FROM heard WHERE platform = ? AND app = ? AND key = ?", (platform, app, key)
        ).fetchone()
        return known[0], False

    async def close(self) -> None:
        self._connection.close()


class PostgresWriter:
    """One connection of its own, opened again when it was lost."""

    def __init__(self, url: str) -> None:
        self._dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: asyncpg.Connection | None = None

    async def insert(self, rows: Sequence[Row]) -> list[tuple[int, bool]]:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await asyncpg.connect(
                self._dsn, timeout=LIMIT_SECONDS, command_timeout=LIMIT_SECONDS
            )
        try:
            async with connection.transaction():
                numbers = [await self._insert_one(connection, row) for row in rows]
                crashpoint.here("inbox.before_commit")
        except BaseException:  # nobody knows what state it is in: the next batch takes another
            self._connection = None
            connection.terminate()
            raise
        return numbers

    @staticmethod
    async def _insert_one(connection: Any, row: Row) -> tuple[int, bool]:
        found = await connection.fetchval(
            "INSERT INTO heard (platform, app, key, body, at, state, attempts)"
            " VALUES ($1, $2, $3, $4, $5, 'new', 0)"
            " ON CONFLICT (platform, app, key) DO NOTHING RETURNING id",
            *row,
        )
        if found is not None:
            return found, True
        known = await connection.fetchval(
            "SELECT id FROM heard WHERE platform = $1 AND app = $2 AND key = $3", *row[:3]
        )
        return known, False

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class Inbox:
    """Stores what adapters hear."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer: Writer | None = None
        self._group = GroupCommit(self._insert)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Inbox"]:
        url = self._store.engine.url.render_as_string(hide_password=False)
        path = sqlite_path(url)
        self._writer = SqliteWriter(self._store, path) if path else PostgresWriter(url)
        try:
            yield self
        finally:
            await self._writer.close()
            self._writer = None

    async def store(self, raw: Raw) -> Stored:
        """Durable when it returns. Raises what the database raised: then nothing is stored."""
        sealed = self._store.vault.seal(codec.dump(raw.ask), PLACE)
        row = (raw.platform, raw.app, raw.key, sealed, self._store.clock.now())
        number, fresh = await self._group.submit(row)
        crashpoint.here("inbox.after_commit")
        return Stored(number, raw, fresh)

    async def _insert(self, rows: Sequence[Row]) -> Sequence[tuple[int, bool]]:
        if self._writer is None:
            raise RuntimeError("the inbox is closed")
        return await self._writer.insert(rows)


async def claim(session: AsyncSession, heard_id: int, state: HeardState = HeardState.DONE) -> bool:
    """Take a stored message for this transaction; False when it was handled before."""
    done = await session.execute(
        update(Heard)
        .where(Heard.id == heard_id, Heard.state == HeardState.NEW)
        .values(state=state, done_at=now(session), attempts=Heard.attempts + 1)
        .returning(Heard.id)
    )
    return done.first() is not None


async def unhandled(session: AsyncSession) -> list[tuple[int, str, Ask]]:
    """(number, platform, ask) of what waits, in the order in which it was heard."""
    rows = await session.execute(
        select(Heard.id, Heard.platform, Heard.body)
        .where(Heard.state == HeardState.NEW)
        .order_by(Heard.id)
    )
    return [(number, platform, codec.load_ask(body)) for number, platform, body in rows]
