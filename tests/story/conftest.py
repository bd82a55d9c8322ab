"""One room for each story file and database; a file's ``SETTINGS`` override by environment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.filled import Filled
from tests.story.room import Room, open_room


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def furniture(request: pytest.FixtureRequest) -> Filled:
    """The store of each database in turn."""
    kind = "sqlite_furniture" if request.param == "sqlite" else "postgres_furniture"
    found: Filled = request.getfixturevalue(kind)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(
    request: pytest.FixtureRequest, furniture: Filled, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Room]:
    home: Path = tmp_path_factory.mktemp("room")
    environ: dict[str, str] = dict(getattr(request.module, "SETTINGS", {}))
    if url := await furniture.copy(home):
        environ["QIDESK_STORE__URL"] = url
    async with open_room(home, environ, wecom=getattr(request.module, "WECOM", False)) as found:
        yield found
