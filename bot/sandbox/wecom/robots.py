"""Webhook robots of groups: eight kinds of message, no clicks, no updates, no recall."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from bot.sandbox.ground import Ground
from bot.sandbox.wecom.calls import Call, Calls, Problem, as_object, as_texts
from bot.sandbox.wecom.card_rules import Channel, read_card
from bot.sandbox.wecom.company import GroupRobot, WeComSettings
from bot.sandbox.wecom.content import ROBOT_MARKDOWN_BYTES, Reader, Shown, need
from bot.sandbox.wecom.files import MEGABYTE, Files, read_media
from bot.sandbox.wecom.meter import Meter
from bot.sandbox.wecom.posts import Posts

PICTURE_BYTES = 2 * MEGABYTE
SENT = frozenset({"text", "markdown", "markdown_v2", "news", "file", "voice"})
HEADS = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}


class Robots:
    def __init__(
        self, ground: Ground, settings: WeComSettings, posts: Posts, files: Files, meter: Meter
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._posts = posts
        self._files = files
        self._meter = meter

    def add_routes(self, calls: Calls) -> None:
        calls.hook("/cgi-bin/webhook/send", self._send)
        calls.hook("/cgi-bin/webhook/upload_media", self._upload)

    async def _send(self, call: Call) -> dict[str, Any]:
        robot = self._robot(call)
        if self._meter.robot_too_fast(robot.key):
            raise Problem(45009)
        kind, body = str(call.body.get("msgtype") or ""), call.body
        extra = {"robot": "webhook", "mentions": mentioned(body, kind)}
        if kind == "template_card":
            card = read_card(body.get("template_card"), Channel.HOOK)
            with self._ground.disk.transaction():
                self._posts.new_card(Channel.HOOK, robot.key, card, robot.group, "", extra)
            return {}
        shown = await self._read(kind, body, robot)
        with self._ground.disk.transaction():
            self._posts.show(shown, self._posts.new_id(), robot.group, "", extra)
        return {}

    async def _read(self, kind: str, body: Mapping[str, Any], robot: GroupRobot) -> Shown:
        if kind == "image":
            return await self._picture(as_object(body.get("image")))
        if kind not in SENT:
            raise Problem(40008)

        def find(media_id: object) -> Any:
            return self._files.find(media_id, robot.key)

        return Reader(find, self._settings.refuse_long, ROBOT_MARKDOWN_BYTES).read(kind, body)

    async def _picture(self, part: Mapping[str, Any]) -> Shown:
        """In the message itself, with its sum."""
        try:
            body = base64.b64decode(need(part, "base64", "image"), validate=True)
        except binascii.Error:
            raise Problem(40035, "image.base64 is invalid") from None
        suffix = next((name for head, name in HEADS.items() if body.startswith(head)), "")
        if not suffix:
            raise Problem(40005)
        if len(body) > PICTURE_BYTES:
            raise Problem(40006)
        if hashlib.md5(body).hexdigest() != need(part, "md5", "image").lower():  # noqa: S324
            raise Problem(40035, "image.md5 does not match")
        medium = await self._ground.media.keep("hook", f"image.{suffix}", body)
        return Shown("image", {"text": "", "url": medium.url})

    async def _upload(self, call: Call) -> dict[str, Any]:
        robot, kind = self._robot(call), call.query("type")
        if kind not in ("file", "voice"):
            raise Problem(40004)
        name, body = await read_media(call.request)
        return await self._files.keep(kind, name, body, robot.key)

    def _robot(self, call: Call) -> GroupRobot:
        key = call.query("key")
        robot = next((one for one in self._settings.robots if one.key == key), None)
        if robot is None:
            raise Problem(93000)
        return robot


def mentioned(body: Mapping[str, Any], kind: str) -> list[str]:
    """Whom a text calls by id; ``@all`` for everybody."""
    return as_texts(as_object(body.get(kind)).get("mentioned_list"))
