"""The same on PostgreSQL, whose server may go away as well."""

import asyncio
import os
import subprocess
from collections.abc import Iterator

import pytest
import tomli_w

from tests.databases import Server, binaries, postgres_server
from tests.kill.conftest import staged
from tests.kill.lives import SHOWINGS, crash_at, kill_often
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import Crowd, Town

POINTS = ("inbox.before_commit", "desk.before_commit", "outbox.after_send")
KILLS = 20 if os.environ.get("QIDESK_SOAK") else 2
RESTARTS = 2


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Our own: it is restarted in the middle of everything."""
    with postgres_server() as server:
        asyncio.run(server.run("CREATE DATABASE kill"))
        yield server


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The service fills the store when it first starts."""
    home = tmp_path_factory.mktemp("stage")
    (home / "qidesk.toml").write_text(tomli_w.dumps({"store": {"url": server.url("kill")}}))
    yield from staged(home)


@pytest.mark.parametrize("point", POINTS)
async def test_after_a_crash_there_everything_is_as_if_it_had_not_been(
    stage: Stage, town: Town, point: str
) -> None:
    await crash_at(stage, town, point, seed=POINTS.index(point))


async def test_random_kills_under_mixed_load_lose_nothing(stage: Stage, town: Town) -> None:
    await kill_often(stage, town, seed=9, kills=KILLS)


async def test_a_database_that_is_restarted_at_once_is_only_a_delay(
    stage: Stage, town: Town, server: Server
) -> None:
    await stage.open_service()
    crowd = Crowd(town, seed=10)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        for _ in range(RESTARTS):
            await asyncio.sleep(1.0)
            await asyncio.to_thread(restart_at_once, server)
        await asyncio.sleep(1.0)
        crowd.enough()
    assert stage.service.alive
    await Oracle(stage.config, town).judge(showings=SHOWINGS)


def restart_at_once(server: Server) -> None:
    """As after a crash: every connection breaks, the log is replayed."""
    home, root = server.home, os.geteuid() == 0
    tool = str(binaries() / "pg_ctl")
    subprocess.run(
        [tool, "-D", f"{home}/data", "-l", f"{home}/log", "-w", "-m", "immediate", "restart"],
        check=True,
        cwd=home,
        user=home.owner() if root else None,
        extra_groups=[] if root else None,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
