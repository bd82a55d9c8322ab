"""The simulated WeCom as one thing: its rooms put together, as the sandbox asks for it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.faults import Fault
from bot.sandbox.ground import Ground, Press, Saying
from bot.sandbox.media import Medium
from bot.sandbox.refused import NobodyListens, Refused
from bot.sandbox.wecom import inbound
from bot.sandbox.wecom.appchat import AppChats
from bot.sandbox.wecom.bot_answers import BotAnswers
from bot.sandbox.wecom.bot_media import BotMedia
from bot.sandbox.wecom.bot_questions import Questions
from bot.sandbox.wecom.bot_uploads import BotUploads
from bot.sandbox.wecom.bots import CONNECT, Bots
from bot.sandbox.wecom.calls import NAME, PREFIX, Calls
from bot.sandbox.wecom.card_store import CardStore
from bot.sandbox.wecom.cards import Cards
from bot.sandbox.wecom.company import AiBot, WeComSettings
from bot.sandbox.wecom.contacts import Contacts
from bot.sandbox.wecom.courier import Courier
from bot.sandbox.wecom.files import Files
from bot.sandbox.wecom.login import Login
from bot.sandbox.wecom.messages import Messages
from bot.sandbox.wecom.meter import Meter
from bot.sandbox.wecom.posts import Posts
from bot.sandbox.wecom.replies import Replies
from bot.sandbox.wecom.robots import Robots
from bot.sandbox.wecom.speech import AIBOT, Speech
from bot.sandbox.wecom.tokens import Tokens

BOT_EVENTS = frozenset({"enter_chat", "feedback_event"})
FORGED = "forged"  # an event that never happened: what an attacker might post


class WeCom:
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

    def __init__(self, ground: Ground, settings: WeComSettings) -> None:
        self._ground = ground
        self._settings = settings
        self._tokens = Tokens(ground.disk, ground.clock, settings)
        self._meter = Meter(ground.disk, ground.clock, settings.quotas)
        self._contacts = Contacts(ground)
        self._courier = Courier(ground, settings)
        self._bots = Bots(ground, settings, self._meter)
        store = CardStore(ground.disk, ground.clock)
        posts, files, media = Posts(ground, store), Files(ground), BotMedia(ground)
        cards = Cards(ground, settings, self._contacts, store, self._courier)
        self._courier.show_replies_with(Replies(ground, cards, posts, files).show)
        self._answers = BotAnswers(
            ground,
            settings,
            self._bots,
            Questions(ground),
            cards,
            store,
            posts,
            files,
            self._meter,
        )
        BotUploads(ground, self._bots, files, self._meter)
        self._cards = cards
        self._speech = Speech(ground, settings, self._courier, self._answers, files, media)
        self._rooms = (
            Login(ground, settings, self._tokens, self._contacts),
            Messages(
                ground, settings, self._contacts, store, posts, files, self._meter, self._courier
            ),
            cards,
            files,
            self._contacts,
            Robots(ground, settings, posts, files, self._meter),
            AppChats(ground, self._contacts, posts, files, self._meter),
            self._bots,
            media,
        )

    def routes(self) -> list[web.RouteDef]:
        calls = Calls(self._ground, self._settings, self._tokens, self._meter)
        for room in self._rooms:
            room.add_routes(calls)
        return calls.routes

    async def run(self) -> None:
        """Deliver callbacks until cancelled."""
        await self._courier.run()

    async def close(self) -> None:
        await self._bots.close()

    def describe(self, address: str) -> dict[str, Any]:
        desk = self._settings.desk
        return {
            "api_base": address + PREFIX,
            "oauth_base": address + PREFIX,
            "corp_id": self._settings.corp_id,
            "agent_id": desk.agent_id,
            "secret": desk.secret,
            "token": desk.token,
            "encoding_aes_key": desk.encoding_aes_key,
            "callback_url": self._courier.url or None,
            "aibot": describe_bot(self._settings.bot, address),
            "apps": [
                {"name": bot.name, "aibot": describe_bot(bot, address)}
                for bot in self._settings.other_bots
            ],
            "robots": [
                {
                    "group": robot.group,
                    "key": robot.key,
                    "url": f"{address}{PREFIX}/cgi-bin/webhook/send?key={robot.key}",
                }
                for robot in self._settings.robots
            ],
        }

    def connected(self) -> int:
        return int(self._courier.reached) + self._bots.connected()

    def counters(self) -> dict[str, int]:
        return {
            "waiting": self._courier.waiting(),
            "tokens": self._tokens.issued,
            "dropped": self._meter.dropped,
        }

    async def look(self) -> None:
        await self._courier.look()

    async def turn(self, url: str) -> bool:
        """Callbacks go to ``url``, "" for nowhere; whether who answers there can decrypt."""
        self._courier.turn(url)
        await self._courier.look()
        return bool(url) and await self._courier.verify()

    def say(self, saying: Saying, address: str) -> str:
        return self._speech.say(saying, address)

    def upload(self, saying: Saying, medium: Medium, address: str) -> str:
        return self._speech.upload(saying, medium, address)

    async def click(self, press: Press) -> dict[str, Any]:
        return await self._cards.click(press)

    def strike(self, fault: Fault) -> None:
        match fault.kind, fault.how:
            case "disconnect", _:
                self._bots.strike(fault)
            case "token_expired", "revoke":
                fault.count = 0
                self._tokens.revoke()

    def clock_moved(self, _seconds: float) -> None:
        self._courier.clock_moved()

    def happen(self, what: str, data: Mapping[str, Any], app: str) -> str:
        """An event as WeCom names it; ``person`` in its data is who did it."""
        if what in BOT_EVENTS:
            self._happen_to_bot(what, data, app)
        elif what == FORGED:
            self._courier.forge(str(data.get("how")), str(data.get("person") or inbound.SYSTEM))
        else:
            self._happen_to_app(what, data)
        return self._ground.disk.new_id("event")

    def _happen_to_app(self, what: str, data: Mapping[str, Any]) -> None:
        sender = str(data.get("person") or inbound.SYSTEM)
        told = [{key: value for key, value in data.items() if key != "person"}]
        if what == "user_leave_org":  # as the other platform says it
            what, leaving = "change_contact", {"ChangeType": "delete_user"}
            told = [leaving | {"UserID": one} for one in read_leavers(data)]
        if what not in inbound.EVENTS:
            raise Refused(f"没有这种事件：{what}")
        envelope = inbound.Envelope(
            corp_id=self._settings.corp_id,
            agent_id=self._settings.desk.agent_id,
            sender=sender,
            at=self._ground.clock.millis() // 1000,
        )
        with self._ground.disk.transaction():
            for fields in told:
                if fields.get("ChangeType") == "delete_user":
                    self._contacts.leave([str(fields.get("UserID", ""))])
            pushes = [
                self._courier.store(sender, "", inbound.event(envelope, what, fields))
                for fields in told
            ]
        for push in pushes:
            self._courier.send(push)

    def _happen_to_bot(self, what: str, data: Mapping[str, Any], app: str) -> None:
        wanted = self._settings.bot.name if app in ("", AIBOT) else app
        bot = next((one for one in self._settings.bots if one.name == wanted), None)
        if bot is None:
            raise Refused(f"没有这个应用：{app}")
        if self._bots.live(bot) is None:
            raise NobodyListens
        person = self._ground.screens.member(str(data.get("person", ""))).id
        if what == "enter_chat":
            self._answers.enter_chat(bot, person)
        else:
            fields = {key: value for key, value in data.items() if key != "person"}
            self._answers.tell_event(bot, person, {"eventtype": what, what: fields})


def describe_bot(bot: AiBot, address: str) -> dict[str, str]:
    ws_url = address.replace("http", "ws", 1) + PREFIX + CONNECT
    return {"ws_url": ws_url, "bot_id": bot.bot_id, "secret": bot.secret}


def read_leavers(data: Mapping[str, Any]) -> list[str]:
    people = data.get("userId", [])
    if not isinstance(people, list) or not people or not all(isinstance(x, str) for x in people):
        raise Refused("userId 应是员工号的列表")
    return people
