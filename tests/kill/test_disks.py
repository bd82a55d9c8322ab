"""Given a disk that is slow, stands still, or can only be read, or a file that another holds: what
was not kept is not acknowledged, /readyz says in words what is wrong, and all is served once."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
import tomli_w

from tests.kill.conftest import staged
from tests.kill.crowd import Crowd
from tests.kill.lives import SHOWINGS, SOAK, SOAK_SECONDS
from tests.kill.oracle import Oracle
from tests.kill.processes import COMMAND, ROOT, Stage, until
from tests.kill.town import PLATFORMS, Seat, Town, town_of

SPANS = (1.0, 8.0, 40.0)  # seconds; the program waits for ten for another that writes
TIMES = 40 if SOAK else 4
READY = 5.0  # seconds, as promised
STILL = 30.0 if SOAK else 3.0
large = pytest.mark.skipif(not SOAK, reason="of the large dose")
HOLD_DATABASE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
database.execute("BEGIN EXCLUSIVE")
print(flush=True)
sys.stdin.read()
"""
HOLD_FILE = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""
ONLY_READ = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
ALONE = ("unshare", "-m", "sh", "-c")
NEEDED = ("mkfs.ext4", "mount", "fsfreeze", "e2fsck", "unshare")


@contextmanager
def held(file: Path, how: str) -> Iterator[None]:
    """By another process, for as long as the block lasts."""
    command = [sys.executable, "-c", how, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=60)


class Volume:
    """A file system of its own, in a file."""

    def __init__(self, home: Path) -> None:
        self.path = home / "volume"
        self._image = home / "image"

    def make(self) -> None:
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(1 << 30)
        run("mkfs.ext4", "-q", "-e", "remount-ro", self._image)
        self.mount()

    def mount(self) -> None:
        run("mount", "-o", "loop", self._image, self.path)

    def unmount(self) -> None:
        run("umount", self.path)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Whoever writes waits."""
        run("fsfreeze", "--freeze", self.path)
        try:
            yield
        finally:
            run("fsfreeze", "--unfreeze", self.path)

    def abort(self) -> None:
        """As the kernel does when the disk fails: from now on it can only be read."""
        run("mount", "-o", "remount,abort", self.path)

    def mend(self) -> None:
        self.unmount()
        subprocess.run(["e2fsck", "-fy", self._image], capture_output=True, timeout=60, check=False)
        self.mount()


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"a file system of one's own takes root and {' '.join(missing) or 'tools'}")
    volume = Volume(tmp_path_factory.mktemp("disk"))
    try:
        volume.make()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.decode()}")
    yield volume
    volume.unmount()


@pytest.fixture(scope="module")
def on_volume(
    volume: Volume, filled: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage whose database alone lies there."""
    home = tmp_path_factory.mktemp("stage")
    shutil.copy(filled / "qidesk.db", volume.path)
    store = {"url": f"sqlite+aiosqlite:///{volume.path}/qidesk.db"}
    (home / "qidesk.toml").write_text(tomli_w.dumps({"store": store}))
    yield from staged(home, filled)


async def parts(stage: Stage) -> tuple[int, dict[str, str]]:
    """The status of /readyz, and what it says of each part."""
    url = f"http://127.0.0.1:{stage.port + 1}/readyz"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        told = await response.json()
        return response.status, {name: part["detail"] for name, part in told["parts"].items()}


async def is_ready(stage: Stage) -> None:
    async def is_it() -> bool:
        return (await parts(stage))[0] == 200

    await until(is_it, "/readyz is well again", READY)


async def says(stage: Stage, *words: str) -> None:
    """Returns when /readyz is not ready and says one of these."""

    async def is_said() -> bool:
        status, told = await parts(stage)
        return status == 503 and any(each in told["store"] for each in words)

    await until(is_said, f"/readyz says {words}", 15)


