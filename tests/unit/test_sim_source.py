"""The ``sim`` source against the real counter over loopback HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.broker import invent
from bot.sandbox.counter import counter_routes
from bot.sandbox.market import Market
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from risk.book import Book
from risk.levels import Level
from risk.sources.base import Snapshot, Ticks
from risk.sources.sim import SimSource

MONDAY = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)  # 10:15 in Shanghai
ZHANG_SAN = "80010023"


@dataclass
class Far:
    """A running counter, its source, and the time by which the source measures silence."""

    market: Market
    clock: StoppedClock
    source: SimSource
    broken: dict[str, web.Response] = field(default_factory=dict)
    monotonic: float = 0.0


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Far]:
    clock = StoppedClock(MONDAY)
    market = Market(invent(7, 60), clock, Calendar.shipped(), tmp_path / "market.json")

    @web.middleware
    async def faults(request: web.Request, handler: Handler) -> web.StreamResponse:
        broken = room.broken.pop(request.path.rsplit("/", 1)[-1], None)
        return broken or await handler(request)

    app = web.Application(middlewares=[faults])
    app.add_routes(counter_routes(market))
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with aiohttp.ClientSession() as session:
        source = SimSource(
            session, f"http://{host}:{port}", retry_seconds=0, now=lambda: room.monotonic
        )
        room = Far(market, clock, source)
        yield room
    await runner.cleanup()


class TestGivenARunningCounter:
    async def test_a_snapshot_comes_first_and_shocks_follow_at_once(self, far: Far) -> None:
        async with aclosing(far.source.updates()) as updates, asyncio.timeout(10):
            first = await anext(updates)
            assert isinstance(first, Snapshot)
            assert first == far.market.snapshot()
            far.market.apply({"set": {"rb2701": 2900}})
            second = await anext(updates)
            assert isinstance(second, Ticks)
            assert [(tick.instrument, tick.last) for tick in second.ticks] == [
                ("rb2701", Decimal(2900))
            ]

    async def test_a_quiet_market_still_says_that_it_is_there(self, far: Far) -> None:
        async with aclosing(far.source.updates()) as updates, asyncio.timeout(10):
            await anext(updates)
            far.clock.advance(timedelta(seconds=9))
            beat = await anext(updates)
        assert beat == Ticks(at=far.clock.now())

    async def test_a_new_trading_day_brings_a_new_snapshot(self, far: Far) -> None:
        async with aclosing(far.source.updates()) as updates, asyncio.timeout(10):
            first = await anext(updates)
            far.clock.advance(timedelta(days=1))
            far.market.step()
            second = await anext(updates)
        assert isinstance(first, Snapshot)
        assert isinstance(second, Snapshot)
        assert (second.trading_day - first.trading_day).days == 1

    @pytest.mark.parametrize("broken", [
        web.Response(status=503), web.Response(text="<html>"), web.Response(text="[]"),
        web.Response(text='{"edition":"x","sequence":1}'),
    ])  # fmt: skip
    async def test_a_bad_answer_leads_to_a_new_snapshot(
        self, far: Far, broken: web.Response
    ) -> None:
        async with aclosing(far.source.updates()) as updates, asyncio.timeout(10):
            await anext(updates)
            far.broken["ticks"] = broken
            again = await anext(updates)
        assert isinstance(again, Snapshot)

    async def test_sixty_settled_days_of_an_account_can_be_asked_for(self, far: Far) -> None:
        days = (await far.source.history([ZHANG_SAN]))[ZHANG_SAN]
        assert len(days) == 60
        assert days == sorted(days, key=lambda each: each.day)
        assert days[-1].day < MONDAY.date()
        assert await far.source.history(["1"]) == {}


class TestGivenSilence:
    async def test_the_source_is_not_well_before_the_first_word(self, far: Far) -> None:
        health = far.source.health()
        assert not health.ok
        assert health.age_seconds is None

    async def test_its_age_grows_until_it_is_not_well(self, far: Far) -> None:
        async with aclosing(far.source.updates()) as updates, asyncio.timeout(10):
            await anext(updates)
        far.monotonic = 4.0
        assert far.source.health().ok
        far.monotonic = 6.0
        health = far.source.health()
        assert (health.ok, health.age_seconds) == (False, 6.0)
        assert "6 秒" in health.detail


class TestGivenABookThatFollows:
    async def test_a_shock_reaches_the_figures(self, far: Far) -> None:
        book = Book(Calendar.shipped())
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            following = group.create_task(book.run(far.source))
            seen = await book.changed(0)
            before = book.figures_of(ZHANG_SAN, far.clock.now())
            far.market.apply({"shock": {"rb": -0.05}})
            await book.changed(seen)
            after = book.figures_of(ZHANG_SAN, far.clock.now())
            following.cancel()
        assert before is not None
        assert before.level is Level.WATCH
        assert after is not None
        assert after.level >= Level.CALL
        assert before.equity is not None
        assert after.equity == before.equity - 30 * 10 * Decimal(156)
