"""The simulated DingTalk as one thing: its rooms put together, and what people do on it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.sandbox.dingtalk import inbound
from bot.sandbox.dingtalk.calls import NAME, PREFIX, Call, Calls, Manner, Problem
from bot.sandbox.dingtalk.cards import Cards
from bot.sandbox.dingtalk.company import CORP_ID, App, DingTalkSettings
from bot.sandbox.dingtalk.contacts import Contacts
from bot.sandbox.dingtalk.ding import Ding
from bot.sandbox.dingtalk.files import Files
from bot.sandbox.dingtalk.frames import BOT_TOPIC, EVERY_EVENT
from bot.sandbox.dingtalk.gateway import Gateway
from bot.sandbox.dingtalk.hooks import Hooks
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.outbound import Shown
from bot.sandbox.dingtalk.pushes import Push
from bot.sandbox.dingtalk.robot import Robot
from bot.sandbox.dingtalk.sent import SentBook
from bot.sandbox.dingtalk.stream import Stream
from bot.sandbox.dingtalk.tokens import LIFE, Tokens
from bot.sandbox.faults import Fault
from bot.sandbox.ground import Ground, Press, Saying
from bot.sandbox.media import Medium
from bot.sandbox.refused import NobodyListens, Refused
from bot.sandbox.screens import BOT_NAME, PRIVATE, Item

HEARD_IN_GROUPS = frozenset({"text", "rich", "unknown"})
KINDS = HEARD_IN_GROUPS | {"voice"}


class DingTalk:
    name = NAME
    fault_kinds = frozenset(
        {
            "no_ack",
            "late_ack",
            "duplicate",
            "reorder",
            "http_5xx",
            "throttle",
            "token_expired",
            "disconnect",
            "hang",
            "half_body",
            "html",
        }
    )

    def __init__(self, ground: Ground, settings: DingTalkSettings) -> None:
        self._ground = ground
        self._settings = settings
        self._tokens = Tokens(ground.disk, ground.clock, settings)
        self._meter = Meter(ground.disk, ground.clock, settings.quotas)
        self._stream = Stream(ground, settings, self._meter)
        sent = SentBook(ground.disk, ground.clock)
        self._hooks = Hooks(ground, settings, self._meter)
        self._cards = Cards(ground, settings, self._stream, sent)
        self._files = Files(ground)
        self._rooms = (
            Gateway(ground, settings, self._stream),
            self._stream,
            self._hooks,
            self._cards,
            self._files,
            Robot(ground, sent),
            Ding(ground, self._meter, sent),
            Contacts(ground, settings),
        )

    def routes(self) -> list[web.RouteDef]:
        calls = Calls(self._ground, self._settings, self._tokens, self._meter)
        calls.open("POST", "/v1.0/oauth2/accessToken", self._new_token, Manner.API)
        calls.open("GET", "/gettoken", self._old_token, Manner.OAPI)
        for room in self._rooms:
            room.add_routes(calls)
        return calls.routes

    async def close(self) -> None:
        await self._stream.close()

    def describe(self, address: str) -> dict[str, Any]:
        desk = self._settings.desk
        return {
            "api_base": address + PREFIX,
            "oapi_base": address + PREFIX,
            "corp_id": CORP_ID,
            "client_id": desk.client_id,
            "client_secret": desk.client_secret,
            "robot_code": desk.robot_code,
            "apps": [
                {
                    "name": app.name,
                    "client_id": app.client_id,
                    "client_secret": app.client_secret,
                    "robot_code": app.robot_code,
                }
                for app in self._settings.others
            ],
            "robots": [
                {
                    "group": robot.group,
                    "access_token": robot.access_token,
                    "secret": robot.secret,
                    "url": f"{address}{PREFIX}/robot/send?access_token={robot.access_token}",
                }
                for robot in self._settings.robots
            ],
        }

    def connected(self) -> int:
        return self._stream.connected()

    def counters(self) -> dict[str, int]:
        return self._meter.used() | {"waiting": self._stream.waiting()}

    def say(self, saying: Saying, address: str) -> str:
        if saying.kind not in KINDS:
            raise Refused(f"没有这种消息：{saying.kind}")
        if not saying.text.strip():
            raise Refused("消息是空的")
        in_group = saying.chat != PRIVATE
        app = self._app(saying.app)
        heard = not in_group or (saying.mention and saying.kind in HEARD_IN_GROUPS)
        with self._ground.disk.transaction():
            match saying.kind:
                case "voice":
                    body = inbound.voice_body(saying.text, self._files.code(app, ""))
                case "rich":
                    body = inbound.rich_body(saying.text)
                case "unknown":
                    body = {"msgtype": "unknownMsgType"}
                case _:
                    body = inbound.text_body(saying.text, in_group=in_group)
            shown = f"@{BOT_NAME} {saying.text}" if in_group and saying.mention else saying.text
            extra = {"voice": True} if saying.kind == "voice" else {}
            item = {"text": shown, **extra}
            body |= self._quoted(saying)
            message, push = self._post(app, saying, body, Shown("text", item), heard, address)
        return self._sent_off(message, push)

    def upload(self, saying: Saying, medium: Medium, address: str) -> str:
        app = self._app(saying.app)
        item = {"text": medium.name, "url": medium.url, "name": medium.name, "size": medium.size}
        with self._ground.disk.transaction():
            code = self._files.code(app, medium.id)
            if medium.is_picture:
                body, kind = inbound.picture_body(code), "image"
            elif medium.mime == "video/mp4":
                body, kind = inbound.video_body(code), "file"
            else:
                body, kind = inbound.file_body(code, medium.name, medium.id), "file"
            heard = saying.chat == PRIVATE
            message, push = self._post(app, saying, body, Shown(kind, item), heard, address)
        return self._sent_off(message, push)

    async def click(self, press: Press) -> dict[str, Any]:
        return await self._cards.click(press)

    def strike(self, fault: Fault) -> None:
        if fault.kind == "disconnect":
            self._stream.strike(fault)

    def clock_moved(self, seconds: float) -> None:
        self._stream.clock_moved(seconds)

    def happen(self, what: str, data: Mapping[str, Any], app: str) -> str:
        to = self._app(app)
        with self._ground.disk.transaction():
            event_id = self._ground.disk.new_id("event")
            headers = {
                "eventId": event_id,
                "eventType": what,
                "eventBornTime": str(self._ground.clock.millis()),
                "eventCorpId": CORP_ID,
                "eventUnifiedAppId": to.client_id,
            }
            push = self._stream.store_event(to, EVERY_EVENT, data, headers)
        self._stream.send(push)
        return event_id

    def _app(self, name: str) -> App:
        app = self._settings.app(name)
        if app is None:
            raise Refused(f"没有这个应用：{name}")
        return app

    def _post(
        self,
        app: App,
        saying: Saying,
        body: dict[str, Any],
        shown: Shown,
        heard: bool,
        address: str,
    ) -> tuple[str, Push | None]:
        """Onto the screens and, when the robot hears it, into the pushes; both or neither."""
        self._ground.screens.chat_of(saying.person, saying.chat)
        if heard and not self._stream.listening(app, BOT_TOPIC):
            raise NobodyListens
        person = self._ground.world.person(saying.person)
        if person is None:
            raise Refused(f"没有这个人：{saying.person}")
        disk = self._ground.disk
        message = disk.new_id("msg")
        self._ground.screens.put(
            Item(
                platform=NAME,
                chat=saying.chat,
                person=saying.person,
                sender=saying.person,
                kind=shown.kind,
                message=message,
                body=shown.body | {"app": app.name},
            )
        )
        if not heard:
            return message, None
        payload = inbound.payload(
            inbound.Heard(
                app=app,
                person=person,
                group=self._ground.world.group(saying.chat),
                message_id=message,
                at=self._ground.clock.millis(),
                hook=self._hooks.session(app, message, saying.chat, saying.person, address),
                body=body,
            )
        )
        if self._meter.stream_spent():
            payload = inbound.over_quota(payload)
        return message, self._stream.store_message(app, payload)

    def _sent_off(self, message: str, push: Push | None) -> str:
        if push:
            self._stream.send(push)
        return message

    def _quoted(self, saying: Saying) -> dict[str, Any]:
        if not saying.quote:
            return {}
        row = self._ground.screens.message(NAME, saying.quote)
        if row is None:
            raise Refused("没有这条被引用的消息")
        at = int(datetime.fromisoformat(row["at"]).timestamp() * 1000)
        text = str(json.loads(row["body"]).get("text", ""))
        return inbound.quoted_body(saying.quote, row["sender"], text, at)

    async def _new_token(self, call: Call) -> dict[str, Any]:
        app = self._settings.app_of_client(call.body.get("appKey"))
        if app is None or call.body.get("appSecret") != app.client_secret:
            raise Problem("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        if self._meter.tokens_too_fast(app):
            raise Problem("Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", status=403)
        return {"accessToken": self._tokens.issue(app), "expireIn": LIFE}

    async def _old_token(self, call: Call) -> dict[str, Any]:
        query = call.request.query
        app = self._settings.app_of_client(query.get("appkey"))
        if app is None or query.get("appsecret") != app.client_secret:
            raise Problem(40089, "不合法的corpid或corpsecret")
        if self._meter.tokens_too_fast(app):
            raise Problem(90018, "too many requests")
        return {"access_token": self._tokens.issue(app), "expires_in": LIFE}
