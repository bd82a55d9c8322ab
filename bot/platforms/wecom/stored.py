"""Notes in the store: sealed, and each code taken once however many processes want it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, select

from bot.chat import codec
from bot.chat.message import Card
from bot.chat.ports import Outgoing
from bot.models import Delivery, Out, OutState, WeComNote
from bot.platforms.wecom.notes import NOT_CHANGED, Kind
from bot.platforms.wecom.settings import PLATFORM
from crm.kernel import upsert
from crm.kernel.db import Store

TABLE = WeComNote.metadata.tables[WeComNote.__tablename__]


class StoredNotes:
    """Implements ``bot.platforms.wecom.notes.Notes``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, kind: Kind, owner: str, value: str, until: datetime) -> None:
        digest = hashlib.sha256(value.encode()).hexdigest()
        row = {
            "kind": kind.value,
            "owner": owner,
            "digest": digest,
            "value": value,
            "at": self._store.clock.now(),
            "until": until,
        }
        async with self._store.writing() as session:
            await upsert.put(session, TABLE, [row])

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

    async def sent(self, since: datetime) -> Sequence[tuple[Outgoing, datetime]]:
        """From the ledger, with what was on its way when the last process ended."""
        said = (
            select(Out.item, Delivery.at, Delivery.platform_id)
            .join(Delivery, Delivery.out_id == Out.id)
            .where(
                Delivery.at > since,
                Delivery.platform == PLATFORM,
                Delivery.outcome.in_(("sent", "unknown")),
            )
            .order_by(Delivery.at)
        )
        begun = select(Out.item).where(Out.state == OutState.SENDING, Out.platform == PLATFORM)
        async with self._store.reading() as session:
            rows = (await session.execute(said)).all()
            doubtful = (await session.scalars(begun)).all()
        shown = [
            (out, at)
            for item, at, platform_id in rows
            if not _in_place(out := codec.load_outgoing(item), platform_id)
        ]
        now = self._store.clock.now()
        return [*shown, *((codec.load_outgoing(item), now) for item in doubtful)]

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


def _in_place(out: Outgoing, platform_id: str) -> bool:
    """Whether an update changed a card on the screen, or nothing at all."""
    card = out.part.id if isinstance(out.part, Card) else ""
    return out.update and platform_id in (card, NOT_CHANGED)
