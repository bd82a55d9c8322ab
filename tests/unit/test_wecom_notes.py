"""What must outlive a restart, in memory and on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.platforms.wecom.notes import Kind, Notes
from bot.platforms.wecom.stored import StoredNotes
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from tests.fakes.wecom_notes import MemoryNotes


@pytest.fixture
def stored(store: Store) -> StoredNotes:
    return StoredNotes(store)


@pytest.fixture(params=["memory", "stored"])
def notes(request: pytest.FixtureRequest, clock: StoppedClock, stored: StoredNotes) -> Notes:
    return MemoryNotes(clock) if request.param == "memory" else stored


async def put(notes: Notes, clock: StoppedClock, *values: str, owner: str = "K3F9") -> None:
    for value in values:
        clock.advance(timedelta(seconds=1))
        await notes.put(Kind.CLICK, owner, value, clock.now() + timedelta(hours=72))


async def test_each_is_taken_once_the_oldest_first(notes: Notes, clock: StoppedClock) -> None:
    await put(notes, clock, "a", "b")
    assert [await notes.take(Kind.CLICK, "K3F9") for _ in range(3)] == ["a", "b", None]


async def test_the_newest_is_read_and_stays(notes: Notes, clock: StoppedClock) -> None:
    await put(notes, clock, "a", "b")
    assert [await notes.read(Kind.CLICK, "K3F9") for _ in range(2)] == ["b", "b"]


async def test_kinds_and_owners_are_kept_apart(notes: Notes, clock: StoppedClock) -> None:
    await put(notes, clock, "a")
    await put(notes, clock, "b", owner="other")
    assert await notes.take(Kind.SENT, "K3F9") is None
    assert await notes.take(Kind.CLICK, "nobody") is None
    assert sorted(await notes.owners(Kind.CLICK)) == ["K3F9", "other"]
    assert await notes.take(Kind.CLICK, "K3F9") == "a"


async def test_the_same_again_is_one(notes: Notes, clock: StoppedClock) -> None:
    """WeCom delivers a click up to four times, with the same code."""
    await put(notes, clock, "a", "a", "a")
    assert [await notes.take(Kind.CLICK, "K3F9") for _ in range(2)] == ["a", None]


async def test_what_is_over_is_not_given(notes: Notes, clock: StoppedClock) -> None:
    await put(notes, clock, "a")
    clock.advance(timedelta(hours=72))
    assert await notes.read(Kind.CLICK, "K3F9") is None
    assert await notes.take(Kind.CLICK, "K3F9") is None
    assert list(await notes.owners(Kind.CLICK)) == []


async def test_two_who_want_the_last_do_not_both_get_it(notes: Notes, clock: StoppedClock) -> None:
    await put(notes, clock, "a")
    async with asyncio.TaskGroup() as group:
        takers = [group.create_task(notes.take(Kind.CLICK, "K3F9")) for _ in range(5)]
    assert sorted(str(taker.result()) for taker in takers) == ["None"] * 4 + ["a"]


async def test_in_the_store_they_are_sealed_and_swept(
    stored: StoredNotes, store: Store, clock: StoppedClock
) -> None:
    await put(stored, clock, "rc_secret")
    count = text("SELECT count(*) FROM wecom_note")
    async with store.engine.connect() as connection:
        raw = await connection.scalar(text("SELECT value FROM wecom_note"))
        assert b"rc_secret" not in bytes(raw)
    clock.advance(timedelta(hours=73))
    await stored.sweep()
    async with store.engine.connect() as connection:
        assert await connection.scalar(count) == 0
