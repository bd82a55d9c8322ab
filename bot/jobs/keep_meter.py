"""Writes down what was called, for the month's quotas."""

import asyncio
import logging
from typing import Final

from bot import metrics
from bot.models import Meter
from bot.store.failure import will_pass
from crm.kernel.clock import SHANGHAI
from crm.kernel.counting import count_up
from crm.kernel.db import Store

log = logging.getLogger(__name__)

EVERY: Final = 10.0  # seconds


async def keep_metering(store: Store) -> None:
    """On every process, until cancelled."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            await keep_meter(store)
        except Exception as error:  # allowed here: a bug in counting is not an outage
            if not will_pass(error):
                log.exception("what was called cannot be counted")


async def keep_meter(store: Store) -> None:
    """Add the calls since the last time to this month's rows; a failure keeps them for the next."""
    taken = metrics.take_tally()
    if not taken:
        return
    month = f"{store.clock.now().astimezone(SHANGHAI):%Y-%m}"
    try:
        async with store.writing() as session:
            for (platform, pool), count in sorted(taken.items()):
                key = {"platform": platform, "pool": pool, "month": month}
                await count_up(session, Meter.count, key, count)
    except BaseException:
        metrics.give_back(taken)
        raise
