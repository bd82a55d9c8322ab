"""Who may send when a platform rations us."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from bot.outbox.limits import Limit, Limits
from crm.kernel.clock import StoppedClock

APP = "dingtalk:app:x"
TOKEN = timedelta(milliseconds=4)
QUICK = Limit(1, TOKEN.total_seconds())  # the limits look again in real time, but at this clock


class Hall:
    """People who wait at the limits, in the order in which they were let go."""

    def __init__(self, clock: StoppedClock, **rules: Limit) -> None:
        self.clock = clock
        self.limits = Limits(clock, {name.replace("_", ":"): rule for name, rule in rules.items()})
        self.gone: list[str] = []
        self._moved = asyncio.Event()

    async def pass_through(self, who: str, names: tuple[str, ...], priority: int = 2) -> None:
        await self.limits.acquire(names, priority)
        self.gone.append(who)
        self._moved.set()

    async def until(self, count: int) -> list[str]:
        """Everybody who went, once ``count`` have; time goes on a token at a time."""
        async with asyncio.timeout(10):
            await settle()
            while len(self.gone) < count:
                self.clock.advance(TOKEN)
                self._moved.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._moved.wait()
        return self.gone


async def settle() -> None:
    """Everybody who can go without waiting has gone."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_full_bucket_lets_its_amount_through_at_once_and_no_more(
    clock: StoppedClock,
) -> None:
    hall = Hall(clock, dingtalk_app=Limit(20, 60))
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(hall.pass_through(f"{n}", (APP,))) for n in range(30)]
        await settle()
        assert hall.gone == [f"{n}" for n in range(20)]
        for task in waiting:
            task.cancel()


async def test_a_name_without_a_rule_is_not_limited(clock: StoppedClock) -> None:
    hall = Hall(clock, dingtalk_app=Limit(1, 60))
    async with asyncio.timeout(1):
        for _ in range(100):
            await hall.pass_through("", ("dingtalk:ding",))


async def test_each_bucket_of_a_rule_counts_for_itself(clock: StoppedClock) -> None:
    hall = Hall(clock, dingtalk_private=Limit(1, 60))
    async with asyncio.timeout(1):
        await hall.pass_through("wang", ("dingtalk:private:wang",))
        await hall.pass_through("li", ("dingtalk:private:li",))
    assert hall.gone == ["wang", "li"]


async def test_when_it_is_scarce_the_urgent_go_first_whoever_they_write_to(
    clock: StoppedClock,
) -> None:
    hall = Hall(clock, dingtalk_app=QUICK)
    await hall.pass_through("first", (APP,))
    async with asyncio.TaskGroup() as tasks:
        for n in range(20):
            tasks.create_task(hall.pass_through("digest", (APP, f"dingtalk:private:{n}"), 3))
        tasks.create_task(hall.pass_through("answer", (APP, "dingtalk:private:wang"), 2))
        tasks.create_task(hall.pass_through("forced", (APP, "dingtalk:group:g"), 0))
        await hall.until(23)
    assert hall.gone[:4] == ["first", "forced", "answer", "digest"]


async def test_the_priority_holds_over_different_sets_of_buckets(clock: StoppedClock) -> None:
    rules = {"dingtalk_app": QUICK, "dingtalk_private": Limit(1000, 1)}
    hall = Hall(clock, **rules)
    await hall.pass_through("first", (APP,))
    async with asyncio.TaskGroup() as tasks:
        for n in range(20):
            tasks.create_task(hall.pass_through("digest", (APP, f"dingtalk:private:{n}"), 3))
        await settle()
        tasks.create_task(hall.pass_through("forced", (APP, "dingtalk:private:x"), 0))
        await hall.until(22)
    assert hall.gone[:2] == ["first", "forced"]


async def test_equals_go_in_the_order_of_coming(clock: StoppedClock) -> None:
    hall = Hall(clock, dingtalk_app=QUICK)
    async with asyncio.TaskGroup() as tasks:
        for n in range(10):
            tasks.create_task(hall.pass_through(f"{n}", (APP,)))
        await hall.until(10)
    assert hall.gone == [f"{n}" for n in range(10)]


async def test_one_who_waits_for_his_own_bucket_does_not_hold_up_the_shared_one(
    clock: StoppedClock,
) -> None:
    hall = Hall(clock, dingtalk_app=QUICK, dingtalk_private=Limit(1, 3600))
    await hall.pass_through("wang", ("dingtalk:private:wang",))
    async with asyncio.TaskGroup() as tasks:
        stuck = tasks.create_task(hall.pass_through("wang", (APP, "dingtalk:private:wang"), 0))
        for n in range(3):
            tasks.create_task(hall.pass_through(f"{n}", (APP, f"dingtalk:private:{n}"), 3))
        assert await hall.until(4) == ["wang", "0", "1", "2"]
        stuck.cancel()


async def test_nothing_is_taken_from_one_bucket_while_another_is_empty(
    clock: StoppedClock,
) -> None:
    hall = Hall(clock, dingtalk_app=Limit(2, 3600), dingtalk_private=Limit(1, 3600))
    async with asyncio.TaskGroup() as tasks:
        await hall.pass_through("wang", (APP, "dingtalk:private:wang"))
        stuck = tasks.create_task(hall.pass_through("wang", (APP, "dingtalk:private:wang")))
        await settle()
        async with asyncio.timeout(1):
            await hall.pass_through("li", (APP, "dingtalk:private:li"))
        stuck.cancel()
    assert hall.gone == ["wang", "li"]


async def test_one_who_gives_up_costs_nothing_and_lets_the_next_go(clock: StoppedClock) -> None:
    hall = Hall(clock, dingtalk_app=QUICK)
    await hall.pass_through("first", (APP,))
    async with asyncio.TaskGroup() as tasks:
        hasty = tasks.create_task(hall.pass_through("hasty", (APP,), 0))
        tasks.create_task(hall.pass_through("patient", (APP,)))
        await settle()
        hasty.cancel()
        assert await hall.until(2) == ["first", "patient"]


async def test_a_bucket_never_holds_more_than_its_amount(clock: StoppedClock) -> None:
    hall = Hall(clock, dingtalk_app=Limit(3, 1))
    clock.advance(timedelta(days=365))
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(hall.pass_through(f"{n}", (APP,))) for n in range(5)]
        await settle()
        assert len(hall.gone) == 3
        for task in waiting:
            task.cancel()


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_is_set_gives_and_takes_nothing(clock: StoppedClock, days: int) -> None:
    hall = Hall(clock, dingtalk_app=Limit(2, 3600))
    await hall.pass_through("first", (APP,))
    clock.step(timedelta(days=days))
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(hall.pass_through("next", (APP,))) for _ in range(2)]
        await settle()
        assert hall.gone == ["first", "next"]
        for task in waiting:
            task.cancel()


@pytest.mark.parametrize("amount", [0.5, 1])
async def test_however_small_the_amount_there_is_a_whole_token_in_the_end(
    clock: StoppedClock, amount: float
) -> None:
    hall = Hall(clock, dingtalk_app=Limit(amount, 0.004))
    async with asyncio.TaskGroup() as tasks:
        for n in range(3):
            tasks.create_task(hall.pass_through(f"{n}", (APP,)))
        await hall.until(3)
