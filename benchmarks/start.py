"""From a process's start to ``/readyz`` saying 200, and what it then holds in memory.

The service stands as at a broker: 2,000 clients, DingTalk and WeCom connected (their far side is
another process), trading data pushed, nobody speaking. The floor is a bare aiohttp hello, started
in turn with it. ``after SIGKILL`` is the same service while 100,000 items wait in the outbox and
DingTalk does not answer; its floor is the start without them.
"""
# ruff: noqa: T201  a benchmark prints

import asyncio
import json
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

import tomli_w
from sqlalchemy import insert, select

from benchmarks.processes import Child, Memory, free_ports, qidesk, running
from bot.chat import codec
from bot.chat.message import Chat, Text
from bot.chat.message import Place as Where
from bot.chat.ports import Outgoing
from bot.models import Out
from bot.outbox import outbox
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store, table
from crm.kernel.vault import Vault
from tests.databases import MISSING, Server, binaries, postgres_server

CLIENTS = 2_000
WAITING = 100_000
AT_ONCE = 5_000
ROUNDS = 5
WORDS = Text(text="今天收盘后有 3 位客户需要追加保证金，请联系。")
FLOOR = "bare aiohttp hello (floor)"
SQLITE = "sqlite+aiosqlite:///"
REST_SECONDS = 5.0  # after which it is idle
HELLO = """
import sys
from aiohttp import web

async def ready(_):
    return web.Response(text="hello")

app = web.Application()
app.router.add_get("/readyz", ready)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """Of one start."""

    seconds: float
    cpu_seconds: float
    memory: Memory


Start = Callable[[], Figure]


@dataclass(frozen=True, slots=True)
class Desk:
    """A service that may be started: its settings, its port, its store."""

    config: Path
    port: int
    store_url: str

    def measured(self) -> Figure:
        log = self.config.with_suffix(".log")
        return measured(qidesk(log, "serve", "--config", str(self.config)), self.port)


def measured(child: Child, port: int) -> Figure:
    """A child from its start to its rest; then it is killed."""
    with running(child):
        seconds = child.until_ok(port)
        cpu = child.cpu_seconds()
        time.sleep(REST_SECONDS)
        return Figure(seconds, cpu, child.memory())


def hello(folder: Path) -> Figure:
    port, _ = free_ports()
    command = (sys.executable, "-c", HELLO, str(port))
    return measured(Child(command, folder / "hello.log"), port)


@contextmanager
def far_side(folder: Path) -> Iterator[tuple[int, int]]:
    """Platforms and an invented broker; its port and the service's."""
    port, service_port = free_ports()
    options = ("--port", str(port), "--data-dir", str(folder), "--clients", str(CLIENTS))
    with running(qidesk(folder / "far.log", "sandbox", *options, "--no-market")) as far:
        far.until_ok(port, "/sandbox/state")
        yield port, service_port


def furnished(folder: Path, port: int, name: str, store_url: str) -> Desk:
    """A broker's desk on a filled store."""
    config = folder / "qidesk.toml"
    environ = {"QIDESK_STORE__URL": store_url}
    with running(
        qidesk(folder / "fill.log", "serve", "--config", str(config), environ=environ)
    ) as first:
        first.until_ok(port)
        first.stop()
    told = tomllib.loads(config.read_text())
    for section in ("sandbox", "outbox"):
        del told[section]
    told["sources"] = {"counter": {"kind": "push"}}
    told["store"] = {"url": store_url}
    mine = folder / f"{name}.toml"
    mine.write_text(tomli_w.dumps(told))
    mine.chmod(0o600)
    return Desk(mine, port, store_url)


async def fill_outbox(desk: Desk, count: int) -> None:
    """Words for ``CLIENTS`` people; the first row is put as a command puts it, the others are
    like it."""
    keys = Path(tomllib.loads(desk.config.read_text())["security"]["key_file"])
    store = open_store(desk.store_url, Vault(keys), SystemClock())
    try:
        first = await _first_row(store)
        for start in range(0, count, AT_ONCE):
            rows = [_row_like(first, number) for number in range(start, start + AT_ONCE)]
            async with store.writing() as session:
                await session.execute(insert(table(Out)), rows)
    finally:
        await store.close()


async def _first_row(store: Store) -> dict[str, object]:
    chat = Chat(platform="dingtalk", place=Where.PRIVATE, id="bench")
    envelope = outbox.Envelope(chat=chat, why="bench")
    async with store.writing() as session:
        await outbox.put(session, envelope, WORDS)
        number = outbox.newest(session).id
    async with store.reading() as session:
        rows = await session.execute(select(table(Out)).where(table(Out).c.id == number))
    return {name: value for name, value in rows.mappings().one().items() if name != "id"}


