"""The operator's commands on the store as a whole: tables, backups, keys and the audit chain."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

import risk.models  # noqa: F401  with it the metadata is complete
from bot.app.database import clock_of, make_keys
from bot.app.stores import store_of
from bot.commands import backup as backups
from bot.commands import restore as restoring
from bot.commands.bulk import BY, opened
from bot.commands.reseal import reseal
from bot.jobs import archive as archiving
from bot.settings import Settings
from bot.store import schema
from bot.store.versions import is_before, knows, newest
from crm.kernel import audit
from crm.kernel.clock import SHANGHAI
from crm.kernel.database import sqlite_path
from crm.kernel.db import Base, Store
from crm.kernel.errors import SettingsError
from crm.kernel.vault import Algorithm

FULL_SEARCH = "0015"  # the version that came with the latest forms of search keys


async def upgrade(settings: Settings) -> str:
    """Bring the tables up to date; a new installation gets its key file here. Raises
    SettingsError where there are data and no key file."""
    key_file = settings.security.key_file
    if not key_file.exists() and await _has_tables(settings):
        raise SettingsError(
            f"数据库里已有数据，但密钥文件 {key_file} 不存在：请先放回原来的密钥文件再升级；"
            "没有做任何改动"
        )
    path = sqlite_path(settings.store.url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)  # client names lie open in it
    made = make_keys(settings)
    store = store_of(settings, clock_of(settings))
    try:
        before = await schema.current(store)
        await schema.upgrade(store)
        after = await schema.current(store)
    finally:
        await store.close()
    said = f"数据库已是最新版本 {after}" if before == after else f"数据库已升级到 {after}"
    if before and is_before(before, FULL_SEARCH):
        said += "\n客户查找有了新的写法，请运行 qidesk search rebuild（服务可以开着）"
    if made:
        said += (
            f"\n已生成密钥文件 {key_file}（只有本账户可读）。"
            "请马上另存一份，与数据库备份分开保管：丢失后已有数据无法解密"
        )
    return said


async def downgrade(settings: Settings, to: str) -> str:
    """Bring the tables back to the version of an earlier program. Raises SettingsError."""
    has, _ = await versions(settings)
    if not has:
        raise SettingsError("数据库是空的，没有可退的版本")
    if not knows(has):
        raise SettingsError("数据库比本程序新：请用当初升级它的程序来退")
    if not is_before(to, has):
        raise SettingsError(f"{to} 不是 {has} 之前的版本；没有做任何改动")
    store = store_of(settings, clock_of(settings))
    try:
        await schema.downgrade(store, to)
    finally:
        await store.close()
    return f"数据库已从 {has} 退到 {to}，请改用那个版本的程序"


async def versions(settings: Settings) -> tuple[str, str]:
    """(what the store has, "" for an empty one; what this program wants). Needs no keys."""
    if (path := sqlite_path(settings.store.url)) and not path.exists():
        return "", newest()
    engine = create_async_engine(settings.store.url, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(schema.version_of), newest()
    finally:
        await engine.dispose()


async def _has_tables(settings: Settings) -> bool:
    if (path := sqlite_path(settings.store.url)) and not path.exists():
        return False
    engine = create_async_engine(settings.store.url, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_any_table)
    finally:
        await engine.dispose()


def _any_table(connection: Connection) -> bool:
    return bool(inspect(connection).get_table_names())


def _absolute(file: Path) -> Path:
    return file.resolve()


def _megabytes(file: Path) -> float:
    return file.stat().st_size / 1024 / 1024


async def backup(settings: Settings, file: Path) -> str:
    """A backup beside the running service. Raises SettingsError."""
    found, _ = await versions(settings)
    if not found:
        raise SettingsError("数据库是空的，没有可备份的内容")
    clock = clock_of(settings)
    store = store_of(settings, clock)
    try:
        manifest = await backups.make(
            url=settings.store.url,
            vault=store.vault,
            head_file=settings.head_file,
            schema_version=found,
            clock=clock,
            file=_absolute(file),
        )
    finally:
        await store.close()
    return (
        f"已备份到 {file}（{_megabytes(file):.1f} MB，版本 {found}）\n"
        f"恢复时需要密钥文件 {settings.security.key_file}（指纹 {manifest.key_ring}），"
        "它不在备份里，请分开保管"
    )


async def restore(settings: Settings, file: Path) -> str:
    """A backup into the empty store of these settings. Raises SettingsError."""
    done = await restoring.restore(
        url=settings.store.url,
        key_file=settings.security.key_file,
        head_file=settings.head_file,
        clock=clock_of(settings),
        file=_absolute(file),
    )
    made_at = done.manifest.made_at.astimezone(SHANGHAI)
    said = [f"已恢复 {made_at:%Y-%m-%d %H:%M} 的备份，审计链 {done.audit_rows} 行完整"]
    if done.upgraded:
        said.append(f"数据库已从 {done.manifest.schema_version} 升级到 {newest()}")
    if done.held:
        said.append(f"{done.held} 条未发出的消息已扣住，没有发送，请系统管理员查看")
    if done.lost:
        said.append(f"原链头还记着备份之后的 {done.lost} 行审计，它们不在备份里；原链头文件已另存")
    return "\n".join(said)


async def verify_audit(settings: Settings, export: Path | None) -> audit.Verdict:
    """Walk the chain; the rows go to ``export`` in the clear."""
    async with opened(settings) as store:
        async with store.reading() as session:
            await store.hold_still(session)
            verdict = await audit.verify(session, audit.Head(settings.head_file))
        if export is not None:
            await _export(store, export)
    return verdict


async def _export(store: Store, file: Path) -> None:
    """Whole or not at all, and its owner's alone: details may hold personal data."""
    draft = file.with_name(f"{file.name}.new")
    descriptor = await asyncio.to_thread(
        os.open, draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        async with store.reading() as session:
            await store.hold_still(session)
            async for row in audit.export(session):
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    draft.replace(file)


async def archive(settings: Settings) -> Mapping[str, int]:
    """Rows moved by table. See ``bot.jobs.archive``."""
    keep = settings.store
    async with opened(settings) as store:
        done = await archiving.archive(
            store,
            keep.archive_dir,
            inbox_days=keep.inbox_days,
            ledger_days=keep.ledger_days,
            audit_days=keep.audit_days,
        )
    return done.counts


async def rotate_keys(settings: Settings) -> tuple[int, int]:
    """(number of the new key, values sealed anew). A running service follows by itself."""
    async with opened(settings) as store:
        key = store.vault.rotate(Algorithm(settings.security.algorithm))
        count = await reseal(store, Base.metadata)
        async with store.writing() as session:
            audit.note(session, BY, "keys.rotate", f"key:{key.id}", resealed=count)
    return key.id, count
