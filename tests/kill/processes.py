"""The far side and the service as processes of their own, killed and started again."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp

from tests.kill.history import History
from tests.kill.town import Journal

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from bot.cli import main; main()")
BUSY = 1.5  # processes that want to run, for each core: then a start may take as long as it takes
STARTING_SECONDS = 60.0
FIXED_PORTS = range(20_000, 32_000, 2)


async def until(happened: Callable[[], Awaitable[bool]], what: str, seconds: float) -> None:
    """Returns when ``happened`` does. Fails by name when it does not."""
    end = time.monotonic() + seconds
    while not await happened():
        assert time.monotonic() < end, f"did not happen within {seconds} s: {what}"
        await asyncio.sleep(0.05)


def neighbours() -> int:
    """A free port whose next one is free too. Not of those that the system gives to outgoing
    connections: it would give ours away while its owner is dead."""
    while True:
        port = random.choice(FIXED_PORTS)
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


class Process:
    """One of the two, with what it wrote kept in a file."""

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        log: Path,
        history: History,
        *,
        inside: tuple[str, ...] = (),
    ) -> None:
        """``inside``: the command that starts ours, in surroundings of its own."""
        self.name = name
        self._inside = inside
        self._arguments = arguments
        self._log = log
        self._history = history
        self._child: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.lives = 0

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        clean = {name: v for name, v in os.environ.items() if not name.startswith("QIDESK_")}
        self.started_at = time.monotonic()
        self.lives += 1
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [*self._inside, *COMMAND, *self._arguments],
                cwd=ROOT,
                env={**clean, **(environ or {})},
                stdout=log,
                stderr=log,
            )
        self._history.note("started", name=self.name, life=self.lives, **(environ or {}))

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def starved(self) -> float:
        """Seconds for which it wanted to run and others did."""
        try:
            waited = Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]
        except OSError:
            return 0.0
        return int(waited) / 1e9

    def kill(self) -> None:
        """SIGKILL; it has no word in it."""
        if self._child is not None:
            if self.alive:
                self._history.note("killed", name=self.name, life=self.lives)
            self._child.kill()
            self._child.wait()

    def stop(self) -> None:
        """SIGTERM; it ends in order."""
        if self._child is not None and self.alive:
            self._child.terminate()
            self._child.wait(STARTING_SECONDS)

    async def death(self, seconds: float = 20.0) -> int:
        """The signal that it died by, without our doing."""

        async def dead() -> bool:
            return not self.alive

        await until(dead, "the death at the crash point", seconds)
        assert self._child is not None
        self._history.note("died", name=self.name, life=self.lives)
        return -int(self._child.returncode)

    async def answering(self, url: str) -> None:
        """Returns when it does. Fails with its last words when it ended instead."""

        async def answering_or_dead() -> bool:
            return not self.alive or await answers(url)

        await until(answering_or_dead, url, STARTING_SECONDS)
        assert self.alive, self._log.read_text(errors="replace")[-2000:]


async def answers(url: str) -> bool:
    """Whether ``url`` gives 200 now."""
    timeout = aiohttp.ClientTimeout(total=2)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


class Stage:
    """Both sides on one data directory."""

    def __init__(self, home: Path, host: str = "127.0.0.1") -> None:
        self.home = home
        self.host = host
        self.port = neighbours()
        self.url = f"http://{host}:{self.port}"
        self.config = home / "qidesk.toml"
        address = ("--host", host, "--port", str(self.port))
        options = (*address, "--data-dir", str(home), "--clients", "200")
        history = History(home / "history.jsonl")
        self.journal = Journal(history)
        self.far = Process(
            "far side", ("sandbox", *options, "--no-market"), home / "far.log", history
        )
        self.service = Process(
            "service", ("serve", "--config", str(self.config)), home / "service.log", history
        )

    async def open_far(self) -> None:
        self.far.start()
        await self.far.answering(f"{self.url}/sandbox/state")

    async def open_service(self, **environ: str) -> None:
        """Returns when it is ready; nothing is done when it runs already. How long that took, less
        the time in which others had the processor, is judged with the history."""
        if self.service.alive:
            return
        self.service.start(environ)
        ready = f"http://{self.host}:{self.port + 1}/readyz"
        await self.service.answering(ready)
        took = time.monotonic() - self.service.started_at - self.service.starved()
        busy = os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)
        self.journal.history.note("ready", seconds=round(took, 3), machine_busy=busy)

    def close(self) -> None:
        """Whatever a test left running."""
        self.service.kill()
        self.far.kill()


KILLED = int(signal.SIGKILL)
