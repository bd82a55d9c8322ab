"""A hundred commands a second through the whole desk: heard, understood, written, shown.

The platform is a sender that takes everything at once; what is measured is ours. Latency runs from
the frame's arrival to the sender; the loop's longest pause is what anybody else would have waited.
"""

import asyncio
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

from bot import schema
from bot.app import make_router
from bot.chat.message import Ask, AskKind, Chat, FileIn, Place
from bot.chat.ports import Capabilities, Outgoing, Raw, Receipt
from bot.desk import Desk
from bot.dispatch import Dispatcher
from bot.inbox import Inbox
from bot.limits import Limits
from bot.sandbox.seed import seed
from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SystemClock
from crm.kernel.db import open_store
from crm.kernel.vault import Vault
from risk.book import Book

RATE = 100
SECONDS = 10
LINES = ("张三", "记 张三 电话 聊了螺纹套保比例,下周三回访 #套保", "zs", "待办", "80010023", "持仓")
PEOPLE = ("wangqiang", "limin", "zhaolei", "sunfang", "qianwei", "zhouting", "wuhao", "fengjun")


class Platform:
    """Shows everything at once, and remembers when."""

    def __init__(self) -> None:
        self.shown: dict[str, float] = {}

    capabilities = Capabilities(
        update_in_place=True, buttons=True, inputs=True, files=True, text_bytes=15_000
    )

    def idempotent(self, _out: Outgoing) -> bool:
        return True

    def buckets(self, _out: Outgoing) -> tuple[str, ...]:
        return ()

    async def fetch(self, _file: FileIn) -> bytes:
        return b""

    async def send(self, out: Outgoing) -> Receipt:
        self.shown.setdefault(out.reply_to, time.perf_counter())
        return Receipt()


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
    return Raw(platform="dingtalk", app="bench", key=ask.message_id, body=b"", ask=ask)


async def pauses(longest: list[float]) -> None:
    """How long the loop kept somebody waiting who asked for nothing."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        longest.append(time.perf_counter() - before - 0.001)


async def run(rate: int, seconds: int) -> None:
    folder = Path(tempfile.mkdtemp())
    clock = SystemClock(timedelta(0))
    store = open_store(f"sqlite+aiosqlite:///{folder}/b.db", Vault.create(folder / "keys"), clock)
    audit.attach(store, audit.Head(folder / "head"))
    await schema.upgrade(store)
    await seed(store, 7, 2000)
    platform, calendar = Platform(), Calendar.shipped()
    dispatcher = Dispatcher(store, {"dingtalk": platform}, Limits(clock, {}))
    heard: dict[str, float] = {}
    lag: list[float] = []
    async with Inbox(store).open() as inbox, asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(dispatcher.run())
        desk = Desk(
            store=store,
            inbox=inbox,
            router=make_router(),
            senders={"dingtalk": platform},
            calendar=calendar,
            book=Book(calendar),
        )
        async with desk.open():
            watching = tasks.create_task(pauses(lag))
            began, cpu = time.perf_counter(), time.process_time()
            for number in range(rate * seconds):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                raw = message(number, clock)
                heard[raw.key] = time.perf_counter()
                tasks.create_task(desk.hear(raw))
            async with asyncio.timeout(600):
                while len(platform.shown) < len(heard):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            cpu = time.process_time() - cpu
            took = time.perf_counter() - began
            watching.cancel()
        delivering.cancel()
    await store.close()
    waited = sorted(platform.shown[key] - at for key, at in heard.items())
    print(f"\n{rate} commands a second for {seconds} s")  # noqa: T201
    print(f"  processor time a command      {cpu / len(heard) * 1000:8.1f} ms")  # noqa: T201
    print(f"  served in                     {took:8.1f} s")  # noqa: T201
    print(f"  heard to shown, p50           {median(waited) * 1000:8.1f} ms")  # noqa: T201
    print(f"  heard to shown, p99           {quantiles(waited, n=100)[98] * 1000:8.1f} ms")  # noqa: T201
    print(f"  longest pause of the loop     {max(lag) * 1000:8.1f} ms")  # noqa: T201


def main(rate: int = RATE, seconds: int = SECONDS) -> None:
    asyncio.run(run(rate, seconds))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
