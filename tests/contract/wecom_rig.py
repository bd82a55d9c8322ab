"""The WeCom adapter against the simulated WeCom: callbacks in, the application and the bot out."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.chat.ports import Capabilities, Health
from bot.platforms.wecom.aibot import AiBot
from bot.platforms.wecom.api import Api, http_session
from bot.platforms.wecom.callback import callback_routes
from bot.platforms.wecom.client import WeCom
from bot.platforms.wecom.reception import Reception
from bot.platforms.wecom.settings import AiBotSettings, WeComSettings
from bot.platforms.wecom.template import read_key
from bot.sandbox.server import SandboxSettings, make_app
from bot.sandbox.wecom import company
from crm.kernel.clock import SystemClock
from tests.contract.rig import GROUP, Desk, Rig, Shelf, until
from tests.fakes.wecom_notes import MemoryNotes

CALL_SECONDS = 0.6  # so that a hanging call ends soon
PICTURES = (".png", ".jpg")


@dataclass
class WeComAdapter:
    sender: WeCom
    wordy: WeCom
    reception: Reception
    capabilities: Capabilities
    name: str = "wecom"

    def health(self) -> Health:
        return self.reception.health()


@dataclass
class WeComRig(Rig):
    """People press what is on their screen: its keys carry the version beside the action. What the
    application cannot hear, the bot can."""

    adapter: WeComAdapter

    @property
    def has_spare(self) -> bool:
        """The bot's connection is the only one."""
        return False

    def under(self, item: dict[str, Any], message: str) -> bool:
        """The application's messages stand under nothing."""
        return item["reply_to"] in (None, message)

    def version(self, item: dict[str, Any]) -> int | None:
        """Known as long as there is a button."""
        return item["card"]["version"] if item["card"]["buttons"] else None

    def state(self, item: dict[str, Any]) -> str:
        grey = [one["label"] for one in item["card"]["buttons"] if not one["enabled"]]
        return str(grey[0] if grey else item["card"]["status"])

    async def say(self, text: str, *, chat: str = "private", **more: Any) -> str:
        app = {"app": "aibot"} if more.get("kind") == "voice" else {}
        return await super().say(text, chat=chat, **more, **app)

    async def upload(self, name: str, data: bytes) -> None:
        more = {} if name.endswith(PICTURES) else {"app": "aibot"}
        await self.send_file(name, data, **more)

    async def seen(self, chat: str = "private") -> list[dict[str, Any]]:
        items = await super().seen(chat)
        for card in [item["card"] for item in items if item["card"]]:
            for button in card["buttons"]:
                button["key"], card["version"] = read_key(button["key"])
        return items

    async def click(self, card: str, action: str, **more: Any) -> dict[str, Any]:
        for chat in ("private", GROUP):
            for item in await super().seen(chat):
                buttons = item["card"]["buttons"] if item["card"] else ()
                for key in [one["key"] for one in buttons if item["card"]["id"] == card]:
                    if read_key(key)[0] == action:
                        return await super().click(card, key, **more)
        raise AssertionError("no such button on the screen")


@asynccontextmanager
async def wecom_rig(folder: Path, **switches: Any) -> AsyncIterator["WeComRig"]:
    """``switches`` are the far side's."""
    far = company.WeComSettings(redeliver_seconds=0.3, hang_seconds=2.0, **switches)
    far_side = SandboxSettings(data_dir=folder, wecom=far, page_dir=None)
    server = TestServer(make_app(far_side))
    await server.start_server()
    base = str(server.make_url("")).rstrip("/")
    desk, blobs = Desk(), dict[str, bytes]()
    try:
        async with (
            aiohttp.ClientSession() as http,
            _adapter(base, far, desk, Shelf(blobs)) as adapter,
        ):
            rig = WeComRig(adapter=adapter, desk=desk, http=http, base=base, blobs=blobs)
            async with _called_back(rig, adapter.reception):
                yield rig
    finally:
        await server.close()


@asynccontextmanager
async def _adapter(
    base: str, far: company.WeComSettings, desk: Desk, shelf: Shelf
) -> AsyncIterator[WeComAdapter]:
    settings = _settings(base, far)
    wordless = _settings(base, far, clickable=False)
    clock = SystemClock()
    async with http_session(settings) as http:
        assert settings.aibot is not None
        bot = AiBot(settings.aibot, http, clock)
        api = Api(settings, http, clock, call_seconds=CALL_SECONDS)
        notes = MemoryNotes(clock)
        sender = WeCom(settings, api, clock, shelf, notes, bot)
        reception = Reception(sender, desk.hear, desk.hear_click)
        task = asyncio.create_task(reception.run())
        try:
            yield WeComAdapter(
                sender=sender,
                wordy=WeCom(wordless, api, clock, shelf, notes),
                reception=reception,
                capabilities=sender.capabilities,
            )
        finally:
            task.cancel()
            await asyncio.wait({task})


@asynccontextmanager
async def _called_back(rig: WeComRig, reception: Reception) -> AsyncIterator[None]:
    """Callbacks come in, the bot is connected, and somebody has spoken to it in the group."""
    app = web.Application()
    app.add_routes(callback_routes(lambda: reception.callback))
    server = TestServer(app)
    await server.start_server()
    try:
        url = str(server.make_url("/wecom/callback"))
        answer = await rig.post("callback", url=url)
        assert answer["verified"], answer

        async def connected() -> bool:
            return "已连接" in reception.health().detail

        await until(connected)
        await rig.say("在吗", chat=GROUP, mention=True)
        await rig.desk.hears()
        rig.desk.heard.clear()
        yield
    finally:
        await server.close()


def _settings(base: str, far: company.WeComSettings, *, clickable: bool = True) -> WeComSettings:
    desk, bot = far.desk, far.bot
    return WeComSettings(
        corp_id=far.corp_id,
        agent_id=str(desk.agent_id),
        secret=desk.secret,
        token=desk.token,
        encoding_aes_key=desk.encoding_aes_key,
        api_base=f"{base}/sim/wecom",
        authorize_base=f"{base}/sim/wecom",
        clickable=clickable,
        robots={robot.group: robot.key for robot in company.ROBOTS},
        aibot=AiBotSettings(
            bot_id=bot.bot_id,
            secret=bot.secret,
            ws_url=f"{re.sub('^http', 'ws', base)}/sim/wecom/aibot",
            name=far.bot.called,
        ),
    )
