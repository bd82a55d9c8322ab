"""Backups of a store that is being written to, and restoring them into an empty one."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.app.database import clock_of
from bot.app.stores import store_of
from bot.commands import backup, tables
from bot.models import Out, OutState
from bot.settings import Settings
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.database import sqlite_path
from crm.kernel.db import Store, now
from crm.kernel.errors import SettingsError
from crm.kernel.vault import Vault
from crm.models import Staff, Task
from tests.ops.conftest import settings_at


async def write_something(desk: Store) -> None:
    """A task, a message to be sent and an audit row, together."""
    async with desk.writing() as session:
        at = now(session)
        task = Task(staff="limin", text="回电", due_at=at + timedelta(days=1), created_at=at)
        session.add(task)
        await session.flush()
        session.add(
            Out(
                key=f"k{task.id}",
                lane="dingtalk:limin",
                priority=2,
                platform="dingtalk",
                item="{}",
                why="test",
                trace="",
                state=OutState.WAITING if task.id % 2 else OutState.SENDING,
                not_before=at,
                created_at=at,
            )
        )
        audit.note(session, "limin", "task.add", f"task:{task.id}")


@asynccontextmanager
async def under_load(desk: Store) -> AsyncIterator[None]:
    """Writes without a pause while the block runs."""

    async def write() -> None:
        while True:
            await write_something(desk)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write()) for _ in range(3)]
        yield
        for task in tasks:
            task.cancel()


def elsewhere(settings: Settings, url: str, tmp_path: Path) -> Settings:
    """A second installation with a copy of the key file and no head."""
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    (folder / "qidesk.keys").write_bytes(settings.security.key_file.read_bytes())
    return settings_at(url, folder)


async def count(store: Store, model: type[Task] | type[Out] | type[AuditRow]) -> int:
    async with store.reading() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


def manifest_of(file: Path) -> dict[str, object]:
    with zipfile.ZipFile(file) as archive:
        return dict(json.loads(archive.read("manifest.json")))


async def test_a_backup_under_writes_is_one_moment_and_restores_whole(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    for _ in range(5):
        await write_something(desk)
    async with under_load(desk):
        await tables.backup(settings, file)
        written = await count(desk, Task)
        while await count(desk, Task) < written + 5:  # the writers were not stopped by it
            await write_something(desk)
    there = elsewhere(settings, empty_url, tmp_path)
    said = await tables.restore(there, file)
    assert (await tables.verify_audit(there, None)).broken_at is None
    restored = store_of(there, clock_of(there))
    tasks, outs, rows = [await count(restored, model) for model in (Task, Out, AuditRow)]
    assert 5 <= tasks == outs <= await count(desk, Task)
    assert rows == tasks + len(await _people(restored)) + 1  # and the restoring itself
    async with restored.reading() as session:
        states = set(await session.scalars(select(Out.state)))
        texts = set(await session.scalars(select(Task.text)))
    await restored.close()
    assert (states, texts) == ({OutState.HELD}, {"回电"})
    assert f"{outs} 条未发出的消息已扣住" in said


async def _people(store: Store) -> list[str]:
    async with store.reading() as session:
        return list(await session.scalars(select(Staff.id)))


async def test_a_backup_names_its_key_file_version_and_audit_head_and_is_the_owners_alone(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    said = await tables.backup(settings, file)
    told = manifest_of(file)
    assert told["key_ring"] == desk.vault.fingerprint
    assert told["key_file"] == "qidesk.keys"
    assert told["schema_version"] == (await tables.versions(settings))[1]
    assert told["audit_head"] == settings.head_file.read_text().strip()
    assert desk.vault.fingerprint in said
    assert file.stat().st_mode & 0o077 == 0
    secrets = [key["secret"] for key in json.loads(settings.security.key_file.read_text())["keys"]]
    assert not any(secret in file.read_bytes().decode("latin1") for secret in secrets)


async def test_a_missing_key_file_is_said_before_anything_is_done(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    await tables.backup(settings, file)
    there = elsewhere(settings, empty_url, tmp_path)
    there.security.key_file.unlink()
    with pytest.raises(SettingsError, match=desk.vault.fingerprint):
        await tables.restore(there, file)
    assert await tables.versions(there) == ("", (await tables.versions(settings))[1])
    path = sqlite_path(empty_url)
    assert path is None or not path.exists()


async def test_another_key_file_or_one_from_before_a_rotation_is_refused(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    old = settings.security.key_file.read_bytes()
    await tables.rotate_keys(settings)
    file = tmp_path / "backup.zip"
    await tables.backup(settings, file)
    there = elsewhere(settings, empty_url, tmp_path)
    there.security.key_file.write_bytes(old)
    with pytest.raises(SettingsError, match="第 2 把"):
        await tables.restore(there, file)
    there.security.key_file.unlink()
    other = Vault.create(there.security.key_file)
    with pytest.raises(SettingsError, match=other.fingerprint):
        await tables.restore(there, file)
    assert (await tables.versions(there))[0] == ""


async def test_only_an_empty_store_is_restored_into(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    await tables.backup(settings, file)
    with pytest.raises(SettingsError, match="不是空的"):
        await tables.restore(settings, file)
    assert len(await _people(desk)) == 5


async def test_a_damaged_backup_is_refused_and_leaves_nothing(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    file, damaged = tmp_path / "backup.zip", tmp_path / "damaged.zip"
    await tables.backup(settings, file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:-1] if name.startswith("store") else content)
    there = elsewhere(settings, empty_url, tmp_path)
    with pytest.raises(SettingsError, match="已损坏"):
        await tables.restore(there, damaged)
    assert (await tables.versions(there))[0] == ""
    no_backup = tmp_path / "letter.zip"
    no_backup.write_bytes(b"hello")
    with pytest.raises(SettingsError, match="不是期台的备份"):
        await tables.restore(there, no_backup)


async def test_an_audit_row_changed_in_the_backup_keeps_it_from_being_used(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    async with desk.writing() as session:
        row = await session.get_one(AuditRow, 2)
        row.actor = "nobody"
    file = tmp_path / "backup.zip"
    await tables.backup(settings, file)
    there = elsewhere(settings, empty_url, tmp_path)
    with pytest.raises(SettingsError, match="第 2 行"):
        await tables.restore(there, file)


async def test_a_backup_from_a_newer_program_is_refused(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    file, newer = tmp_path / "backup.zip", tmp_path / "newer.zip"
    await tables.backup(settings, file)
    manifest = backup.read_manifest(file).model_copy(update={"schema_version": "9999"})
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(newer, "w") as target:
        for name in source.namelist():
            same = source.read(name)
            target.writestr(name, manifest.model_dump_json() if name == "manifest.json" else same)
    with pytest.raises(SettingsError, match="9999"):
        await tables.restore(elsewhere(settings, empty_url, tmp_path), newer)


async def test_rows_written_after_the_backup_are_counted_as_lost_and_the_former_head_is_kept(
    settings: Settings, desk: Store, empty_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    await tables.backup(settings, file)
    for _ in range(3):
        await write_something(desk)
    there = elsewhere(settings, empty_url, tmp_path)
    there.head_file.write_text(settings.head_file.read_text())
    said = await tables.restore(there, file)
    assert "之后的 3 行" in said
    assert (await tables.verify_audit(there, None)).broken_at is None
    kept = list(there.head_file.parent.glob("qidesk.head.before-*"))
    assert [one.read_text() for one in kept] == [settings.head_file.read_text()]


async def test_a_backup_never_replaces_a_file(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    file.write_text("the one of yesterday")
    with pytest.raises(SettingsError, match="已经存在"):
        await tables.backup(settings, file)
    assert file.read_text() == "the one of yesterday"
