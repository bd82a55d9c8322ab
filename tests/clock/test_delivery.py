"""What is put out goes out, and is tried for a day, whatever the machine's time is set to."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.models import Delivery, OutState
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from tests.clock.test_set_clock import step
from tests.fakes.sender import FakeSender, retry
from tests.shell.test_dispatch import all_done, change, delivering, lines, put, say, shown, states

__all__ = ["step"]


async def tries(store: Store) -> int:
    """How many were written down."""
    async with store.reading() as session:
        return len((await session.scalars(select(Delivery.id))).all())


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


async def test_what_waits_when_the_clock_is_set_goes_out_when_its_time_has_come(
    store: Store, sender: FakeSender, clock: StoppedClock, step: timedelta
) -> None:
    sender.fail(retry(wait_seconds=60))
    async with delivering(store, sender) as dispatcher:
        await say(store, "1", "2")
        async with asyncio.timeout(10):
            while not await tries(store):  # written down: from then on it waits
                await asyncio.sleep(0.01)
        clock.step(step)
        await say(store, "elsewhere", to="li")
        await sender.until(shown("elsewhere"))
        assert lines(sender.shown, "wang") == []
        clock.advance(timedelta(seconds=75))
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert lines(sender.shown, "wang") == ["1", "2"]


async def test_what_was_put_out_before_a_restart_does_not_wait_for_the_old_time(
    store: Store, sender: FakeSender, clock: StoppedClock, step: timedelta
) -> None:
    await say(store, "left behind")
    clock.step(step)
    async with delivering(store, sender) as dispatcher:
        await all_done(dispatcher)
    assert lines(sender.shown) == ["left behind"]


async def test_a_version_that_a_click_should_carry_goes_out_after_its_grace(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    from bot.chat.message import Card

    async with delivering(store, sender) as dispatcher:
        [card] = await put(store, Card(title="t", text="1"))
        await sender.until(shown("1"))
        await change(store, card, "2", click=True)
        clock.step(timedelta(days=-1))
        clock.advance(timedelta(seconds=4))
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert lines(sender.shown) == ["1", "2"]


async def test_one_failure_after_the_clock_was_set_forward_gives_nothing_up(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    sender.fail(retry(wait_seconds=60), retry(wait_seconds=1))
    async with delivering(store, sender) as dispatcher:
        await say(store, "critical")
        await sender.until(lambda it: len(it.tried) == 1)
        clock.step(timedelta(days=2))
        for _ in range(2):
            clock.advance(timedelta(seconds=75))
            dispatcher.clock_moved()
            await sender.until(lambda it: len(it.tried) >= 2)
        await all_done(dispatcher)
    assert await states(store) == {"critical": OutState.SENT}
