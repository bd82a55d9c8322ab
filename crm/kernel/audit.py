"""The audit trail: append-only, hash-chained, its head kept outside the table.

Each row's hash covers the row before it, so a changed, removed or moved row shows. Cutting off the
newest rows would leave a shorter chain that is sound in itself; the head file, written after each
commit, names a row that must exist. Details are free text and may hold personal data: the table
keeps them sealed, the chain covers a keyed digest of them, so that re-sealing under a new key
leaves the chain as it was.
"""

import asyncio
import fcntl
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    String,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from crm.kernel.db import Base, Moment, SealedText, Store, now, table, vault
from crm.kernel.vault import CannotOpen

log = logging.getLogger(__name__)

GENESIS = bytes(32)
PATIENCE = 1.0
LOOK_AGAIN = 0.01  # seconds


class AuditRow(Base):
    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(String(64), index=True)  # staff id, or "system", "cli"
    action: Mapped[str] = mapped_column(String(64))
    object: Mapped[str] = mapped_column(String(64), index=True)  # e.g. client:17
    trace: Mapped[str] = mapped_column(String(40))  # the message that caused it
    detail: Mapped[str] = mapped_column(SealedText("audit.detail"))  # canonical JSON
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))  # keyed, of the detail
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


NEWEST = 1
ARCHIVED = 2


class AuditTip(Base):
    """Where the chain ends: the newest row, locked by writers so that it grows one at a time, and
    the last one moved to the archive, from which the rest is verified."""

    __tablename__ = "audit_tip"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


@dataclass(frozen=True, slots=True)
class Note:
    actor: str
    action: str
    object: str
    trace: str
    detail: str


def note(
    session: AsyncSession,
    actor: str,
    action: str,
    thing: str,
    *,
    trace: str = "",
    **detail: object,
) -> None:
    """Put down that ``actor`` did ``action`` to ``thing``; stored when the transaction commits."""
    told = json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str)
    pending: list[Note] = session.info.setdefault("audit_notes", [])
    pending.append(Note(actor, action, thing, trace or session.info.get("trace", ""), told))


class Head:
    """Keeps the newest committed row's number and hash in a file outside the store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._newest: tuple[int, bytes] = (0, GENESIS)
        self._written = 0
        self._patience = PATIENCE  # seconds for another process that holds the file
        self._lock = asyncio.Lock()

    async def publish(self, session: AsyncSession) -> None:
        tip: tuple[int, bytes] | None = session.info.get("audit_tip")
        if tip is None:
            return
        self._newest = max(self._newest, tip)
        async with self._lock:
            if self._written < self._newest[0]:
                newest = self._newest
                try:
                    await asyncio.to_thread(self._write, *newest)
                except OSError as error:  # the commit stands; the next one publishes for both
                    self._patience = 0.0
                    log.error("the audit head was not written: %s", type(error).__name__)  # noqa: TRY400
                    return
                self._written, self._patience = newest[0], PATIENCE

    def _write(self, seq: int, digest: bytes) -> None:
        """Never backwards, also when several processes share the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(0o600)
        with self.path.open("r+") as file:
            _lock(file.fileno(), self._patience)
            known = _parse_head(file.read())
            if known is None or known[0] < seq:
                file.seek(0)
                file.write(f"{seq} {digest.hex()}\n")  # over the old one: a full disk takes it
                file.truncate()

    def read(self) -> tuple[int, bytes] | None:
        """None when nothing was ever published."""
        try:
            return _parse_head(self.path.read_text())
        except FileNotFoundError:
            return None


def _lock(file: int, patience: float) -> None:
    """Raises BlockingIOError when it is held for longer: nobody's answer waits for a file that
    somebody else has forgotten to let go."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(LOOK_AGAIN)
        else:
            return


def _parse_head(text: str) -> tuple[int, bytes] | None:
    try:
        seq, digest = text.split()
        head = int(seq), bytes.fromhex(digest)
    except ValueError:
        return None
    return head if len(head[1]) == len(GENESIS) else None


def attach(store: Store, head: Head) -> None:
    """From now on each commit of ``store`` writes its notes and publishes the head."""
    store.before_commit.append(write_notes)
    store.after_commit.append(head.publish)


_TIP = (
    select(table(AuditTip).c.seq, table(AuditTip).c.hash)
    .where(table(AuditTip).c.id == NEWEST)
    .with_for_update()
)
_ROW = insert(table(AuditRow))
_GROWN = (
    update(table(AuditTip))
    .where(table(AuditTip).c.id == NEWEST)
    .values(seq=bindparam("to_seq"), hash=bindparam("to_hash"))
)


async def write_notes(session: AsyncSession) -> None:
    """Append this transaction's notes to the chain."""
    notes: list[Note] = session.info.pop("audit_notes", [])
    if not notes:
        return
    seq, previous = await _locked_tip(session)
    at, rows = now(session), []
    for entry in notes:
        seq += 1
        row: dict[str, Any] = {
            "seq": seq,
            "at": at,
            "actor": entry.actor,
            "action": entry.action,
            "object": entry.object,
            "trace": entry.trace,
            "detail": entry.detail,
            "digest": vault(session).index("audit", entry.detail),
        }
        previous = row["hash"] = _link(previous, row)
        rows.append(row)
    await session.execute(_ROW, rows)
    await session.execute(_GROWN, {"to_seq": seq, "to_hash": previous})
    session.info["audit_tip"] = (seq, previous)


