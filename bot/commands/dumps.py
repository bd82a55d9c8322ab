"""The contents of a database as one file, and back: SQLite by its backup, PostgreSQL by pg_dump.

Both take a snapshot beside running writers. Neither knows what the tables mean.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url

from crm.kernel.database import sqlite_path
from crm.kernel.errors import SettingsError

PATIENCE_SECONDS = 4 * 3600
SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


def dumper_of(url: str) -> "SqliteDumper | PostgresDumper":
    path = sqlite_path(url)
    return SqliteDumper(path) if path else PostgresDumper(make_url(url))


class SqliteDumper:
    member = "store.sqlite"  # what a dump of this kind is called in a backup

    def __init__(self, path: Path) -> None:
        self.path = path

    async def is_empty(self) -> bool:
        return await asyncio.to_thread(self._is_empty)

    def _is_empty(self) -> bool:
        if not self.path.exists():
            return True
        try:
            with closing(sqlite3.connect(self.path)) as db:
                return db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
        except sqlite3.DatabaseError as error:
            raise SettingsError(f"{self.path} 不是 SQLite 数据库") from error

    async def dump(self, file: Path) -> None:
        """In one step: a reader of the write-ahead log holds nobody up, and a backup in several
        steps would begin anew with every write of the service."""
        await asyncio.to_thread(self._dump, file)

    def _dump(self, file: Path) -> None:
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(file)) as copy:
            source.execute("PRAGMA busy_timeout=10000")
            source.backup(copy)
        fault = integrity_fault(file)
        if fault:
            raise SettingsError(f"数据库完整性检查没有通过，没有生成备份：{fault}")


def integrity_fault(file: Path) -> str:
    """What SQLite finds wrong with a database file; "" when it is whole. Blocks."""
    try:
        with closing(sqlite3.connect(file)) as db:
            (told,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if told == "ok" else str(told)


class PostgresDumper:
    member = "store.pgdump"

    def __init__(self, url: URL) -> None:
        self._url = url

    async def is_empty(self) -> bool:
        count = await self._run(
            "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--command",
            "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
            " AND relkind IN ('r', 'p')",
        )
        return count.strip() == "0"

    async def dump(self, file: Path) -> None:
        await self._run("pg_dump", "--format=custom", "--no-password", f"--file={file}")

    async def load(self, file: Path) -> None:
        """All or nothing. Indexes and constraints are built after the rows, which proves them."""
        await self._run(
            "pg_restore",
            "--no-password",
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={self._url.database}",
            str(file),
        )

    async def _run(self, program: str, *arguments: str) -> str:
        """What the program printed. Raises SettingsError with its last word."""
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                env={**os.environ, **self._environment()},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise SettingsError(
                f"找不到 {program}，请安装 PostgreSQL 客户端（版本不低于服务器）"
            ) from error
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                printed, trouble = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            words = trouble.decode(errors="replace").strip().splitlines()
            raise SettingsError(f"{program} 没有成功：{words[-1] if words else '没有说明原因'}")
        return printed.decode()

    def _environment(self) -> dict[str, str]:
        """Where and who, for libpq; never on the command line, which every user can read."""
        url = self._url
        ssl = self._asked("sslmode") or self._asked("ssl")
        told = {
            "PGHOST": url.host or self._asked("host"),
            "PGPORT": str(url.port) if url.port else self._asked("port"),
            "PGUSER": url.username or self._asked("user"),
            "PGPASSWORD": str(url.password or self._asked("password")),
            "PGDATABASE": url.database or "",
            "PGSSLMODE": ssl if ssl in SSL_MODES else "",
            "PGCONNECT_TIMEOUT": "10",
        }
        return {name: value for name, value in told.items() if value}

    def _asked(self, name: str) -> str:
        value = self._url.query.get(name, "")
        return value if isinstance(value, str) else value[0]
