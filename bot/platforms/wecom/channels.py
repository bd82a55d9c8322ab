"""The four ways out, each with its own powers (reference 0): the application to a person, the
application to a group that it made, a group's webhook robot, the bot."""

import base64
import hashlib
import logging
from collections import OrderedDict
from typing import Any, Final, Protocol, assert_never

from bot.chat.message import Place
from bot.chat.ports import Blobs, Capabilities, Outgoing, Receipt
from bot.platforms.wecom import frames
from bot.platforms.wecom.aibot import AiBot
from bot.platforms.wecom.api import Api
from bot.platforms.wecom.errors import LATE_ANSWER, SHOWN_BEFORE, Answer
from bot.platforms.wecom.pace import Pace
from bot.platforms.wecom.parse import HOOK
from bot.platforms.wecom.render import AWAY, Attached, Message, Said, Shown, Style, Written
from bot.platforms.wecom.settings import (
    BOT_MARKDOWN_BYTES,
    FILE_BYTES,
    PICTURE_BYTES,
    PLATFORM,
    ROBOT_MARKDOWN_BYTES,
    TEXT_BYTES,
    WeComSettings,
)
from bot.platforms.wecom.template import WIDE
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

TO_BOT: Final = "请在智能机器人「{}」的会话里"

SEND: Final = "/cgi-bin/message/send"
APP_CHAT: Final = "/cgi-bin/appchat/send"
REPEAT_SECONDS: Final = 14_400  # the longest that WeCom remembers a message for (official doc)
CHUNK_BYTES: Final = 512 * 1024  # of an upload to the bot, before base64 (official doc)
MEDIA_KEPT: Final = 500
MEDIA_LASTS: Final = 2 * 86_400.0  # seconds

Json = dict[str, Any]


class Channel(Protocol):
    """One way to show a message in a chat. Every verb raises OutsideError."""

    @property
    def name(self) -> str: ...

    @property
    def style(self) -> Style: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def pace(self) -> Pace: ...

    def idempotent(self, message: Message) -> bool:
        """Whether the same message is shown once however often it is sent."""
        ...

    def buckets(self, chat: str) -> tuple[str, ...]: ...

    async def show(self, out: Outgoing, message: Message) -> tuple[Receipt, str]:
        """The receipt, and the code that came with it for one update, "" without one."""
        ...


class Uploads:
    """Media ids of bytes sent lately: once per content and name, for a part of their three days."""

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()  # with until when

    async def bytes_of(self, message: Attached) -> bytes:
        data = await self._blobs.read(message.blob)
        if len(data) > FILE_BYTES:
            raise OutsideError("upload", "file.tooLarge", Outcome.REFUSED)
        return data

    async def media_id(self, message: Attached, upload: "Upload") -> str:
        """As it was given before, else by ``upload``."""
        data = await self.bytes_of(message)
        key = f"{hashlib.sha256(data).hexdigest()}/{message.name}"
        known, until = self._known.get(key, ("", 0.0))
        if known and self._clock.steady() < until:
            return known
        media_id = await upload(message, data)
        self._known[key] = media_id, self._clock.steady() + MEDIA_LASTS
        if len(self._known) > MEDIA_KEPT:
            self._known.popitem(last=False)
        return media_id


class Upload(Protocol):
    async def __call__(self, message: Attached, data: bytes) -> str: ...


