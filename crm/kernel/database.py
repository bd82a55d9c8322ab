"""Where a store is and what every way into it shares: known without loading SQLAlchemy, because
what hears is up before the rest is loaded."""

import asyncio
import re
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crm.kernel.clock import Clock
from crm.kernel.vault import Vault

SQLITE_PATIENCE: Final = 10_000  # milliseconds
SQLITE_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={SQLITE_PATIENCE}",
    # Every commit of another connection empties a page cache; pages that are mapped stay.
    "PRAGMA mmap_size=1073741824",
)
SQLITE_FILE: Final = re.compile(r"sqlite(?:\+\w+)?://[^/]*/(?P<file>[^?]+)")


@dataclass(frozen=True, eq=False)
class Database:
    """``url`` as SQLAlchemy spells it."""

    url: str = field(repr=False)  # it may hold a password
    vault: Vault
    clock: Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @property
    def file(self) -> Path | None:
        return sqlite_path(self.url)

    @property
    def dsn(self) -> str:
        """PostgreSQL's address as its driver wants it."""
        _, _, rest = self.url.partition("://")
        return f"postgresql://{rest}"

    def turn(self) -> AbstractAsyncContextManager[None]:
        """This process's turn to write; on PostgreSQL everybody may at once."""
        return self._turn if self.is_sqlite else nullcontext()


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; None for PostgreSQL."""
    found = SQLITE_FILE.match(url)
    return Path(found["file"]) if found else None
