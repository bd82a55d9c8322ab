"""What people say and send: onto the screens and, where the robot hears it, to its app."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.dingtalk import inbound
from bot.sandbox.dingtalk.calls import NAME
from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.dingtalk.files import Files
from bot.sandbox.dingtalk.frames import BOT_TOPIC
from bot.sandbox.dingtalk.hooks import Hooks
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.outbound import Shown
from bot.sandbox.dingtalk.pushes import Push
from bot.sandbox.dingtalk.stream import Stream
from bot.sandbox.ground import Ground, Saying
from bot.sandbox.media import Medium
from bot.sandbox.refused import NobodyListens, Refused
from bot.sandbox.screens import BOT_NAME, PRIVATE, Item
from bot.sandbox.world import Person

HEARD_IN_GROUPS = frozenset({"text", "rich", "unknown"})  # and only when the robot is called
KINDS = HEARD_IN_GROUPS | {"voice"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """``body`` is what the app receives if the robot hears it, ``shown`` what the chat shows."""

    app: App
    person: Person
    chat: str
    heard: bool
    body: dict[str, Any]
    shown: Shown


class Speech:
    def __init__(
        self,
        ground: Ground,
        settings: DingTalkSettings,
        stream: Stream,
        hooks: Hooks,
        files: Files,
        meter: Meter,
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._stream = stream
        self._hooks = hooks
        self._files = files
        self._meter = meter

    def say(self, saying: Saying, address: str) -> str:
        if saying.kind not in KINDS:
            raise Refused(f"没有这种消息：{saying.kind}")
        if not saying.text.strip():
            raise Refused("消息是空的")
        app, person = self._app(saying.app), self._speaker(saying)
        in_group = saying.chat != PRIVATE
        called = saying.mention and self._ground.world.robots_group(saying.chat) is not None
        text = f"@{BOT_NAME} {saying.text}" if in_group and saying.mention else saying.text
        heard = not in_group or (called and saying.kind in HEARD_IN_GROUPS)
        with self._ground.disk.transaction():
            body = self._body(app, saying) | self._quoted(saying)
            shown = Shown("text", {"text": text, "voice": saying.kind == "voice"})
            utterance = Utterance(app, person, saying.chat, heard, body, shown)
            message, push = self._utter(utterance, address)
        return self._sent_off(message, push)

    def upload(self, saying: Saying, medium: Medium, address: str) -> str:
        app, person = self._app(saying.app), self._speaker(saying)
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
            utterance = Utterance(app, person, saying.chat, heard, body, Shown(kind, item))
            message, push = self._utter(utterance, address)
        return self._sent_off(message, push)

    def _utter(self, said: Utterance, address: str) -> tuple[str, Push | None]:
        """Screens, answer address and push, all in the caller's transaction."""
        if said.heard and not self._stream.listening(said.app, BOT_TOPIC):
            raise NobodyListens
        message = self._ground.disk.new_id("msg")
        self._ground.screens.put(
            Item(
                platform=NAME,
                chat=said.chat,
                person=said.person.id,
                sender=said.person.id,
                kind=said.shown.kind,
                message=message,
                body=said.shown.body | {"app": said.app.name},
            )
        )
        if not said.heard:
            return message, None
        heard = inbound.Heard(
            app=said.app,
            person=said.person,
            group=self._ground.world.group(said.chat),
            message_id=message,
            at=self._ground.clock.millis(),
            hook=self._hooks.session(said.app, message, said.chat, said.person.id, address),
            body=said.body,
        )
        payload = inbound.payload(heard)
        if self._meter.stream_spent():
            payload = inbound.over_quota(payload)
        return message, self._stream.store_message(said.app, payload)

    def _sent_off(self, message: str, push: Push | None) -> str:
        if push:
            self._stream.send(push)
        return message

    def _body(self, app: App, saying: Saying) -> dict[str, Any]:
        match saying.kind:
            case "voice":
                return inbound.voice_body(saying.text, self._files.code(app, ""))
            case "rich":
                return inbound.rich_body(saying.text)
            case "unknown":
                return {"msgtype": "unknownMsgType"}
            case _:
                return inbound.text_body(saying.text, in_group=saying.chat != PRIVATE)

    def _quoted(self, saying: Saying) -> dict[str, Any]:
        if not saying.quote:
            return {}
        row = self._ground.screens.message(NAME, saying.quote)
        if row is None:
            raise Refused("没有这条被引用的消息")
        at = int(datetime.fromisoformat(row["at"]).timestamp() * 1000)
        text = str(json.loads(row["body"]).get("text", ""))
        return inbound.quoted_body(saying.quote, row["sender"], text, at)

    def _app(self, name: str) -> App:
        app = self._settings.app(name)
        if app is None:
            raise Refused(f"没有这个应用：{name}")
        return app

    def _speaker(self, saying: Saying) -> Person:
        return self._ground.screens.member(saying.person, saying.chat)
