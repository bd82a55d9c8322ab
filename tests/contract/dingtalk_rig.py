"""The DingTalk adapter against the simulated DingTalk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestServer

from bot.chat.ports import Capabilities, Health, Sender
from bot.platforms.dingtalk.api import Api, http_session
from bot.platforms.dingtalk.client import DingTalk
from bot.platforms.dingtalk.settings import DingTalkSettings
from bot.platforms.dingtalk.stream import Stream
from bot.sandbox.dingtalk import company
from bot.sandbox.server import SandboxSettings, make_app
from crm.kernel.clock import SystemClock
from tests.contract.rig import Desk, Rig, Shelf, until

TEMPLATE = "qidesk-desk.schema"
CALL_SECONDS = 0.6  # so that a hanging call ends soon


@dataclass
class DingTalkAdapter:
    sender: Sender
    wordy: Sender
    stream: Stream
    capabilities: Capabilities
    name: str = "dingtalk"

    def health(self) -> Health:
        return self.stream.health()


@asynccontextmanager
async def dingtalk_rig(folder: Path) -> AsyncIterator[Rig]:
    far = company.DingTalkSettings(
        redeliver_seconds=0.3, disconnect_hold_seconds=0.5, hang_seconds=2.0
    )
    server = TestServer(make_app(SandboxSettings(data_dir=folder, dingtalk=far, page_dir=None)))
    await server.start_server()
    base = str(server.make_url("")).rstrip("/")
    desk, blobs = Desk(), dict[str, bytes]()
    try:
        async with (
            aiohttp.ClientSession() as http,
            _adapter(base, desk, Shelf(blobs)) as adapter,
        ):
            yield Rig(adapter=adapter, desk=desk, http=http, base=base, blobs=blobs)
    finally:
        await server.close()


@asynccontextmanager
async def _adapter(base: str, desk: Desk, shelf: Shelf) -> AsyncIterator[DingTalkAdapter]:
    settings, wordless = (_settings(base, templates) for templates in ({"desk": TEMPLATE}, {}))
    clock = SystemClock()
    stream = Stream(settings, clock, desk.hear_all, desk.hear_click)
    async with http_session(settings) as http:
        api = Api(settings, http, clock, call_seconds=CALL_SECONDS)
        task = asyncio.create_task(stream.run())
        try:
            await until(partial(_connected, stream))
            sender = DingTalk(settings, api, clock, shelf)
            yield DingTalkAdapter(
                sender=sender,
                wordy=DingTalk(wordless, api, clock, shelf),
                stream=stream,
                capabilities=sender.capabilities,
            )
        finally:
            task.cancel()
            await asyncio.wait({task})


async def _connected(stream: Stream) -> bool:
    return stream.health().detail == "钉钉长连接 2/2"


def _settings(base: str, templates: dict[str, str]) -> DingTalkSettings:
    desk = company.DESK
    return DingTalkSettings(
        client_id=desk.client_id,
        client_secret=desk.client_secret,
        robot_code=desk.robot_code,
        corp_id=company.CORP_ID,
        api_base=f"{base}/sim/dingtalk",
        oapi_base=f"{base}/sim/dingtalk",
        templates=templates,
    )
