"""The N-th call of a kind fails, once: a statement or commit, the opening of a file, a call to a
platform."""

import errno
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, cast

import pytest
from sqlalchemy.engine.default import DefaultDialect

from bot.inbox.rows import PostgresWriter, Row, SqliteWriter, Told
from tests.kill.town import Town

STATEMENTS = ("do_execute", "do_executemany", "do_execute_no_params")


class Strike(Protocol):
    """``landed``: whether there were so many calls that the chosen one failed."""

    landed: bool

    def at(self, number: int) -> AbstractAsyncContextManager[None]:
        """The ``number``-th call within the block fails, and no other."""
        ...


class Counted:
    """A strike at what is called in this process."""

    def __init__(self) -> None:
        self._left = 0
        self.landed = False

    @contextmanager
    def armed(self, number: int) -> Iterator[None]:
        self._left, self.landed = number, False
        try:
            yield
        finally:
            self._left = 0

    @asynccontextmanager
    async def at(self, number: int) -> AsyncIterator[None]:
        with self.armed(number):
            yield

    def now(self) -> bool:
        """Whether this call is the one."""
        if not self._left:
            return False
        self._left -= 1
        self.landed = not self._left
        return self.landed


class CallOut:
    """A strike at a call to a platform. ``kind`` as the far side knows it: ``http_5xx`` refuses the
    call, ``half_body`` does as it is told and loses the answer."""

    def __init__(self, town: Town, platform: str, kind: str) -> None:
        self._town = town
        self._fault = (platform, kind)
        self.landed = False

    @asynccontextmanager
    async def at(self, number: int) -> AsyncIterator[None]:
        await self._town.break_it(*self._fault, 1, after=number - 1)
        yield
        self.landed = not await self._town.strokes_left(*self._fault)
        await self._town.mend()


@contextmanager
def statements(strike: Counted) -> Iterator[None]:
    """Of whatever store. On SQLite the disk fails; on PostgreSQL the connection is cut."""

    def instead_of(execute: Callable[..., None]) -> Callable[..., None]:
        def counted(dialect: DefaultDialect, cursor: Any, *arguments: Any) -> None:
            if strike.now():
                _break(dialect, cursor._adapt_connection)
            execute(dialect, cursor, *arguments)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for name in STATEMENTS:
            patch.setattr(DefaultDialect, name, instead_of(getattr(DefaultDialect, name)))
        yield


@contextmanager
def commits(strike: Counted, *, done: bool = False) -> Iterator[None]:
    """The inbox's own too. ``done``: it fails when the database has committed; nobody knows."""
    commit: Callable[..., None] = DefaultDialect.do_commit

    def counted(dialect: DefaultDialect, connection: Any) -> None:
        now = strike.now()
        if done or not now:
            commit(dialect, connection)
        if now:
            _break(dialect, connection.dbapi_connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefaultDialect, "do_commit", counted)
        for writer in (SqliteWriter, PostgresWriter):
            patch.setattr(writer, "insert", _heard(writer.insert, strike, done=done))
        yield


Insert = Callable[[Any, Sequence[Row], datetime], Awaitable[list[Told]]]


def _heard(insert: Insert, strike: Counted, *, done: bool) -> Insert:
    async def counted(writer: Any, rows: Sequence[Row], at: datetime) -> list[Told]:
        now = strike.now()
        told = await insert(writer, rows, at) if done or not now else []
        if now:
            raise ConnectionResetError("the database went away")
        return told

    return counted


def _break(dialect: DefaultDialect, connection: Any) -> None:
    if dialect.name == "sqlite":
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error
    connection._connection.terminate()
    raise cast("Any", dialect).dbapi.InterfaceError("connection is closed")


class _Files:
    """Python never takes a hook back: there is one, and idle it costs a comparison."""

    def __init__(self) -> None:
        self.strike: Counted | None = None
        self.wanted: Callable[[str], bool] = bool
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or self.strike is None:
            return
        path = arguments[0]
        named = isinstance(path, str | bytes | os.PathLike)
        if named and self.wanted(os.fsdecode(path)) and self.strike.now():
            raise OSError(errno.EIO, "Input/output error")


@lru_cache
def _files() -> _Files:
    return _Files()


@contextmanager
def file_calls(strike: Counted, wanted: Callable[[str], bool]) -> Iterator[None]:
    """Each opening of a file with such a path, and whatever wants to be on the disk for sure."""
    sync, files = os.fsync, _files()

    def counted(descriptor: int) -> None:
        if strike.now():
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", counted)
        files.strike, files.wanted = strike, wanted
        try:
            yield
        finally:
            files.strike = None
