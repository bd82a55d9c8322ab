"""Tells the process that leads that another one has stored something for it to do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from crm.kernel.database import Database

log = logging.getLogger(__name__)

CHANNEL: Final = "qidesk"
LOOK_SECONDS: Final = 2.0  # without a word
ANSWER_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 1.0  # before the database is dialled again


class Bell:
    """``ring`` ends ``wait`` on the other processes. A word may be lost with a connection, and
    SQLite has none: so ``wait`` ends by itself too, soon."""

    def __init__(self, database: Database) -> None:
        self._dsn = "" if database.is_sqlite else database.dsn
        self._to_ring = asyncio.Event()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._to_ring.set()

    async def wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._rung.wait()
        self._rung.clear()

    async def run(self) -> None:
        """Listens and rings until cancelled."""
        if not self._dsn:
            return
        import asyncpg  # noqa: PLC0415 - not on SQLite

        from crm.kernel import postgres  # noqa: PLC0415 - not on SQLite

        while True:
            try:
                await self._connected(postgres.connect)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("bell: no connection (%s)", type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _connected(self, connect: Callable[..., Awaitable[Any]]) -> None:
        connection = await connect(
            self._dsn,
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
        )
        try:
            connection.add_termination_listener(lambda _: self._to_ring.set())
            await connection.add_listener(CHANNEL, self._heard)
            while True:
                await self._to_ring.wait()
                self._to_ring.clear()
                await connection.execute(f"NOTIFY {CHANNEL}")
        finally:
            connection.terminate()

    def _heard(self, *_: Any) -> None:
        self._rung.set()
