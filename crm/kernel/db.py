"""The store: column types, the engine for both databases, and its two kinds of transaction.

A store's vault travels on its dialect, so that sealed columns open and close by themselves and two
stores in one process keep apart.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Enum,
    LargeBinary,
    MetaData,
    Table,
    event,
)
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from crm.kernel import inline_sqlite
from crm.kernel.clock import Clock
from crm.kernel.database import SQLITE_PATIENCE, SQLITE_PRAGMAS, Database
from crm.kernel.money import from_fen, to_fen
from crm.kernel.vault import Vault

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class Moment(TypeDecorator[datetime]):
    """An aware moment, stored in UTC. A naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Yuan(TypeDecorator[Decimal]):
    """Yuan in the domain, integer fen in the table (SQLite keeps NUMERIC as a float)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_fen(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_fen(value)


class SealedText(TypeDecorator[str]):
    """Free text that may hold personal data: encrypted in the table, plain in the domain.

    ``place`` is ``table.column``; a value moved elsewhere does not open.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_of(dialect).seal(value.encode(), self.place)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else vault_of(dialect).open(value, self.place).decode()


class SealedBytes(TypeDecorator[bytes]):
    """A raw message or a file: encrypted in the table."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_of(dialect).seal(value, self.place)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_of(dialect).open(value, self.place)


def table(model: type[Base]) -> Table:
    """The bare table, for statements past the ORM where each turn runs them."""
    return cast("Table", model.__table__)


def by_value(kind: type[StrEnum]) -> Enum:
    """A column that stores an enum's value; SQLAlchemy would store its name."""
    return Enum(kind, native_enum=False, length=32, values_callable=lambda k: [m.value for m in k])


def vault_of(dialect: Dialect) -> Vault:
    return cast("Vault", cast("Any", dialect).qidesk_vault)


Step = Callable[[AsyncSession], Awaitable[None]]


class Store:
    """One database with its vault and clock; gives sessions that read and sessions that write.

    SQLite has one writer: writers of this process queue for it here, in order, instead of
    polling each other's lock, and begin IMMEDIATE, because a read that turns into a write loses
    updates there.
    """

    def __init__(self, database: Database, engine: AsyncEngine, inline: AsyncEngine) -> None:
        self.database = database
        self.engine = engine
        self._inline = inline  # for brief statements; on PostgreSQL the same
        self.vault = database.vault
        self.clock = database.clock
        self.is_sqlite = database.is_sqlite
        self.before_commit: list[Step] = []  # e.g. the audit rows of this transaction
        self.after_commit: list[Step] = []

    @asynccontextmanager
    async def reading(self, *, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """``brief``: only short statements, run on the loop's own thread (``inline_sqlite``)."""
        async with self._session(brief=brief) as session:
            yield session

    async def hold_still(self, session: AsyncSession) -> None:
        """From its first query on, ``session`` sees one moment of the store. SQLite does so
        anyway."""
        if not self.is_sqlite:
            _ = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})

    @asynccontextmanager
    async def writing(self, *, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self._session(brief=brief, qidesk_write=True) as session:
            async with self.database.turn(), session.begin():
                yield session
                for step in self.before_commit:
                    await step(session)
            for step in self.after_commit:
                await step(session)

    def _session(self, *, brief: bool, **options: bool) -> AsyncSession:
        engine = self._inline if brief else self.engine
        if options:
            engine = engine.execution_options(**options)
        info = {"clock": self.clock, "vault": self.vault}
        return AsyncSession(engine, expire_on_commit=False, info=info)

    async def close(self) -> None:
        await self.engine.dispose()
        await self._inline.dispose()


def open_store(url: str, vault: Vault, clock: Clock) -> Store:
    """``sqlite+aiosqlite://`` or ``postgresql+asyncpg://``; connects lazily."""
    return store_on(Database(url, vault, clock))


def store_on(database: Database) -> Store:
    """Beside what else has a way into that database; connects lazily."""
    url, path = database.url, database.file
    if path is not None:
        args = {"factory": inline_sqlite.Ending}
        engine = create_async_engine(url, hide_parameters=True, connect_args=args)
        event.listen(engine.sync_engine, "connect", _sqlite_connect)
        inline = create_async_engine(url, hide_parameters=True, async_creator=_inline_creator(path))
        for each in (engine, inline):
            event.listen(each.sync_engine, "begin", _sqlite_begin)
    else:
        from crm.kernel import postgres  # noqa: PLC0415 - not on SQLite

        engine = create_async_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=10,
            connect_args=postgres.ARGUMENTS,
        )
        inline = engine
    for each in (engine, inline):
        cast("Any", each.sync_engine.dialect).qidesk_vault = database.vault
    return Store(database, engine, inline)


def _inline_creator(path: Path) -> Callable[[], Awaitable[inline_sqlite.Connection]]:
    async def connect() -> inline_sqlite.Connection:
        return inline_sqlite.Connection(str(path), SQLITE_PRAGMAS, SQLITE_PATIENCE)

    return connect


def _sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin ourselves, see _sqlite_begin
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("qidesk_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


async def takes_long(session: AsyncSession) -> None:
    """What follows in this transaction touches many rows: it must not hold up the loop."""
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    if isinstance(driver, inline_sqlite.Connection):
        driver.takes_long = True


def now(session: AsyncSession) -> datetime:
    """The store's present moment."""
    return cast("Clock", session.info["clock"]).now()


def vault(session: AsyncSession) -> Vault:
    return cast("Vault", session.info["vault"])


def years_later(day: date, years: int) -> date:
    """The same day ``years`` later; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
