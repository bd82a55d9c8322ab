"""Asks a PostgreSQL, ``python -m tests.kill.asking DSN``: one line as soon as it is up, one for
each connection that failed. One asks again and again, the other waits for an answer."""

import asyncio
import sys

import asyncpg

from crm.kernel import postgres

TROUBLES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def main(dsn: str) -> None:
    asking, waiting = await postgres.connect(dsn), await postgres.connect(dsn)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_ask(asking))
        tasks.create_task(_wait(waiting))
        _say("up")


async def _ask(connection: asyncpg.Connection) -> None:
    try:
        while True:
            await connection.execute("SELECT 1")
            await asyncio.sleep(0.05)
    except TROUBLES:
        _say("asking failed")


async def _wait(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("SELECT pg_sleep(600)")
    except TROUBLES:
        _say("waiting failed")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the test


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
