"""The simulated DingTalk as one thing: its rooms put together, as the sandbox asks for it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.dingtalk.calls import NAME, PREFIX, Calls
from bot.sandbox.dingtalk.cards import Cards
from bot.sandbox.dingtalk.company import CORP_ID, DingTalkSettings
from bot.sandbox.dingtalk.contacts import Contacts
from bot.sandbox.dingtalk.ding import Ding
from bot.sandbox.dingtalk.files import Files
from bot.sandbox.dingtalk.frames import EVERY_EVENT
from bot.sandbox.dingtalk.gateway import Gateway
from bot.sandbox.dingtalk.hooks import Hooks
from bot.sandbox.dingtalk.login import Login
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.robot import Robot
from bot.sandbox.dingtalk.sent import SentBook
from bot.sandbox.dingtalk.speech import Speech
from bot.sandbox.dingtalk.stream import Stream
from bot.sandbox.dingtalk.tokens import Tokens
from bot.sandbox.faults import Fault
from bot.sandbox.ground import Ground, Press, Saying
from bot.sandbox.media import Medium
from bot.sandbox.refused import Refused


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
        hooks, files = Hooks(ground, settings, self._meter), Files(ground)
        self._cards = Cards(ground, settings, self._stream, sent)
        self._speech = Speech(ground, settings, self._stream, hooks, files, self._meter)
        self._contacts = Contacts(ground, settings)
        self._rooms = (
            Gateway(ground, settings, self._stream),
            self._stream,
            Login(ground, settings, self._tokens, self._meter),
            hooks,
            self._cards,
            files,
            Robot(ground, sent),
            Ding(ground, self._meter, sent),
            self._contacts,
        )

    def routes(self) -> list[web.RouteDef]:
        calls = Calls(self._ground, self._settings, self._tokens, self._meter)
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
            "oauth_base": address + PREFIX,
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

    async def look(self) -> None:
        """Sockets come and go by themselves."""

    def say(self, saying: Saying, address: str) -> str:
        return self._speech.say(saying, address)

    def upload(self, saying: Saying, medium: Medium, address: str) -> str:
        return self._speech.upload(saying, medium, address)

    async def click(self, press: Press) -> dict[str, Any]:
        return await self._cards.click(press)

    def strike(self, fault: Fault) -> None:
        if fault.kind == "disconnect":
            self._stream.strike(fault)

    def clock_moved(self, seconds: float) -> None:
        self._stream.clock_moved(seconds)

    def happen(self, what: str, data: Mapping[str, Any], app: str) -> str:
        to = self._settings.app(app)
        if to is None:
            raise Refused(f"没有这个应用：{app}")
        with self._ground.disk.transaction():
            if what == "user_leave_org":
                self._contacts.leave(leavers(data))
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


def leavers(data: Mapping[str, Any]) -> list[str]:
    """Whom an event of leaving names. Raises Refused."""
    people = data.get("userId", [])
    if not isinstance(people, list) or not all(isinstance(one, str) for one in people):
        raise Refused("userId 应是员工号的列表")
    return people
