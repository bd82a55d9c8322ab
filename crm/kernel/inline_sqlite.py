"""An SQLite connection whose statements run where they are called, not in a thread of their own.

A point query takes SQLite 20 to 50 µs; going to a thread and back takes four hops of 100 µs, which
made them nine tenths of what a command cost. What can wait for the disk or for another writer
(``BEGIN IMMEDIATE``, ``COMMIT``) still goes to a thread. For short statements only: a long one
holds up the whole loop. It has the part of aiosqlite's interface that SQLAlchemy uses, and is given
to its engine as ``async_creator``.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

BEGIN = "BEGIN IMMEDIATE"


async def in_thread(work: Callable[[], T]) -> T:
    """A thread cannot be cancelled: who gives up waits until it has let go of the connection."""
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    finally:
        if not doing.done():
            await asyncio.wait({doing})


class Ending(sqlite3.Connection):
    """Closing it ends its transaction too. SQLite keeps that, and with it everybody from writing,
    as long as a cursor lives somewhere: in the trace of what was cancelled, for instance."""

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was closed before
            self.rollback()
        super().close()


class Cursor:
    def __init__(self, connection: "Connection", cursor: sqlite3.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor
        self.arraysize = 1

    async def __aenter__(self) -> "Cursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        if sql == BEGIN:
            await self._connection.begin()
        elif self._connection.takes_long:
            await in_thread(lambda: self._cursor.execute(sql, values))
        else:
            self._cursor.execute(sql, values)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        if self._connection.takes_long:
            await in_thread(lambda: self._cursor.executemany(sql, rows))
        else:
            self._cursor.executemany(sql, rows)

    async def fetchall(self) -> list[Any]:
        if self._connection.takes_long:
            return await in_thread(self._cursor.fetchall)
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()


class Connection:
    """``patience``: how long, in milliseconds, to wait for another process that writes."""

    def __init__(self, path: str, pragmas: Sequence[str], patience: int) -> None:
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=Ending
        )
        self._patience = patience
        self.takes_long = False  # until the transaction ends: statements go to a thread as well
        for pragma in pragmas:
            self._connection.execute(pragma)

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    def cursor(self) -> Cursor:
        return Cursor(self, self._open.cursor())

    async def create_function(self, name: str, arguments: int, work: Any, **how: Any) -> None:
        self._open.create_function(name, arguments, work, **how)

    async def begin(self) -> None:
        """To write: at once when nobody else does, else in a thread that waits for them."""
        self._wait_at_most(0)
        try:
            self._open.execute(BEGIN)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            self._wait_at_most(self._patience)
            await in_thread(lambda: self._open.execute(BEGIN))
        finally:
            self._wait_at_most(self._patience)

    def _wait_at_most(self, milliseconds: int) -> None:
        self._open.execute(f"PRAGMA busy_timeout={milliseconds}")

    async def commit(self) -> None:
        try:
            await in_thread(self._open.commit)
        finally:
            self.takes_long = False

    async def rollback(self) -> None:
        self.takes_long = False
        self._open.rollback()

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
