"""The service and what stands beside it, each a process of its own, measured from outside."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

QIDESK = (sys.executable, "-c", "from bot.cli import main; main()")
NOT_OURS = ("QIDESK_", "PYTHONDONTWRITEBYTECODE")  # as installed: what was compiled once is kept
LOOK_SECONDS = 0.004
LONGEST_SECONDS = 120.0
KB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: resident in all, and the part that is nobody else's."""

    resident: int
    own: int


class Child:
    """A process and when it began."""

    def __init__(self, command: Sequence[str], log: Path, **environ: str) -> None:
        clean = {name: v for name, v in os.environ.items() if not name.startswith(NOT_OURS)}
        self._log = log
        self._began = time.perf_counter()
        with log.open("ab") as out:
            self.process = subprocess.Popen(  # noqa: S603  our own commands
                command, env={**clean, **environ}, stdin=subprocess.PIPE, stdout=out, stderr=out
            )

    def until_ok(self, port: int, path: str = "/readyz") -> float:
        """Seconds from its start to the first 200. Raises RuntimeError with its last words."""
        while not is_ok(port, path):
            if self.process.poll() is not None or self.age > LONGEST_SECONDS:
                words = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"never ready: {words}")
            time.sleep(LOOK_SECONDS)
        return self.age

    @property
    def age(self) -> float:
        return time.perf_counter() - self._began

    def memory(self) -> Memory:
        told = _rollup(self.process.pid)
        own = told["Private_Clean"] + told["Private_Dirty"]
        return Memory(resident=told["Rss"] * KB, own=own * KB)

    def cpu_seconds(self) -> float:
        """Of processor time so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """SIGKILL: it has no word in it."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM: it ends in order."""
        self.process.terminate()
        self.process.wait(LONGEST_SECONDS)


@contextmanager
def running(child: Child) -> Iterator[Child]:
    try:
        yield child
    finally:
        child.kill()


def qidesk(log: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Child:
    return Child((*QIDESK, *arguments), log, **(environ or {}))


def is_ok(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_ports() -> tuple[int, int]:
    """Two neighbours, not of those that the system gives to outgoing connections."""
    for port in range(20_000 + os.getpid() % 5_000 * 2, 32_000, 2):
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port, port + 1
    raise RuntimeError("no free port")


def _rollup(pid: int) -> dict[str, int]:
    """Kilobytes by name."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name.rstrip(":"): int(kb) for name, kb, *_ in map(str.split, lines)}
