"""The simulated WeCom over HTTP: what apps call, and a small desk that is called back.

The desk opens and parses what it is sent with wechatpy, as an independent service would.
"""

import asyncio
import io
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from wechatpy.enterprise import parse_message
from wechatpy.enterprise.crypto import WeChatCrypto

from bot.sandbox.wecom.company import CORP_ID, DESK, Agent, AiBot, WeComSettings
from tests.sandbox.room import PATIENCE, Answer, Room

QUICK = WeComSettings(
    redeliver_seconds=0.05, answer_seconds=0.3, reorder_seconds=0.15, hang_seconds=5
)
AGENT = DESK.agent_id
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)

Behave = Callable[[dict[str, Any]], Awaitable[web.Response]]


@dataclass
class Callback:
    """One delivery, opened: the query it came with and the plain message."""

    query: dict[str, str]
    plain: dict[str, Any]


@dataclass
class Desk:
    """A service that is called back. ``behave`` holds what it does to the next callbacks;
    after those it acknowledges."""

    crypto: WeChatCrypto
    heard: asyncio.Queue[Callback] = field(default_factory=asyncio.Queue)
    behave: deque[Behave] = field(default_factory=deque)
    url: str = ""
    echoes: bool = True

    async def verify(self, request: web.Request) -> web.Response:
        query = request.query
        plain = self.crypto.check_signature(
            query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"]
        )
        return web.Response(text=plain if self.echoes else f'"{plain}"')

    async def receive(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        xml = self.crypto.decrypt_message(
            await request.text(), query["msg_signature"], query["timestamp"], query["nonce"]
        )
        plain = dict(parse_message(xml)._data)
        self.heard.put_nowait(Callback(query, plain))
        if self.behave:
            return await self.behave.popleft()(plain)
        return web.Response()

    async def next(self) -> Callback:
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()

    async def quiet(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self.heard.get()
        except TimeoutError:
            return True
        return False

    def answers(self, passive: str) -> None:
        """The next callback is answered with this XML, sealed."""

        async def answer(_plain: dict[str, Any]) -> web.Response:
            return web.Response(text=self.crypto.encrypt_message(passive, "n1", "1767225600"))

        self.behave.append(answer)

    def fails(self, status: int = 500) -> None:
        async def answer(_plain: dict[str, Any]) -> web.Response:
            return web.Response(status=status)

        self.behave.append(answer)

    def hesitates(self, seconds: float) -> None:
        async def answer(_plain: dict[str, Any]) -> web.Response:
            await asyncio.sleep(seconds)
            return web.Response()

        self.behave.append(answer)


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class Robot:
    """One aibot connection."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._n = 0

    async def ask(self, cmd: str, body: object = None, request_id: str = "") -> dict[str, Any]:
        """Send a command; answers the next frame."""
        await self.send(cmd, body, request_id)
        return await self.frame()

    async def send(self, cmd: str, body: object = None, request_id: str = "") -> str:
        self._n += 1
        request_id = request_id or f"{cmd}_{self._n}"
        frame: dict[str, Any] = {"cmd": cmd, "headers": {"req_id": request_id}}
        await self.ws.send_json(frame if body is None else frame | {"body": body})
        return request_id

    async def frame(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            text = await self.ws.receive_str()
        return dict(json.loads(text, strict=False))

    async def ended(self) -> int | None:
        async with asyncio.timeout(PATIENCE):
            async for _ in self.ws:
                pass
        return self.ws.close_code

    async def quiet(self, seconds: float = 0.2) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.ws.receive()
        except TimeoutError:
            return True
        return False


@dataclass
class WeComRoom:
    room: Room
    settings: WeComSettings
    desk: Desk

    async def post(self, path: str, **body: object) -> Answer:
        return await self.room.post(path, platform="wecom", **body)

    async def say(self, person: str, text: str, **more: object) -> Answer:
        return await self.post("say", person=person, text=text, **more)

    async def click(self, person: str, card: str, action: str, **more: object) -> Answer:
        return await self.post("click", person=person, card=card, action=action, **more)

    async def seen(self, person: str, chat: str = "private") -> list[Any]:
        found: list[Any] = await self.room.get("seen", platform="wecom", person=person, chat=chat)
        return found

    async def card(self, person: str, chat: str = "private") -> Any:
        """The only card on somebody's screen."""
        [item] = [one for one in await self.seen(person, chat) if one["kind"] == "card"]
        return item["card"]

    async def break_it(self, kind: str, count: int = 1, **more: object) -> Answer:
        return await self.post("faults", kind=kind, count=count, **more)

    async def upload(self, person: str, name: str, body: bytes, **more: str) -> Answer:
        """As a person does."""
        form = aiohttp.FormData()
        for key, value in {"platform": "wecom", "person": person, **more}.items():
            form.add_field(key, value)
        form.add_field("file", io.BytesIO(body), filename=name)
        async with self.room.http.post(f"{self.room.base}/sandbox/upload", data=form) as response:
            return Answer(response.status, await response.json())

    async def token(self, agent: Agent | None = None) -> str:
        who = agent or self.settings.desk
        query = {"corpid": CORP_ID, "corpsecret": who.secret}
        return str((await self.get("/cgi-bin/gettoken", **query))["access_token"])

    async def call(self, method: str, path: str, query: Mapping[str, str], **more: Any) -> Reply:
        url = f"{self.room.base}/sim/wecom{path}"
        async with self.room.http.request(method, url, params=query, **more) as response:
            return Reply(response.status, dict(response.headers), await response.read())

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        if path != "/cgi-bin/gettoken":
            query = {"access_token": await self.token(), **query}
        response = await self.call("GET", path, query)
        assert response.status == 200
        return response.json()

    async def api(self, path: str, body: object, agent: Agent | None = None) -> dict[str, Any]:
        query = {"access_token": await self.token(agent)}
        response = await self.call("POST", path, query, json=body)
        assert response.status == 200
        return response.json()

    async def send(self, to: str, msgtype: str, part: object, **more: object) -> dict[str, Any]:
        body = {"touser": to, "msgtype": msgtype, "agentid": AGENT, msgtype: part, **more}
        return await self.api("/cgi-bin/message/send", body)

    async def send_card(self, to: str, **fields: object) -> dict[str, Any]:
        return await self.send(to, "template_card", button_card(**fields))

    async def update(self, code: str, **body: object) -> dict[str, Any]:
        given = {"agentid": AGENT, "response_code": code, **body}
        return await self.api("/cgi-bin/message/update_template_card", given)

    async def hook(self, group: str, body: object) -> dict[str, Any]:
        key = next(one.key for one in self.settings.robots if one.group == group)
        response = await self.call("POST", "/cgi-bin/webhook/send", {"key": key}, json=body)
        return response.json()

    async def media(self, kind: str, name: str, body: bytes) -> dict[str, Any]:
        """As the app uploads it."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("media", io.BytesIO(body), filename=name)
        query = {"access_token": await self.token(), "type": kind}
        response = await self.call("POST", "/cgi-bin/media/upload", query, data=form)
        return response.json()

    async def dial(self) -> Robot:
        """A connection that has not subscribed."""
        url = f"{self.room.base}/sim/wecom/aibot"
        return Robot(await self.room.stack.enter_async_context(self.room.http.ws_connect(url)))

    async def robot(self, bot: AiBot | None = None) -> Robot:
        robot, who = await self.dial(), bot or self.settings.bot
        ack = await robot.ask("aibot_subscribe", {"bot_id": who.bot_id, "secret": who.secret})
        assert ack["errcode"] == 0
        return robot


def button_card(**fields: object) -> dict[str, Any]:
    return {
        "card_type": "button_interaction",
        "source": {"desc": "待审", "desc_color": 2},
        "main_title": {"title": "开户审批", "desc": "第一级"},
        "horizontal_content_list": [{"keyname": "客户", "value": "客户乙"}],
        "task_id": "c1@1",
        "button_list": [
            {"text": "同意", "style": 1, "key": "ok"},
            {"text": "驳回", "style": 4, "key": "no"},
        ],
        **fields,
    }


def passive(person: str, kind: str, inner: str) -> str:
    return (
        f"<xml><ToUserName><![CDATA[{person}]]></ToUserName>"
        f"<FromUserName><![CDATA[{CORP_ID}]]></FromUserName><CreateTime>1767226260</CreateTime>"
        f"<MsgType><![CDATA[{kind}]]></MsgType>{inner}</xml>"
    )


def greyed(person: str, words: str) -> str:
    inner = f"<Button><ReplaceName><![CDATA[{words}]]></ReplaceName></Button>"
    return passive(person, "update_button", inner)


@asynccontextmanager
async def desk_listening() -> AsyncIterator[Desk]:
    desk = Desk(WeChatCrypto(DESK.token, DESK.encoding_aes_key, CORP_ID))
    app = web.Application()
    app.router.add_get("/wecom/callback", desk.verify)
    app.router.add_post("/wecom/callback", desk.receive)
    server = TestServer(app)
    await server.start_server()
    desk.url = str(server.make_url("/wecom/callback"))
    try:
        yield desk
    finally:
        await server.close()


OpenWeCom = Callable[..., Awaitable[WeComRoom]]
