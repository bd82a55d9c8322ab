"""WeCom's callback: verified, decrypted, durably stored, answered, with many commands registered.

``bare`` is the same aiohttp server with a handler that reads the body and returns a constant. The
server is a process of its own; this one is WeCom, with every message sealed before the clock runs.
Saturated means ``CONNECTIONS`` requests under way at once; the other load is ``RATE`` a second,
each request when its time has come, whether or not the last one is answered.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from aiohttp import web

from benchmarks.table import ROUNDS, interleaved, show
from bot.platforms.wecom.crypto import Crypto

if TYPE_CHECKING:
    from bot.router import Router

SATURATING = 6_000
CONNECTIONS = 64
WARMING = 500
RATE = 300
SECONDS = 4
CORP, AGENT = "wwbench0000000000", "1000007"
TOKEN, AES_KEY = "benchToken", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
MESSAGE = (
    "<xml><ToUserName><![CDATA[{corp}]]></ToUserName><FromUserName><![CDATA[am{person}]]>"
    "</FromUserName><CreateTime>{at}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[记 张三 电话 聊了螺纹套保比例]]></Content><MsgId>{number}</MsgId>"
    "<AgentID>{agent}</AgentID></xml>"
)
ENVELOPE = (
    "<xml><ToUserName><![CDATA[{corp}]]></ToUserName><AgentID><![CDATA[{agent}]]></AgentID>"
    "<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
)


def requests(count: int) -> list[bytes]:
    """Whole HTTP requests, all different, signed now."""
    crypto, at = Crypto(TOKEN, AES_KEY, CORP), str(int(time.time()))
    return [_request(crypto, at, number) for number in range(count)]


def _request(crypto: Crypto, at: str, number: int) -> bytes:
    plain = MESSAGE.format(
        corp=CORP, agent=AGENT, person=number % 50, at=at, number=10**18 + number
    )
    encrypted, nonce = crypto.encrypt(plain.encode()), f"{number:010}"
    signed = {"timestamp": at, "nonce": nonce}
    query = {"msg_signature": crypto.signature(at, nonce, encrypted), **signed}
    body = ENVELOPE.format(corp=CORP, agent=AGENT, encrypted=encrypted).encode()
    head = (
        f"POST /wecom/callback?{urlencode(query)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"User-Agent: Mozilla/4.0\r\nAccept: */*\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# The server's process


async def bare(_commands: int, app: web.Application) -> None:
    """The floor: the body is read, the answer is a constant."""

    async def receive(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app.router.add_post("/wecom/callback", receive)
    await asyncio.Event().wait()


def router_of(commands: int) -> "Router":
    from bot.chat.reply import Reply
    from bot.router import Router

    async def handle(_turn: object, _session: object) -> Reply:
        return Reply()

    router = Router()
    for number in range(commands):
        router.command(f"verb{number}")(handle)
    return router


async def ours(commands: int, app: web.Application) -> None:
    from bot.chat.message import Card
    from bot.chat.raw import Raw
    from bot.inbox.inbox import Inbox
    from bot.platforms.wecom.callback import callback_routes
    from bot.platforms.wecom.client import open_wecom
    from bot.platforms.wecom.reception import Reception
    from bot.platforms.wecom.settings import WeComSettings
    from bot.store import schema
    from crm.kernel.clock import SystemClock
    from crm.kernel.db import open_store
    from crm.kernel.vault import Vault
    from tests.fakes.wecom_notes import MemoryNotes

    router = router_of(commands)

    class NoBlobs:
        async def read(self, name: str) -> bytes:
            raise FileNotFoundError(name)

    folder, clock = Path(tempfile.mkdtemp()), SystemClock()
    store = open_store(f"sqlite+aiosqlite:///{folder}/b.db", Vault.create(folder / "keys"), clock)
    await schema.upgrade(store)
    settings = WeComSettings(
        corp_id=CORP,
        agent_id=AGENT,
        secret="bench",  # noqa: S106 - invented
        token=TOKEN,
        encoding_aes_key=AES_KEY,
    )
    async with (
        Inbox(store.database).open() as inbox,
        open_wecom(settings, clock, NoBlobs(), MemoryNotes(clock)) as wecom,
    ):

        async def hear(raw: Raw) -> bool:
            return (await inbox.store(raw)).fresh

        async def hear_click(_raw: Raw) -> Card | None:
            return None

        reception = Reception(wecom, hear, hear_click)
        app.add_routes(callback_routes(lambda: reception.callback))
        await asyncio.Event().wait()
    del router  # kept until here, as the service keeps its own


async def serve(kind: str, commands: int) -> None:
    """Tells its port, then its processor time whenever it is asked."""
    app = web.Application(client_max_size=1 << 20)
    running = asyncio.ensure_future((bare if kind == "bare" else ours)(commands, app))
    while not app.router.routes():
        if running.done():
            running.result()
        await asyncio.sleep(0.01)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    if kind != "bare":
        from bot.commands.run import calm

        calm()  # as the service is
    print(runner.addresses[0][1], flush=True)  # noqa: T201
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)  # noqa: T201
    await runner.cleanup()
    running.cancel()


# WeCom's


class Connection(asyncio.Protocol):
    """One request at a time, its answer awaited."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.answered: Callable[[bytes], None] = lambda _: None
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.data.endswith(b"\r\n\r\n"):  # neither answer has a body
            data, self.data = self.data, b""
            self.answered(data)

    def ask(self, request: bytes, answered: Callable[[bytes], None]) -> None:
        self.answered = answered
        self.transport.write(request)


