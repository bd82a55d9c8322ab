"""The sandbox's own disk: one SQLite file that a ``kill -9`` of the process cannot hurt.

Calls are synchronous on purpose. A write is a few dozen microseconds into the page cache:
``synchronous=OFF`` never waits for the platter, and what the kernel has taken survives the death
of the process (not of the machine, which a sandbox need not promise).
"""

import base64
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COUNTER = "CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL)"


class Disk:
    def __init__(self, data_dir: Path, seed: int) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.folder = data_dir
        self._seed = seed
        self._db = sqlite3.connect(data_dir / "sandbox.db", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self.define(COUNTER)

    def define(self, schema: str) -> None:
        """Create what is missing of ``schema``; each room brings its own tables."""
        self._db.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another one it joins that."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def run(self, sql: str, *values: object) -> int:
        """Execute; answers the number of rows touched."""
        return self._db.execute(sql, values).rowcount

    def insert(self, sql: str, *values: object) -> int:
        """Execute an INSERT; answers the new row id."""
        return self._db.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def count(self, name: str, by: int = 1) -> int:
        """Move the counter ``name`` on; answers where it stands."""
        row = self.row(
            "INSERT INTO counter VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET n = n + excluded.n RETURNING n",
            name,
            by,
        )
        return int(row["n"]) if row else 0

    def counter(self, name: str) -> int:
        row = self.row("SELECT n FROM counter WHERE name = ?", name)
        return int(row["n"]) if row else 0

    def new_id(self, prefix: str) -> str:
        """An id that repeats with the seed and never twice on one disk; holds ``+ / =`` as the
        platforms' ids do."""
        text = f"{self._seed}:{prefix}:{self.count('id:' + prefix)}"
        return prefix + base64.b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode()

    def close(self) -> None:
        self._db.close()
