"""Whether the store takes what is written, in words: reading goes on when writing does not."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from bot.chat.ports import Health
from crm.kernel.database import Database

READY_SECONDS: Final = 3.0
BUSY_SECONDS: Final = 2.0  # for another program that writes
ASKED_EVERY: Final = 1.0  # seconds: each question is a commit
ON: Final = "on"
WELL: Final = "数据库正常"
SILENT: Final = "数据库没有应答"
READ_ONLY: Final = "数据库只能读，写不进去，请检查磁盘和挂载"
WORDS: Final = {
    sqlite3.SQLITE_BUSY: "数据库文件被别的程序占用，写不进去",
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: "数据库文件打不开，或者只能读，请检查磁盘、挂载和权限",
    sqlite3.SQLITE_IOERR: "数据库文件读写出错，请检查磁盘",
    sqlite3.SQLITE_FULL: "磁盘已满，请清理或扩容",
    sqlite3.SQLITE_CORRUPT: "数据库文件已损坏，请用备份恢复",
    sqlite3.SQLITE_NOTADB: "数据库文件已损坏，请用备份恢复",
}

_asked: WeakKeyDictionary[Database, tuple[float, asyncio.Future[str]]] = WeakKeyDictionary()


async def store_health(database: Database, *, inside: bool = False) -> Health:
    """``inside``: asked from a transaction that writes, which has proved it already.

    One question at a time: a disk that hangs would take a thread for each."""
    if inside:
        return Health(ok=True, detail=WELL)
    now = asyncio.get_running_loop().time()
    at, asked = _asked.get(database, (now, None))
    if asked is None or (asked.done() and now - at >= ASKED_EVERY):
        asked = asyncio.ensure_future(_trouble(database))
        _asked[database] = now, asked
    try:
        async with asyncio.timeout(READY_SECONDS):
            wrong = await asyncio.shield(asked)
    except TimeoutError:
        wrong = f"{SILENT}（{READY_SECONDS:.0f} 秒）"
    return Health(ok=not wrong, detail=wrong or WELL)


async def _trouble(database: Database) -> str:
    """What keeps it from being written, "" when nothing does."""
    try:
        if database.file is not None:
            return await asyncio.to_thread(_trouble_with, database.file)
        only_read = await _only_read(database.dsn)
    except Exception as error:  # noqa: BLE001  whatever the driver raises, the answer is no
        return f"{SILENT}（{type(error).__name__}）"
    return "数据库只能读，可能连到了备库" if only_read == ON else ""


async def _only_read(dsn: str) -> str:
    """By a connection of its own: whoever comes anew must be let in, too."""
    from crm.kernel import postgres  # noqa: PLC0415 - not on SQLite

    connection = await postgres.connect(dsn, timeout=READY_SECONDS)
    try:
        return str(await connection.fetchval("SHOW transaction_read_only"))
    finally:
        connection.terminate()


def _trouble_with(file: Path) -> str:
    """Writes a number that nobody uses as it was before: only what is on the disk proves that the
    disk takes it."""
    try:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=BUSY_SECONDS)) as database:
            database.execute("BEGIN IMMEDIATE")
            [number] = database.execute("PRAGMA user_version").fetchone()
            database.execute(f"PRAGMA user_version = {int(number)}")
            database.execute("COMMIT")
    except sqlite3.Error as error:
        return in_words(error) or f"{SILENT}（{type(error).__name__}）"
    return ""


def in_words(error: BaseException | None) -> str:
    """What the database's driver means, where people can do something about it; else ""."""
    return WORDS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
