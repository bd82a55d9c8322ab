"""The unit is sound and closed, and the service tells systemd what it waits for."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.app.systemd import told_to_systemd
from bot.chat.ports import Health
from crm.kernel.db import Store
from crm.kernel.vault import Vault
from tests.deploy.desk import Desk

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("qidesk.service", "qidesk-backup.service", "qidesk-backup.timer")
EXPOSED_AT_MOST = 20  # tenths: "OK"; an ordinary service has 96
PATIENCE = 30.0
PRESENT = Path("/bin/true")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here"
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


@needs_systemd
def test_systemd_reads_the_units_without_a_complaint(tmp_path: Path) -> None:
    for unit in UNITS:
        # the program itself is not installed on this machine, and its path is not the question
        text = (DEPLOY / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(text.replace("/opt/qidesk/current/bin/qidesk", str(PRESENT)))
    told = analyze("verify", "--man=no", *(str(tmp_path / unit) for unit in UNITS))
    ours = [line for line in told.stderr.splitlines() if "qidesk" in line]
    assert (ours, told.returncode) == ([], 0)


@needs_systemd
@pytest.mark.parametrize("unit", ["qidesk.service", "qidesk-backup.service"])
def test_systemd_finds_little_exposed(unit: str) -> None:
    told = analyze(
        "security",
        "--offline=true",
        f"--threshold={EXPOSED_AT_MOST}",
        "--no-pager",
        str(DEPLOY / unit),
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_service_and_its_backup_are_closed_in_the_same_way() -> None:
    def closed(unit: str) -> dict[str, str]:
        text = (DEPLOY / unit).read_text(encoding="utf-8")
        return dict(
            re.findall(
                r"^((?:Protect|Private|Restrict|Lock|Memory|NoNew)\w+)=(.*)$", text, re.MULTILINE
            )
        )

    assert closed("qidesk.service") == closed("qidesk-backup.service") != {}


@dataclass
class Systemd:
    """The far end of the socket."""

    socket: socket.socket
    address: str
    heard: list[str] = field(default_factory=list)

    async def hear(self, wanted: str) -> None:
        """Returns when this was said."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while True:
                self.heard.append((await loop.sock_recv(self.socket, 4096)).decode())
                if self.heard[-1].startswith(wanted):
                    return

    def count(self, word: str) -> int:
        return sum(each.startswith(word) for each in self.heard)


@contextmanager
def systemd_at(name: str) -> Iterator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        listening.setblocking(False)
        yield Systemd(listening, name)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with systemd_at(str(tmp_path / "notify")) as far_end:
        yield far_end


def environ_of(systemd: Systemd, watchdog_seconds: float = 0.3) -> dict[str, str]:
    return {
        "NOTIFY_SOCKET": systemd.address,
        "WATCHDOG_USEC": str(int(watchdog_seconds * 1e6)),
    }


async def test_it_is_ready_when_people_are_served_and_alive_from_then_on(
    systemd: Systemd, store: Store
) -> None:
    async with told_to_systemd(lambda: Desk(store), environ_of(systemd)):
        await systemd.hear("READY=1")
        for _ in range(3):
            await systemd.hear("WATCHDOG=1")
    await systemd.hear("STOPPING=1")
    assert systemd.count("READY=1") == 1


async def test_while_a_platform_is_away_it_asks_for_time_and_says_why(
    systemd: Systemd, store: Store
) -> None:
    desk = Desk(store, Health(ok=False, detail="没有连接\nREADY=1"))
    async with told_to_systemd(lambda: desk, environ_of(systemd)):
        for _ in range(3):
            await systemd.hear("EXTEND_TIMEOUT_USEC=300000")
        assert "STATUS=dingtalk 没有连接 READY=1；source.counter 没有数据" in systemd.heard
        assert systemd.count("READY=1") == systemd.count("WATCHDOG=1") == 0
        desk.adapter = Health(ok=True, detail="")
        await systemd.hear("READY=1")


async def test_a_platform_that_goes_away_later_is_said_and_ends_nothing(
    systemd: Systemd, store: Store
) -> None:
    desk = Desk(store)
    async with told_to_systemd(lambda: desk, environ_of(systemd)):
        await systemd.hear("READY=1")
        desk.adapter = Health(ok=False, detail="断开了")
        await systemd.hear("STATUS=dingtalk 断开了")
        await systemd.hear("WATCHDOG=1")


async def test_an_abstract_address_is_understood(store: Store) -> None:
    with systemd_at(f"@qidesk-test-{os.getpid()}") as far_end:
        async with told_to_systemd(lambda: Desk(store), environ_of(far_end)):
            await far_end.hear("READY=1")


async def test_a_far_end_that_is_gone_ends_nothing(tmp_path: Path, store: Store) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "30000"}
    async with told_to_systemd(lambda: Desk(store), environ):
        await asyncio.sleep(0.1)  # three words into the void


async def test_without_systemd_nothing_is_told(store: Store) -> None:
    before = asyncio.all_tasks()
    async with told_to_systemd(lambda: Desk(store), {}):
        assert asyncio.all_tasks() == before


@asynccontextmanager
async def serving(
    config: Path, environ: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as the unit runs it."""
    program = "from bot.cli import main; main()"
    command = ("-c", program, "serve", "--config", str(config))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env={**os.environ, **environ},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_program_tells_its_whole_life(
    systemd: Systemd, sqlite_url: str, vault: Vault, tmp_path: Path
) -> None:
    config = tmp_path / "qidesk.toml"
    config.write_text(
        f'[store]\nurl = "{sqlite_url}"\n[web]\nport = 0\n[security]\nkey_file = "{vault.path}"\n'
    )
    async with serving(config, environ_of(systemd)) as process:
        await systemd.hear("READY=1")
        await systemd.hear("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        await systemd.hear("STOPPING=1")
        assert await process.wait() == 0
