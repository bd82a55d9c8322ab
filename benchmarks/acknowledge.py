"""CPU from a DingTalk frame to its acknowledgement.

``bare``: aiohttp's WebSocket answering a constant; ``sdk``: the platform's own client, which
acknowledges without storing; ``ours``: parsed, sealed, durably stored (SQLite, full), acknowledged.
Each client is a process of its own; what is measured is its processor time for a frame. Nothing is
compressed: the SDK's client would agree to it, ours does not ask for it.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks.table import interleaved, show

FRAMES = 20_000
WINDOWS = (64, 256, 1024)
CLIENT_ID, CLIENT_SECRET = "dingbench", "bench"


def frame(number: int) -> str:
    data = {
        "msgId": f"msg{number}",
        "msgtype": "text",
        "text": {"content": " 记 张三 电话 聊了螺纹套保比例"},
        "conversationType": "1",
        "conversationId": "cidbench==",
        "senderStaffId": f"am{number % 50}",
        "senderId": "$:LWCP_v1:$bench",
        "senderNick": "客户经理",
        "senderCorpId": "dingcorp",
        "chatbotCorpId": "dingcorp",
        "chatbotUserId": "$:LWCP_v1:$bot",
        "sessionWebhook": "http://127.0.0.1/robot/sendBySession?session=x",
        "sessionWebhookExpiredTime": 4_000_000_000_000,
        "createAt": 1_767_225_600_123,
        "robotCode": "dingbench",
        "isInAtList": False,
    }
    headers = {
        "messageId": f"frame{number}",
        "topic": "/v1.0/im/bot/messages/get",
        "contentType": "application/json",
        "time": "1767225600123",
        "appId": "bench",
        "connectionId": "bench",
    }
    body = {"specVersion": "1.0", "type": "CALLBACK", "headers": headers}
    return json.dumps({**body, "data": json.dumps(data, ensure_ascii=False)}, ensure_ascii=False)


@cache
def frames() -> list[str]:
    return [frame(number) for number in range(FRAMES)]


async def far_side(client: str, window: int) -> float:
    """Serves ``FRAMES`` frames to one client, ``window`` of them under way at once; gives its
    microseconds of processor time a frame."""
    connected, begin, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    waiting = frames()

    async def open_connection(request: web.Request) -> web.Response:
        endpoint = f"ws://{request.host}/connect"
        return web.json_response({"endpoint": endpoint, "ticket": "bench"})

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        connected.set()
        await begin.wait()
        sent = acked = 0
        while acked < FRAMES:
            while sent < FRAMES and sent - acked < window:
                await socket.send_str(waiting[sent])
                sent += 1
            await socket.receive_str()
            acked += 1
        done.set()
        return socket

    app = web.Application()
    app.router.add_post("/v1.0/gateway/connections/open", open_connection)
    app.router.add_get("/connect", connect)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.acknowledge",
        client,
        url,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    async with asyncio.timeout(120):
        await connected.wait()
        if process.stdin is not None:
            process.stdin.write(b"begin\n")
        begin.set()
        await done.wait()
        out, _ = await process.communicate(b"stop\n")
    await runner.cleanup()
    return float(out.decode().split()[-1]) / FRAMES * 1e6


async def until_told() -> None:
    await asyncio.to_thread(sys.stdin.readline)


async def bare(url: str) -> None:
    """The floor: a constant for an answer."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/v1.0/gateway/connections/open", json={}) as answer:
            endpoint = (await answer.json())["endpoint"]
        async with http.ws_connect(endpoint) as socket:
            async for _ in socket:
                await socket.send_str('{"code":200}')


async def sdk(url: str) -> None:
    os.environ["DINGTALK_OPENAPI_ENDPOINT"] = url
    import dingtalk_stream

    class Handler(dingtalk_stream.ChatbotHandler):  # type: ignore[misc]  # untyped
        async def process(self, _callback: object) -> tuple[int, str]:
            return dingtalk_stream.AckMessage.STATUS_OK, "OK"

    client = dingtalk_stream.DingTalkStreamClient(
        dingtalk_stream.Credential(CLIENT_ID, CLIENT_SECRET)
    )
    client.register_callback_handler(dingtalk_stream.ChatbotMessage.TOPIC, Handler())
    await client.start()


async def ours(url: str) -> None:
    from bot import metrics
    from bot.chat.message import Card
    from bot.chat.raw import Raw
    from bot.commands.run import calm
    from bot.inbox.inbox import Inbox
    from bot.platforms.dingtalk.settings import DingTalkSettings
    from bot.platforms.dingtalk.stream import Stream
    from bot.store import schema
    from crm.kernel.clock import SystemClock
    from crm.kernel.db import open_store
    from crm.kernel.vault import Vault

    folder = Path(tempfile.mkdtemp())
    clock = SystemClock()
    store = open_store(f"sqlite+aiosqlite:///{folder}/b.db", Vault.create(folder / "keys"), clock)
    await schema.upgrade(store)
    settings = DingTalkSettings(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        api_base=url,
        oapi_base=url,
        connections=1,
    )
    async with Inbox(store.database).open() as inbox:

        async def hear_all(raws: Sequence[Raw]) -> None:
            await inbox.store_all(raws)

        async def hear_click(_raw: Raw) -> Card | None:
            return None

        calm()  # as the service is
        await Stream(settings, clock, hear_all, hear_click, tally=metrics.tally).run()


NAMES = (
    ("bare aiohttp socket, constant answer", "bare"),
    ("dingtalk-stream client, acknowledgement only", "sdk"),
    ("qidesk, parsed, sealed, durably stored", "ours"),
)
CLIENTS = {"bare": bare, "sdk": sdk, "ours": ours}


async def child(client: str, url: str) -> None:
    """Run a client; say how much processor time it took between being told to begin and to stop."""
    task = asyncio.ensure_future(CLIENTS[client](url))
    await until_told()
    before = time.process_time()
    await until_told()
    print(time.process_time() - before, flush=True)  # noqa: T201
    task.cancel()
    os._exit(0)  # the SDK's client swallows its cancellation


def run(client: str, window: int) -> float:
    return asyncio.run(far_side(client, window))


def main() -> None:
    for window in WINDOWS:
        figures = interleaved({name: partial(run, client, window) for name, client in NAMES})
        show(
            f"DingTalk frame to acknowledgement, {window} under way: processor time",
            figures,
            floor=NAMES[1][0],
            unit="µs",
        )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(child(*sys.argv[1:]))
    else:
        main()
