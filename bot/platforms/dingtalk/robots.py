"""A group's own webhook robot: no inbound, but its own quota, and it reaches external groups."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final

from bot.platforms.dingtalk.api import Api
from bot.platforms.dingtalk.markdown import defang, plain
from bot.platforms.dingtalk.settings import CustomRobot, DingTalkSettings
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

SEND: Final = "/robot/send"
MENTIONS: Final = 50  # (official doc)


class CustomRobots:
    def __init__(self, settings: DingTalkSettings, api: Api, clock: Clock) -> None:
        self._settings = settings
        self._api = api
        self._clock = clock

    async def send(
        self, robot: str, title: str, text: str, *, uuid: str, mention: Sequence[str] = ()
    ) -> None:
        """Markdown into the robot's group; the same ``uuid`` is shown once however often it is
        tried. Raises OutsideError."""
        chosen = self._settings.custom_robots.get(robot)
        if chosen is None:
            raise OutsideError(SEND, "robot.unknown", Outcome.REFUSED)
        await self._api.webhook(
            SEND,
            self._settings.oapi_base + SEND,
            _body(title, text, uuid, tuple(mention[:MENTIONS])),
            params={"access_token": chosen.access_token, **self._signature(chosen)},
        )

    def _signature(self, robot: CustomRobot) -> dict[str, str]:
        if not robot.secret:
            return {}
        timestamp = str(int(self._clock.now().timestamp() * 1000))
        return {"timestamp": timestamp, "sign": sign(robot.secret, timestamp)}


def sign(secret: str, timestamp: str) -> str:
    """Base64(HMAC-SHA256(secret, timestamp + "\\n" + secret)), not yet URL-encoded (official)."""
    digest = hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def _body(title: str, text: str, uuid: str, mention: tuple[str, ...]) -> dict[str, Any]:
    """A mention must stand in the text and in ``at`` (official doc)."""
    called = " ".join(f"@{user}" for user in mention)
    shown = "\n\n".join(filter(None, [defang(text), called]))
    return {
        "msgtype": "markdown",
        "msgUuid": uuid,
        "markdown": {"title": plain(title), "text": shown},
        "at": {"atUserIds": list(mention), "isAtAll": False},
    }
