"""``message/send``, recall, and the count of what was sent."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from bot.sandbox.ground import Ground
from bot.sandbox.wecom.calls import Call, Calls, Problem
from bot.sandbox.wecom.card_rules import Channel, is_clickable, read_card
from bot.sandbox.wecom.card_store import CardStore
from bot.sandbox.wecom.company import Agent, WeComSettings
from bot.sandbox.wecom.contacts import Contacts
from bot.sandbox.wecom.content import Reader, Shown
from bot.sandbox.wecom.courier import Courier
from bot.sandbox.wecom.files import Files
from bot.sandbox.wecom.meter import Meter
from bot.sandbox.wecom.posts import Posts
from bot.sandbox.wecom.recipients import EVERYBODY, read_recipients

DAY = 86_400_000  # milliseconds
CHECKED, CHECKED_AT_MOST = 1800, 14_400  # seconds
NAMES = re.compile(r"\$(userName|departmentName|userAlias|userAliasOrName)=([^$]{1,64})\$")
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_duplicate (
  digest TEXT PRIMARY KEY, answer TEXT NOT NULL, expires INTEGER NOT NULL
);
"""

Put = Callable[[Sequence[str]], dict[str, Any]]
"""Shows a message that was read to these people; what ``message/send`` answers of it."""


class Messages:
    def __init__(
        self,
        ground: Ground,
        settings: WeComSettings,
        contacts: Contacts,
        cards: CardStore,
        posts: Posts,
        files: Files,
        meter: Meter,
        courier: Courier,
    ) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._contacts = contacts
        self._cards = cards
        self._posts = posts
        self._meter = meter
        self._courier = courier
        self._reader = Reader(files.find, settings.refuse_long)

    def add_routes(self, calls: Calls) -> None:
        calls.api("POST", "/cgi-bin/message/send", self._send)
        calls.api("POST", "/cgi-bin/message/recall", self._recall)
        calls.api("POST", "/cgi-bin/message/get_statistics", self._statistics)

    async def _send(self, call: Call) -> dict[str, Any]:
        agent = call.own_agent()
        to = read_recipients(call.body, self._contacts)
        put = self._read(agent, call.body)
        with self._ground.disk.transaction():
            if before := self._sent_before(agent, call.body):
                return before
            if self._meter.app_spent(agent, len(to.people)):
                raise Problem(45009)
            reached = [one for one in to.people if not self._meter.member_full(agent, one)]
            answer = to.invalid() | put(reached)
            self._remember(agent, call.body, answer)
        return answer

    def _read(self, agent: Agent, given: Mapping[str, Any]) -> Put:
        """Raises Problem."""
        kind = str(given.get("msgtype") or "")
        body: Mapping[str, Any] = given
        if given.get("enable_id_trans") == 1:
            body = self._named(given)
        extra = {"app": agent.name, "safe": given.get("safe") == 1}
        if kind == "template_card":
            return self._read_card(agent, body, extra)
        shown = self._reader.read(kind, body)
        return lambda people: self._put(agent, shown, people, extra)

    def _put(
        self, agent: Agent, shown: Shown, people: Sequence[str], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        message = self._posts.new_id()
        seqs = [self._posts.show(shown, message, person=one, extra=extra) for one in people]
        self._posts.keep(message, agent.name, seqs)
        return {"msgid": message}

    def _read_card(self, agent: Agent, body: Mapping[str, Any], extra: Mapping[str, Any]) -> Put:
        card = read_card(body.get("template_card"), Channel.APP)
        owner = str(agent.agent_id)
        if self._cards.knows_task(owner, str(card.get("task_id") or "")):
            raise Problem(42014)
        if is_clickable(card) and not self._courier.url:
            raise Problem(40035, "the app has no callback url")

        def put(people: Sequence[str]) -> dict[str, Any]:
            message = self._posts.new_id()
            stored = self._cards.add(Channel.APP, owner, message, card, people)
            seqs = [self._posts.show_card(stored, person=one, extra=extra) for one in people]
            self._posts.keep(message, agent.name, seqs)
            code = {"response_code": self._cards.new_code(stored.key)} if is_clickable(card) else {}
            return {"msgid": message, **code}

        return put

    def _sent_before(self, agent: Agent, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """What was answered to the same within its interval."""
        if body.get("enable_duplicate_check") != 1:
            return None
        now = self._ground.clock.millis()
        self._ground.disk.run("DELETE FROM wecom_duplicate WHERE expires <= ?", now)
        sql = "SELECT answer FROM wecom_duplicate WHERE digest = ?"
        row = self._ground.disk.row(sql, digest(agent, body))
        return dict(orjson.loads(row["answer"])) if row else None

    def _remember(self, agent: Agent, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        if body.get("enable_duplicate_check") != 1:
            return
        given = body.get("duplicate_check_interval", CHECKED)
        seconds = min(given if isinstance(given, int) and given > 0 else CHECKED, CHECKED_AT_MOST)
        self._ground.disk.run(
            "INSERT OR REPLACE INTO wecom_duplicate VALUES (?, ?, ?)",
            digest(agent, body),
            orjson.dumps(answer).decode(),
            self._ground.clock.millis() + seconds * 1000,
        )

    def _named(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """With ids in ``$userName=…$`` written out, wherever they stand."""
        text = NAMES.sub(lambda found: self._name(found[1], found[2]), orjson.dumps(body).decode())
        return dict(orjson.loads(text))

    def _name(self, kind: str, id_: str) -> str:
        person = self._contacts.find(id_) if kind != "departmentName" else None
        return person.name if person else id_

    async def _recall(self, call: Call) -> dict[str, Any]:
        message = call.text("msgid", 40035)
        with self._ground.disk.transaction():
            if not self._posts.recall(message, call.agent.name, DAY):
                raise Problem(40035, "msgid is unknown or older than 24 hours")
        return {}

    async def _statistics(self, call: Call) -> dict[str, Any]:
        agent = call.agent
        days_ago = 1 if call.body.get("time_type") == 1 else 0
        count = self._meter.sent(agent, days_ago)
        row = {"agentid": agent.agent_id, "app_name": agent.name, "count": count}
        return {"statistics": [row]}


def digest(agent: Agent, body: Mapping[str, Any]) -> str:
    """The same for the same content to the same receivers."""
    kind = str(body.get("msgtype") or "")
    to = [sorted(str(body.get(name) or "").split("|")) for name in ("touser", "toparty", "totag")]
    if to[0] == [EVERYBODY]:
        to = [[EVERYBODY]]
    what = orjson.dumps(
        [agent.agent_id, to, kind, body.get(kind)], option=orjson.OPT_SORT_KEYS, default=str
    )
    return hashlib.sha256(what).hexdigest()