def _row_like(first: Mapping[str, object], number: int) -> dict[str, object]:
    out: Outgoing = codec.load_outgoing(str(first["item"]))
    user = f"bench{number % CLIENTS}"
    out = replace(out, key=f"bench{number}", chat=replace(out.chat, id=user))
    item = codec.dump(out).decode()
    return {**first, "key": out.key, "lane": f"dingtalk:{user}", "item": item}


def silence(port: int) -> None:
    """DingTalk answers no call for as long as a fault may last."""
    body = {"platform": "dingtalk", "kind": "hang", "count": 1_000_000, "seconds": 600}
    ask = Request(
        f"http://127.0.0.1:{port}/sandbox/faults",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(ask, timeout=10):  # noqa: S310  our own address
        pass


def in_turn(starts: Mapping[str, Start]) -> dict[str, list[Figure]]:
    figures: dict[str, list[Figure]] = {name: [] for name in starts}
    for _ in range(ROUNDS):
        for name, start in starts.items():
            figures[name].append(start())
    return figures


def show(title: str, figures: Mapping[str, list[Figure]], floors: Mapping[str, str]) -> None:
    """Medians, and how many times the floor's they are."""
    print(f"\n{title}, medians of {ROUNDS}")
    for name, each in figures.items():
        print(f"  {name}")
        for what, unit, figure in MEASURES:
            found, floor = (median(map(figure, some)) for some in (each, figures[floors[name]]))
            print(f"    {what:<42}{found:>10.2f} {unit:<4}{found / floor:>8.2f} ×")


MB = 1024 * 1024
MEASURES: tuple[tuple[str, str, Callable[[Figure], float]], ...] = (
    ("ready", "s", lambda figure: figure.seconds),
    ("processor time until then", "s", lambda figure: figure.cpu_seconds),
    ("idle, resident", "MB", lambda figure: figure.memory.resident / MB),
    ("idle, nobody else's", "MB", lambda figure: figure.memory.own / MB),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is; ``copy`` makes another one like it while nobody is there."""

    url: str
    copy: Callable[[], str]


@contextmanager
def places(folder: Path) -> Iterator[dict[str, Place]]:
    """On each database that is here."""
    found = {"SQLite": Place(f"{SQLITE}{folder}/qidesk.db", partial(copy_file, folder))}
    with ExitStack() as stack:
        try:
            binaries()
        except FileNotFoundError:
            print(MISSING)
        else:
            server = stack.enter_context(postgres_server())
            asyncio.run(server.run("CREATE DATABASE bench"))
            found["PostgreSQL"] = Place(server.url("bench"), partial(copy_database, server))
        yield found


def copy_file(folder: Path) -> str:
    shutil.copy(folder / "qidesk.db", folder / "waiting.db")
    return f"{SQLITE}{folder}/waiting.db"


def copy_database(server: Server) -> str:
    asyncio.run(server.run("CREATE DATABASE waiting TEMPLATE bench"))
    return server.url("waiting")


def crowded(desk: Desk, store_url: str) -> Desk:
    """The same desk on a copy of its store in which very much waits, killed amid it once."""
    config = desk.config.with_stem(f"{desk.config.stem}-waiting")
    told = tomllib.loads(desk.config.read_text())
    config.write_text(tomli_w.dumps({**told, "store": {"url": store_url}}))
    config.chmod(0o600)
    copy = replace(desk, config=config, store_url=store_url)
    asyncio.run(fill_outbox(copy, WAITING))
    copy.measured()
    return copy


def main() -> None:
    with tempfile.TemporaryDirectory() as name, places(Path(name)) as stores:
        folder = Path(name)
        with far_side(folder) as (far, port):
            starts: dict[str, Start] = {FLOOR: partial(hello, folder)}
            floors = {FLOOR: FLOOR}
            for kind, place in stores.items():
                desk = furnished(folder, port, kind, place.url)
                full = crowded(desk, place.copy())
                plain, after = f"qidesk serve, {kind}", f"{kind}, {WAITING:,} waiting after SIGKILL"
                starts |= {plain: desk.measured, after: full.measured}
                floors |= {plain: FLOOR, after: plain}
            silence(far)
            show("from start to ready", in_turn(starts), floors)


if __name__ == "__main__":
    main()
