"""Rows that are made, or changed where they are there: in one statement, by several processes at
once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession


def insert_into(session: AsyncSession, table: Table) -> Any:
    """The store's own insert, which knows ``on_conflict_do_update``."""
    insert: Any
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - one of them is enough
    else:
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415 - as above
    return insert(table)


async def put(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row as given, whatever stood under its primary key."""
    made = insert_into(session, table)
    key = [column.name for column in table.primary_key]
    news = {name: made.excluded[name] for name in rows[0] if name not in key}
    await session.execute(made.on_conflict_do_update(index_elements=key, set_=news), list(rows))
