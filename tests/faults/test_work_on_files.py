"""Given that the N-th call fails while files are read or written by command, for N = 1, 2, …: what
was not done is done by doing it again, and nothing is lost or there twice."""

import gzip
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.commands import bulk
from bot.jobs.archive import archive
from bot.models import Heard, HeardState
from bot.settings import Settings
from crm.kernel import audit
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from crm.kernel.vault import Vault
from crm.models import FundAccount
from tests.faults.strikes import Counted, file_calls, statements
from tests.kill.lives import SEED, SOAK
from tests.ops.conftest import ROW, Sheet, desk, settings, sheet

__all__ = ["desk", "settings", "sheet"]  # an installation to operate on

FAILURES = (OSError, SQLAlchemyError)
GAP = 1 if SOAK else 10
OLD = timedelta(days=100)


def numbers(gap: int = 1) -> Iterator[int]:
    chance, number = random.Random(SEED), 0
    while True:
        number += chance.randint(1, 2 * gap - 1)
        yield number


def ledger(number: int) -> list[list[str]]:
    """Three clients whom nobody knows yet, and one who is known already."""
    fresh = [f"81{number:04d}{place:02d}" for place in range(3)]
    return [
        [account, f"客户{account}", *ROW[4:5] * 3, *ROW[5:]] for account in (*fresh, "80010001")
    ]


async def test_a_ledger_that_was_cut_off_is_taken_whole_by_taking_it_again(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    strike, wanted = Counted(), {"80010001"}
    with statements(strike):
        for number in numbers(GAP):
            rows = ledger(number)
            wanted |= {row[0] for row in rows}
            path = sheet(rows)
            async with strike.at(number):
                with suppress(*FAILURES):
                    await bulk.clients(settings, path, quiet=True)
            done = await bulk.clients(settings, path, quiet=True)
            assert not done.rejects
            assert done.taken + done.updated + done.unchanged == len(rows)
            if not strike.landed:
                break
    async with desk.reading() as session:
        accounts = list(await session.scalars(select(FundAccount.account)))
        verdict = await audit.verify(session, audit.Head(settings.head_file))
    assert sorted(accounts) == sorted(wanted)
    assert verdict.broken_at is None, verdict.why


@pytest.mark.parametrize("struck", [statements, file_calls])
async def test_what_is_moved_to_the_archive_is_always_in_the_table_or_in_the_file(
    store: Store, clock: StoppedClock, tmp_path: Path, struck: object
) -> None:
    strike, folder, keys = Counted(), tmp_path / "archive", set[str]()
    hook = (
        statements(strike)
        if struck is statements
        else file_calls(strike, lambda path: path.startswith(str(folder)))
    )
    with hook:
        for time, number in zip(count(), numbers(), strict=False):
            fresh = {f"m{time}.{place}" for place in range(3)}
            keys |= fresh
            await hear(store, fresh)
            clock.advance(OLD)
            async with strike.at(number):
                with suppress(*FAILURES):
                    await archive(store, folder)
            in_the_table = await heard(store)
            assert in_the_table | in_the_files(folder) >= keys, f"lost at {number}"
            await archive(store, folder)
            assert not await heard(store)
            assert in_the_files(folder) == keys
            if not strike.landed:
                break


def test_a_key_ring_whose_rotation_failed_opens_what_it_sealed(vault: Vault) -> None:
    strike, sealed = Counted(), [vault.seal(b"0", "t.c")]
    with file_calls(strike, lambda path: path.startswith(str(vault.path.parent))):
        for number in numbers():
            with strike.armed(number), suppress(OSError):
                vault.rotate()
            sealed.append(vault.seal(str(number).encode(), "t.c"))
            for ring in (vault, Vault(vault.path)):
                opened = [ring.open(one, "t.c").decode() for one in sealed]
                assert opened == [str(n) for n in range(len(sealed))]
            if not strike.landed:
                break
    assert vault.rotate().id == Vault(vault.path).current.id


async def hear(store: Store, keys: set[str]) -> None:
    at = store.clock.now()
    async with store.writing() as session:
        session.add_all(
            Heard(
                platform="dingtalk",
                app="a",
                key=key,
                body=b"{}",
                at=at,
                state=HeardState.DONE,
                done_at=at,
            )
            for key in keys
        )


async def heard(store: Store) -> set[str]:
    async with store.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Heard)) is not None
        return set(await session.scalars(select(Heard.key)))


def in_the_files(folder: Path) -> set[str]:
    lines = [
        line
        for file in sorted(folder.glob("heard*"))
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    return {json.loads(line)["key"] for line in lines}
