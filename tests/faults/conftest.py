"""One house for the tests of a file, on each database."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.databases import Server
from tests.faults.doors import Doors, open_doors
from tests.faults.house import House, open_house


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A folder, and the address of a database where that is not a file in it."""
    home: Path = tmp_path_factory.mktemp("house")
    if request.param == "sqlite":
        return home, ""
    server: Server = request.getfixturevalue("postgres")
    name = f"house{uuid4().hex}"
    await server.run(f"CREATE DATABASE {name}")
    return home, server.url(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(place: tuple[Path, str]) -> AsyncIterator[House]:
    async with open_house(*place) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(place: tuple[Path, str]) -> AsyncIterator[Doors]:
    async with open_doors(*place) as doors:
        yield doors
