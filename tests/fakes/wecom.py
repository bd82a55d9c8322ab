"""A WeCom that does as it is told: every call and frame is kept, every answer can be scripted."""

import asyncio
import contextlib
import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from bot.platforms.wecom.settings import AiBotSettings, WeComSettings

TOKEN = "/cgi-bin/gettoken"
SEND = "/cgi-bin/message/send"
UPDATE = "/cgi-bin/message/update_template_card"
RECALL = "/cgi-bin/message/recall"
APP_CHAT = "/cgi-bin/appchat/send"
ROBOT = "/cgi-bin/webhook/send"
ROBOT_UPLOAD = "/cgi-bin/webhook/upload_media"
UPLOAD = "/cgi-bin/media/upload"
MEDIA = "/cgi-bin/media/get"
USER = "/cgi-bin/user/get"

CORP = "wwsim0000qidesk01"
CALLBACK_TOKEN = "qdTokenSim2026"
AES_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
SECRETS = (
    "app-secret-Zq9",
    "token-secret-Zq9",
    "robot-key-Zq9",
    "bot-secret-Zq9",
    "code-secret-Zq9",
    CALLBACK_TOKEN,
    AES_KEY,
)


@dataclass(frozen=True)
class Call:
    path: str
    query: dict[str, str]
    body: Any


Scripted = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(body: object, status: int = 200) -> Scripted:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


def refuses(code: int, words: str = "private words 张三") -> Scripted:
    return says({"errcode": code, "errmsg": f"{words}, from ip: 203.0.113.9, more info at …"})


async def cuts_the_answer(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.content_length = 200
    await response.prepare(request)
    await response.write(b'{"errcode":0,"msg')
    assert request.transport is not None
    request.transport.close()
    return response


async def shows_a_page(_: web.Request) -> web.StreamResponse:
    return web.Response(status=403, text="<html>blocked</html>", content_type="text/html")


@dataclass
class Endless:
    """A file that goes on until nobody wants more of it."""

    poured: int = 0  # bytes
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def pour(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65_536))
                self.poured += 65_536
        finally:
            self.over.set()


@dataclass
class Bot:
    """The bot's far end: frames as they came, sockets as they opened."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    refusals: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    mute: set[str] = field(default_factory=set)  # commands that are not answered
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, command: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["cmd"] == command]

    async def got(self, command: str, count: int = 1, seconds: float = 5) -> list[dict[str, Any]]:
        async with asyncio.timeout(seconds):
            while len(self.of(command)) < count:
                await self._next()
        return self.of(command)

    async def connected(self, count: int = 1) -> None:
        await self.got("aibot_subscribe", count)

    async def push(self, command: str, body: dict[str, Any], req_id: str = "R1") -> None:
        frame = {"cmd": command, "headers": {"req_id": req_id}, "body": body}
        await self.sockets[-1].send_str(json.dumps(frame))

    async def _next(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._take(socket, json.loads(message.data))
        return socket

    async def _take(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        command = frame["cmd"]
        if command not in self.mute:
            code = self.refusals[command].popleft() if self.refusals[command] else 0
            answer = {"headers": frame["headers"], "errcode": code, "errmsg": "words 张三"}
            upload = {"upload_id": "UP1", "media_id": "BM1"} if "upload" in command else {}
            with contextlib.suppress(ConnectionError):
                await socket.send_str(json.dumps({**answer, "body": upload}))
        self.frames.append(frame)
        self._changed.set()


@dataclass
class FakeWeCom:
    calls: list[Call] = field(default_factory=list)
    scripts: dict[str, deque[Scripted]] = field(default_factory=lambda: defaultdict(deque))
    bot: Bot = field(default_factory=Bot)
    base: str = ""
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def script(self, path: str, *answers: Scripted) -> None:
        self.scripts[path].extend(answers)

    def to(self, path: str) -> list[Call]:
        return [one for one in self.calls if one.path == path]

    def settings(self, **changes: Any) -> WeComSettings:
        return WeComSettings(
            **{
                "corp_id": CORP,
                "agent_id": "1000007",
                "secret": SECRETS[0],
                "token": CALLBACK_TOKEN,
                "encoding_aes_key": AES_KEY,
                "api_base": self.base,
                "robots": {"g-risk": SECRETS[2]},
                "app_chats": frozenset({"riskopen01"}),
                **changes,
            }
        )

    def bot_settings(self) -> AiBotSettings:
        url = self.base.replace("http", "ws", 1) + "/aibot"
        return AiBotSettings(bot_id="aibSim01", secret=SECRETS[3], ws_url=url, name="期台")

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/aibot", self.bot.connect)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        is_json = request.content_type == "application/json"
        body: Any = json.loads(raw) if is_json and raw else raw
        self.calls.append(Call(request.path, dict(request.query), body))
        if self.scripts[request.path]:
            return await self.scripts[request.path].popleft()(request)
        if request.path == MEDIA:
            return web.Response(body=b"bytes", content_type="image/jpeg")
        ordinary = self._ordinary(request.path, body if is_json else {})
        return web.json_response({"errcode": 0, "errmsg": "ok", **ordinary})

    def _ordinary(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        number = next(self._ids)
        match path:
            case "/cgi-bin/gettoken":
                return {"access_token": f"{SECRETS[1]}-{number}", "expires_in": 7200}
            case "/cgi-bin/message/send":
                kind = str(body.get("template_card", {}).get("card_type", ""))
                code = f"{SECRETS[4]}-{number}" if kind.endswith("_interaction") else ""
                return {"msgid": f"m{number}", "response_code": code}
            case "/cgi-bin/media/upload" | "/cgi-bin/webhook/upload_media":
                return {"type": "file", "media_id": f"MED{number}", "created_at": "1"}
            case "/cgi-bin/user/get":
                return {"userid": "wangqiang", "name": "王强", "status": 1, "department": [2]}
            case _:
                return {}


@asynccontextmanager
async def fake_wecom() -> AsyncIterator[FakeWeCom]:
    fake = FakeWeCom()
    server = TestServer(fake.app())
    await server.start_server()
    fake.base = str(server.make_url("")).rstrip("/")
    try:
        yield fake
    finally:
        for socket in fake.bot.sockets:
            await socket.close()
        await server.close()
