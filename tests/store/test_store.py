"""The store's own promises: types, transactions, and what is kept of a day."""

import asyncio
import shutil
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, StatementError

from bot.models import Bucket, Meter
from crm import blobs, calendars
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store, years_later
from crm.kernel.vault import CannotOpen, Vault
from crm.models import Branch, Login
from risk import history
from risk.models import FundDay
from risk.sources.base import DayOfFunds

ACCOUNT = "80010023"


async def test_of_many_who_read_and_then_write_nobodys_change_is_lost(store: Store) -> None:
    async with store.writing() as session:
        session.add(Meter(platform="dingtalk", pool="api", month="2026-11", count=0))

    async def count_one() -> None:
        async with store.writing() as session:
            query = select(Meter).with_for_update()
            meter = (await session.scalars(query)).one()
            meter.count += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(40):
            tasks.create_task(count_one())
    async with store.reading() as session:
        assert await session.scalar(select(Meter.count)) == 40


async def test_two_processes_that_read_and_then_write_lose_nothing(
    store: Store, database_url: str, vault: Vault, clock: StoppedClock
) -> None:
    other = open_store(database_url, vault, clock)
    async with store.writing() as session:
        session.add(Meter(platform="dingtalk", pool="api", month="2026-11", count=0))

    async def count_one(mine: Store) -> None:
        async with mine.writing() as session:
            meter = (await session.scalars(select(Meter).with_for_update())).one()
            meter.count += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(count_one((store, other)[number % 2]))
    await other.close()
    async with store.reading() as session:
        assert await session.scalar(select(Meter.count)) == 20


async def test_a_reader_does_not_wait_for_a_writer_and_sees_nothing_half_done(
    store: Store,
) -> None:
    async with store.writing() as writer:
        writer.add(Branch(code="HZ", name="杭州营业部"))
        await writer.flush()
        async with asyncio.timeout(5), store.reading() as reader:
            assert await reader.get(Branch, "HZ") is None
    async with store.reading() as reader:
        assert await reader.get(Branch, "HZ") is not None


async def test_a_block_that_raises_is_rolled_back_and_the_next_one_goes_on(store: Store) -> None:
    with pytest.raises(LookupError):
        async with store.writing() as session:
            session.add(Branch(code="HZ", name="杭州营业部"))
            await session.flush()
            raise LookupError
    async with store.writing() as session:
        assert await session.get(Branch, "HZ") is None


async def test_one_who_gives_up_in_a_transaction_leaves_the_turn_to_the_next(
    store: Store,
) -> None:
    begun = asyncio.Event()

    async def linger() -> None:
        async with store.writing() as session:
            session.add(Branch(code="HZ", name="杭州营业部"))
            await session.flush()
            begun.set()
            await asyncio.Event().wait()

    lingering = asyncio.ensure_future(linger())
    await begun.wait()
    lingering.cancel()
    await asyncio.wait({lingering})
    async with asyncio.timeout(5), store.writing() as session:
        assert await session.get(Branch, "HZ") is None


async def test_what_points_nowhere_is_refused_without_telling_its_values(store: Store) -> None:
    with pytest.raises(DBAPIError) as trouble:
        async with store.writing() as session:
            session.add(Login(platform="dingtalk", user="13800138000", staff="nobody"))
    assert "13800138000" not in str(trouble.value)


async def test_a_moment_is_read_as_it_was_written_in_utc(store: Store) -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    at = datetime(2026, 11, 23, 7, 45, 1, 234567, tzinfo=kathmandu)
    async with store.writing() as session:
        session.add(Bucket(name="b", tokens=0.5, at=at))
    async with store.reading() as session:
        read = (await session.get_one(Bucket, "b")).at
    assert read == at
    assert read.tzinfo is UTC


async def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    naive = datetime(2026, 11, 23)  # noqa: DTZ001
    with pytest.raises((ValueError, StatementError), match="time zone"):
        async with store.writing() as session:
            session.add(Bucket(name="b", tokens=0.5, at=naive))


