"""Calls of the month, counted by several processes."""

import pytest
from sqlalchemy import select

from bot import metrics
from bot.jobs.keep_meter import keep_meter
from bot.models import Meter
from crm.kernel.clock import SHANGHAI, StoppedClock
from crm.kernel.db import Store

OURS = 'qidesk_platform_calls_total{platform="dingtalk",pool="page"}'


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    metrics.take_tally()


async def meter_of(store: Store) -> dict[tuple[str, str], int]:
    async with store.reading() as session:
        return {(row.pool, row.month): row.count for row in await session.scalars(select(Meter))}


async def test_calls_add_up_by_pool_and_month_of_shanghai(
    store: Store, clock: StoppedClock
) -> None:
    clock.at = clock.at.astimezone(SHANGHAI).replace(month=11, day=30, hour=23)
    for pool in ("api", "api", "push"):
        metrics.tally("dingtalk", pool)
    await keep_meter(store)
    metrics.tally("dingtalk", "api")
    await keep_meter(store)
    clock.at = clock.at.replace(month=12, day=1, hour=0)  # still November in UTC
    metrics.tally("dingtalk", "api")
    await keep_meter(store)
    assert await meter_of(store) == {
        ("api", "2026-11"): 3,
        ("push", "2026-11"): 1,
        ("api", "2026-12"): 1,
    }


async def test_calls_that_could_not_be_written_down_count_the_next_time(store: Store) -> None:
    metrics.tally("dingtalk", "api")

    async def fail(_session: object) -> None:
        raise OSError

    store.before_commit.append(fail)
    with pytest.raises(OSError, match=r"^$"):
        await keep_meter(store)
    store.before_commit.remove(fail)
    await keep_meter(store)
    assert await meter_of(store) == {("api", "2026-11"): 1}


async def test_the_page_of_figures_has_each_call_once(store: Store) -> None:
    def shown() -> float:
        [line] = [line for line in metrics.page().decode().splitlines() if line.startswith(OURS)]
        return float(line.removeprefix(OURS))

    metrics.tally("dingtalk", "page")
    before = shown()
    metrics.tally("dingtalk", "page")
    assert shown() == before + 1
    metrics.tally("dingtalk", "page")
    metrics.give_back(metrics.take_tally())
    assert shown() == before + 2
    await keep_meter(store)
    assert shown() == before + 2
