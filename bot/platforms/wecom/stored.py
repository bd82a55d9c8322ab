"""Notes in the store: sealed, and each code taken once however many processes want it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, insert, select

from bot.models import WeComNote
from bot.platforms.wecom.notes import Kind
from crm.kernel.db import Store

TABLE = WeComNote.metadata.tables[WeComNote.__tablename__]


class StoredNotes:
    """Implements ``bot.platforms.wecom.notes.Notes``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, kind: Kind, owner: str, value: str, until: datetime) -> None:
        columns = TABLE.c
        digest = hashlib.sha256(value.encode()).hexdigest()
        key = {"kind": kind.value, "owner": owner, "digest": digest}
        async with self._store.writing() as session:
            known = delete(TABLE).where(*(columns[name] == key[name] for name in key))
            await session.execute(known)
            row = {**key, "value": value, "at": self._store.clock.now(), "until": until}
            await session.execute(insert(TABLE).values(row))

    async def take(self, kind: Kind, owner: str) -> str | None:
        columns = TABLE.c
        live = self._live(kind, owner).order_by(columns.at, columns.digest)
        async with self._store.reading() as session:
            digests = (await session.scalars(live)).all()
        for digest in digests:
            mine = (columns.kind == kind.value, columns.owner == owner, columns.digest == digest)
            gone = delete(TABLE).where(*mine).returning(columns.value)
            async with self._store.writing() as session:
                value: str | None = (await session.execute(gone)).scalar()
            if value is not None:  # else another was quicker
                return value
        return None

    async def read(self, kind: Kind, owner: str) -> str | None:
        columns = TABLE.c
        newest = (
            select(columns.value)
            .where(
                columns.kind == kind.value,
                columns.owner == owner,
                columns.until > self._store.clock.now(),
            )
            .order_by(columns.at.desc())
            .limit(1)
        )
        async with self._store.reading() as session:
            found: str | None = await session.scalar(newest)
        return found

    async def owners(self, kind: Kind) -> Sequence[str]:
        columns = TABLE.c
        live = (
            select(columns.owner)
            .distinct()
            .where(columns.kind == kind.value, columns.until > self._store.clock.now())
        )
        async with self._store.reading() as session:
            return list(await session.scalars(live))

    async def sweep(self) -> None:
        """Remove what no longer holds."""
        async with self._store.writing() as session:
            over = TABLE.c.until <= self._store.clock.now()
            await session.execute(delete(TABLE).where(over))

    def _live(self, kind: Kind, owner: str) -> Select[str]:
        columns = TABLE.c
        return select(columns.digest).where(
            columns.kind == kind.value,
            columns.owner == owner,
            columns.until > self._store.clock.now(),
        )
