"""Sending to people and groups of DingTalk: the adapter's ``Sender``."""

import asyncio
import hashlib
import io
import logging
import re
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Final, assert_never

import orjson

from bot.chat.message import (
    Bell,
    Card,
    Document,
    FileIn,
    Markdown,
    Picture,
    Place,
    Ring,
    Text,
)
from bot.chat.pages import linked
from bot.chat.ports import Blobs, Capabilities, Outgoing, Receipt, Tally
from bot.platforms.dingtalk import render
from bot.platforms.dingtalk.api import Api, http_session, uncounted
from bot.platforms.dingtalk.contacts import Contacts
from bot.platforms.dingtalk.ding import NO_BALANCE, DingKind, Dings
from bot.platforms.dingtalk.errors import HOOK_OVER, MODERATED, NO_TEMPLATE, ScopeMissing
from bot.platforms.dingtalk.messages import Attached, Message
from bot.platforms.dingtalk.oauth import Login
from bot.platforms.dingtalk.robots import CustomRobots
from bot.platforms.dingtalk.settings import (
    FETCH_BYTES,
    FILE_BYTES,
    PLATFORM,
    TEXT_BYTES,
    DingTalkSettings,
)
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

CARDS: Final = "/v1.0/card/instances"
DELIVER: Final = f"{CARDS}/deliver"
CREATE_AND_DELIVER: Final = f"{CARDS}/createAndDeliver"
PRIVATE: Final = "/v1.0/robot/oToMessages/batchSend"
GROUP: Final = "/v1.0/robot/groupMessages/send"
DOWNLOAD: Final = "/v1.0/robot/messageFiles/download"

HOOK_MARGIN: Final = timedelta(seconds=30)  # a hook about to end is not begun with
FLOW_SECONDS: Final = 60.0
FILE_KINDS: Final = frozenset({"xlsx", "pdf", "zip", "rar", "doc", "docx"})  # of sampleFile
HOPELESS = re.compile(r"illegal|invalid|not ?exist", re.IGNORECASE)  # only words come (seen in 1)
REMEMBERED: Final = 1_000
BELLS: Final = {
    Bell.PHONE: (DingKind.PHONE, DingKind.SMS, DingKind.APP),
    Bell.SMS: (DingKind.SMS, DingKind.APP),
    Bell.APP: (DingKind.APP,),
}


