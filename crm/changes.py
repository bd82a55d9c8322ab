"""Tells other processes on the same store that something there is new (see ``Change``)."""

from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.counting import count_up
from crm.models import Change

What = Literal["clients", "staff", "calendar"]


async def announce(session: AsyncSession, what: What) -> None:
    """Counts with this transaction; whoever watches sees it after the commit."""
    await count_up(session, Change.count, {"what": what})
