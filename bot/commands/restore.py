"""A backup back into an empty database, proven before anybody works with it."""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, update

from bot.commands import backup
from bot.commands.backup import Manifest
from bot.commands.dumps import PostgresDumper, SqliteDumper, dumper_of, integrity_fault
from bot.models import Out, OutState
from bot.store import schema
from bot.store.versions import knows, newest
from crm.kernel import audit
from crm.kernel.clock import Clock
from crm.kernel.db import Store, open_store
from crm.kernel.errors import SettingsError
from crm.kernel.vault import KeyFileWrong, Vault

UNSENT = (OutState.WAITING, OutState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """``lost`` counts the audit rows that the former head knew and the backup has not."""

    manifest: Manifest
    audit_rows: int
    held: int
    upgraded: bool
    lost: int


async def restore(
    *, url: str, key_file: Path, head_file: Path, clock: Clock, file: Path
) -> Restored:
    """Raises SettingsError before anything is done: for a missing or another key file, a target
    that is not empty, another kind of database, a newer version, a damaged backup."""
    manifest = await asyncio.to_thread(backup.read_manifest, file)
    vault = _vault_for(manifest, key_file)
    target = dumper_of(url)
    if target.member not in {member.name for member in manifest.members}:
        raise SettingsError("备份与目标不是同一种数据库，请核对 [store] url")
    if not await target.is_empty():
        raise SettingsError("目标库不是空的，恢复只写入空库；没有做任何改动")
    if not knows(manifest.schema_version):
        raise SettingsError(
            f"备份的数据库版本 {manifest.schema_version} 比程序新，请先升级程序；没有做任何改动"
        )
    place = target.path.parent if isinstance(target, SqliteDumper) else file.parent
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".qidesk-restore-", dir=place) as folder:
        work = Path(folder)
        await asyncio.to_thread(backup.unpack, file, work)
        if isinstance(target, SqliteDumper):
            return await _into_file(target, work, manifest, vault, head_file, clock)
        return await _into_server(target, url, work, manifest, vault, head_file, clock)


def _vault_for(manifest: Manifest, key_file: Path) -> Vault:
    try:
        vault = Vault(key_file)
    except KeyFileWrong as error:
        raise SettingsError(
            f"恢复需要密钥文件 {manifest.key_file}（指纹 {manifest.key_ring}），"
            f"请先把它放到 {key_file}；没有做任何改动"
        ) from error
    manifest.must_open(vault)
    return vault


async def _into_file(
    target: SqliteDumper,
    work: Path,
    manifest: Manifest,
    vault: Vault,
    head_file: Path,
    clock: Clock,
) -> Restored:
    """Proven beside its place, then put there whole."""
    dump = work / target.member
    if fault := await asyncio.to_thread(integrity_fault, dump):
        raise SettingsError(f"备份里的数据库不完整：{fault}；没有做任何改动")
    head = audit.Head(work / backup.HEAD)
    url = URL.create("sqlite+aiosqlite", database=str(dump)).render_as_string()
    done = await _prove(url, manifest, vault, head, clock, head_file)
    await asyncio.to_thread(_put_in_place, dump, target.path)
    await asyncio.to_thread(_put_head, head.path, head_file, clock)
    return done


async def _into_server(
    target: PostgresDumper,
    url: str,
    work: Path,
    manifest: Manifest,
    vault: Vault,
    head_file: Path,
    clock: Clock,
) -> Restored:
    await target.load(work / target.member)
    head = audit.Head(work / backup.HEAD)
    try:
        done = await _prove(url, manifest, vault, head, clock, head_file)
    except SettingsError as error:
        raise SettingsError(f"{error}；请删掉目标库里恢复出的表") from error
    await asyncio.to_thread(_put_head, head.path, head_file, clock)
    return done


async def _prove(
    url: str, manifest: Manifest, vault: Vault, head: audit.Head, clock: Clock, head_file: Path
) -> Restored:
    """Upgrade, walk the audit chain, hold what was unsent, and put the restoring on record."""
    store = open_store(url, vault, clock)
    audit.attach(store, head)
    try:
        upgraded = await schema.current(store) != newest()
        await schema.upgrade(store)
        async with store.reading() as session:
            verdict = await audit.verify(session, head)
        if verdict.broken_at is not None:
            raise SettingsError(f"备份里的审计链不完整：{verdict.why}")
        former = await asyncio.to_thread(audit.Head(head_file).read)
        lost = max(former[0] - verdict.rows, 0) if former else 0
        held = await _hold(store, manifest, lost)
    finally:
        await store.close()
    return Restored(
        manifest=manifest, audit_rows=verdict.rows, held=held, upgraded=upgraded, lost=lost
    )


async def _hold(store: Store, manifest: Manifest, lost: int) -> int:
    """What the backup still wanted to send may have been sent since."""
    async with store.writing() as session:
        rows = await session.scalars(
            update(Out).where(Out.state.in_(UNSENT)).values(state=OutState.HELD).returning(Out.id)
        )
        held = len(rows.all())
        audit.note(
            session,
            "cli",
            "db.restore",
            "store",
            made_at=manifest.made_at,
            held=held,
            rows_lost=lost,
        )
    return held


def _put_in_place(dump: Path, place: Path) -> None:
    with closing(sqlite3.connect(dump)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("-wal", "-shm", "-journal"):
        place.with_name(place.name + ending).unlink(missing_ok=True)  # of an empty database
    dump.chmod(0o600)
    backup.sync(dump)
    dump.replace(place)
    backup.sync(place.parent)


def _put_head(head: Path, place: Path, clock: Clock) -> None:
    """The former head names rows that are no more: kept aside, for whoever asks."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.replace(place.with_name(f"{place.name}.before-{clock.now():%Y%m%dT%H%M%SZ}"))
    draft = place.with_name(place.name + ".new")
    draft.touch(0o600)
    draft.write_text(head.read_text())
    backup.sync(draft)
    draft.replace(place)
    backup.sync(place.parent)
