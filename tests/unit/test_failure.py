"""Waiting helps against a busy or a full database, not against our own mistakes."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.store.failure import will_pass
from crm.kernel.db import Store


def error_of(connection: sqlite3.Connection, statement: str) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as found:
        connection.execute(statement)
    return found.value


def test_a_mistake_in_a_statement_does_not_pass(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    assert not will_pass(error_of(connection, "SELECT nothing FROM nowhere"))
    connection.close()


def test_a_locked_database_passes(tmp_path: Path) -> None:
    one = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)
    one.execute("CREATE TABLE t (x)")
    one.execute("BEGIN EXCLUSIVE")
    assert will_pass(error_of(other, "SELECT x FROM t"))
    one.close()
    other.close()


async def test_a_mistake_through_the_store_does_not_pass(store: Store) -> None:
    with pytest.raises(Exception) as found:  # noqa: PT011  each database has its own
        async with store.reading() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))
    assert not will_pass(found.value)


def test_a_server_that_is_away_passes() -> None:
    assert will_pass(ConnectionRefusedError())
    assert not will_pass(LookupError())
