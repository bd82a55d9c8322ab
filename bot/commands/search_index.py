"""What clients are found by, compared and mended while the service runs.

Each batch is one transaction: a client is filed as before until it is filed right, never not at
all.
"""

import asyncio

from sqlalchemy import func, select

from bot.commands.bulk import BY, PAUSE_SECONDS, opened
from bot.commands.progress import progress
from bot.settings import Settings
from crm import filing
from crm.kernel import audit
from crm.kernel.db import Store
from crm.models import Client

BATCH = 200  # clients of one transaction: a tenth of a second


async def rebuild(settings: Settings, *, quiet: bool = False) -> tuple[int, int]:
    """(clients looked at, keys mended)"""
    async with opened(settings) as store:
        async with store.reading() as session:
            total = await session.scalar(select(func.count()).select_from(Client)) or 0
        looked = mended = last = 0
        with progress("核对查找索引", total, quiet=quiet) as said:
            while ids := await _after(store, last):
                mended += await _mend(store, ids)
                looked += len(ids)
                last = ids[-1]
                said(len(ids))
        async with store.writing() as session:
            audit.note(session, BY, "search.rebuild", "search", clients=looked, mended=mended)
    return looked, mended


async def _after(store: Store, last: int) -> list[int]:
    async with store.reading() as session:
        ids = await session.scalars(
            select(Client.id).where(Client.id > last).order_by(Client.id).limit(BATCH)
        )
        return list(ids)


async def _mend(store: Store, ids: list[int]) -> int:
    """Takes the turn to write only where something is wrong."""
    async with store.reading() as session:
        if not await filing.wrong(session, ids):
            return 0
    async with store.writing() as session:
        mended = await filing.mend(session, ids)
    await asyncio.sleep(PAUSE_SECONDS if store.is_sqlite else 0)
    return mended