@pytest.mark.parametrize("amount", ["0.01", "-0.01", "1284500.05", "90071992547409.93"])
async def test_an_amount_is_read_to_the_fen_as_it_was_written(store: Store, amount: str) -> None:
    async with store.writing() as session:
        row = FundDay(
            account=ACCOUNT,
            trading_day=date(2026, 11, 20),
            equity=Decimal(amount),
            net_deposit=Decimal(0),
        )
        session.add(row)
    async with store.reading() as session:
        assert await session.scalar(select(FundDay.equity)) == Decimal(amount)


def day(number: int, equity: int) -> DayOfFunds:
    return DayOfFunds(date(2026, 11, number), Decimal(equity), Decimal(0))


async def test_the_days_of_an_account_come_oldest_first_and_the_last_word_counts(
    store: Store,
) -> None:
    async with store.writing() as session:
        await history.keep(session, ACCOUNT, [day(19, 3), day(17, 1), day(18, 2)])
        await history.keep(session, "80010024", [day(20, 9)])
        await history.keep(session, ACCOUNT, [day(19, 30), day(20, 4)])
        await history.keep(session, ACCOUNT, [])
    async with store.reading() as session:
        told = await history.last_days(session, ACCOUNT, 3)
        assert [(each.day.day, int(each.equity)) for each in told] == [(18, 2), (19, 30), (20, 4)]
        assert await history.accounts_with(session, date(2026, 11, 20)) == {ACCOUNT, "80010024"}
        assert await history.accounts_with(session, date(2026, 11, 17)) == {ACCOUNT}


async def test_a_file_is_kept_once_and_sealed(store: Store) -> None:
    async with store.writing() as session:
        names = {await blobs.put(session, b"%PDF 13800138000") for _ in range(2)}
    assert len(names) == 1
    async with store.reading() as session:
        assert await blobs.read(session, names.pop()) == b"%PDF 13800138000"
        assert await blobs.read(session, "no such") is None
        raw = await session.scalar(text("SELECT content FROM blob"))
    assert b"13800138000" not in bytes(raw)


async def test_an_admins_calendar_is_in_force_in_place_of_the_shipped_one(store: Store) -> None:
    async with store.reading() as session:
        assert (await calendars.load(session)).days == Calendar.shipped().days
    async with store.writing() as session:
        rows = [(date(2026, 11, 24), "closed", "测试节")]
        await calendars.replace(session, rows, by="hejing")
    async with store.reading() as session:
        loaded = await calendars.load(session)
    assert not loaded.is_trading(date(2026, 11, 24))
    assert loaded.holidays == {date(2026, 11, 24): "测试节"}


async def test_two_stores_in_one_process_each_open_with_their_own_keys(
    store: Store, sqlite_template: Path, tmp_path: Path, clock: StoppedClock
) -> None:
    shutil.copy(sqlite_template, tmp_path / "other.db")
    keys = Vault.create(tmp_path / "other.keys")
    other = open_store(f"sqlite+aiosqlite:///{tmp_path}/other.db", keys, clock)
    sealed, name = [], ""
    for each in (store, other):
        async with each.writing() as session:
            name = await blobs.put(session, b"the same in both")
    for each in (store, other):
        async with each.reading() as session:
            assert await blobs.read(session, name) == b"the same in both"
            sealed.append(bytes(await session.scalar(text("SELECT content FROM blob"))))
    assert store.vault.open(sealed[0], "blob.content") == b"the same in both"
    with pytest.raises(CannotOpen):
        store.vault.open(sealed[1], "blob.content")
    await other.close()


@pytest.mark.parametrize(
    ("start", "years", "end"),
    [
        ("2026-11-23", 20, "2046-11-23"),
        ("2024-02-29", 1, "2025-02-28"),
        ("2024-02-29", 4, "2028-02-29"),
    ],
)
def test_the_same_day_years_later(start: str, years: int, end: str) -> None:
    assert years_later(date.fromisoformat(start), years) == date.fromisoformat(end)
