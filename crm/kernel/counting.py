"""Rows that only count, added to by several processes at once."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm.kernel.db import Base, table
from crm.kernel.upsert import insert_into


async def count_up(
    session: AsyncSession,
    counter: InstrumentedAttribute[int],
    key: Mapping[str, Any],
    by: int = 1,
) -> None:
    """Add to the ``counter`` of the row with this primary key, which is made where it lacks."""
    row = cast("type[Base]", counter.class_)
    made = insert_into(session, table(row)).values({**key, counter.key: by})
    await session.execute(
        made.on_conflict_do_update(index_elements=list(key), set_={counter.key: counter + by})
    )