class Recent(OrderedDict[str, Any]):
    """The newest thousand: what was true of an item that may be tried again soon."""

    def put(self, key: str, value: object) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class DingTalk:
    """Implements ``bot.chat.ports.Sender``; every verb raises OutsideError."""

    def __init__(self, settings: DingTalkSettings, api: Api, clock: Clock, blobs: Blobs) -> None:
        self._settings = settings
        self._api = api
        self._clock = clock
        self._blobs = blobs
        self._shown = Recent()  # Outgoing.key -> messages of it already taken
        self._undelivered = Recent()  # cards that exist and nobody was shown
        self._in_words = Recent()  # Outgoing.key of cards that had to be said in words
        self._media = Recent()  # content and name -> media id
        self.contacts = Contacts(api)
        self.login = Login(settings, api, self.contacts)
        self.dings = Dings(settings, api)
        self.robots = CustomRobots(settings, api, clock)

    @property
    def capabilities(self) -> Capabilities:
        live = bool(self._settings.template)
        return Capabilities(
            update_in_place=live, buttons=True, inputs=live, files=True, text_bytes=TEXT_BYTES
        )

    async def send(self, out: Outgoing) -> Receipt:
        out = replace(out, part=linked(out.part, self._settings.public_url))
        try:
            return await self._show(out)
        except OutsideError as error:
            if error.code in MODERATED:
                await self._say(out, render.withheld(out.key))
            raise

    async def fetch(self, file: FileIn) -> bytes:
        body = {"downloadCode": file.code, "robotCode": self._settings.robot}
        answer = await self._api.call("POST", DOWNLOAD, body, effect=False)
        return await self._api.download(str(answer.get("downloadUrl", "")), FETCH_BYTES)

    def idempotent(self, out: Outgoing) -> bool:
        """A card has a name of ours; words have none."""
        return self._as_card(out) and out.key not in self._in_words

    def buckets(self, out: Outgoing) -> tuple[str, ...]:
        """The call (20 a second each, official doc) and the chat; nobody is rung by an update."""
        chat = f"{PLATFORM}:{out.chat.place}:{out.chat.id}"
        if self._as_card(out) and out.update:
            return (f"{PLATFORM}:app:card_update",)
        if self._as_card(out):
            return (f"{PLATFORM}:app:card_create", chat)
        if self._hook(out) and not isinstance(out.part, Document):
            return (f"{PLATFORM}:hook", chat)
        return (f"{PLATFORM}:app:robot_{out.chat.place}", chat)

    def _as_card(self, out: Outgoing) -> bool:
        return isinstance(out.part, Card) and bool(self._settings.template)

    async def _show(self, out: Outgoing) -> Receipt:
        match out.part:
            case Card() as card if self._settings.template:
                return await self._show_card(out, card)
            case Picture() as picture:
                media_id = await self._upload("image", picture.blob, "picture.png")
                return await self._say_all(out, [render.picture(media_id, picture.caption)])
            case Document() as document:
                return await self._say_all(out, await self._document(out, document))
            case Ring() as ring:
                return await self._ring(out, ring)
            case Text() | Markdown() | Card() as part:
                return await self._say_all(out, render.said(part, out.chat.place))
        assert_never(out.part)

    async def _show_card(self, out: Outgoing, card: Card) -> Receipt:
        try:
            if out.update:
                return await self._update(render.track_id(out, card), card)
            return await self._put_out(out, card)
        except OutsideError as error:
            if error.code not in NO_TEMPLATE and not isinstance(error, ScopeMissing):
                raise
            log.warning("no card can be shown, sending words instead: %s", error)
            self._in_words.put(out.key, True)
        return await self._say_all(out, render.said(card, out.chat.place))

    async def _put_out(self, out: Outgoing, card: Card) -> Receipt:
        """A card whose creation is repeated exists already, shown, and may have been clicked
        since: it is left as it is. One that we know was not shown is only delivered."""
        track = render.track_id(out, card)
        if track in self._undelivered:
            await self._update(track, card)
            answer = await self._api.call(
                "POST", DELIVER, render.delivery(out, card, self._settings)
            )
            return self._delivered(track, answer)
        try:
            body = render.new_card(out, card, self._settings)
            answer = await self._api.call("POST", CREATE_AND_DELIVER, body)
        except OutsideError as error:
            if error.code != "param.cardAlreadyExist":
                raise
            return Receipt(platform_id=track, updatable=True)
        return self._delivered(track, answer)

    async def _update(self, track: str, card: Card) -> Receipt:
        await self._api.call("PUT", CARDS, render.card_update(track, card))
        return Receipt(platform_id=track, updatable=True)

    def _delivered(self, track: str, answer: dict[str, Any]) -> Receipt:
        """Failures per target come inside HTTP 200 (official doc); deliver answers a bare list."""
        result = answer.get("result")
        targets = result if isinstance(result, list) else (result or {}).get("deliverResults", [])
        failed = [str(one.get("errorMsg", "")) for one in targets if not one.get("success")]
        if failed:
            self._undelivered.put(track, True)
            hopeless = all(HOPELESS.search(why) for why in failed)
            outcome = Outcome.REFUSED if hopeless else Outcome.RETRY
            raise OutsideError(CREATE_AND_DELIVER, "notDelivered", outcome)
        self._undelivered.pop(track, None)
        carrier = next((target.get("carrierId") for target in targets), "")
        return Receipt(platform_id=carrier or track, updatable=True)

    async def _say_all(self, out: Outgoing, shown: Sequence[Message]) -> Receipt:
        """In order; a retry goes on after the messages that were taken."""
        receipt = Receipt()
        taken = self._shown.get(out.key, 0)
        for number, message in enumerate(shown[taken:], taken + 1):
            receipt = await self._say(out, message.again() if out.again else message)
            if number < len(shown):
                self._shown.put(out.key, number)
        self._shown.pop(out.key, None)
        return receipt

    async def _say(self, out: Outgoing, message: Message) -> Receipt:
        hook, body = self._hook(out), message.webhook()
        if hook and body is not None:
            try:
                await self._api.webhook("session webhook", hook, body)
            except OutsideError as error:
                if error.code not in HOOK_OVER:
                    raise
            else:
                return Receipt()
        if out.chat.place is Place.GROUP:
            return await self._to_group(out.chat.id, message)
        return await self._to_person(out.chat.id, message)

    async def _to_person(self, user: str, message: Message) -> Receipt:
        """Partial failure comes inside HTTP 200 (official doc)."""
        answer = await self._api.call("POST", PRIVATE, {**self._robot(message), "userIds": [user]})
        if answer.get("invalidStaffIdList"):
            raise OutsideError(PRIVATE, "invalidStaffId", Outcome.REFUSED)
        if answer.get("flowControlledStaffIdList"):
            raise OutsideError(PRIVATE, "flowControlled", Outcome.RETRY, wait_seconds=FLOW_SECONDS)
        return Receipt(platform_id=str(answer.get("processQueryKey", "")))

    async def _to_group(self, group: str, message: Message) -> Receipt:
        body = {**self._robot(message), "openConversationId": group}
        answer = await self._api.call("POST", GROUP, body)
        return Receipt(platform_id=str(answer.get("processQueryKey", "")))

    def _robot(self, message: Message) -> dict[str, Any]:
        key, params = message.api()
        return {
            "robotCode": self._settings.robot,
            "msgKey": key,
            "msgParam": orjson.dumps(params).decode(),
        }

    def _hook(self, out: Outgoing) -> str:
        """The address for replies while it lasts, else ""."""
        hook = out.hook
        alive = hook is not None and self._clock.now() + HOOK_MARGIN < hook.expires
        return hook.url if hook is not None and alive else ""

    async def _ring(self, out: Outgoing, ring: Ring) -> Receipt:
        """By the bell that was asked for, else by a lesser one that is still paid for, else by
        ordinary words."""
        for kind in BELLS[ring.bell]:
            try:
                receipt = await self.dings.send(kind, [out.chat.id], ring.text)
            except OutsideError as error:
                if error.code not in NO_BALANCE:
                    raise
                log.warning("no %s is left to ring somebody by", kind.name)
                continue
            if out.chat.id in receipt.failed:
                raise OutsideError("ding", "notDelivered", Outcome.REFUSED)
            return Receipt(platform_id=receipt.id)
        return await self._say_all(out, render.said(Text(text=ring.text), out.chat.place))

    async def _document(self, out: Outgoing, document: Document) -> list[Message]:
        """Words, if any, and the file; a repetition begins with words, which can be marked."""
        name = document.name if _sendable(document.name) else f"{document.name}.zip"
        file = Attached(await self._upload("file", document.blob, name, document.name), name)
        if out.again:
            self._shown.pop(out.key, None)
        caption = document.caption or (f"文件 {document.name}" if out.again else "")
        words = render.said(Text(text=caption), out.chat.place) if caption else []
        return [*words, file]

    async def _upload(self, kind: str, blob: str, name: str, inner: str = "") -> str:
        """Once per content and name: a blob may be drawn anew each time it is read. A kind of
        file that DingTalk does not take goes in a zip."""
        data = await self._blobs.read(blob)
        known = f"{hashlib.sha256(data).hexdigest()}/{name}"
        if known in self._media:
            return str(self._media[known])
        if inner and inner != name:
            data = await asyncio.to_thread(_zipped, inner, data)
        if len(data) > FILE_BYTES:
            raise OutsideError("/media/upload", "file.tooLarge", Outcome.REFUSED)
        media_id = await self._api.upload(kind, name, data)
        self._media.put(known, media_id)
        return media_id


@asynccontextmanager
async def open_dingtalk(
    settings: DingTalkSettings, clock: Clock, blobs: Blobs, tally: Tally = uncounted
) -> AsyncIterator[DingTalk]:
    """The client with an HTTP session of its own."""
    async with http_session(settings) as http:
        yield DingTalk(settings, Api(settings, http, clock, tally), clock, blobs)


def _sendable(name: str) -> bool:
    return PurePath(name).suffix.lower().removeprefix(".") in FILE_KINDS


def _zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()