class TestADatabaseThatAnotherProgramHolds:
    @pytest.mark.parametrize("platform", [PLATFORMS[0], pytest.param(PLATFORMS[1], marks=large)])
    async def test_for_too_long_is_said_and_nothing_is_acknowledged_meanwhile(
        self, stage: Stage, town: Town, platform: str
    ) -> None:
        await stage.open_service()
        wang = Seat(platform, "wangqiang")
        with held(stage.home / "qidesk.db", HOLD_DATABASE):
            said = await town.log(wang, town.accounts["wangqiang"][0])
            await says(stage, "占用")

            async def came_again() -> bool:
                return await town.deliveries(said) >= 2

            await until(came_again, "the platform delivers it again", 30)
            assert await town.waiting() == 1
            assert stage.service.alive
        await Oracle(stage.config, town).judge()
        await is_ready(stage)

    @large
    async def test_under_load_is_only_a_delay(self, stage: Stage, town: Town) -> None:
        await stage.open_service()
        crowd = Crowd(town, seed=21)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.live())
            for seconds in SPANS:
                await asyncio.sleep(0.5)
                with held(stage.home / "qidesk.db", HOLD_DATABASE):
                    await asyncio.sleep(seconds)
            await asyncio.sleep(0.5)
            crowd.enough()
        assert stage.service.alive
        await Oracle(stage.config, town).judge(showings=SHOWINGS)

    async def test_the_trails_head_that_another_holds_keeps_nobody_waiting(
        self, stage: Stage, town: Town
    ) -> None:
        await stage.open_service()
        wang = Seat(PLATFORMS[0], "wangqiang")
        with held(stage.home / "qidesk.head", HOLD_FILE):
            async with asyncio.timeout(10):
                for account in town.accounts["wangqiang"][:3]:
                    await town.answer_to(await town.log(wang, account))
        await Oracle(stage.config, town).judge()


class TestADisk:
    @large
    @pytest.mark.timeout(SOAK_SECONDS if SOAK else 180)
    async def test_that_is_slow_and_then_stands_still_is_only_a_delay(
        self, volume: Volume, on_volume: Stage
    ) -> None:
        stage = on_volume
        await stage.open_service()
        async with town_of(stage.url, stage.journal) as town:
            crowd = Crowd(town, seed=22, desks=False)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(crowd.live())
                for seconds in (*[0.3] * TIMES, STILL):
                    with volume.still():
                        await asyncio.sleep(seconds)
                    await asyncio.sleep(0.05)
                crowd.enough()
            assert stage.service.alive
            await Oracle(stage.config, town).judge(showings=SHOWINGS)

    async def test_that_can_only_be_read_takes_nothing_and_is_said(
        self, volume: Volume, on_volume: Stage
    ) -> None:
        stage = on_volume
        await stage.open_service()
        async with town_of(stage.url, stage.journal) as town:
            oracle, wang = Oracle(stage.config, town), Seat(PLATFORMS[1], "wangqiang")
            volume.abort()
            said = await town.log(wang, town.accounts["wangqiang"][0])

            async def came_again() -> bool:
                return await town.deliveries(said) >= 2

            await until(came_again, "the platform delivers it again", 30)
            await says(stage, "只能读", "读写出错")
            assert await town.waiting() == 1
            assert stage.service.alive
            stage.service.kill()
            volume.mend()
            await stage.open_service()
            await oracle.judge(showings=SHOWINGS)


class TestAVolumeThatCanOnlyBeRead:
    @pytest.mark.parametrize(
        "command",
        [
            ("serve",),
            ("db", "backup", "{home}/now.zip"),
            pytest.param(("db", "upgrade"), marks=large),
        ],
        ids=str,
    )
    def test_stops_a_command_with_one_sentence(
        self, volume: Volume, filled: Path, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        home = shutil.copytree(filled, tmp_path / "home")
        store = {"url": f"sqlite+aiosqlite:///{home}/qidesk.db"}
        settings = {"store": store, "security": {"key_file": f"{home}/qidesk.keys"}}
        (home / "qidesk.toml").write_text(tomli_w.dumps(settings))
        words = [word.format(home=home) for word in command]
        done = subprocess.run(
            [*ALONE, ONLY_READ, str(home), *COMMAND, *words, "--config", str(home / "qidesk.toml")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = [line for line in done.stderr.splitlines() if line]
        assert (done.returncode, len(said)) == (1, 1), done.stderr
        assert "只能读" in said[0]
