"""The broker's own rules as documents: each change is a version of its own, none is ever altered.

A document has a kind and, where there are several of it, a name. Whoever asks reads the newest
version from the store, so a change is in force on every process with its commit; the body of a
past day is found by the moment from which it was in force.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Index, Integer, String, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from crm.kernel.db import Base, Moment, SealedText, now
from crm.kernel.errors import UserError

Body = Mapping[str, Any]
NOTHING: Body = MappingProxyType({})


class Superseded(UserError):
    say = "这项内容在此期间已被改动，请看最新的再重新提出"


class RuleDocument(Base):
    """One version. People are staff ids, or "system" for what was found as it was."""

    __tablename__ = "rule_document"
    __table_args__ = (Index("ix_rule_document_force", "kind", "name", "in_force_from"),)

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    body: Mapped[str] = mapped_column(SealedText("rule_document.body"))  # canonical JSON
    reason: Mapped[str] = mapped_column(SealedText("rule_document.reason"))
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime] = mapped_column(Moment)
    confirmed_by: Mapped[str] = mapped_column(String(64))
    in_force_from: Mapped[datetime] = mapped_column(Moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A version as its readers need it."""

    kind: str
    name: str
    version: int
    body: Body
    reason: str
    asked_by: str
    asked_at: datetime
    confirmed_by: str
    in_force_from: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in a document, inner ones dotted; None where one side has nothing there."""

    key: str
    before: Any
    after: Any


def canonical(body: Body) -> str:
    """The one spelling of a body."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=dict)


def diff(before: Body, after: Body) -> list[Difference]:
    """Where two bodies differ, by key."""
    old, new = _flat(before), _flat(after)
    return [
        Difference(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(body: Body, within: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{within}{key}.")
        else:
            found[f"{within}{key}"] = value
    return found


_OF = (RuleDocument.kind == bindparam("kind"), RuleDocument.name == bindparam("name"))
_VERSIONS = select(RuleDocument).where(*_OF).order_by(RuleDocument.version.desc())
_CURRENT = _VERSIONS.limit(1)
_AS_OF = _VERSIONS.where(RuleDocument.in_force_from <= bindparam("at", type_=Moment())).limit(1)
_ONE = select(RuleDocument).where(*_OF, RuleDocument.version == bindparam("version"))


async def current(session: AsyncSession, kind: str, name: str = "") -> Document | None:
    """What is in force; None while nothing was ever changed."""
    row = await session.scalar(_CURRENT, {"kind": kind, "name": name})
    return _document(row) if row else None


async def as_of(session: AsyncSession, kind: str, at: datetime, name: str = "") -> Document | None:
    """What was in force at a moment; None before the first change."""
    row = await session.scalar(_AS_OF, {"kind": kind, "name": name, "at": at})
    return _document(row) if row else None


async def version(session: AsyncSession, kind: str, number: int, name: str = "") -> Document | None:
    row = await session.scalar(_ONE, {"kind": kind, "name": name, "version": number})
    return _document(row) if row else None


async def versions(
    session: AsyncSession, kind: str, name: str = "", *, limit: int = 20
) -> Sequence[Document]:
    """The newest first."""
    rows = await session.scalars(_VERSIONS.limit(limit), {"kind": kind, "name": name})
    return [_document(row) for row in rows]


async def names(session: AsyncSession, kind: str) -> Sequence[str]:
    """Of all documents of a kind."""
    rows = await session.scalars(
        select(RuleDocument.name)
        .where(RuleDocument.kind == kind)
        .distinct()
        .order_by(RuleDocument.name)
    )
    return rows.all()


async def put(
    session: AsyncSession,
    kind: str,
    name: str,
    body: Body,
    *,
    base: int,
    asked_by: str,
    asked_at: datetime,
    confirmed_by: str,
    reason: str = "",
    in_force_from: datetime | None = None,
) -> Document:
    """The version after ``base``, in force from now on unless told otherwise.

    Raises Superseded when ``base`` is not the newest.
    """
    newest = await session.scalar(_CURRENT, {"kind": kind, "name": name})
    if (newest.version if newest else 0) != base:
        raise Superseded
    row = RuleDocument(
        kind=kind,
        name=name,
        version=base + 1,
        body=canonical(body),
        reason=reason,
        asked_by=asked_by,
        asked_at=asked_at,
        confirmed_by=confirmed_by,
        in_force_from=in_force_from or now(session),
    )
    session.add(row)
    await session.flush()
    return _document(row)


def _document(row: RuleDocument) -> Document:
    return Document(
        kind=row.kind,
        name=row.name,
        version=row.version,
        body=json.loads(row.body),
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        confirmed_by=row.confirmed_by,
        in_force_from=row.in_force_from,
    )
