"""What the ledger says of what was put out: in which state it is, and every try to send it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.models import Delivery, Out, OutState


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    at: datetime
    outcome: str
    code: str
    platform_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One item of the outbox with every try to send it."""

    state: OutState
    tries: tuple[Try, ...]


async def of(session: AsyncSession, out_ids: Collection[int]) -> Mapping[int, Delivered]:
    """By the item's id; those that were archived are left out."""
    if not out_ids:
        return {}
    states = await session.execute(select(Out.id, Out.state).where(Out.id.in_(out_ids)))
    tries: dict[int, list[Try]] = {}
    rows = await session.scalars(
        select(Delivery).where(Delivery.out_id.in_(out_ids)).order_by(Delivery.id)
    )
    for row in rows:
        told = Try(at=row.at, outcome=row.outcome, code=row.code, platform_id=row.platform_id)
        tries.setdefault(row.out_id, []).append(told)
    return {
        out_id: Delivered(state=state, tries=tuple(tries.get(out_id, ())))
        for out_id, state in states
    }
