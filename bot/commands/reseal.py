"""Seals everything that is stored under an older key with the newest one, beside a running service.

Values are handled raw: a table's sealed columns are found by their type, rows that already have
the newest key are passed by, and a row that somebody is at work on is left to the next round.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    MetaData,
    Select,
    Table,
    and_,
    bindparam,
    func,
    select,
    tuple_,
    type_coerce,
    update,
)

from crm.kernel.db import SealedBytes, SealedText, Store
from crm.kernel.vault import MAGIC, Vault

ROWS = 500
BYTES = 4 << 20  # of values in one transaction
ROUNDS = 5
PAUSE_SECONDS = 0.15  # longer than SQLite's longest poll (0.1 s): the service gets its turn
KEY_ID_AT = len(MAGIC) + 2  # counted from 1, behind the algorithm's byte


@dataclass(frozen=True, slots=True)
class SealedColumn:
    table: Table
    column: Column[Any]
    place: str

    @property
    def key(self) -> tuple[Column[Any], ...]:
        return tuple(self.table.primary_key.columns)

    @property
    def raw(self) -> ColumnElement[bytes]:
        return type_coerce(self.column, LargeBinary)


def sealed_columns(metadata: MetaData) -> Iterator[SealedColumn]:
    """Every column whose type seals, in the order of the tables' names."""
    for name in sorted(metadata.tables):
        table = metadata.tables[name]
        for column in table.columns:
            if isinstance(column.type, SealedText | SealedBytes):
                yield SealedColumn(table, column, column.type.place)


async def reseal(store: Store, metadata: MetaData) -> int:
    """Gives the number of values sealed anew. Raises CannotOpen for one that nobody can open."""
    total = 0
    for _ in range(ROUNDS):
        done = 0
        for sealed in sealed_columns(metadata):
            async for batch in _batches(store, sealed):
                done += await _seal_batch(store, sealed, batch)
        total += done
        if not done:
            break
    return total


Key = tuple[Any, ...]


async def _batches(store: Store, sealed: SealedColumn) -> AsyncIterator[tuple[Key, Key]]:
    """First and last primary key of what goes into one transaction."""
    last: Key | None = None
    while True:
        query = select(*sealed.key, func.length(sealed.raw)).where(_older(store.vault, sealed))
        if last is not None:
            query = query.where(_key_of(sealed) > last)
        async with store.reading() as session:
            rows = (await session.execute(query.order_by(*sealed.key).limit(ROWS))).all()
        if not rows:
            return
        sized = [(tuple(row[:-1]), row[-1]) for row in rows]
        starts = [0, *_cuts([size for _, size in sized]), len(sized)]
        for start, end in pairwise(starts):
            yield sized[start][0], sized[end - 1][0]
        last = sized[-1][0]


def _cuts(sizes: Sequence[int]) -> Iterator[int]:
    """Where a new batch begins, so that no batch has more than BYTES unless it is one value."""
    together = 0
    for n, size in enumerate(sizes):
        if n and together + size > BYTES:
            yield n
            together = 0
        together += size


async def _seal_batch(store: Store, sealed: SealedColumn, span: tuple[Key, Key]) -> int:
    first, last = span
    async with store.writing() as session:
        query: Select[Any] = select(*sealed.key, sealed.raw).where(
            _older(store.vault, sealed), _key_of(sealed) >= first, _key_of(sealed) <= last
        )
        rows = (await session.execute(query.with_for_update(skip_locked=True))).all()
        if rows:
            anew = await asyncio.to_thread(_anew, store.vault, sealed, [tuple(r) for r in rows])
            connection = await session.connection()
            await connection.execute(_statement(sealed), anew)
    await asyncio.sleep(PAUSE_SECONDS if store.is_sqlite and rows else 0)
    return len(rows)


def _anew(vault: Vault, sealed: SealedColumn, rows: Sequence[Key]) -> list[dict[str, Any]]:
    return [
        {
            **{f"key{n}": part for n, part in enumerate(row[:-1])},
            "value": vault.seal(vault.open(row[-1], sealed.place), sealed.place),
        }
        for row in rows
    ]


def _statement(sealed: SealedColumn) -> Any:
    same = [column == bindparam(f"key{n}") for n, column in enumerate(sealed.key)]
    value = bindparam("value", type_=LargeBinary)
    return update(sealed.table).where(and_(*same)).values({sealed.column: value})


def _older(vault: Vault, sealed: SealedColumn) -> ColumnElement[bool]:
    newest = vault.current.id.to_bytes(2, "big")
    return func.substr(sealed.raw, KEY_ID_AT, 2, type_=LargeBinary) != newest


def _key_of(sealed: SealedColumn) -> Any:
    """To be compared with a tuple of values; of one column the column itself would do as well."""
    return tuple_(*sealed.key)
