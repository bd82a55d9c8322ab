"""The inbox's insert, on a connection of its own and past the ORM: every acknowledgement waits for
it. What the two databases say differently is said here."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from threading import Thread
from typing import Any, Final, Protocol

from bot import crashpoint
from crm.kernel.database import SQLITE_PRAGMAS, Database

LIMIT_SECONDS: Final = 10
WORD: Final = b"!"  # on a pipe: there is something
MOST_AT_ONCE: Final = 128  # rows of one SQLite statement
AS_SQLALCHEMY: Final = "%Y-%m-%d %H:%M:%S.%f"  # it writes a moment so

Row = tuple[str, str, str, bytes]  # platform, app, key, sealed body
Told = tuple[int, bool]  # the row's number, whether it is new


class Writer(Protocol):
    async def version(self) -> str:
        """That of the tables; "" where there are none."""
        ...

    async def insert(self, rows: Sequence[Row], at: datetime) -> list[Told]:
        """What became of each row, committed."""
        ...

    async def close(self) -> None: ...


def open_writer(database: Database) -> Writer:
    path = database.file
    return SqliteWriter(database, path) if path else PostgresWriter(database)


class SqliteWriter:
    """Waits for this process's turn like every writer. It has a thread of its own, without an
    executor around it: that took longer than the insert. It and the loop wake each other by pipes,
    for at a queue's lock they contend for the interpreter. A batch goes in by one long statement,
    because each one gives the interpreter away and has to get it back."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=2 * MOST_AT_ONCE,  # one for each length
        )
        for pragma in SQLITE_PRAGMAS:
            self._connection.execute(pragma)
        self._job: tuple[Sequence[Row], str] = ((), "")
        self._told: list[Told] | Exception = []
        self._ended = asyncio.Event()
        self._asleep, self._waker = os.pipe()
        self._ear, self._teller = os.pipe()
        asyncio.get_running_loop().add_reader(self._ear, self._hear)
        self._thread = Thread(target=self._work, name="inbox", daemon=True)
        self._thread.start()

    async def version(self) -> str:
        try:
            found = self._connection.execute(_VERSION).fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # else there is no such table
                raise
            return ""
        return found[0] if found else ""

    async def insert(self, rows: Sequence[Row], at: datetime) -> list[Told]:
        async with self._database.turn():
            self._job = rows, at.strftime(AS_SQLALCHEMY)
            self._ended.clear()
            os.write(self._waker, WORD)
            await self._until_ended()
            if isinstance(self._told, Exception):
                raise self._told
            return self._told

    async def _until_ended(self) -> None:
        """A thread cannot be cancelled: the turn is kept until it is done, however often who waits
        is told to give up, else the next one would get its answer."""
        given_up: asyncio.CancelledError | None = None
        while not self._ended.is_set():
            try:
                await self._ended.wait()
            except asyncio.CancelledError as error:
                given_up = error
        if given_up is not None:
            raise given_up

    def _work(self) -> None:
        while os.read(self._asleep, 1):
            try:
                self._told = self._insert(*self._job)
            except Exception as error:  # noqa: BLE001  whoever waits gets it
                self._told = error
            os.write(self._teller, WORD)

    def _hear(self) -> None:
        os.read(self._ear, 1)
        self._ended.set()

    def _insert(self, rows: Sequence[Row], at: str) -> list[Told]:
        with self._connection as db:
            db.execute("BEGIN IMMEDIATE")
            cursor, added = db.cursor(), 0
            for start in range(0, len(rows), MOST_AT_ONCE):
                some = rows[start : start + MOST_AT_ONCE]
                cursor.execute(_insert_many(len(some)), [at, *chain.from_iterable(some)])
                added += cursor.rowcount
            # Nobody else writes now: what was added has the highest numbers, in order.
            first = (cursor.lastrowid or 0) - added + 1
            if added == len(rows):
                told = list(zip(range(first, first + added), repeat(True)))
            else:
                told = self._numbers(rows, first if added else None)
            crashpoint.here("inbox.before_commit")
            db.execute("COMMIT")
        return told

    def _numbers(self, rows: Sequence[Row], first: int | None) -> list[Told]:
        """Each row's number. From ``first`` on they are new, where they come for the first time."""
        found: list[Told] = []
        told: set[int] = set()
        for row in rows:
            [number] = self._connection.execute(
                "SELECT id FROM heard WHERE platform = ? AND app = ? AND key = ?", row[:3]
            ).fetchone()
            found.append((number, first is not None and number >= first and number not in told))
            told.add(number)
        return found

    async def close(self) -> None:
        os.close(self._waker)  # the thread reads the end
        await asyncio.to_thread(self._thread.join)
        asyncio.get_running_loop().remove_reader(self._ear)
        for end in (self._asleep, self._ear, self._teller):
            os.close(end)
        self._connection.close()


@cache
def _insert_many(count: int) -> str:
    values = ", ".join(["(?1, 'new', 0, ?, ?, ?, ?)"] * count)
    return (
        "INSERT INTO heard (at, state, attempts, platform, app, key, body)"  # noqa: S608 - fixed
        f" VALUES {values} ON CONFLICT (platform, app, key) DO NOTHING"
    )


_VERSION: Final = "SELECT version_num FROM alembic_version"
_INSERT: Final = (
    "INSERT INTO heard (platform, app, key, body, at, state, attempts)"
    " SELECT platform, app, key, body, $5::timestamptz, 'new', 0"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])"
    " WITH ORDINALITY AS given (platform, app, key, body, place) ORDER BY place"
    " ON CONFLICT (platform, app, key) DO NOTHING RETURNING platform, app, key, id"
)
_KNOWN: Final = (
    "SELECT platform, app, key, id FROM heard JOIN"
    " unnest($1::text[], $2::text[], $3::text[]) AS given (platform, app, key)"
    " USING (platform, app, key)"
)


class PostgresWriter:
    """One connection of its own, opened again when it was lost."""

    def __init__(self, database: Database) -> None:
        self._dsn = database.dsn
        self._connection: Any = None  # asyncpg's

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            from crm.kernel import postgres  # noqa: PLC0415 - not on SQLite

            self._connection = await postgres.connect(
                self._dsn, timeout=LIMIT_SECONDS, command_timeout=LIMIT_SECONDS
            )
        return self._connection

    async def version(self) -> str:
        connection = await self._connected()
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return ""
        return await connection.fetchval(_VERSION) or ""

    async def insert(self, rows: Sequence[Row], at: datetime) -> list[Told]:
        connection = await self._connected()
        try:
            async with connection.transaction():
                told = await self._insert(connection, rows, at)
                crashpoint.here("inbox.before_commit")
        except BaseException:  # nobody knows what state it is in: the next batch takes another
            self._connection = None
            connection.terminate()
            raise
        return told

    @staticmethod
    async def _insert(connection: Any, rows: Sequence[Row], at: datetime) -> list[Told]:
        columns = [list(column) for column in zip(*rows, strict=True)]
        added = await connection.fetch(_INSERT, *columns, at)
        new = {tuple(found)[:3]: found["id"] for found in added}
        known: dict[tuple[str, ...], int] = {}
        if len(new) < len(rows):
            rest = await connection.fetch(_KNOWN, *columns[:3])
            known = {tuple(found)[:3]: found["id"] for found in rest}
        told: list[Told] = []
        for row in rows:
            number = new.pop(row[:3], None)
            told.append((known[row[:3]], False) if number is None else (number, True))
        return told

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
