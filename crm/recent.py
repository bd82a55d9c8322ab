"""Whom a person deals with: the clients looked at or written about last are found first."""

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.db import Moment, now
from crm.people import Person

_DEALT = text(
    "INSERT INTO recent_client (staff, client_id, at) VALUES (:staff, :client, :at)"
    " ON CONFLICT (staff, client_id) DO UPDATE SET at = excluded.at"
).bindparams(bindparam("at", type_=Moment()))


async def dealt_with(session: AsyncSession, person: Person, client_id: int) -> None:
    """Remember that a person has just had to do with a client."""
    await session.execute(_DEALT, {"staff": person.id, "client": client_id, "at": now(session)})