async def saturated(hands: Sequence[Connection], asked: Sequence[bytes]) -> list[float]:
    """Each hand asks again as soon as it is answered."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = iter(asked)
    waits: list[float] = []

    def go_on(hand: Connection) -> None:
        request = next(left, None)
        if request is None:
            return
        began = time.perf_counter()

        def answered(data: bytes) -> None:
            check(data)
            waits.append(time.perf_counter() - began)
            if len(waits) == len(asked):
                done.set_result(None)
            go_on(hand)

        hand.ask(request, answered)

    for hand in hands:
        go_on(hand)
    await done
    return waits


async def steady(hands: Sequence[Connection], asked: Sequence[bytes]) -> list[float]:
    """``RATE`` a second; a wait begins when its request was due."""
    free, began = list(hands), time.perf_counter()
    waits: list[float] = []
    for number, request in enumerate(asked):
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        while not free:  # noqa: ASYNC110 - the server cannot keep up: the wait goes on
            await asyncio.sleep(0.001)
        hand = free.pop()

        def answered(data: bytes, hand: Connection = hand, due: float = due) -> None:
            check(data)
            waits.append(time.perf_counter() - due)
            free.append(hand)

        hand.ask(request, answered)
    while len(waits) < len(asked):  # noqa: ASYNC110 - the last ones
        await asyncio.sleep(0.001)
    return waits


def check(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer.decode())


async def measure(kind: str, commands: int, load: str) -> tuple[float, float]:
    """Microseconds of the server's processor time a request, and the median wait."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.callback", kind, str(commands)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    to, back = process.stdin, process.stdout
    if to is None or back is None:
        raise RuntimeError("a process without pipes")

    async def spent() -> float:
        to.write(b"\n")
        return float(await back.readline())

    async with asyncio.timeout(120):
        port = int(await back.readline())
        loop = asyncio.get_running_loop()
        hands = [
            (await loop.create_connection(Connection, "127.0.0.1", port))[1]
            for _ in range(CONNECTIONS)
        ]
        count = SATURATING if load == "saturated" else RATE * SECONDS
        asked = requests(WARMING + count)
        await saturated(hands, asked[:WARMING])
        before = await spent()
        waits = await (saturated if load == "saturated" else steady)(hands, asked[WARMING:])
        cpu = await spent() - before
        for hand in hands:
            hand.transport.close()
        to.close()
        await process.wait()
    return cpu / count * 1e6, median(waits) * 1e6


FLOOR = "bare aiohttp handler, a constant"
FEW, MANY = 20, 2000
CALLS = 100_000


def name_of(commands: int) -> str:
    return f"qidesk, {commands} commands registered"


def table(load: str, counts: Sequence[int]) -> tuple[dict[str, float], dict[str, float]]:
    """Medians of processor time and of the median wait; the servers take turns."""
    servers = {FLOOR: ("bare", 0)} | {name_of(count): ("ours", count) for count in counts}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (kind, commands) in servers.items():
            found[name].append(asyncio.run(measure(kind, commands, load)))
    cpu = {name: median(one for one, _ in rounds) for name, rounds in found.items()}
    waits = {name: median(one for _, one in rounds) for name, rounds in found.items()}
    return cpu, waits


def dispatch(commands: int) -> float:
    """Microseconds from a verb to its handler and back."""
    router = router_of(commands)
    said = [SimpleNamespace(verb=f"verb{number % commands}") for number in range(CALLS)]

    async def call() -> float:
        before = time.process_time()
        for one in said:
            await router.answer(cast("Any", SimpleNamespace(click=None, said=one)), cast("Any", 0))
        return time.process_time() - before

    return asyncio.run(call()) / CALLS * 1e6


def main() -> None:
    cpu, _ = table("saturated", (FEW, 200, MANY))
    show("WeCom callback, saturated: processor time a request", cpu, floor=FLOOR, unit="µs")
    cpu, waits = table("steady", (200,))
    show(f"WeCom callback, {RATE}/s: processor time a request", cpu, floor=FLOOR, unit="µs")
    show(f"WeCom callback, {RATE}/s: median wait", waits, floor=FLOOR, unit="µs")
    few, many = name_of(FEW), name_of(MANY)
    found = interleaved({few: lambda: dispatch(FEW), many: lambda: dispatch(MANY)})
    show("From a verb to its handler", found, floor=few, unit="µs")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
    else:
        main()
