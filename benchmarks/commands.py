"""A hundred commands a second through the whole desk, on one core: heard, read, written, shown.

The desk and DingTalk's client run here; the platform is a process of its own that takes every card
at once. Latency runs from the message's arrival to the platform's answer; the loop's longest pause
is what anybody else would have waited. The floor is a bare aiohttp request to the same platform.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
from aiohttp import web

from bot.app.speech import make_router
from bot.chat.message import Ask, AskKind, Chat, Place
from bot.chat.ports import Outgoing, Receipt
from bot.chat.raw import Raw, raw_of
from bot.commands.run import calm
from bot.desk import Desk
from bot.inbox.ears import Ears
from bot.inbox.inbox import Inbox
from bot.outbox.dispatch import Dispatcher
from bot.outbox.limits import Limits
from bot.platforms.dingtalk.api import Api, http_session
from bot.platforms.dingtalk.client import DingTalk
from bot.platforms.dingtalk.settings import DingTalkSettings
from bot.sandbox.seed import seed
from bot.store import schema
from bot.store.bell import Bell
from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SystemClock
from crm.kernel.db import open_store
from crm.kernel.vault import Vault
from risk.book import Book

FIRST = 60  # commands before the clock runs
RATE = 100
SECONDS = 60
LINES = ("张三", "记 张三 电话 聊了螺纹套保比例,下周三回访 #套保", "zs", "待办", "80010023", "更多")
PEOPLE = ("wangqiang", "limin", "zhaolei", "sunfang", "qianwei", "zhouting", "wuhao", "fengjun")
OURS, THEIRS = 0, 1  # cores


class Watched(DingTalk):
    """DingTalk's client, remembering when the platform had an answer."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.shown: dict[str, float] = {}

    async def send(self, out: Outgoing) -> Receipt:
        receipt = await super().send(out)
        self.shown.setdefault(out.reply_to, time.perf_counter())
        return receipt


class NoPictures:
    async def read(self, name: str) -> bytes:
        raise LookupError(name)


async def platform() -> None:
    """Takes everything; says its address, then serves until it is killed."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"accessToken": "bench", "expireIn": 7200, "success": True})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201
    await asyncio.Event().wait()


@asynccontextmanager
async def far_side() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.commands", "platform", stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the platform has no output")
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


def message(number: int, clock: SystemClock) -> Raw:
    user = PEOPLE[number % len(PEOPLE)]
    ask = Ask(
        message_id=f"m{number}",
        chat=Chat(platform="dingtalk", place=Place.PRIVATE, id=user),
        user=user,
        at=clock.now(),
        kind=AskKind.TEXT,
        text=LINES[number // len(PEOPLE) % len(LINES)],
    )
    return raw_of("bench", ask)


async def first_ones(ears: Ears, shown: Mapping[str, float], clock: SystemClock) -> list[float]:
    """Seconds from heard to shown, one at a time: statements are compiled, names are loaded. What
    is measured then is a desk that has been open for a moment."""
    waited = []
    for number in range(FIRST):
        raw, began = message(number, clock), time.perf_counter()
        await ears.hear(raw)
        while raw.key not in shown:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        waited.append(shown[raw.key] - began)
    return waited


async def pauses(longest: list[float]) -> None:
    """How long the loop kept somebody waiting who asked for nothing."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        longest.append(time.perf_counter() - before - 0.005)


async def floor(address: str, count: int = 2000) -> float:
    """Seconds of processor time for one bare request."""
    async with aiohttp.ClientSession() as http:
        began = time.process_time()
        for _ in range(count):
            async with http.post(address, json={}) as answer:
                await answer.read()
        return (time.process_time() - began) / count


async def run(rate: int, seconds: int) -> None:
    os.sched_setaffinity(0, {OURS})
    calm()
    folder = Path(tempfile.mkdtemp())
    clock = SystemClock(timedelta(0))
    store = open_store(f"sqlite+aiosqlite:///{folder}/b.db", Vault.create(folder / "keys"), clock)
    audit.attach(store, audit.Head(folder / "head"))
    await schema.upgrade(store)
    await seed(store, 7, 2000)
    calendar = Calendar.shipped()
    heard: dict[str, float] = {}
    lag: list[float] = []
    async with far_side() as address:
        bare = await floor(address)
        settings = DingTalkSettings(
            client_id="bench",
            client_secret="bench",  # noqa: S106  nobody's
            api_base=address,
            oapi_base=address,
            templates={"desk": "bench"},
        )
        async with (
            http_session(settings) as http,
            Inbox(store.database).open() as inbox,
            asyncio.TaskGroup() as tasks,
        ):
            client = Watched(settings, Api(settings, http, clock), clock, NoPictures())
            shown = client.shown
            senders = {"dingtalk": client}
            bell = Bell(store.database)
            dispatcher = Dispatcher(store, senders, Limits(clock, {}), bell)
            delivering = tasks.create_task(dispatcher.run())
            desk = Desk(
                store=store,
                router=make_router(),
                senders=senders,
                calendar=calendar,
                book=Book(calendar),
                bell=bell,
            )
            async with desk.open():
                ears = Ears(inbox)
                ears.desk.put(desk)
                await desk.serve()
                watching = tasks.create_task(pauses(lag))
                cold = await first_ones(ears, shown, clock)
                began, cpu = time.perf_counter(), time.process_time()
                for number in range(rate * seconds):
                    await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                    raw = message(FIRST + number, clock)
                    heard[raw.key] = time.perf_counter()
                    tasks.create_task(ears.hear(raw))
                async with asyncio.timeout(600):
                    while not heard.keys() <= shown.keys():  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                cpu = time.process_time() - cpu
                took = time.perf_counter() - began
                watching.cancel()
            delivering.cancel()
    await store.close()
    waited = sorted(shown[key] - at for key, at in heard.items())
    each = cpu / len(heard)
    print(f"\n{rate} commands a second for {seconds} s on one core")  # noqa: T201
    print(f"  bare aiohttp request (floor)  {bare * 1000:8.2f} ms of processor time")  # noqa: T201
    print(f"  a command                     {each * 1000:8.2f} ms {each / bare:8.2f} ×")  # noqa: T201
    print(f"  the slowest of the first {FIRST}     {max(cold) * 1000:8.1f} ms, one at a time")  # noqa: T201
    print(f"  served in                     {took:8.1f} s")  # noqa: T201
    print(f"  heard to shown, p50           {median(waited) * 1000:8.1f} ms")  # noqa: T201
    print(f"  heard to shown, p99           {quantiles(waited, n=100)[98] * 1000:8.1f} ms")  # noqa: T201
    print(f"  longest pause of the loop     {max(lag) * 1000:8.1f} ms")  # noqa: T201


def main(rate: int = RATE, seconds: int = SECONDS) -> None:
    asyncio.run(run(rate, seconds))


if __name__ == "__main__":
    if sys.argv[1:] == ["platform"]:
        asyncio.run(platform())
    else:
        main(*map(int, sys.argv[1:]))
