"""Two processes on one PostgreSQL: one leads, both hear, and either may die."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import tomli_w

from tests.databases import postgres_server
from tests.kill.conftest import staged
from tests.kill.crowd import Crowd
from tests.kill.front import Front
from tests.kill.lives import SOAK
from tests.kill.nets import Net, possible, two_machines
from tests.kill.oracle import Oracle
from tests.kill.processes import Process, Stage, answers, until
from tests.kill.town import Town

TAKEN_OVER_SECONDS = 10.0  # as promised
BACK_SECONDS = 30.0
large = pytest.mark.skipif(not SOAK, reason="of the large dose")
LEADS = "本进程处理全部消息"
DEATHS = 4 if SOAK else 1
LINES_BETWEEN = 6
SHOWINGS = 2 + DEATHS


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two."""

    process: Process
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        where = {"QIDESK_WEB__HOST": self.host, "QIDESK_WEB__PORT": str(self.port)}
        self.process.start(where)
        await self.process.answering(f"{self.url}/readyz")

    async def leads(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=2)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(f"{self.url}/readyz") as answer,
            ):
                parts = json.loads(await answer.read())["parts"]
                return bool(parts) and parts["lead"]["detail"] == LEADS
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def stands_by(self) -> bool:
        return await answers(f"{self.url}/readyz") and not await self.leads()


class Pair:
    """Both behind the address that the platforms know; the first one perhaps on ``net``'s other
    machine."""

    def __init__(self, stage: Stage, net: Net | None = None) -> None:
        self._stage = stage
        self.halves = [
            self._half("first", stage.port + 2, net),
            self._half("second", stage.port + 3),
        ]
        self.front = Front([half.url for half in self.halves])

    def _half(self, name: str, port: int, net: Net | None = None) -> Half:
        stage = self._stage
        process = Process(
            name,
            ("serve", "--config", str(stage.config)),
            stage.home / f"{name}.log",
            stage.journal.history,
            inside=net.inside if net else (),
        )
        return Half(process, net.far if net else stage.host, port)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Pair"]:
        async with self.front.open(self._stage.host, self._stage.port + 1):
            try:
                for half in self.halves:
                    await half.start()
                yield self
            finally:
                for half in self.halves:
                    half.process.kill()

    async def leader(self) -> tuple[Half, Half]:
        """And the other one."""
        [leader] = [half for half in self.halves if await half.leads()]
        [other] = [half for half in self.halves if half is not leader]
        return leader, other


async def leads_soon(half: Half) -> None:
    await until(half.leads, "the other one leads", TAKEN_OVER_SECONDS)


@pytest.fixture(scope="module")
def net() -> Iterator[Net | None]:
    if not possible():
        yield None
        return
    with two_machines() as net:
        yield net


@pytest.fixture(scope="module")
def stage(net: Net | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = net.near if net else "127.0.0.1"
    with postgres_server(host) as server:
        asyncio.run(server.run("CREATE DATABASE two"))
        home: Path = tmp_path_factory.mktemp("stage")
        url = f"postgresql+asyncpg://qidesk@{host}/two"
        (home / "qidesk.toml").write_text(tomli_w.dumps({"store": {"url": url}}))
        yield from staged(home, host=host)


async def more_lines(town: Town, count: int) -> None:
    enough = len(town.journal.said) + count

    async def lively() -> bool:
        return len(town.journal.said) >= enough

    await until(lively, "people go on talking", 60)


@asynccontextmanager
async def people_at_work(stage: Stage, town: Town, pair: Pair, seed: int) -> AsyncIterator[Crowd]:
    """Before the block, beside it and after it; then everything is judged."""
    crowd = Crowd(town, seed)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        await more_lines(town, LINES_BETWEEN)
        yield crowd
        await more_lines(town, LINES_BETWEEN)
        crowd.enough()
    assert len(pair.front.answered) == 2
    await Oracle(stage.config, town).judge(showings=SHOWINGS, deaf=True)


@pytest.mark.timeout(240)
async def test_whoever_leads_and_is_killed_is_followed_by_the_other(
    stage: Stage, town: Town
) -> None:
    pair = Pair(stage)
    async with pair.open(), people_at_work(stage, town, pair, seed=21):
        for _ in range(DEATHS):
            leader, other = await pair.leader()
            leader.process.kill()
            await leads_soon(other)
            await more_lines(town, LINES_BETWEEN)
            await leader.start()


@large
@pytest.mark.timeout(240)
async def test_whoever_only_hears_may_die_at_any_time(stage: Stage, town: Town) -> None:
    pair = Pair(stage)
    async with pair.open(), people_at_work(stage, town, pair, seed=22):
        leader, other = await pair.leader()
        other.process.kill()
        await more_lines(town, LINES_BETWEEN)
        await other.start()
        assert await leader.leads()


@pytest.mark.timeout(240)
async def test_whoever_leads_and_is_cut_off_is_followed_and_stands_by_when_he_is_back(
    stage: Stage, town: Town, net: Net | None
) -> None:
    if net is None:
        pytest.skip("network namespaces are for root")
    pair = Pair(stage, net)
    async with pair.open(), people_at_work(stage, town, pair, seed=23):
        leader, other = await pair.leader()
        assert leader is pair.halves[0]
        net.cut()
        await leads_soon(other)
        await more_lines(town, LINES_BETWEEN)
        net.mend()
        await until(leader.stands_by, "the one that was cut off stands by", BACK_SECONDS)


@large
@pytest.mark.timeout(240)
async def test_whoever_leads_and_stands_still_is_followed_and_stands_by_when_he_wakes(
    stage: Stage, town: Town
) -> None:
    pair = Pair(stage)
    async with pair.open(), people_at_work(stage, town, pair, seed=24):
        leader, other = await pair.leader()
        os.kill(leader.process.pid, signal.SIGSTOP)
        await leads_soon(other)
        await more_lines(town, LINES_BETWEEN)
        os.kill(leader.process.pid, signal.SIGCONT)
        await until(leader.stands_by, "the one that stood still stands by", BACK_SECONDS)
