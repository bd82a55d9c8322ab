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
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from crm.kernel.db import Store, sqlite_path

log = logging.getLogger(__name__)

EVERY: Final = 3.0  # seconds between two looks
ANSWER: Final = 3.0  # seconds for the store to answer one
LOST_AFTER: Final = 3  # looks without a proof
# The server forgets a holder whose machine has gone silent: later than the holder gives up itself.
KEEP_ALIVE: Final = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = 25000",
)


class Lock(Protocol):
    """What the store has for it. ``take`` and ``prove`` raise when the store does not answer."""

    async def take(self) -> bool:
        """Try once; False when another holds it."""
        ...

    async def prove(self) -> bool:
        """Whether what was taken is still held."""
        ...

    async def free(self) -> None: ...


class Lease:
    """Ask ``mine``, wait for ``change``, or leave it to ``while_mine``; ``open`` keeps it true.

    ``lost`` are called, in order, when it ends before it was given back.
    """

    def __init__(self, store: Store, name: str, *, every: float = EVERY) -> None:
        self.name = name
        self.lost: list[Callable[[], None]] = []
        self._every = every
        self._lock = _lock_of(store, name)
        self._proved: float | None = None  # on the loop's clock
        self._changed = asyncio.Event()

    @property
    def mine(self) -> bool:
        if self._proved is None:
            return False
        return asyncio.get_running_loop().time() - self._proved < self._every * LOST_AFTER

    async def held(self) -> bool:
        """``mine``, for those who ask by waiting."""
        return self.mine

    async def change(self) -> None:
        """Returns when it was taken or lost."""
        await self._changed.wait()

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
                self._set(proved=False, told=False)
                with suppress(SQLAlchemyError, OSError, TimeoutError):
                    async with asyncio.timeout(ANSWER):
                        await self._lock.free()

    async def while_mine(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs ``job`` from when it is ours until it is lost, each time anew; until cancelled."""
        while True:
            while not self.mine:
                await self.change()
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(job())
                losing = tasks.create_task(self._until_lost())
                await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
                working.cancel()
                losing.cancel()
            if working.done() and not working.cancelled():
                return

    async def _until_lost(self) -> None:
        while self.mine:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self.change()

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
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("lease %s: no answer (%s)", self.name, type(error).__name__)
            if self._proved is not None and not self.mine:
                self._set(proved=False)
        else:
            self._set(proved=proved)

    def _set(self, *, proved: bool, told: bool = True) -> None:
        before = self._proved is not None
        self._proved = asyncio.get_running_loop().time() if proved else None
        if proved == before:
            return
        log.info("lease %s: %s", self.name, "held" if proved else "not held")
        self._changed.set()
        self._changed = asyncio.Event()
        for call in self.lost if told and not proved else ():
            call()


def _lock_of(store: Store, name: str) -> Lock:
    if not store.is_sqlite:
        return _Advisory(store.engine, name)
    path = sqlite_path(store.engine.url.render_as_string(hide_password=False))
    return _FileLock(Path(f"{path}.{name}.lease") if path else None)


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

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        digest = hashlib.sha256(f"qidesk lease {name}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)
        self._engine = create_async_engine(engine.url, poolclass=NullPool, hide_parameters=True)
        self._session: AsyncConnection | None = None

    async def take(self) -> bool:
        await self.free()
        self._session = session = await self._engine.connect()
        _ = await session.execution_options(isolation_level="AUTOCOMMIT")
        for setting in KEEP_ALIVE:
            await session.execute(text(setting))
        taken = await session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key})
        if not taken:
            await self.free()
        return bool(taken)

    async def prove(self) -> bool:
        """A session that answers holds what it has taken. One that broke, because the server was
        started anew, has lost it: whoever takes it first has it then."""
        if self._session is None:
            return await self.take()
        try:
            await self._session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            return await self.take()
        return True

    async def free(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError, OSError):
                await session.close()
