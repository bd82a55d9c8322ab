"""Moves what is finished and old out of the tables into files that are kept elsewhere.

A file is a gzip of JSON lines, one row a line; sealed values stay sealed, in base64, and open
with the key ring as in the table. Rows are in the file, and the file on the disk, before they leave
the table: a crash between the two leaves them in both.
"""

import asyncio
import base64
import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    String,
    Table,
    and_,
    cast,
    delete,
    func,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from bot.models import Delivery, Heard, HeardState, LiveCard, Out, OutState
from crm.kernel import audit
from crm.kernel.audit import ARCHIVED, NEWEST, AuditRow, AuditTip
from crm.kernel.db import SealedBytes, SealedText, Store
from crm.models import Task, TaskState

BATCH = 500
PAUSE_SECONDS = 0.15  # longer than SQLite's longest poll (0.1 s): other writers get their turn
GONE = (OutState.SENT, OutState.SUPERSEDED, OutState.DROPPED)
OPEN = (OutState.WAITING, OutState.SENDING)

Rows = Sequence[dict[str, Any]]


@dataclass(slots=True)
class Archived:
    """How many rows of each table were moved."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, count: int) -> None:
        self.counts[table] = self.counts.get(table, 0) + count


async def archive(
    store: Store,
    directory: Path,
    *,
    inbox_days: int = 90,
    ledger_days: int = 400,
    audit_days: int = 1830,
    most_rows: int | None = None,
) -> Archived:
    """Messages that were handled, things that were sent with their ledger, cards that nobody needs
    any more, and the oldest audit rows. ``most_rows`` of each table, so that a daily run stays
    short; what failed, waits or is held stays where it is."""
    now = store.clock.now()
    ledger_end = now - timedelta(days=ledger_days)
    run = _Run(store, directory, now, most_rows)
    await run.move(Heard, Heard.id, _handled(now - timedelta(days=inbox_days)))
    await run.move(Out, Out.id, _sent(ledger_end), along=(Delivery, Delivery.out_id))
    await run.move(LiveCard, LiveCard.id, _left_alone(ledger_end))
    await run.move_audit(now - timedelta(days=audit_days))
    return run.done


def _handled(end: datetime) -> ColumnElement[bool]:
    return and_(Heard.state == HeardState.DONE, Heard.done_at < end)


def _sent(end: datetime) -> ColumnElement[bool]:
    return and_(Out.state.in_(GONE), Out.ended_at < end)


def _left_alone(end: datetime) -> ColumnElement[bool]:
    """A card that is old, not about an open task, and has nothing under way to it."""
    under_way = select(Out.id).where(Out.card == LiveCard.id, Out.state.in_(OPEN)).exists()
    open_tasks = select("task:" + cast(Task.id, String)).where(Task.state == TaskState.OPEN)
    return and_(LiveCard.at < end, ~under_way, LiveCard.subject.not_in(open_tasks))


class _Run:
    """One run: a file for each table, a transaction for each batch."""

    def __init__(self, store: Store, directory: Path, at: datetime, most_rows: int | None) -> None:
        self._store = store
        self._directory = directory
        self._at = at
        self._most = most_rows
        self.done = Archived()

    async def move(
        self,
        model: type[DeclarativeBase],
        key: InstrumentedAttribute[Any],
        rule: ColumnElement[bool],
        *,
        along: tuple[type[DeclarativeBase], InstrumentedAttribute[Any]] | None = None,
    ) -> None:
        """Rows of ``model`` that the rule lets go, with those of another table that point at them.
        A row that changed meanwhile stays, as the rule is asked again."""
        while limit := self._room(model):
            async with self._store.reading() as session:
                rows = await _raw(session, model, rule, key, limit)
                ids = [row[key.key] for row in rows]
                others = await _raw(session, along[0], along[1].in_(ids)) if along else []
            if not rows:
                return
            await self._keep(model, rows)
            if along and others:
                await self._keep(along[0], others)
            async with self._store.writing() as session:
                left = await session.scalars(delete(model).where(key.in_(ids), rule).returning(key))
                gone = left.all()
                if along:
                    await session.execute(delete(along[0]).where(along[1].in_(gone)))
            self.done.add(model.__tablename__, len(gone))
            if along:
                self.done.add(along[0].__tablename__, len(others))
            if not gone:
                return
            await self._pause()

    async def move_audit(self, end: datetime) -> None:
        """The oldest rows up to the first that is not old enough; the mark moves along, so that
        the rest is verified from there."""
        while limit := self._room(AuditRow):
            async with self._store.reading() as session:
                stop = await session.scalar(
                    select(func.min(AuditRow.seq)).where(AuditRow.at >= end)
                )
                newest = await session.get(AuditTip, NEWEST)
                before = stop if stop is not None else newest.seq if newest else 0
                rows = await _raw(session, AuditRow, AuditRow.seq < before, AuditRow.seq, limit)
            if not rows:
                return
            await self._keep(AuditRow, rows)
            last = rows[-1]
            async with self._store.writing() as session:
                await _mark(session, last["seq"], last["hash"])
                await session.execute(delete(AuditRow).where(AuditRow.seq <= last["seq"]))
            self.done.add(AuditRow.__tablename__, len(rows))
            await self._pause()

    def _room(self, model: type[DeclarativeBase]) -> int:
        if self._most is None:
            return BATCH
        return max(0, min(BATCH, self._most - self.done.counts.get(model.__tablename__, 0)))

    async def _keep(self, model: type[DeclarativeBase], rows: Rows) -> None:
        name = f"{model.__tablename__}-{self._at:%Y%m%dT%H%M%SZ}.jsonl.gz"
        await asyncio.to_thread(_append, self._directory / name, rows)

    async def _pause(self) -> None:
        await asyncio.sleep(PAUSE_SECONDS if self._store.is_sqlite else 0)


async def _raw(
    session: AsyncSession,
    model: type[DeclarativeBase],
    rule: ColumnElement[bool],
    key: InstrumentedAttribute[Any] | None = None,
    limit: int | None = None,
) -> Rows:
    """Rows as they lie in the table, sealed values unopened."""
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(model)
    columns = [
        type_coerce(column, LargeBinary).label(column.name)
        if isinstance(column.type, SealedText | SealedBytes)
        else column
        for column in table.columns
    ]
    query = select(*columns).where(rule).limit(limit)
    found = await session.execute(query if key is None else query.order_by(key))
    return [dict(row) for row in found.mappings()]


async def _mark(session: AsyncSession, seq: int, digest: bytes) -> None:
    """Where the archived part of the chain ends; never backwards."""
    mark = await session.get(AuditTip, ARCHIVED, with_for_update=True)
    if mark is None:
        session.add(AuditTip(id=ARCHIVED, seq=seq, hash=digest))
    elif mark.seq < seq:
        mark.seq, mark.hash = seq, digest
    await session.flush()
    audit.note(session, "system", "audit.archive", "audit", up_to=seq)


def _append(file: Path, rows: Rows) -> None:
    """A gzip member of its own behind what is there, on the disk when it returns."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as stream:
        lines = "".join(json.dumps(row, default=_plain, ensure_ascii=False) + "\n" for row in rows)
        stream.write(gzip.compress(lines.encode(), mtime=0))
        stream.flush()
        os.fsync(stream.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _plain(value: object) -> object:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
    raise TypeError(type(value).__name__)
