"""PostgreSQL ends every connection at moments of its own choosing, inside transactions too."""

import asyncio
import random
from collections.abc import Iterator

import pytest
import tomli_w

from tests.databases import Server, postgres_server
from tests.kill.conftest import staged
from tests.kill.crowd import Crowd
from tests.kill.lives import PAUSE, SHOWINGS, SOAK, SOAK_SECONDS
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import Town

CUTS = 60 if SOAK else 3
PAUSES = (0.1, 2.0) if SOAK else (0.1, 0.6)  # seconds between two
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = 'kill' AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        asyncio.run(server.run("CREATE DATABASE kill"))
        yield server


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The service fills the store when it first starts."""
    home = tmp_path_factory.mktemp("stage")
    (home / "qidesk.toml").write_text(tomli_w.dumps({"store": {"url": server.url("kill")}}))
    yield from staged(home)


@pytest.mark.timeout(SOAK_SECONDS if SOAK else 180)
async def test_connections_that_are_cut_under_load_are_only_a_delay(
    stage: Stage, town: Town, server: Server
) -> None:
    await stage.open_service()
    chance, crowd = random.Random(31), Crowd(town, seed=31)
    crowd.pause = PAUSE
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        for _ in range(CUTS):
            await asyncio.sleep(chance.uniform(*PAUSES))
            await server.run(CUT)
        await asyncio.sleep(1.0)
        crowd.enough()
    assert stage.service.alive
    await Oracle(stage.config, town).judge(showings=SHOWINGS)
