"""A lease: of several processes on one store, one at a time holds a named thing.

It is a lock that its holder's death opens: of PostgreSQL on a connection of its own, of the file
system beside an SQLite file. No moment is written down anywhere, so no step of a clock can give a
lease to two. A holder whose proof is too old, because the machine slept or the database is away,
takes itself for a loser before the database opens the lock for others.
"""

import asyncio
import fcntl
import hashlib
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from crm.kernel.database import Database

log = logging.getLogger(__name__)

EVERY: Final = 1.0  # seconds between two looks
ANSWER: Final = 1.5  # seconds for the store to answer one
LOST_AFTER: Final = 3  # looks without a proof
# The server forgets a holder that says nothing, because its machine is cut off or its loop stands
# still: later than the holder gives up itself, and soon enough for another to take over in time.
FORGOTTEN: Final = "SET idle_session_timeout = 5000"
KNOWS_IT: Final = (14,)  # since this version of the server


class Lock(Protocol):
    """What the store has for it. ``take`` and ``prove`` raise when the store does not answer."""

    async def take(self) -> bool:
        """Try once; False when another holds it."""
        ...

    async def prove(self) -> bool:
        """Whether what was taken is still held."""
        ...

    async def free(self) -> None: ...


class Leader(Protocol):
    """Whether this process is the one that does the work."""

    async def ours(self) -> bool:
        """Waits while that is in doubt."""
        ...


class Alone:
    """There is no other process."""

    async def ours(self) -> bool:
        return True


ALONE: Final = Alone()


class Lease:
    """Ask ``mine`` or wait for ``ours``; ``open`` keeps it true. ``overtaken`` is set once it was
    ours and is another's."""

    def __init__(self, database: Database, name: str, *, every: float = EVERY) -> None:
        self.name = name
        self.overtaken = asyncio.Event()
        self._every = every
        self._level = logging.DEBUG if database.is_sqlite else logging.INFO  # there: who else?
        self._lock = _lock_of(database, name)
        self._proved: float | None = None  # on the loop's clock
        self._had = False

    @property
    def mine(self) -> bool:
        if self._proved is None:
            return False
        return asyncio.get_running_loop().time() - self._proved < self._every * LOST_AFTER

    async def held(self) -> bool:
        """``mine``, for those who ask by waiting."""
        return self.mine

    async def ours(self) -> bool:
        """``mine``, once that is sure: while another has had it all along, or the store does not
        answer, this waits."""
        while not (self.mine or self.overtaken.is_set()):  # noqa: ASYNC110  it grows old, too
            await asyncio.sleep(self._every / 5)
        return self.mine

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Lease"]:
        """Takes it as soon as it is free and looks after it; given back at the end."""
        await self._look()
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self._keep_looking())
            try:
                yield self
            finally:
                looking.cancel()
                await asyncio.wait({looking})
                self._set(proved=False)
                await self._lock.free()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._look()

    async def _look(self) -> None:
        """One look; what the store does not answer leaves it to the age of the last proof."""
        try:
            async with asyncio.timeout(ANSWER):
                held = self._proved is not None
                proved = await (self._lock.prove() if held else self._lock.take())
        except _troubles() as error:
            log.warning("lease %s: no answer (%s)", self.name, type(error).__name__)
            if self._proved is not None and not self.mine:
                self._set(proved=False)
        else:
            self._set(proved=proved)
            if self._had and not proved:
                self.overtaken.set()

    def _set(self, *, proved: bool) -> None:
        before = self._proved is not None
        self._proved = asyncio.get_running_loop().time() if proved else None
        self._had |= proved
        if proved != before:
            log.log(self._level, "lease %s: %s", self.name, "held" if proved else "not held")


def _lock_of(database: Database, name: str) -> Lock:
    if not database.is_sqlite:
        return _Advisory(database.dsn, name)
    file = database.file
    return _FileLock(Path(f"{file}.{name}.lease") if file else None)


class _FileLock:
    """On a file beside the database; in memory there is nobody to share with."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None

    async def take(self) -> bool:
        return self._path is None or await asyncio.to_thread(self._take, self._path)

    def _take(self, path: Path) -> bool:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        except OSError:
            os.close(file)
            raise
        self._file = file
        return True

    async def prove(self) -> bool:
        return True

    async def free(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Advisory:
    """PostgreSQL's, held by a session of its own: not through a pooler that shares sessions."""

    def __init__(self, dsn: str, name: str) -> None:
        digest = hashlib.sha256(f"qidesk lease {name}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)
        self._dsn = dsn
        self._session: Any = None  # asyncpg's
        self._taken = False  # on this session

    async def take(self) -> bool:
        """On one session, try after try; what was ours on it still is."""
        try:
            if self._session is None:
                self._session = await self._connected()
            self._taken = await self._session.fetchval("SELECT pg_try_advisory_lock($1)", self._key)
        except _troubles():
            await self.free()
            raise
        return self._taken

    async def prove(self) -> bool:
        """A session that answers holds what it has taken. One that broke, because the server was
        started anew, has lost it: whoever takes it first has it then."""
        if self._taken:
            try:
                await self._session.execute("SELECT 1")
            except _troubles():
                await self.free()
            else:
                return True
        return await self.take()

    async def _connected(self) -> Any:
        from crm.kernel import postgres  # noqa: PLC0415 - not on SQLite

        session = await postgres.connect(self._dsn)
        if session.get_server_version() >= KNOWS_IT:
            try:
                await session.execute(FORGOTTEN)
            except BaseException:
                session.terminate()
                raise
        return session

    async def free(self) -> None:
        self._taken = False
        session, self._session = self._session, None
        if session is not None:
            session.terminate()  # without a farewell: a server that is cut off would not hear it


def _troubles() -> tuple[type[Exception], ...]:
    """What means that the store does not answer."""
    import asyncpg  # noqa: PLC0415 - seldom on SQLite

    return (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # seen where a session had been cut
    )