class Application:
    """To a person, at any time; cards that stay alive. Without a callback nobody is heard here:
    then no card may have buttons, and lines are to be said to the bot."""

    name = "app"

    def __init__(self, settings: WeComSettings, api: Api, blobs: Blobs, clock: Clock) -> None:
        self._settings = settings
        self._api = api
        self._uploads = Uploads(blobs, clock)
        self.pace = Pace({60.0: settings.member_minute, 3600.0: settings.member_hour})
        self.style = Style(
            text_bytes=TEXT_BYTES,
            markdown_bytes=TEXT_BYTES,
            cards=True,
            clicks=settings.clickable,
            hears=settings.clickable,
            mention=False,
            away=AWAY if settings.aibot is None else TO_BOT.format(settings.aibot.name or "期台"),
            room=WIDE,
        )
        self.capabilities = Capabilities(
            update_in_place=settings.clickable,
            buttons=settings.clickable,
            inputs=False,  # choices only: nothing can be typed into a card
            files=True,
            text_bytes=TEXT_BYTES,
            group_update=False,
        )

    def idempotent(self, message: Message) -> bool:
        """A card has a name, or our key in its address, by which WeCom finds repetitions."""
        return isinstance(message, Shown)

    def buckets(self, chat: str) -> tuple[str, ...]:
        member = (f"{PLATFORM}:member_minute:{chat}", f"{PLATFORM}:member_hour:{chat}")
        return (f"{PLATFORM}:app:send", *member)

    async def show(self, out: Outgoing, message: Message) -> tuple[Receipt, str]:
        user = out.chat.id
        body = {
            "touser": user,
            "agentid": self._settings.agent,
            **await self._content(message),
            **_once(out, message),
        }
        try:
            answer = await self._api.send(SEND, body)
        except OutsideError as error:
            if error.code == SHOWN_BEFORE and isinstance(message, Shown) and message.clickable:
                return Receipt(platform_id=str(message.json["task_id"]), updatable=True), ""
            raise
        self._delivered(user, answer)
        code = str(answer.get("response_code") or "")
        return Receipt(platform_id=str(answer.get("msgid") or ""), updatable=bool(code)), code

    @staticmethod
    def _delivered(user: str, answer: Answer) -> None:
        """Failures per person come with errcode 0, in lower case (official doc)."""
        for failure in ("invaliduser", "unlicenseduser"):
            if user.lower() in str(answer.get(failure) or "").lower().split("|"):
                raise OutsideError(SEND, failure, Outcome.REFUSED)

    async def _content(self, message: Message) -> Json:
        match message:
            case Attached():
                media_id = await self._uploads.media_id(message, self._upload)
                return {"msgtype": message.kind, message.kind: {"media_id": media_id}}
            case Said() | Written() | Shown():
                return _worded(message)
        assert_never(message)

    async def _upload(self, message: Attached, data: bytes) -> str:
        return await self._api.upload(message.kind, message.name, data)


class AppChat:
    """To a group that the application made: no cards, and nobody is heard there."""

    name = "appchat"
    style = Style(
        text_bytes=TEXT_BYTES,
        markdown_bytes=TEXT_BYTES,
        cards=False,
        clicks=False,
        hears=False,
        mention=False,
    )
    capabilities = Capabilities(
        update_in_place=False, buttons=False, inputs=False, files=True, text_bytes=TEXT_BYTES
    )

    def __init__(self, settings: WeComSettings, api: Api, blobs: Blobs, clock: Clock) -> None:
        self._api = api
        self._uploads = Uploads(blobs, clock)
        self.pace = Pace({60.0: settings.chat_minute, 86_400.0: settings.chat_day})

    def idempotent(self, _message: Message) -> bool:
        return False

    def buckets(self, chat: str) -> tuple[str, ...]:
        return (f"{PLATFORM}:appchat:{chat}",)

    async def show(self, out: Outgoing, message: Message) -> tuple[Receipt, str]:
        body = {"chatid": out.chat.id, "safe": 0, **await self._content(message)}
        await self._api.send(APP_CHAT, body)
        return Receipt(), ""

    async def _content(self, message: Message) -> Json:
        if not isinstance(message, Attached):
            return _worded(message)
        media_id = await self._uploads.media_id(message, self._upload)
        return {"msgtype": message.kind, message.kind: {"media_id": media_id}}

    async def _upload(self, message: Attached, data: bytes) -> str:
        return await self._api.upload(message.kind, message.name, data)


class GroupRobot:
    """To the group behind a webhook key: cards to read, and nobody is heard there."""

    name = "robot"
    style = Style(
        text_bytes=TEXT_BYTES,
        markdown_bytes=ROBOT_MARKDOWN_BYTES,
        cards=True,
        clicks=False,
        hears=False,
        mention=False,
    )
    capabilities = AppChat.capabilities

    def __init__(self, settings: WeComSettings, api: Api, blobs: Blobs, clock: Clock) -> None:
        self._keys = settings.robots
        self._api = api
        self._uploads = Uploads(blobs, clock)
        self.pace = Pace({60.0: settings.robot_minute})

    def idempotent(self, _message: Message) -> bool:
        return False

    def buckets(self, chat: str) -> tuple[str, ...]:
        return (f"{PLATFORM}:robot:{chat}",)

    async def show(self, out: Outgoing, message: Message) -> tuple[Receipt, str]:
        key = self._keys[out.chat.id]
        await self._api.robot(key, await self._content(key, message))
        return Receipt(), ""

    async def _content(self, key: str, message: Message) -> Json:
        if not isinstance(message, Attached):
            return _worded(message)
        data = await self._uploads.bytes_of(message)
        if message.kind == "image" and len(data) <= PICTURE_BYTES:
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            picture = {"base64": base64.b64encode(data).decode(), "md5": digest}
            return {"msgtype": "image", "image": picture}
        media_id = await self._api.robot_upload(key, message.name, data)
        return {"msgtype": "file", "file": {"media_id": media_id}}


