"""A far side that runs, with a store that is filled already."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.filled import fill
from tests.kill.processes import Stage
from tests.kill.town import Town, town_of

CLIENTS = 200


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy: filling one takes longer than a test."""
    home = tmp_path_factory.mktemp("filled")
    asyncio.run(fill(home, CLIENTS))
    return home


def staged(home: Path, filled: Path | None = None, host: str = "127.0.0.1") -> Iterator[Stage]:
    if filled is not None:
        shutil.copytree(filled, home, dirs_exist_ok=True)
    stage = Stage(home, host)
    try:
        asyncio.run(stage.open_far())
        yield stage
    finally:
        stage.close()


@pytest.fixture(scope="module")
def stage(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One far side for the tests of a file; they start and kill the service themselves."""
    yield from staged(tmp_path_factory.mktemp("stage"), filled)


@pytest.fixture
async def town(stage: Stage) -> AsyncIterator[Town]:
    async with town_of(stage.url, stage.journal) as town:
        yield town
