"""The same on PostgreSQL, whose server may go away as well, or end connections when it likes."""

import asyncio
import os
import random
import shlex
import subprocess
from collections.abc import Iterator

import pytest
import tomli_w

from bot import crashpoint
from tests.databases import Server, binaries, postgres_server
from tests.kill.conftest import staged
from tests.kill.crowd import Crowd
from tests.kill.lives import PAUSE, SEED, SHOWINGS, SOAK, SOAK_SECONDS, crash_at, kill_often
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import Town

FEW = ("inbox.before_commit", "desk.before_commit", "outbox.after_send")
POINTS = crashpoint.NAMES if SOAK else FEW
TIMES = range(5 if SOAK else 1)
KILLS = 60 if SOAK else 2
OUTAGES = (0.0, 2.0)  # seconds
CUTS = 60 if SOAK else 3
PAUSES = (0.1, 2.0) if SOAK else (0.1, 0.6)  # seconds between two
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = 'kill' AND pid <> pg_backend_pid()
"""


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


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("point", POINTS)
async def test_after_a_crash_there_everything_is_as_if_it_had_not_been(
    stage: Stage, town: Town, point: str, time: int
) -> None:
    await crash_at(stage, town, point, seed=SEED * 100 + time * 20 + POINTS.index(point))


@pytest.mark.timeout(SOAK_SECONDS if SOAK else 180)
async def test_random_kills_under_mixed_load_lose_nothing(stage: Stage, town: Town) -> None:
    await kill_often(stage, town, seed=SEED + 2, kills=KILLS)


async def test_a_database_that_goes_away_and_comes_back_is_only_a_delay(
    stage: Stage, town: Town, server: Server
) -> None:
    await stage.open_service()
    crowd = Crowd(town, seed=10)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        for outage in OUTAGES:
            await asyncio.sleep(1.0)
            await asyncio.to_thread(pg_ctl, server, "stop", "-m", "immediate")
            await asyncio.sleep(outage)
            await asyncio.to_thread(pg_ctl, server, "start", "-l", f"{server.home}/log")
        await asyncio.sleep(1.0)
        crowd.enough()
    assert stage.service.alive
    await Oracle(stage.config, town).judge(showings=SHOWINGS)


@pytest.mark.timeout(SOAK_SECONDS if SOAK else 180)
async def test_connections_that_are_cut_under_load_are_only_a_delay(
    stage: Stage, town: Town, server: Server
) -> None:
    """Inside transactions too."""
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


def pg_ctl(server: Server, *what: str) -> None:
    """Stopped immediately it is as after a crash: connections break, the log is replayed. It
    starts with the options of its first start."""
    home, root = server.home, os.geteuid() == 0
    options = shlex.split((home / "data" / "postmaster.opts").read_text())[1:]
    start = ["-o", shlex.join(options[2:])] if what[0] == "start" else []
    subprocess.run(
        [str(binaries() / "pg_ctl"), "-D", f"{home}/data", "-w", *start, *what],
        check=True,
        cwd=home,
        user=home.owner() if root else None,
        extra_groups=[] if root else None,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
