"""A day in which nobody speaks: does anything grow?

The service runs beside its far side with 2,000 clients and a market that stands still; the
sandbox's clock goes through 24 hours of a trading day with its night session, and every job that
is due runs. What grew after the first hour is what would grow for ever. ``python -m
benchmarks.idle 5`` moves the clock by five minutes at a time instead of fifteen.
"""
# ruff: noqa: T201  a benchmark prints

import asyncio
import gc
import json
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as hour
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.processes import Child, free_ports, qidesk, running
from bot import logs
from bot.commands import run
from bot.settings import load
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI, SystemClock

CLIENTS = 2_000
STEP_MINUTES = 15
BEGINS = hour(8, 30)
PAUSE_SECONDS = 0.3  # real ones after a step: what goes by the loop's own clock has its turn
REST_SECONDS = 5.0  # before a look
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """What the service holds at a moment."""

    figures: dict[str, float]
    rows: dict[str, int]  # by table


@dataclass(frozen=True, slots=True)
class Service:
    """The service under the glass: a process that tells of its inside when it gets a line."""

    child: Child
    answers: Path
    log: Path
    database: Path

    def settled(self) -> Look:
        """A look once nothing is written any more: the curves of every account come first."""
        rows: dict[str, int] = {}
        while rows != (rows := rows_of(self.database)):
            time.sleep(REST_SECONDS)
        return self._look()

    def _look(self) -> Look:
        inside = self._ask()
        memory = self.child.memory()
        files = len(list(Path(f"/proc/{self.child.process.pid}/fd").iterdir()))
        stored = sum(path.stat().st_size for path in self.database.parent.glob("qidesk.db*"))
        return Look(
            figures={
                "resident, MB": memory.resident / MB,
                "nobody else's, MB": memory.own / MB,
                **inside,
                "open files": files,
                "log lines": len(self.log.read_bytes().splitlines()),
                "database, MB": stored / MB,
            },
            rows=rows_of(self.database),
        )

    def _ask(self) -> dict[str, float]:
        known = len(self.answers.read_text().splitlines())
        stdin = self.child.process.stdin
        if stdin is None:
            raise RuntimeError("the service has no input")
        stdin.write(b"look\n")
        stdin.flush()
        end = time.monotonic() + 30
        while len(lines := self.answers.read_text().splitlines()) == known:
            if time.monotonic() > end:
                raise TimeoutError("the service does not tell")
            time.sleep(0.05)
        told: dict[str, float] = json.loads(lines[-1])
        return told


def rows_of(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        count = "SELECT count(*) FROM "  # names of our own tables
        return {
            name: connection.execute(f'{count}"{name}"').fetchone()[0]
            for (name,) in names.fetchall()
        }


async def serve(config: Path, answers: Path) -> None:
    """The service itself, which writes a line of figures for each that it reads."""
    logs.begin()
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        gc.collect()
        told = {
            "tasks": len(asyncio.all_tasks(loop)),
            "threads": threading.active_count(),
            "objects, thousands": len(gc.get_objects()) / 1000,
        }
        with answers.open("a") as file:
            file.write(json.dumps(told) + "\n")

    def read() -> None:
        for _ in sys.stdin:
            loop.call_soon_threadsafe(tell)

    threading.Thread(target=read, daemon=True).start()
    await run.serve(load(config), stop)


@contextmanager
def quiet_house(folder: Path) -> Iterator[tuple[int, Service]]:
    """Far side and service, at half past eight on a trading day with a night session."""
    port, service_port = free_ports()
    options = ("--port", str(port), "--data-dir", str(folder), "--clients", str(CLIENTS))
    with running(qidesk(folder / "far.log", "sandbox", *options, "--no-market")) as far:
        far.until_ok(port, "/sandbox/state")
        advance(port, minutes_until_begin())
        log, answers = folder / "service.log", folder / "answers"
        answers.touch()
        command = (sys.executable, "-m", "benchmarks.idle", str(folder / "qidesk.toml"))
        with running(Child((*command, str(answers)), log)) as child:
            child.until_ok(service_port)
            yield port, Service(child, answers, log, folder / "qidesk.db")


def minutes_until_begin() -> int:
    now, calendar = SystemClock().now(), Calendar.shipped()
    day = now.astimezone(SHANGHAI).date() + timedelta(days=1)
    while not (calendar.is_trading(day) and calendar.has_night(day)):
        day += timedelta(days=1)
    return int((datetime.combine(day, BEGINS, SHANGHAI) - now).total_seconds() // 60)


def advance(port: int, minutes: int) -> None:
    ask = Request(
        f"http://127.0.0.1:{port}/sandbox/clock",
        data=json.dumps({"advance": f"{minutes}m"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(ask, timeout=180):  # noqa: S310  our own address
        time.sleep(PAUSE_SECONDS)


def through(port: int, hours: int, step: int) -> None:
    for _ in range(hours * 60 // step):
        advance(port, step)


def show(first: Look, last: Look) -> None:
    print(f"\n24 hours without a user{'after an hour':>19}{'a day later':>14}{'growth':>10}")
    for name, before in first.figures.items():
        after = last.figures[name]
        print(f"  {name:<30}{before:>10.1f}{after:>14.1f}{after - before:>+10.1f}")
    grown = {name: count - first.rows.get(name, 0) for name, count in last.rows.items()}
    for name, count in grown.items():
        if count:
            before, after = first.rows.get(name, 0), last.rows[name]
            print(f"  rows of {name:<22}{before:>10}{after:>14}{count:>+10}")


def main(step: int = STEP_MINUTES) -> None:
    with tempfile.TemporaryDirectory() as name, quiet_house(Path(name)) as (port, service):
        through(port, 1, step)
        first = service.settled()
        through(port, 24, step)
        show(first, service.settled())


if __name__ == "__main__":
    match sys.argv[1:]:
        case [config, answers]:
            asyncio.run(serve(Path(config), Path(answers)))
        case [step]:
            main(int(step))
        case _:
            main()
