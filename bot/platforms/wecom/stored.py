"""Notes in the store: sealed, and each code taken once however many processes want it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, MetaData, Select, String, Table, delete, insert, select

from bot.platforms.wecom.notes import Kind
from crm.kernel.db import Moment, SealedText, Store


def note_table(metadata: MetaData) -> Table:
    """The table's definition, to be declared where the migrations look."""
    return Table(
        "wecom_note",
        metadata,
        Column("kind", String(16), primary_key=True),
        Column("owner", String(128), primary_key=True),
        Column("digest", String(64), primary_key=True),  # of the value, which is sealed
        Column("value", SealedText("wecom_note.value"), nullable=False),
        Column("at", Moment, nullable=False),
        Column("until", Moment, nullable=False, index=True),
    )


class StoredNotes:
    """Implements ``bot.platforms.wecom.notes.Notes``."""

    def __init__(self, store: Store, table: Table) -> None:
        self._store = store
        self._table = table

    async def put(self, kind: Kind, owner: str, value: str, until: datetime) -> None:
        columns = self._table.c
        digest = hashlib.sha256(value.encode()).hexdigest()
        key = {"kind": kind.value, "owner": owner, "digest": digest}
        async with self._store.writing() as session:
            known = delete(self._table).where(*(columns[name] == key[name] for name in key))
            await session.execute(known)
            row = {**key, "value": value, "at": self._store.clock.now(), "until": until}
            await session.execute(insert(self._table).values(row))

    async def take(self, kind: Kind, owner: str) -> str | None:
        columns = self._table.c
        live = self._live(kind, owner).order_by(columns.at, columns.digest)
        async with self._store.reading() as session:
            digests = (await session.scalars(live)).all()
        for digest in digests:
            mine = (columns.kind == kind.value, columns.owner == owner, columns.digest == digest)
            gone = delete(self._table).where(*mine).returning(columns.value)
            async with self._store.writing() as session:
                value: str | None = (await session.execute(gone)).scalar()
            if value is not None:  # else another was quicker
                return value
        return None

    async def read(self, kind: Kind, owner: str) -> str | None:
        columns = self._table.c
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
        columns = self._table.c
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
            over = self._table.c.until <= self._store.clock.now()
            await session.execute(delete(self._table).where(over))

    def _live(self, kind: Kind, owner: str) -> Select[str]:
        columns = self._table.c
        return select(columns.digest).where(
            columns.kind == kind.value,
            columns.owner == owner,
            columns.until > self._store.clock.now(),
        )
