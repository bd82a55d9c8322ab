"""The search keys, compared and mended by command while the service runs."""

import asyncio

import pytest
from sqlalchemy import delete, select, update

from bot.commands import search_index
from bot.settings import Settings
from crm import clients, names, people, search
from crm.clients import NewClient
from crm.kernel.audit import AuditRow
from crm.kernel.db import Store, table
from crm.models import SearchKey

MANY = 2 * search_index.BATCH + 7
KEYS = table(SearchKey)


async def add_clients(desk: Store) -> None:
    new = [
        NewClient(name=f"张{chr(0x4E00 + n)}", accounts=[(f"8001{n:04}", "CNY")], owner="wangqiang")
        for n in range(MANY)
    ]
    async with desk.writing() as session:
        await clients.add_many(session, new, by="test")


async def stored(desk: Store) -> list[tuple[object, ...]]:
    async with desk.reading() as session:
        rows = await session.execute(select(KEYS).order_by(KEYS.c.client_id, KEYS.c.key))
        return [tuple(row) for row in rows]


async def test_keys_that_are_right_are_left_as_they_are(settings: Settings, desk: Store) -> None:
    await add_clients(desk)
    before = await stored(desk)
    assert await search_index.rebuild(settings, quiet=True) == (MANY, 0)
    assert await stored(desk) == before


async def test_keys_that_are_wrong_are_mended_and_that_is_on_record(
    settings: Settings, desk: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "PAUSE_SECONDS", 0)
    await add_clients(desk)
    before = await stored(desk)
    async with desk.writing() as session:
        await session.execute(delete(KEYS).where(KEYS.c.key.like("p%")))
        await session.execute(update(KEYS).where(KEYS.c.key.like("g%")).values(owner="limin"))
    looked, mended = await search_index.rebuild(settings, quiet=True)
    assert (looked, mended) == (MANY, sum(str(row[1])[0] in "pg" for row in before))
    assert await stored(desk) == before
    async with desk.reading() as session:
        last = await session.scalar(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1))
    assert last is not None
    assert (last.actor, last.action) == ("cli", "search.rebuild")


async def test_a_client_is_found_all_the_time_while_his_keys_are_mended(
    settings: Settings, desk: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "PAUSE_SECONDS", 0)
    await add_clients(desk)
    async with desk.writing() as session:
        await session.execute(update(KEYS).values(rank=KEYS.c.rank + 1))
        wang = await people.get(session, "wangqiang")
    rebuilding = asyncio.create_task(search_index.rebuild(settings, quiet=True))
    asked = 0
    while not rebuilding.done():
        async with desk.reading() as session:
            for number in (0, MANY // 2, MANY - 1):
                probes = names.query_keys(f"8001{number:04}")
                [hit] = await search.find(session, wang, probes)
                assert hit.visible
        asked += 1
    assert asked > 1
    _, mended = await rebuilding
    assert mended == len(await stored(desk))
