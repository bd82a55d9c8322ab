"""The aibots' long connections: who is subscribed, who is kicked, what they are told and ask."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from bot.sandbox.faults import Fault
from bot.sandbox.feed import News
from bot.sandbox.ground import Ground
from bot.sandbox.wecom.bot_link import BotLink
from bot.sandbox.wecom.calls import NAME, PREFIX, WORDS, Calls, Problem, as_object
from bot.sandbox.wecom.company import AiBot, WeComSettings
from bot.sandbox.wecom.meter import Meter

CONNECT = "/aibot"
MESSAGE, EVENT = "aibot_msg_callback", "aibot_event_callback"
NOT_SUBSCRIBED, BAD_CREDENTIALS, BAD_REQUEST, TOO_OLD = 846609, 853000, 846605, 846608
SAID = {
    NOT_SUBSCRIBED: "websocket not subscribed",
    BAD_CREDENTIALS: "invalid bot_id or secret",
    BAD_REQUEST: "invalid req_id",
    TOO_OLD: "stream message update expired",
}


@dataclass(frozen=True, slots=True)
class Command:
    """What a subscribed robot asks."""

    bot: AiBot
    request_id: str
    body: dict[str, Any]


Serve = Callable[[Command], Awaitable[dict[str, Any] | None]]
"""Answers the body of the acknowledgement. Raises Problem."""


class Bots:
    def __init__(self, ground: Ground, settings: WeComSettings, meter: Meter) -> None:
        self._ground = ground
        self._settings = settings
        self._meter = meter
        self._links: list[BotLink] = []
        self._commands: dict[str, Serve] = {}
        self._held: list[Callable[[], None]] = []

    def add_routes(self, calls: Calls) -> None:
        calls.routes.append(web.get(PREFIX + CONNECT, self._connect))

    def serve(self, command: str, handler: Serve) -> None:
        self._commands[command] = handler

    # Who is there

    def live(self, bot: AiBot) -> BotLink | None:
        return next((one for one in self._links if one.bot is bot and not one.zombie), None)

    def connected(self) -> int:
        return int(self.live(self._settings.bot) is not None)

    async def close(self) -> None:
        for link in list(self._links):
            await link.ws.close(code=1001)

    def strike(self, fault: Fault) -> None:
        """End the connection now; without one the next delivery ends it."""
        link = self._live_named(fault.app)
        if link and fault.alive:
            fault.count -= 1
            self._end(link, fault.how)

    def _live_named(self, name: str) -> BotLink | None:
        wanted = name if name not in ("", "aibot") else self._settings.bot.name
        bot = next((one for one in self._settings.bots if one.name == wanted), None)
        return self.live(bot) if bot else None

    def _end(self, link: BotLink, how: str) -> None:
        match how:
            case "reset":
                link.abort()
            case "silent":
                link.zombie = True
            case "mute":
                link.zombie = link.mute = True
            case _:
                link.close()

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        if request.transport is None:
            return ws
        link = BotLink(
            ws, request.transport, self._settings.pong_seconds, self._settings.raw_newlines
        )
        self._links.append(link)
        try:
            await link.carry(self._hear)
        finally:
            self._links.remove(link)
            self._tell_connected(link.bot)
        return ws

    # Telling

    def tell(self, bot: AiBot, command: str, body: Mapping[str, Any]) -> str:
        """Put a callback on the robot's connection, if it has one; answers its req_id. Nothing
        acknowledges it and nothing brings it again."""
        request_id = f"{command}_{self._ground.clock.millis()}_{secrets.token_hex(4)}"
        frame = {"cmd": command, "headers": {"req_id": request_id}, "body": body}

        def post() -> None:
            self._post(bot, frame)

        if command == MESSAGE and self._take("reorder", bot):
            self._held.append(post)
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.reorder_seconds, self._let_go)
            return request_id
        post()
        if command == MESSAGE and self._take("duplicate", bot):
            post()
        self._let_go()
        return request_id

    def _post(self, bot: AiBot, frame: dict[str, Any]) -> None:
        link = self.live(bot)
        if link is None:
            return
        self._note("out", frame)
        link.post(frame)
        if fault := self._ground.faults.take(NAME, "disconnect", bot.name):
            self._end(link, fault.how)

    def _let_go(self) -> None:
        """What was held goes out behind what overtook it."""
        held, self._held = self._held, []
        for post in held:
            post()

    # Hearing

    async def _hear(self, link: BotLink, text: str) -> None:
        try:
            frame = orjson.loads(text)
            command, request_id = frame["cmd"], str(frame["headers"]["req_id"])
        except (ValueError, KeyError, TypeError):
            self._ground.wire.note(NAME, "in", "无法识别的帧", "", text)
            return
        self._note("in", frame)
        if link.mute or (link.zombie and command != "ping"):
            return
        try:
            body = await self._answer(link, command, request_id, as_object(frame.get("body")))
            ack: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
            ack |= {"body": body} if body else {}
        except Problem as problem:
            said = SAID.get(problem.code) or problem.message or WORDS.get(problem.code, "error")
            ack = {"errcode": problem.code, "errmsg": said}
        # A missing field is answered to nobody in particular (measured in public projects).
        headers = {} if ack["errcode"] == 40058 else {"req_id": request_id}
        answer = {"headers": headers, **ack}
        self._note("out", answer)
        if command == "ping":
            link.post(answer)
        else:
            self._acknowledge(link, answer)

    async def _answer(
        self, link: BotLink, command: str, request_id: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        match command:
            case "ping":
                return None
            case "aibot_subscribe":
                self._subscribe(link, body)
                return None
            case _ if link.bot is None:
                raise Problem(NOT_SUBSCRIBED)
            case _ if serve := self._commands.get(command):
                return await serve(Command(link.bot, request_id, body))
            case _:
                raise Problem(40035, f"unknown cmd {command}")

    def _subscribe(self, link: BotLink, body: Mapping[str, Any]) -> None:
        if self._meter.subscribe_too_fast(str(body.get("bot_id"))):
            raise Problem(45009)
        bot = self._settings.bot_of_id(body.get("bot_id"))
        if bot is None or body.get("secret") != bot.secret:
            raise Problem(BAD_CREDENTIALS)
        if (older := self.live(bot)) and older is not link:
            self._kick(older, bot)
        link.bot = bot
        self._tell_connected(bot)

    def _kick(self, link: BotLink, bot: AiBot) -> None:
        """The newest connection wins; the older one is told and ended."""
        event = {"eventtype": "disconnected_event"}
        self.tell(bot, EVENT, self.head(bot) | {"msgtype": "event", "event": event})
        link.zombie = True
        if self._settings.kick == "close":
            link.close()
        elif self._settings.kick == "abort":
            asyncio.get_running_loop().call_soon(link.abort)

    def head(self, bot: AiBot) -> dict[str, Any]:
        """What stands in every event."""
        now = self._ground.clock.millis() // 1000
        return {"msgid": self._ground.disk.new_id("ev"), "create_time": now, "aibotid": bot.bot_id}

    def _tell_connected(self, bot: AiBot | None) -> None:
        if bot is self._settings.bot:
            data: dict[str, object] = {"connected": self.connected() > 0}
            self._ground.feed.tell(News("connected", NAME, None, data))

    def _acknowledge(self, link: BotLink, answer: dict[str, Any]) -> None:
        """Lost or late only where the fault names the aibot: most mean the app's callbacks."""
        take = self._ground.faults.take_named
        if take(NAME, "no_ack", "aibot"):
            return
        if take(NAME, "late_ack", "aibot"):
            late = self._settings.answer_seconds
            asyncio.get_running_loop().call_later(late, link.post, answer)
        else:
            link.post(answer)

    def _take(self, kind: str, bot: AiBot) -> bool:
        return self._ground.faults.take(NAME, kind, bot.name) is not None

    def _note(self, direction: str, frame: Mapping[str, Any]) -> None:
        what = str(frame.get("cmd") or "应答")
        if direction == "in":
            self._ground.wire.note(NAME, "in", what, "", dict(frame))
        else:
            self._ground.wire.note(NAME, "out", what, str(frame.get("errcode", "")), dict(frame))
