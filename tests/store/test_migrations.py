"""The migrations and the models say the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from bot import models
from bot.store import schema
from bot.store.versions import is_before, knows, newest
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Base, Store, open_store
from crm.kernel.vault import Vault
from risk.models import FundDay


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(
    request: pytest.FixtureRequest, tmp_path: Path, vault: Vault, clock: StoppedClock
) -> AsyncIterator[Store]:
    """A database without tables."""
    url = f"sqlite+aiosqlite:///{tmp_path}/empty.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        name = f"e{uuid4().hex}"
        await server.run(f"CREATE DATABASE {name}")
        url = server.url(name)
    store = open_store(url, vault, clock)
    yield store
    await store.close()


async def tables(store: Store) -> set[str]:
    async with store.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return set(names) - {"alembic_version"}


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Base.metadata))


async def test_an_empty_store_upgraded_has_the_models_tables(empty: Store) -> None:
    assert await schema.current(empty) == ""
    await schema.upgrade(empty)
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert {models.Heard.__tablename__, FundDay.__tablename__} <= await tables(empty)
    assert await schema.current(empty) == newest() != ""


async def test_upgrading_twice_changes_nothing(empty: Store) -> None:
    await schema.upgrade(empty)
    before = await tables(empty)
    await schema.upgrade(empty)
    assert await tables(empty) == before


async def test_every_migration_can_be_taken_back(empty: Store) -> None:
    await schema.upgrade(empty)
    await schema.upgrade(empty, "base")
    assert await tables(empty) == set()
    await schema.upgrade(empty)
    assert await schema.current(empty) == newest()


def test_the_numbers_of_the_migrations_are_their_order() -> None:
    scripts = ScriptDirectory.from_config(schema._config())
    newest_first = [each.revision for each in scripts.walk_revisions()]
    assert newest_first == sorted(newest_first, reverse=True)
    assert newest() == newest_first[0]
    assert is_before(newest_first[1], newest_first[0])
    assert not is_before(newest_first[0], newest_first[0])
    assert not any(map(knows, ("", "base", "-1", "9999")))