class BotChannel:
    """To a person or a group that has spoken to the bot: answers under their question, cards whose
    buttons work once."""

    name = "bot"
    style = Style(
        text_bytes=BOT_MARKDOWN_BYTES,
        markdown_bytes=BOT_MARKDOWN_BYTES,
        cards=True,
        clicks=True,
        hears=True,
        mention=True,
        plain_text=False,
    )
    capabilities = Capabilities(
        update_in_place=False, buttons=True, inputs=False, files=True, text_bytes=BOT_MARKDOWN_BYTES
    )

    def __init__(self, settings: WeComSettings, bot: AiBot, blobs: Blobs, clock: Clock) -> None:
        self._bot = bot
        self._uploads = Uploads(blobs, clock)
        self.pace = Pace({60.0: settings.bot_minute, 3600.0: settings.bot_hour})

    def idempotent(self, message: Message) -> bool:
        """A card with buttons has a name; nothing else is told apart."""
        return isinstance(message, Shown) and message.clickable

    def buckets(self, chat: str) -> tuple[str, ...]:
        return (f"{PLATFORM}:bot_minute:{chat}", f"{PLATFORM}:bot_hour:{chat}")

    async def show(self, out: Outgoing, message: Message) -> tuple[Receipt, str]:
        content = await self._content(message)
        try:
            await self._deliver(out, content)
        except OutsideError as error:
            if error.code != SHOWN_BEFORE or not self.idempotent(message):
                raise
        return Receipt(), ""

    async def _deliver(self, out: Outgoing, content: Json) -> None:
        """Below the question while it may be answered, else as a message of its own."""
        if out.hook is not None and out.hook.url.startswith(HOOK):
            try:
                await self._bot.call(frames.RESPOND, content, out.hook.url.removeprefix(HOOK))
            except OutsideError as error:
                if error.code not in LATE_ANSWER:
                    raise
            else:
                return
        kind = 2 if out.chat.place is Place.GROUP else 1
        await self._bot.call(frames.SEND, {"chatid": out.chat.id, "chat_type": kind, **content})

    async def _content(self, message: Message) -> Json:
        if not isinstance(message, Attached):
            return _worded(message)
        media_id = await self._uploads.media_id(message, self._upload)
        return {"msgtype": message.kind, message.kind: {"media_id": media_id}}

    async def _upload(self, message: Attached, data: bytes) -> str:
        chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
        about = {
            "type": message.kind,
            "filename": message.name,
            "total_size": len(data),
            "total_chunks": len(chunks),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        }
        begun = await self._bot.call(frames.UPLOAD_INIT, about, effect=False)
        upload = {"upload_id": _field(begun, "upload_id")}
        for index, chunk in enumerate(chunks):
            piece = {"chunk_index": index, "base64_data": base64.b64encode(chunk).decode()}
            await self._bot.call(frames.UPLOAD_CHUNK, {**upload, **piece}, effect=False)
        return _field(await self._bot.call(frames.UPLOAD_FINISH, upload, effect=False), "media_id")


def _field(answer: Answer, name: str) -> str:
    body = answer.get("body")
    return str(body.get(name, "")) if isinstance(body, dict) else ""


def _worded(message: Said | Written | Shown) -> Json:
    match message:
        case Said():
            return {"msgtype": "text", "text": {"content": message.text}}
        case Written():
            return {"msgtype": "markdown", "markdown": {"content": message.text}}
        case Shown():
            return {"msgtype": "template_card", "template_card": message.json}
    assert_never(message)


def _once(out: Outgoing, message: Message) -> Json:
    """The same content is shown once; ours is the same only for the same key, which a card that is
    read carries in its address."""
    if not isinstance(message, Shown) or message.clickable:
        return {}
    action = message.json["card_action"]
    marked = {**message.json, "card_action": {**action, "url": f"{action['url']}#{out.key}"}}
    return {
        "template_card": marked,
        "enable_duplicate_check": 1,
        "duplicate_check_interval": REPEAT_SECONDS,
    }
