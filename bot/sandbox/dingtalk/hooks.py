"""Webhooks: the answer address of one message, and the custom robots of groups."""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Any

from bot.sandbox.dingtalk.calls import NAME, PREFIX, Call, Calls, Problem
from bot.sandbox.dingtalk.company import App, CustomRobot, DingTalkSettings
from bot.sandbox.dingtalk.inbound import HOOK_MILLIS
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.outbound import Shown, of_hook
from bot.sandbox.ground import Ground
from bot.sandbox.screens import BOT, Item

SESSION = "/robot/sendBySession"
HOUR = 3_600_000
BODY_BYTES = 20_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_session (
  token TEXT PRIMARY KEY, app TEXT NOT NULL, message TEXT NOT NULL, chat TEXT NOT NULL,
  person TEXT NOT NULL, expires INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS dingtalk_uuid (
  robot TEXT, uuid TEXT, PRIMARY KEY (robot, uuid)
);
"""


class Hooks:
    def __init__(self, ground: Ground, settings: DingTalkSettings, meter: Meter) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._robots = {robot.access_token: robot for robot in settings.robots}
        self._meter = meter
        now = ground.clock.millis()
        ground.disk.run("DELETE FROM dingtalk_session WHERE expires < ?", now - 24 * HOUR)

    def add_routes(self, calls: Calls) -> None:
        calls.hook(SESSION, self._answer)
        calls.hook("/robot/send", self._custom)

    def session(self, app: App, message: str, chat: str, person: str, address: str) -> str:
        """The sessionWebhook of a message; durable with the transaction it is called in."""
        token = secrets.token_hex(16)
        self._ground.disk.run(
            "INSERT INTO dingtalk_session VALUES (?, ?, ?, ?, ?, ?)",
            token,
            app.name,
            message,
            chat,
            person,
            self._ground.clock.millis() + HOOK_MILLIS,
        )
        return f"{address}{PREFIX}{SESSION}?session={token}"

    async def _answer(self, call: Call) -> dict[str, Any]:
        row = self._ground.disk.row(
            "SELECT * FROM dingtalk_session WHERE token = ?", call.request.query.get("session", "")
        )
        if row is None:
            raise Problem(300001, "session.notExisted")
        if row["expires"] <= self._ground.clock.millis():
            raise Problem(300001, "session.expired")
        check_size(call)
        shown = of_hook(call.body, self._ground.media)
        if shown:
            body = {"app": row["app"], "reply_to": row["message"]}
            self._show(row["chat"], row["person"], shown, call.body, body)
        return {}

    async def _custom(self, call: Call) -> dict[str, Any]:
        robot = self._robots.get(call.request.query.get("access_token", ""))
        if robot is None:
            raise Problem(300001, "token is not exist")
        self._check_signature(robot, call)
        check_size(call)
        if call.request.content_type != "application/json":
            raise Problem(43004, "bad content type")
        if robot.keywords and not any(word in str(call.body) for word in robot.keywords):
            raise Problem(310000, "keywords not in content")
        if self._meter.robot_too_fast(robot.access_token):
            raise Problem(410100, "send too fast, exceed 20 times per minute")
        shown = of_hook(call.body, self._ground.media)
        with self._ground.disk.transaction():
            if shown and self._first(robot, call.body.get("msgUuid")):
                self._show(robot.group, "", shown, call.body, {"robot": "custom"})
        return {}

    def _first(self, robot: CustomRobot, uuid: object) -> bool:
        """False for a msgUuid that was sent before."""
        if not uuid:
            return True
        sql = "INSERT OR IGNORE INTO dingtalk_uuid VALUES (?, ?)"
        return self._ground.disk.run(sql, robot.access_token, str(uuid)) == 1

    def _check_signature(self, robot: CustomRobot, call: Call) -> None:
        stamp = call.request.query.get("timestamp", "")
        now = self._ground.clock.millis()
        if not re.fullmatch(r"\d{1,16}", stamp) or abs(now - int(stamp)) > HOUR:
            raise Problem(310000, "invalid timestamp")
        given = call.request.query.get("sign", "")
        if not hmac.compare_digest(given.encode(), sign(robot.secret, stamp).encode()):
            raise Problem(310000, "sign not match")

    def _show(
        self, chat: str, person: str, shown: Shown, given: dict[str, Any], extra: dict[str, Any]
    ) -> None:
        with self._ground.disk.transaction():
            self._ground.screens.put(
                Item(
                    platform=NAME,
                    chat=chat,
                    person=person,
                    sender=BOT,
                    kind=shown.kind,
                    message=self._ground.disk.new_id("msg"),
                    body=shown.body | extra | {"mentions": mentioned(given)},
                )
            )


def sign(secret: str, stamp: str) -> str:
    """Base64 of HMAC-SHA256 over timestamp, newline and secret (official doc)."""
    message = f"{stamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def check_size(call: Call) -> None:
    if (call.request.content_length or 0) > BODY_BYTES:
        raise Problem(460101, "message is too long")


def mentioned(given: dict[str, Any]) -> list[str]:
    """Whom the message calls by @; ``@all`` for everybody."""
    at = given.get("at")
    if not isinstance(at, dict):
        return []
    people = [str(who) for who in at.get("atUserIds") or []]
    return ["@all", *people] if at.get("isAtAll") else people
