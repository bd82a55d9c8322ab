"""Making and upgrading a store, walking its audit chain, and changing its keys while it works."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, select, type_coerce

from bot.app.database import clock_of
from bot.app.stores import store_of
from bot.commands import bulk, reseal, tables
from bot.settings import Settings
from crm import names, people, search
from crm.kernel import audit
from crm.kernel.db import Base, Store, now
from crm.kernel.errors import SettingsError
from crm.kernel.vault import MAGIC
from crm.models import Blob
from tests.ops.conftest import MOBILE, ROW, Sheet, settings_at


async def test_the_first_upgrade_makes_tables_and_a_key_file_and_says_to_keep_a_copy(
    empty_url: str, tmp_path: Path
) -> None:
    fresh = settings_at(empty_url, tmp_path / "new")
    said = await tables.upgrade(fresh)
    found, newest = await tables.versions(fresh)
    assert found == newest != ""
    assert str(fresh.security.key_file) in said
    assert fresh.security.key_file.stat().st_mode & 0o777 == 0o600
    again = await tables.upgrade(fresh)
    assert "已是最新" in again
    assert str(fresh.security.key_file) not in again


async def test_clients_of_an_earlier_version_are_to_be_found_in_new_ways_and_it_says_how(
    settings: Settings,
) -> None:
    assert "search rebuild" not in await tables.upgrade(settings)
    await tables.downgrade(settings, "0014")
    assert "search rebuild" in await tables.upgrade(settings)


async def test_a_store_with_data_is_not_given_a_new_key_file(settings: Settings) -> None:
    settings.security.key_file.unlink()
    with pytest.raises(SettingsError, match="密钥文件"):
        await tables.upgrade(settings)
    assert not settings.security.key_file.exists()


async def test_an_empty_store_has_no_version_and_looking_does_not_make_it(
    empty_url: str, tmp_path: Path
) -> None:
    fresh = settings_at(empty_url, tmp_path)
    found, newest = await tables.versions(fresh)
    assert (found, bool(newest)) == ("", True)
    assert not (tmp_path / "elsewhere").exists()


async def test_the_exported_audit_holds_every_row_in_the_clear(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    verdict = await tables.verify_audit(settings, file)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, verdict.rows + 1))
    assert rows[0]["detail"]["roles"] == ["manager"]
    assert file.stat().st_mode & 0o077 == 0


async def test_the_chain_is_whole_whenever_it_is_looked_at_beside_a_writer(
    settings: Settings, desk: Store
) -> None:
    async def write() -> None:
        while True:
            async with desk.writing() as session:
                audit.note(session, "limin", "look", "client:1")

    async with asyncio.TaskGroup() as group:
        writer = group.create_task(write())
        verdicts = [await tables.verify_audit(settings, None) for _ in range(10)]
        writer.cancel()
    assert [verdict.why for verdict in verdicts] == [""] * 10
    assert verdicts[-1].rows > verdicts[0].rows


async def test_the_head_is_read_before_the_rows_are_seen(settings: Settings, desk: Store) -> None:
    """Read later it could name a row that was committed after what the session sees."""
    async with desk.reading() as session:

        class Watching(audit.Head):
            def read(self) -> tuple[int, bytes] | None:
                assert not session.in_transaction()
                return super().read()

        verdict = await audit.verify(session, Watching(settings.head_file))
    assert verdict.broken_at is None


async def sealed_values(store: Store) -> int:
    count = 0
    async with store.reading() as session:
        for sealed in reseal.sealed_columns(Base.metadata):
            raw = await session.scalars(select(type_coerce(sealed.column, LargeBinary)))
            count += len(raw.all())
    return count


async def old_values(store: Store, key_id: int) -> list[str]:
    """Sealed columns in which a value has another key than the newest."""
    newest = key_id.to_bytes(2, "big")
    at = len(MAGIC) + 1
    found = []
    async with store.reading() as session:
        for sealed in reseal.sealed_columns(Base.metadata):
            raw = await session.scalars(select(type_coerce(sealed.column, LargeBinary)))
            if any(value[at : at + 2] != newest for value in raw):
                found.append(sealed.place)
    return found


async def test_rotation_reseals_everything_under_a_running_writer(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await bulk.clients(settings, sheet([ROW]), quiet=True)
    async with desk.writing() as session:
        content = bytes(reseal.BYTES)
        for n in range(3):
            session.add(Blob(name=f"b{n}", content=content, size=1, created_at=now(session)))

    before, written = await sealed_values(desk), 0

    async def write() -> None:
        nonlocal written
        while True:
            async with desk.writing() as session:
                audit.note(session, "limin", "note", "client:1", text="电话 " + MOBILE)
            written += 1

    async with asyncio.TaskGroup() as group:
        writer = group.create_task(write())
        key_id, count = await tables.rotate_keys(settings)
        writer.cancel()
    assert (key_id, written > 0) == (2, True)
    assert count >= before
    assert await old_values(desk, key_id) == []
    assert (await tables.verify_audit(settings, None)).broken_at is None
    async with desk.reading() as session:
        wang = await people.get(session, "wangqiang")
        hits = await search.find(session, wang, names.query_keys(MOBILE))
        blob = await session.get_one(Blob, "b2")
    assert [hit.account for hit in hits] == ["80010001"]
    assert blob.content == content


async def test_a_process_that_started_later_opens_what_either_key_sealed(
    settings: Settings, desk: Store
) -> None:
    await tables.rotate_keys(settings)
    other = store_of(settings, clock_of(settings))
    async with other.writing() as session:
        audit.note(session, "limin", "after", "client:1")
    await other.close()
    assert (await tables.verify_audit(settings, None)).broken_at is None


async def test_rotating_twice_leaves_nothing_under_the_key_before(
    settings: Settings, desk: Store
) -> None:
    await tables.rotate_keys(settings)
    key_id, _ = await tables.rotate_keys(settings)
    assert key_id == 3
    assert await old_values(desk, 3) == []
