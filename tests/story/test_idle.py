"""A day in which nobody speaks leaves nothing behind."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import func, select

from crm.kernel.db import Base
from tests.story.room import PATIENCE, Room, open_room

EXPECTED = {
    "fund_day",  # every account's equity of the settled day
    "meter",  # one row for each pool of a month
}
CHANCE = 5  # what happens to be under way at a moment


async def rows(room: Room) -> Mapping[str, int]:
    """How many there are, by table."""
    async with room.service.store.reading() as session:
        return {
            table.name: await session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


async def settled(room: Room) -> Mapping[str, int]:
    """The rows, once the curves of every account have come."""
    found: Mapping[str, int] = {}
    async with asyncio.timeout(PATIENCE):
        while found != (found := await rows(room)):
            await room.advance("20s")
            await asyncio.sleep(0.5)
    return found


def held() -> tuple[int, int]:
    """Tasks and open files."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


async def test_a_day_without_a_user_leaves_rows_of_that_day_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with open_room(tmp_path, {}, wecom=True) as room:
        before, (tasks, files) = await settled(room), held()
        for _ in range(24):
            await room.advance("1h")
        after = await settled(room)
        grown = {name for name, count in after.items() if count != before.get(name, 0)}
        assert grown <= EXPECTED
        assert held()[0] <= tasks + CHANCE
        assert held()[1] <= files + CHANCE
