"""One process at a time holds a lease, on either database."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.store.lease import Lease
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault

QUICK = 0.05
HOLDER = """
import asyncio, sys
from bot.store.lease import Lease
from crm.kernel.clock import SystemClock
from crm.kernel.db import open_store
from crm.kernel.vault import Vault
from pathlib import Path

async def main(url, keys):
    store = open_store(url, Vault(Path(keys)), SystemClock())
    async with Lease(store.database, "bot", every=1.0).open() as lease:
        print(lease.mine, flush=True)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


def lease(store: Store, name: str = "bot") -> Lease:
    return Lease(store.database, name, every=QUICK)


async def until(fact: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.01)


async def test_the_first_has_it_and_the_second_waits(store: Store) -> None:
    async with lease(store).open() as first, lease(store).open() as second:
        assert await first.ours()
        assert not second.mine
        await asyncio.sleep(4 * QUICK)
        assert await first.ours()
        assert not second.mine


async def test_two_names_are_two_leases(store: Store) -> None:
    async with lease(store).open() as first, lease(store, "book").open() as other:
        assert await first.ours()
        assert await other.ours()


async def test_given_back_it_goes_to_the_next(store: Store) -> None:
    for _ in range(2):
        async with lease(store).open() as one:
            assert await one.ours()


async def test_whoever_waits_takes_over(store: Store) -> None:
    first = lease(store)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(first.open())
        async with lease(store).open() as second:
            assert not second.mine
            await stack.aclose()
            await until(lambda: second.mine)
    assert not first.mine


async def test_a_killed_holder_holds_it_no_longer(store: Store, tmp_path: Path) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url, str(tmp_path / "qidesk.keys"), stdout=-1
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"True\n"
    async with lease(store).open() as mine:
        await asyncio.sleep(4 * QUICK)
        assert not mine.mine
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await until(lambda: mine.mine)


async def test_without_a_proof_it_is_not_ours_and_whether_another_has_it_is_unknown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lease(store).open() as mine:

        async def away() -> bool:
            raise ConnectionResetError

        monkeypatch.setattr(mine._lock, "prove", away)
        assert mine.mine
        await until(lambda: not mine.mine)
        assert not mine.overtaken.is_set()


async def test_a_loop_that_stood_still_is_in_doubt_only_until_the_next_look(store: Store) -> None:
    async with lease(store).open() as mine:
        time.sleep(4 * QUICK)  # noqa: ASYNC251  nobody looks meanwhile
        assert not mine.mine
        async with asyncio.timeout(5):
            assert await mine.ours()


async def test_who_finds_it_with_another_is_overtaken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> bool:
        return False

    async with lease(store).open() as mine, lease(store).open() as waiting:
        monkeypatch.setattr(mine._lock, "prove", never)
        monkeypatch.setattr(mine._lock, "take", never)
        await mine.overtaken.wait()
        assert not mine.mine
        assert not waiting.overtaken.is_set()


CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def test_whoever_is_first_after_a_session_was_cut_has_it(
    postgres_url: str, vault: Vault, clock: StoppedClock
) -> None:
    store = open_store(postgres_url, vault, clock)
    mine, other = lease(store)._lock, lease(store)._lock
    assert await mine.take()
    async with store.engine.connect() as session:
        await session.execute(CUT)
        assert await other.take()
        assert not await mine.prove()
        await session.execute(CUT)
    assert await mine.prove()
    assert not await other.prove()
    await mine.free()
    await other.free()
    await store.close()


async def test_a_server_that_was_started_anew_takes_it_from_nobody(
    postgres_url: str, vault: Vault, clock: StoppedClock
) -> None:
    store = open_store(postgres_url, vault, clock)
    async with lease(store).open() as mine:
        async with store.engine.connect() as other:
            await other.execute(CUT)
        await asyncio.sleep(4 * QUICK)
        assert await mine.ours()
        assert not mine.overtaken.is_set()
    await store.close()
