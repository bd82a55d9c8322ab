"""Tells other processes on the same store that something there is new (see ``Change``)."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.counting import count_up
from crm.models import Change

What = Literal["clients", "staff", "calendar", "rules"]


async def announce(session: AsyncSession, what: What) -> None:
    """Counts with this transaction; whoever watches sees it after the commit."""
    await count_up(session, Change.count, {"what": what})


async def count_of(session: AsyncSession, what: What) -> int:
    """How often it was announced; another number than before means: read it again."""
    count = await session.scalar(select(Change.count).where(Change.what == what))
    return count or 0
