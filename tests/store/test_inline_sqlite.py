"""Statements on the loop's own thread: what may wait still waits in a thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store, takes_long
from crm.kernel.inline_sqlite import Ending
from crm.kernel.vault import Vault


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    vault = Vault.create(tmp_path / "keys")
    store = open_store(f"sqlite+aiosqlite:///{tmp_path}/s.db", vault, SystemClock())
    async with store.writing() as session:
        await session.execute(text("CREATE TABLE seen (number INTEGER)"))
    yield store
    await store.close()


async def driver(session: AsyncSession) -> Any:
    connection = await (await session.connection()).get_raw_connection()
    return connection.driver_connection


async def thread_of_a_statement(session: AsyncSession) -> int:
    here: list[int] = []
    connection = await driver(session)
    await connection.create_function("here", 0, lambda: here.append(threading.get_ident()))
    await session.execute(text("SELECT here()"))
    return here[0]


async def test_a_brief_statement_runs_where_it_is_called(store: Store) -> None:
    async with store.reading(brief=True) as session:
        assert await thread_of_a_statement(session) == threading.get_ident()


async def test_what_takes_long_runs_in_a_thread_until_the_transaction_ends(store: Store) -> None:
    async with store.writing(brief=True) as session:
        await takes_long(session)
        assert await thread_of_a_statement(session) != threading.get_ident()
    async with store.writing(brief=True) as session:
        assert await thread_of_a_statement(session) == threading.get_ident()


async def test_while_another_process_writes_the_loop_goes_on_and_the_turn_waits(
    store: Store, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits = asyncio.create_task(write(store, 1))
    for _ in range(20):  # the loop turns meanwhile
        await asyncio.sleep(0.005)
    assert not waits.done()
    other.execute("COMMIT")
    other.close()
    async with asyncio.timeout(10):
        await waits
    assert await numbers(store) == [1]


async def test_a_turn_that_gives_up_while_it_waits_leaves_the_store_usable(
    store: Store, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits = asyncio.create_task(write(store, 1))
    await asyncio.sleep(0.02)
    waits.cancel()
    await asyncio.sleep(0.02)
    other.execute("COMMIT")
    other.close()
    with pytest.raises(asyncio.CancelledError):
        await waits
    async with asyncio.timeout(10):
        await write(store, 2)
    assert await numbers(store) == [2]


async def test_a_turn_that_raises_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(OperationalError):
        async with store.writing(brief=True) as session:
            await session.execute(text("INSERT INTO seen VALUES (1)"))
            await session.execute(text("INSERT INTO nothing VALUES (1)"))
    assert await numbers(store) == []


async def write(store: Store, number: int) -> None:
    async with store.writing(brief=True) as session:
        await session.execute(text("INSERT INTO seen VALUES (:n)"), {"n": number})


async def numbers(store: Store) -> list[int]:
    async with store.reading() as session:
        return list((await session.scalars(text("SELECT number FROM seen"))).all())


@pytest.mark.parametrize("kind", [Ending, sqlite3.Connection])
def test_closing_ends_a_transaction_whose_cursor_somebody_still_has(
    tmp_path: Path, kind: type[sqlite3.Connection]
) -> None:
    """As the trace of a cancelled task has it. SQLite's own connection does not."""
    path = tmp_path / "t.db"
    with closing(sqlite3.connect(path)) as first:
        first.execute("CREATE TABLE t (x)")
    writer = sqlite3.connect(path, isolation_level=None, factory=kind)
    writer.execute("BEGIN IMMEDIATE")
    kept = writer.execute("INSERT INTO t VALUES (1), (2) RETURNING x")
    writer.close()
    with closing(sqlite3.connect(path, timeout=0)) as other:
        if kind is Ending:
            other.execute("BEGIN IMMEDIATE")
            assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
        else:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
    del kept
