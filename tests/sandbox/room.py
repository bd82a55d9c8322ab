"""The sandbox over HTTP as people and apps use it, with a small Stream client of our own."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from bot.sandbox.dingtalk.company import DESK, App, DingTalkSettings
from bot.sandbox.server import SandboxSettings, make_app

BOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
DESK_TEMPLATE = "qidesk-desk.schema"
QUICK = DingTalkSettings(
    redeliver_seconds=0.05,
    answer_seconds=0.2,
    disconnect_hold_seconds=0.2,
    reorder_seconds=0.1,
    event_retries=(0.05, 0.05),
    hang_seconds=5,
)
PATIENCE = 5.0  # seconds that a test waits for what should come at once


@dataclass
class Answer:
    status: int
    body: Any


@dataclass
class Frame:
    """A pushed frame with its ``data`` opened."""

    type: str
    headers: dict[str, str]
    data: dict[str, Any]


class Socket:
    """One Stream connection that acknowledges only when it is told to."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def frame(self) -> Frame:
        async with asyncio.timeout(PATIENCE):
            raw = await self.ws.receive_json()
        return Frame(raw["type"], raw["headers"], json.loads(raw["data"]))

    async def quiet(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self.ws.receive()
        except TimeoutError:
            return True
        return False

    async def ack(self, frame: Frame, data: object = None, code: int = 200) -> None:
        await self.ws.send_json(
            {
                "code": code,
                "headers": {
                    "contentType": "application/json",
                    "messageId": frame.headers["messageId"],
                },
                "message": "OK",
                "data": json.dumps(data if data is not None else {"response": None}),
            }
        )

    async def ended(self) -> int | None:
        """Read to the end; answers the close code."""
        async with asyncio.timeout(PATIENCE):
            async for _ in self.ws:
                pass
        return self.ws.close_code


@dataclass
class Room:
    """The sandbox over HTTP, as people and apps use it."""

    base: str
    http: aiohttp.ClientSession
    stack: AsyncExitStack
    tokens: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **query: object) -> Any:
        words = {key: str(value) for key, value in query.items()}
        async with self.http.get(f"{self.base}/sandbox/{path}", params=words) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, **body: object) -> Answer:
        async with self.http.post(f"{self.base}/sandbox/{path}", json=body) as response:
            return Answer(response.status, await response.json())

    async def say(self, person: str, text: str, **more: object) -> Answer:
        return await self.post("say", platform="dingtalk", person=person, text=text, **more)

    async def click(self, person: str, card: str, action: str, **more: object) -> Answer:
        return await self.post(
            "click", platform="dingtalk", person=person, card=card, action=action, **more
        )

    async def seen(self, person: str, chat: str = "private", after: int = 0) -> list[Any]:
        found: list[Any] = await self.get(
            "seen", platform="dingtalk", person=person, chat=chat, after=after
        )
        return found

    async def break_it(self, kind: str, count: int = 1, **more: object) -> Answer:
        return await self.post("faults", platform="dingtalk", kind=kind, count=count, **more)

    async def open(
        self, app: App = DESK, topics: tuple[str, ...] = (BOT_TOPIC, CARD_TOPIC), **more: Any
    ) -> Answer:
        body = {
            "clientId": app.client_id,
            "clientSecret": app.client_secret,
            "subscriptions": [{"type": "CALLBACK", "topic": topic} for topic in topics]
            + [{"type": "EVENT", "topic": "*"}],
        } | more
        url = f"{self.base}/sim/dingtalk/v1.0/gateway/connections/open"
        headers = {"Accept": "application/json"}
        async with self.http.post(url, json=body, headers=headers) as response:
            return Answer(response.status, await response.json())

    async def connect(
        self, app: App = DESK, topics: tuple[str, ...] = (BOT_TOPIC, CARD_TOPIC)
    ) -> Socket:
        opened = (await self.open(app, topics)).body
        url = f"{opened['endpoint']}?ticket={opened['ticket']}"
        return Socket(await self.stack.enter_async_context(self.http.ws_connect(url)))

    async def token(self, app: App = DESK) -> str:
        if app.name not in self.tokens:
            url = f"{self.base}/sim/dingtalk/v1.0/oauth2/accessToken"
            body = {"appKey": app.client_id, "appSecret": app.client_secret}
            async with self.http.post(url, json=body) as response:
                self.tokens[app.name] = (await response.json())["accessToken"]
        return self.tokens[app.name]

    async def api(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        app: App = DESK,
    ) -> Answer:
        url = f"{self.base}/sim/dingtalk{path}"
        headers = {"x-acs-dingtalk-access-token": await self.token(app)}
        async with self.http.request(
            method, url, json=body, headers=headers, params=query
        ) as response:
            return Answer(response.status, await response.json())

    async def oapi(self, path: str, body: object = None, app: App = DESK) -> Any:
        query = {"access_token": await self.token(app)}
        return (await self.api("POST", path, body, query, app)).body

    async def hook(self, url: str, body: object) -> Any:
        async with self.http.post(url, json=body) as response:
            return await response.json(content_type=None)

    async def upload_media(self, kind: str, name: str, body: bytes) -> dict[str, Any]:
        """As the desk's app does."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("type", kind)
        form.add_field("media", io.BytesIO(body), filename=name)
        url = f"{self.base}/sim/dingtalk/media/upload?access_token={await self.token()}"
        async with self.http.post(url, data=form) as response:
            found: dict[str, Any] = await response.json()
            return found

    async def upload(self, person: str, name: str, body: bytes, chat: str = "private") -> Answer:
        """As a person does."""
        form = aiohttp.FormData()
        for key, value in {"platform": "dingtalk", "person": person, "chat": chat}.items():
            form.add_field(key, value)
        form.add_field("file", io.BytesIO(body), filename=name)
        async with self.http.post(f"{self.base}/sandbox/upload", data=form) as response:
            return Answer(response.status, await response.json())

    async def put_card(
        self, track: str, person: str = "wangqiang", chat: str = "", **values: str
    ) -> Answer:
        return await self.api(
            "POST",
            "/v1.0/card/instances/createAndDeliver",
            card_body(track, person, chat, **values),
        )


def card_body(track: str, person: str = "wangqiang", chat: str = "", **values: str) -> Any:
    """A desk card to a person, or to a group."""
    buttons = [{"key": "ok", "text": "同意"}, {"key": "no", "text": "驳回", "enabled": "true"}]
    start = {"title": "开户审批", "status": "待审", "rev": "1", "buttons": json.dumps(buttons)}
    place = f"IM_GROUP.{chat}" if chat else f"IM_ROBOT.{person}"
    return {
        "cardTemplateId": DESK_TEMPLATE,
        "outTrackId": track,
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": start | values},
        "imGroupOpenSpaceModel": {"supportForward": False},
        "imRobotOpenSpaceModel": {"supportForward": False},
        "openSpaceId": f"dtv1.card//{place}",
        "imGroupOpenDeliverModel": {"robotCode": DESK.robot_code},
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": DESK.robot_code},
    }


OpenRoom = Callable[..., Awaitable[Room]]


@asynccontextmanager
async def running(settings: SandboxSettings) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        server = TestServer(make_app(settings))
        await server.start_server()
        stack.push_async_callback(server.close)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Room(str(server.make_url("")).rstrip("/"), http, stack)
