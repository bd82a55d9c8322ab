"""One room for each story file and database; a file's ``SETTINGS`` override by environment."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.databases import Server
from tests.story.room import Room, open_room


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Room]:
    data_dir: Path = tmp_path_factory.mktemp("room")
    environ: dict[str, str] = dict(getattr(request.module, "SETTINGS", {}))
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        name = f"room{uuid4().hex}"
        await server.run(f"CREATE DATABASE {name}")
        environ["QIDESK_STORE__URL"] = server.url(name)
    async with open_room(data_dir, environ, wecom=getattr(request.module, "WECOM", False)) as found:
        yield found
