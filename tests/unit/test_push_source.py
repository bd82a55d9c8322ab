"""A source that is pushed to: how it is, and the order of its words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest

from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from risk.book import Book
from risk.sources import push
from risk.sources.pieces import NotJson
from risk.sources.push import Busy, PushSource
from risk.sources.wire import NotReadable

ROWS = 1500  # with their text above the size that is read in a thread


def snapshot(last: str = "3000", accounts: int = 1) -> bytes:
    told = {
        "trading_day": "2026-11-23",
        "at": "2026-11-23T10:00:00+08:00",
        "complete": True,
        "instruments": [
            {
                "instrument": "rb2701",
                "product": "rb",
                "exchange": "SHFE",
                "multiplier": 10,
                "tick": "1",
                "prev_settle": "3000",
                "last": last,
            }
        ],
        "accounts": [
            {"account": str(n), "pre_balance": "1000", "name": "某" * 60} for n in range(accounts)
        ],
        "positions": [],
    }
    return orjson.dumps(told)


def ticks(last: str) -> bytes:
    return orjson.dumps({"ticks": [{"instrument": "rb2701", "last": last}]})


@dataclass
class Feed:
    source: PushSource
    book: Book
    clock: StoppedClock


@pytest.fixture
async def feed(clock: StoppedClock) -> AsyncIterator[Feed]:
    book = Book(Calendar.shipped())
    source = PushSource("counter", clock, book.expect("counter").is_stale)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(book.run(source))
        yield Feed(source, book, clock)
        following.cancel()


class TestGivenItsHealth:
    async def test_until_the_first_word_it_waits_and_the_book_knows_nobody(
        self, feed: Feed
    ) -> None:
        assert not feed.source.health().ok
        assert feed.source.health().age_seconds is None
        assert feed.book.stale_sources(feed.clock.now()) == ["counter"]

    async def test_after_a_word_it_is_well_and_it_ages(self, feed: Feed) -> None:
        await feed.source.take_snapshot(snapshot())
        assert feed.source.health().ok
        feed.clock.advance(timedelta(seconds=31))
        found = feed.source.health()
        assert (found.ok, found.age_seconds) == (False, 31.0)

    async def test_what_cannot_be_read_is_no_sign_of_life(self, feed: Feed) -> None:
        with pytest.raises(NotJson):
            await feed.source.take_ticks(b"{")
        with pytest.raises(NotReadable):
            await feed.source.take_snapshot(b"{}")
        assert not feed.source.health().ok


class TestGivenWordsThatOverlap:
    async def test_a_price_that_came_after_a_large_snapshot_is_taken_after_it(
        self, feed: Feed
    ) -> None:
        large = snapshot("3000", ROWS)
        assert len(large) > push.BIG
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feed.source.take_snapshot(large))
            await asyncio.sleep(0)
            tasks.create_task(feed.source.take_ticks(ticks("2990")))
        found = feed.book.instrument("rb2701")
        assert found is not None
        assert str(found.last) == "2990"
        assert len(feed.book.accounts()) == ROWS

    async def test_a_feed_that_nobody_follows_is_asked_to_wait(
        self, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(push, "TAKEN_SECONDS", 0.01)
        alone = PushSource("alone", clock, lambda _: True)
        with pytest.raises(Busy):
            await alone.take_snapshot(snapshot())
