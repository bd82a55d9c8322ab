"""What /readyz says of the store: only what was written proves that it can be."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bot.store import health
from bot.store.health import store_health
from crm.kernel import audit
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from tests.databases import TEMPLATE, Server


@pytest.fixture(autouse=True)
def _asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ASKED_EVERY", 0.0)
    monkeypatch.setattr(health, "BUSY_SECONDS", 0.2)


async def test_a_store_that_takes_what_is_written_is_well(store: Store) -> None:
    for _ in range(2):
        health = await store_health(store.database)
        assert (health.ok, health.detail) == (True, "数据库正常")


async def test_whoever_writes_already_need_not_wait_for_himself(store: Store) -> None:
    async with store.writing() as session:
        audit.note(session, "wangqiang", "health", "clock:1")
        await session.flush()
        assert (await store_health(store.database, inside=True)).ok


async def test_a_file_that_another_program_holds_is_said_and_is_well_when_it_lets_go(
    sqlite_url: str, vault: Vault, clock: StoppedClock, tmp_path: Path
) -> None:
    store = open_store(sqlite_url, vault, clock)
    with closing(sqlite3.connect(tmp_path / "qidesk.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "占用" in (await store_health(store.database)).detail
        other.execute("ROLLBACK")
        assert (await store_health(store.database)).ok
    await store.close()


async def test_a_file_that_is_none_and_a_folder_that_is_gone_are_said(
    vault: Vault, clock: StoppedClock, tmp_path: Path
) -> None:
    (tmp_path / "torn.db").write_bytes(b"torn" * 4096)
    for name, words in (("torn.db", "损坏"), ("gone/qidesk.db", "打不开")):
        store = open_store(f"sqlite+aiosqlite:///{tmp_path}/{name}", vault, clock)
        health = await store_health(store.database)
        assert not health.ok
        assert words in health.detail
        await store.close()


async def test_a_server_that_takes_nothing_is_said(
    postgres: Server, postgres_url: str, vault: Vault, clock: StoppedClock
) -> None:
    await postgres.run(f"ALTER DATABASE {TEMPLATE} SET default_transaction_read_only = on")
    store = open_store(postgres_url, vault, clock)
    health = await store_health(store.database)
    await store.close()
    await postgres.run(f"ALTER DATABASE {TEMPLATE} RESET default_transaction_read_only")
    assert not health.ok
    assert "只能读" in health.detail


async def test_a_disk_that_hangs_is_asked_once_however_many_want_to_know(
    sqlite_url: str, vault: Vault, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, asked, go_on = open_store(sqlite_url, vault, clock), 0, threading.Event()

    def hangs(_: Path) -> str:
        nonlocal asked
        asked += 1
        go_on.wait(10)
        return ""

    monkeypatch.setattr(health, "_trouble_with", hangs)
    monkeypatch.setattr(health, "READY_SECONDS", 0.05)
    for _ in range(3):
        assert "没有应答" in (await store_health(store.database)).detail
    assert asked == 1
    go_on.set()
    monkeypatch.setattr(health, "READY_SECONDS", 5.0)
    assert (await store_health(store.database)).ok
    await store.close()


async def test_a_head_that_another_holds_is_written_by_the_next_who_can(
    store: Store, head: audit.Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    monkeypatch.setattr(audit, "PATIENCE", 0.05)
    head._patience = 0.05

    async def write(action: str) -> None:
        async with store.writing() as session:
            audit.note(session, "wangqiang", action, "clock:1")

    await write("first")
    with head.path.open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        await write("held")
        assert head.read() is not None
        assert (head.read() or (0, b""))[0] == 1
    await write("free")
    assert (head.read() or (0, b""))[0] == 3