async def _locked_tip(session: AsyncSession) -> tuple[int, bytes]:
    tip = (await session.execute(_TIP)).one_or_none()
    if tip is None:  # others may be writing the very first row too
        first = text(
            "INSERT INTO audit_tip (id, seq, hash) VALUES (:id, 0, :hash) ON CONFLICT DO NOTHING"
        )
        await session.execute(first, {"id": NEWEST, "hash": GENESIS})
        tip = (await session.execute(_TIP)).one()
    return tip.seq, tip.hash


def _link(previous: bytes, row: Mapping[str, Any]) -> bytes:
    fields = [
        str(row["seq"]),
        row["at"].isoformat(timespec="microseconds"),
        row["actor"],
        row["action"],
        row["object"],
        row["trace"],
        row["digest"].hex(),
    ]
    return sha256(previous + json.dumps(fields).encode()).digest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``broken_at`` is the number of the first row that does not fit, None when all do."""

    rows: int
    broken_at: int | None
    why: str


async def verify(session: AsyncSession, head: Head) -> Verdict:
    """Walk the whole chain from where the archive ends, opening each detail."""
    # Before the first query: what is read once a snapshot has begun may be ahead of its rows.
    published = head.read()
    start = await session.get(AuditTip, ARCHIVED)
    count, previous = (start.seq, start.hash) if start else (0, GENESIS)
    missing = {end for end in (published, await _tip(session)) if end and end[0] > count}
    key = vault(session)
    try:
        async for row in _rows(session):
            if row.seq != count + 1:
                return Verdict(count, count + 1, f"第 {count + 1} 行缺失或被移动")
            if row.digest != key.index("audit", row.detail):
                return Verdict(count, row.seq, f"第 {row.seq} 行的内容被改动")
            previous = _link(previous, vars(row))
            if previous != row.hash:
                return Verdict(count, row.seq, f"第 {row.seq} 行与前一行接不上")
            missing.discard((row.seq, row.hash))
            count = row.seq
    except UNREADABLE:
        return Verdict(count, count + 1, f"第 {count + 1} 行无法读出，内容被改动或密钥不符")
    if count and published is None:
        return Verdict(count, count + 1, "链头文件缺失或损坏，无法确认最新的行是否完整")
    if missing:
        seq = max(missing)[0]
        return Verdict(count, count + 1, f"链头记录的第 {seq} 行不在表中，最新的行被截断")
    return Verdict(count, None, "")


async def _tip(session: AsyncSession) -> tuple[int, bytes] | None:
    tip = await session.get(AuditTip, NEWEST)
    return (tip.seq, tip.hash) if tip else None


UNREADABLE = (
    CannotOpen,
    ValueError,
    TypeError,
)  # a detail that does not open, a moment that is none


async def _rows(session: AsyncSession, batch: int = 1000) -> AsyncIterator[AuditRow]:
    """In order. Raises one of UNREADABLE after the last row before the one that it concerns."""
    last = 0
    while True:
        query = select(AuditRow).where(AuditRow.seq > last).order_by(AuditRow.seq).limit(batch)
        try:
            rows = (await session.scalars(query)).all()
        except UNREADABLE:
            if batch == 1:
                raise
            batch = 1
            continue
        if not rows:
            return
        for row in rows:
            yield row
        last = rows[-1].seq
        session.expunge_all()


async def export(session: AsyncSession) -> AsyncIterator[Mapping[str, Any]]:
    """Every row in the clear, for an inspector; ``hash`` in hex."""
    async for row in _rows(session):
        yield {
            "seq": row.seq,
            "at": row.at.isoformat(),
            "actor": row.actor,
            "action": row.action,
            "object": row.object,
            "trace": row.trace,
            "detail": json.loads(row.detail),
            "hash": row.hash.hex(),
        }
