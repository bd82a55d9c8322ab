"""A DingTalk that does as it is told: every call is kept, every answer can be scripted."""

import asyncio
import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.platforms.dingtalk.settings import CustomRobot, DingTalkSettings

TOKEN = "/v1.0/oauth2/accessToken"
OPEN = "/v1.0/gateway/connections/open"
PRIVATE = "/v1.0/robot/oToMessages/batchSend"
GROUP = "/v1.0/robot/groupMessages/send"
CARDS = "/v1.0/card/instances"
CREATE = "/v1.0/card/instances/createAndDeliver"
DELIVER = "/v1.0/card/instances/deliver"
UPLOAD = "/media/upload"
HOOK = "/robot/sendBySession"
ROBOT = "/robot/send"

SECRETS = (
    "app-secret-Zq9",
    "hook-secret-Zq9",
    "token-secret-Zq9",
    "robot-secret-Zq9",
    "robot-token-Zq9",
)


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def params(self) -> dict[str, str]:
        """The parsed msgParam of a robot's message."""
        return dict(json.loads(self.body["msgParam"]))


Scripted = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, body: object) -> Scripted:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


def refuses(code: str, status: int = 400, **more: object) -> Scripted:
    return says(status, {"code": code, "requestid": "R", "message": "private words", **more})


async def cuts_the_answer(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.content_length = 200
    await response.prepare(request)
    await response.write(b'{"processQue')
    assert request.transport is not None
    request.transport.close()
    return response


async def shows_a_page(_: web.Request) -> web.StreamResponse:
    return web.Response(status=403, text="<html>blocked</html>", content_type="text/html")


@dataclass
class FakeDingTalk:
    calls: list[Call] = field(default_factory=list)
    scripts: dict[str, deque[Scripted]] = field(default_factory=lambda: defaultdict(deque))
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    answers: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    greet: Callable[[web.WebSocketResponse], Awaitable[None]] | None = None
    base: str = ""
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def script(self, path: str, *answers: Scripted) -> None:
        self.scripts[path].extend(answers)

    def to(self, path: str, method: str = "") -> list[Call]:
        return [one for one in self.calls if one.path == path and method in ("", one.method)]

    def settings(self, **changes: Any) -> DingTalkSettings:
        return DingTalkSettings(
            **{
                "client_id": "dingdemo",
                "client_secret": SECRETS[0],
                "corp_id": "dingcorpdemo01",
                "api_base": self.base,
                "oapi_base": self.base,
                "templates": {"desk": "desk.schema"},
                "connections": 1,
                "custom_robots": {"risk": CustomRobot(access_token=SECRETS[4], secret=SECRETS[3])},
                **changes,
            }
        )

    @property
    def hook(self) -> str:
        return f"{self.base}{HOOK}?session={SECRETS[1]}"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/connect", self._connect)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def push(self, frame: dict[str, Any], socket: int = -1) -> None:
        await self.sockets[socket].send_str(json.dumps(frame))

    async def answered(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self.answers.get()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        raw = await request.read()
        is_json = request.content_type == "application/json"
        self.calls.append(
            Call(
                request.method,
                path,
                dict(request.query),
                dict(request.headers),
                json.loads(raw) if is_json and raw else raw,
            )
        )
        if self.scripts[path]:
            return await self.scripts[path].popleft()(request)
        return web.json_response(self._ordinary(path))

    def _ordinary(self, path: str) -> dict[str, Any]:
        number = next(self._ids)
        match path:
            case "/v1.0/oauth2/accessToken":
                return {"accessToken": f"{SECRETS[2]}-{number}", "expireIn": 7200}
            case "/v1.0/gateway/connections/open":
                endpoint = self.base.replace("http", "ws", 1) + "/connect"
                return {"endpoint": endpoint, "ticket": f"ticket+{number}"}
            case "/media/upload":
                return {"errcode": 0, "media_id": f"@media{number}"}
            case "/v1.0/card/instances/createAndDeliver":
                delivered = [{"success": True, "carrierId": f"pqk{number}="}]
                return {"success": True, "result": {"deliverResults": delivered}}
            case "/v1.0/card/instances/deliver":
                return {"success": True, "result": [{"success": True, "carrierId": "pqk="}]}
            case _ if path.startswith(("/robot/", "/topapi/")):
                return {"errcode": 0, "errmsg": "ok"}
            case _:
                return {"success": True, "processQueryKey": f"pqk{number}="}

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.connected.set()
        if self.greet:
            await self.greet(socket)
        async for message in socket:
            self.answers.put_nowait(
                json.loads(message.data) | {"socket": self.sockets.index(socket)}
            )
        return socket


@asynccontextmanager
async def fake_dingtalk() -> AsyncIterator[FakeDingTalk]:
    far = FakeDingTalk()
    server = TestServer(far.app())
    await server.start_server(access_log=None)  # addresses hold secrets
    far.base = str(server.make_url("")).rstrip("/")
    try:
        yield far
    finally:
        for socket in far.sockets:
            await socket.close()
        await server.close()


def frame(topic: str, data: object, *, message_id: str = "m1", kind: str = "CALLBACK") -> Any:
    return {
        "specVersion": "1.0",
        "type": kind,
        "headers": {
            "topic": topic,
            "messageId": message_id,
            "contentType": "application/json",
            "time": "1767225600123",
        },
        "data": json.dumps(data, ensure_ascii=False),
    }
