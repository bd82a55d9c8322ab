"""A store with a day's work in it goes back to the program of before, and forward again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, select, text

from bot.app.database import clock_of
from bot.app.serve import serve
from bot.app.stores import store_of
from bot.commands import tables, trial
from bot.settings import Settings, load
from bot.store import schema
from bot.store.versions import newest
from crm.kernel.db import Store
from crm.kernel.errors import SettingsError
from tests.databases import Server
from tests.store.test_migrations import differences
from tests.story.room import Room, open_room

Rows = dict[str, list[dict[str, Any]]]
TALK = "聊了螺纹套保比例"
BOOKKEEPING = frozenset({"alembic_version"})


@pytest.fixture(params=["sqlite", "postgresql"])
async def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that choose a database."""
    if request.param == "sqlite":
        return {}
    server: Server = request.getfixturevalue("postgres")
    name = f"upgrade{uuid4().hex}"
    await server.run(f"CREATE DATABASE {name}")
    return {"QIDESK_STORE__URL": server.url(name)}


def before(version: str) -> str:
    """The version under this one."""
    scripts = ScriptDirectory.from_config(schema._config())
    found = scripts.get_revision(version)
    assert isinstance(found.down_revision, str)
    return found.down_revision


async def work(room: Room) -> str:
    """People talk, plan, decide and change rules, and the market falls. The client's name."""
    client = await room.client_of("wangqiang")
    name = str(client["name"])
    await room.ask("wangqiang", f"记 {client['account']} 电话 {TALK}")
    await room.ask("wangqiang", f"待办 {client['account']} 明天 回访")
    await room.post("/sandbox/scene", {"name": "approval", "count": 1, "approvers": ["sunfang"]})
    await room.ask("fengjun", "/规则 追保 105%")
    await room.post("/sandbox/market", {"shock": {"rb": -0.2}})
    await room.newest("fengjun", "追保", "g-risk")
    return name


@asynccontextmanager
async def the_store(settings: Settings) -> AsyncIterator[Store]:
    store = store_of(settings, clock_of(settings))
    try:
        yield store
    finally:
        await store.close()


async def rows_of(store: Store) -> Rows:
    """Every row of every table, as the database has it."""
    async with store.engine.connect() as connection:
        metadata = MetaData()
        await connection.run_sync(metadata.reflect)
        return {
            name: [dict(row._mapping) for row in await connection.execute(select(table))]
            for name, table in metadata.tables.items()
            if name not in BOOKKEEPING
        }


def counts(rows: Rows, other: Rows) -> dict[str, int]:
    """How many rows there are in the tables that the other knows."""
    return {name: len(rows[name]) for name in other}


def shared(rows: Rows, other: Rows) -> dict[str, list[str]]:
    """What both know of, in an order that can be compared."""
    return {
        name: sorted(
            repr([row[column] for column in sorted(row) if column in other_rows[0]])
            for row in rows[name]
        )
        for name, other_rows in other.items()
        if other_rows and rows.get(name)
    }


async def test_a_days_work_survives_the_way_back_and_forward_and_every_step_can_be_gone(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with open_room(tmp_path / "room", environ) as room:
        name = await work(room)
        options = room.options
    settings = load(options.config, environ)
    latest, previous = newest(), before(newest())
    async with the_store(settings) as store:
        at_first = await rows_of(store)
        assert sum(map(len, at_first.values())) > 1000

    await tables.downgrade(settings, previous)
    async with the_store(settings) as store:
        assert await schema.current(store) == previous
        back = await rows_of(store)
        assert counts(at_first, back) == counts(back, back)
        assert shared(back, at_first) == shared(at_first, back)
    with pytest.raises(SettingsError, match="qidesk db upgrade"):
        async with serve(settings):
            pass

    assert latest in await tables.upgrade(settings)
    async with the_store(settings) as store:
        forward = await rows_of(store)
        assert counts(forward, back) == counts(back, back)
        assert shared(forward, back) == shared(back, forward)
        async with store.engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    assert (await tables.verify_audit(settings, None)).broken_at is None

    async with trial.together(options, environ) as service, aiohttp.ClientSession() as http:
        again = Room(options.url, http, service, options)
        [told] = await again.say("wangqiang", f"记录 {name}")
        assert TALK in str(told)

    clients = len(at_first["client"])
    async with the_store(settings) as store:
        while previous != "0001":
            await schema.downgrade(store, previous := before(previous))
            async with store.engine.connect() as connection:
                assert await connection.scalar(text("SELECT count(*) FROM client")) == clients
    await tables.upgrade(settings)
    async with the_store(settings) as store, store.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_going_back_to_what_never_was_or_comes_later_is_refused(
    environ: dict[str, str], tmp_path: Path
) -> None:
    settings = load(None, {"QIDESK_SECURITY__KEY_FILE": str(tmp_path / "keys"), **environ})
    if not environ:
        url = f"sqlite+aiosqlite:///{tmp_path}/qidesk.db"
        settings = settings.model_copy(
            update={"store": settings.store.model_copy(update={"url": url})}
        )
    with pytest.raises(SettingsError, match="空的"):
        await tables.downgrade(settings, "0001")
    await tables.upgrade(settings)
    for version in (newest(), "9999", "base", "-1", ""):
        with pytest.raises(SettingsError, match="没有做任何改动"):
            await tables.downgrade(settings, version)
    assert await tables.versions(settings) == (newest(), newest())
