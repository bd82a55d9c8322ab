"""Group chats that an app made itself: it speaks there, hears nothing, and has no cards."""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.ground import Ground
from bot.sandbox.screens import PRIVATE
from bot.sandbox.wecom.calls import Call, Calls, Problem, as_object, as_texts
from bot.sandbox.wecom.contacts import Contacts
from bot.sandbox.wecom.content import Reader
from bot.sandbox.wecom.files import Files
from bot.sandbox.wecom.meter import Meter
from bot.sandbox.wecom.posts import Posts

CHAT_ID = re.compile(r"[0-9A-Za-z]{1,32}")
SENT = frozenset({"text", "image", "voice", "video", "file", "textcard", "news", "mpnews"})
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_appchat (
  chat TEXT PRIMARY KEY, agent TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
  people TEXT NOT NULL  -- JSON list
);
"""


@dataclass(frozen=True, slots=True)
class AppChat:
    id: str
    agent: str
    name: str
    owner: str
    people: tuple[str, ...]


class AppChats:
    """A chat whose members are exactly a group's of this world is that group; the words of any
    other one appear in private, under its name."""

    def __init__(
        self, ground: Ground, contacts: Contacts, posts: Posts, files: Files, meter: Meter
    ) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._contacts = contacts
        self._posts = posts
        self._meter = meter
        self._reader = Reader(files.find)

    def add_routes(self, calls: Calls) -> None:
        calls.api("POST", "/cgi-bin/appchat/create", self._create)
        calls.api("POST", "/cgi-bin/appchat/update", self._update)
        calls.api("GET", "/cgi-bin/appchat/get", self._get)
        calls.api("POST", "/cgi-bin/appchat/send", self._send)

    async def _create(self, call: Call) -> dict[str, Any]:
        people = self._members(as_texts(call.body.get("userlist")))
        chat = str(call.body.get("chatid") or secrets.token_hex(8))
        if not CHAT_ID.fullmatch(chat) or self._find(chat):
            raise Problem(86001, "invalid chatid")
        owner = str(call.body.get("owner") or people[0])
        if owner not in people:
            raise Problem(86005, "invalid chat owner")
        name = read_name(call.body.get("name") or "群聊")
        self._keep(AppChat(chat, call.agent.name, name, owner, tuple(people)))
        return {"chatid": chat}

    async def _update(self, call: Call) -> dict[str, Any]:
        chat, body = self._own(call, str(call.body.get("chatid") or "")), call.body
        gone = as_texts(body.get("del_user_list"))
        wanted = [*chat.people, *as_texts(body.get("add_user_list"))]
        people = self._members([one for one in wanted if one not in gone])
        owner = str(body.get("owner") or chat.owner)
        if owner not in people:
            raise Problem(86005, "invalid chat owner")
        name = read_name(body.get("name") or chat.name)
        self._keep(AppChat(chat.id, chat.agent, name, owner, tuple(people)))
        return {}

    async def _get(self, call: Call) -> dict[str, Any]:
        chat = self._own(call, call.query("chatid"))
        info = {"chatid": chat.id, "name": chat.name, "owner": chat.owner}
        return {"chat_info": info | {"userlist": list(chat.people), "chat_type": 0}}

    async def _send(self, call: Call) -> dict[str, Any]:
        chat = self._own(call, str(call.body.get("chatid") or ""))
        kind = str(call.body.get("msgtype") or "")
        if kind not in SENT | {"markdown"}:
            raise Problem(40008)
        shown = self._reader.read(kind, call.body)
        mentions = as_texts(as_object(call.body.get(kind)).get("mentioned_list"))
        extra = {"app": call.agent.name, "appchat": chat.name, "mentions": mentions}
        message = self._posts.new_id()
        reached = [one for one in chat.people if not self._meter.chat_member_full(call.agent, one)]
        with self._ground.disk.transaction():
            if group := self._group(chat.people):
                if reached:
                    self._posts.show(shown, message, group, "", extra)
            else:
                for person in reached:
                    self._posts.show(shown, message, PRIVATE, person, extra)
        return {}

    def _group(self, people: Sequence[str]) -> str:
        groups = self._ground.world.groups
        return next((one.id for one in groups if set(one.members) == set(people)), "")

    def _members(self, given: list[str]) -> list[str]:
        """Raises Problem for too few or somebody unknown."""
        people = []
        for one in dict.fromkeys(given):
            person = self._contacts.find(one)
            if person is None:
                raise Problem(86007, "invalid chat member")
            people.append(person.id)
        if not 2 <= len(people) <= 2000:
            raise Problem(86006, "chat member count is out of range")
        return people

    def _own(self, call: Call, chat: str) -> AppChat:
        found = self._find(chat)
        if found is None:
            raise Problem(86003, "chatid does not exist")
        if found.agent != call.agent.name:
            raise Problem(86008, "chat is not created by this app")
        return found

    def _find(self, chat: str) -> AppChat | None:
        row = self._ground.disk.row("SELECT * FROM wecom_appchat WHERE chat = ?", chat)
        if row is None:
            return None
        people = tuple(json.loads(row["people"]))
        return AppChat(row["chat"], row["agent"], row["name"], row["owner"], people)

    def _keep(self, chat: AppChat) -> None:
        self._ground.disk.run(
            "INSERT OR REPLACE INTO wecom_appchat VALUES (?, ?, ?, ?, ?)",
            chat.id,
            chat.agent,
            chat.name,
            chat.owner,
            json.dumps(chat.people),
        )


def read_name(given: object) -> str:
    if not isinstance(given, str) or len(given) > 50:
        raise Problem(86004, "invalid chat name")
    return given
