"""What each person sees: the chats, their items in order, and how far they have been read."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk
from bot.sandbox.feed import Feed, News
from bot.sandbox.refused import Refused
from bot.sandbox.world import Person, World

PRIVATE = "private"
BOT = "bot"
BOT_NAME = "期台"

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  platform TEXT NOT NULL,
  chat TEXT NOT NULL,
  person TEXT NOT NULL,   -- whose private chat; '' in a group
  sender TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,  -- the platform's id
  card TEXT NOT NULL,     -- '' when it is not a card
  visible TEXT NOT NULL,  -- JSON list of viewers in a group; '' means everybody
  body TEXT NOT NULL,     -- JSON: text, url, links, reply_to …
  at TEXT NOT NULL,
  updated TEXT NOT NULL,
  recalled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS item_by_chat ON item (platform, chat, person, seq);
CREATE INDEX IF NOT EXISTS item_by_change ON item (platform, chat, person, updated);
CREATE INDEX IF NOT EXISTS item_by_card ON item (platform, card);
CREATE TABLE IF NOT EXISTS read_mark (
  platform TEXT, chat TEXT, person TEXT, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (platform, chat, person)
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something new on screens. ``chat`` is a group's id or ``private`` (then of ``person``)."""

    platform: str
    chat: str
    person: str
    sender: str
    kind: str
    message: str
    card: str = ""
    visible: Sequence[str] = ()
    body: Mapping[str, Any] = field(default_factory=dict)


class Faces(Protocol):
    """Draws a platform's cards: text, toast and the card itself, as one person sees it."""

    def face(self, card: str, viewer: str) -> dict[str, Any]: ...


class Screens:
    def __init__(self, disk: Disk, clock: SandboxClock, feed: Feed, world: World) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._clock = clock
        self._feed = feed
        self._world = world
        self._faces: dict[str, Faces] = {}

    def draw_cards_with(self, platform: str, faces: Faces) -> None:
        self._faces[platform] = faces

    def put(self, item: Item) -> int:
        """Show it; answers its seq. Durable with the transaction it is called in."""
        now = self._clock.iso()
        seq = self._disk.insert(
            "INSERT INTO item (platform, chat, person, sender, kind, message, card, visible,"
            " body, at, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            item.platform,
            item.chat,
            "" if item.chat != PRIVATE else item.person,
            item.sender,
            item.kind,
            item.message,
            item.card,
            json.dumps(list(item.visible)) if item.visible else "",
            json.dumps(item.body, ensure_ascii=False),
            now,
            now,
        )
        self._tell(item.platform, item.chat, item.person, seq)
        return seq

    def touch_card(self, platform: str, card: str) -> None:
        """The card looks different now, everywhere it was delivered."""
        rows = self._disk.rows(
            "UPDATE item SET updated = ? WHERE platform = ? AND card = ?"
            " RETURNING seq, chat, person",
            self._clock.iso(),
            platform,
            card,
        )
        for row in rows:
            self._tell(platform, row["chat"], row["person"], row["seq"])

    def rewrite(self, seq: int, body: Mapping[str, Any]) -> None:
        """Other words in the same place."""
        rows = self._disk.rows(
            "UPDATE item SET body = ?, updated = ? WHERE seq = ? RETURNING platform, chat, person",
            json.dumps(body, ensure_ascii=False),
            self._clock.iso(),
            seq,
        )
        for row in rows:
            self._tell(row["platform"], row["chat"], row["person"], seq)

    def recall(self, seq: int) -> None:
        """Take it off the screens without a trace."""
        for row in self._disk.rows(
            "UPDATE item SET recalled = 1, updated = ? WHERE seq = ?"
            " RETURNING platform, chat, person",
            self._clock.iso(),
            seq,
        ):
            self._tell(row["platform"], row["chat"], row["person"], seq)

    def seen(
        self, platform: str, person: str, chat: str = "", after: int = 0, limit: int = 5000
    ) -> list[dict[str, Any]]:
        """The newest ``limit`` items past ``after``, in order; of all chats when none is named."""
        chats = [chat] if chat else [PRIVATE, *(g.id for g in self._world.groups_of(person))]
        rows: list[sqlite3.Row] = []
        for one in chats:
            self.member(person, one)
            rows += self._disk.rows(
                "SELECT * FROM item WHERE platform = ? AND chat = ? AND person = ? AND seq > ?"
                " AND recalled = 0 ORDER BY seq DESC LIMIT ?",
                platform,
                one,
                person if one == PRIVATE else "",
                after,
                limit,
            )
        rows.sort(key=lambda row: int(row["seq"]))
        return [self._shown(row, person) for row in rows[-limit:] if is_visible(row, person)]

    def changed(self, platform: str, person: str, chat: str, since: str) -> list[dict[str, Any]]:
        """The items of a chat that came, changed or were recalled at ``since`` or later."""
        self.member(person, chat)
        rows = self._disk.rows(
            "SELECT * FROM item WHERE platform = ? AND chat = ? AND person = ? AND updated >= ?"
            " ORDER BY seq",
            platform,
            chat,
            person if chat == PRIVATE else "",
            since,
        )
        return [
            {"seq": row["seq"], "updated": row["updated"], "recalled": True}
            if row["recalled"]
            else self._shown(row, person)
            for row in rows
            if is_visible(row, person)
        ]

    def chats(self, platform: str, person: str) -> list[dict[str, Any]]:
        """Every chat of ``person`` with its last line and what is unread."""
        title = {group.id: group.name for group in self._world.groups_of(person)}
        return [
            self._chat_line(platform, person, chat, title.get(chat, BOT_NAME))
            for chat in (PRIVATE, *title)
        ]

    def read(self, platform: str, person: str, chat: str) -> None:
        """Everything in the chat has been read."""
        self.member(person, chat)
        owner = person if chat == PRIVATE else ""
        self._disk.run(
            "INSERT INTO read_mark SELECT ?, ?, ?, coalesce(max(seq), 0), ? FROM item"
            " WHERE platform = ? AND chat = ? AND person = ?"
            " ON CONFLICT DO UPDATE SET seq = excluded.seq, at = excluded.at"
            " WHERE excluded.seq > seq",
            platform,
            chat,
            person,
            self._clock.millis(),
            platform,
            chat,
            owner,
        )
        self._tell(platform, PRIVATE, person, 0, chat)

    def read_at(self, platform: str, chat: str, person: str, seq: int) -> int:
        """Unix milliseconds when ``person`` was seen to have read ``seq``; 0 if not yet."""
        row = self._disk.row(
            "SELECT at FROM read_mark WHERE platform = ? AND chat = ? AND person = ? AND seq >= ?",
            platform,
            chat,
            person,
            seq,
        )
        return int(row["at"]) if row else 0

    def chats_with_card(self, platform: str, card: str, person: str) -> list[str]:
        """The chats in which ``person`` has this card on the screen."""
        rows = self._disk.rows(
            "SELECT * FROM item WHERE platform = ? AND card = ? AND recalled = 0", platform, card
        )
        mine = {PRIVATE, *(group.id for group in self._world.groups_of(person))}
        return [
            row["chat"]
            for row in rows
            if row["chat"] in mine and row["person"] in ("", person) and is_visible(row, person)
        ]

    def message(self, platform: str, message: str) -> sqlite3.Row | None:
        return self._disk.row(
            "SELECT * FROM item WHERE platform = ? AND message = ? LIMIT 1", platform, message
        )

    def member(self, person: str, chat: str = PRIVATE) -> Person:
        """Raises Refused when there is no such person or chat, or it is not theirs."""
        found = self._world.person(person)
        if found is None:
            raise Refused(f"没有这个人：{person}")
        group = self._world.group(chat)
        if group is None and chat != PRIVATE:
            raise Refused(f"没有这个会话：{chat}")
        if group and person not in group.members:
            raise Refused(f"{person} 不在这个群里")
        return found

    def _shown(self, row: sqlite3.Row, viewer: str) -> dict[str, Any]:
        body = json.loads(row["body"])
        shown = {
            "seq": row["seq"],
            "chat": row["chat"],
            "from": row["sender"],
            "message_id": row["message"],
            "reply_to": body.pop("reply_to", None) or None,
            "kind": row["kind"],
            "text": body.pop("text", ""),
            "card": None,
            "url": body.pop("url", None),
            "at": row["at"],
            "updated": row["updated"],
            **body,
        }
        if row["card"]:
            shown |= self._faces[row["platform"]].face(row["card"], viewer)
        return shown

    def _chat_line(self, platform: str, person: str, chat: str, title: str) -> dict[str, Any]:
        last = self.seen(platform, person, chat, limit=5)  # the newest may be for others
        group = self._world.group(chat)
        members = group.members if group else (person,)
        return {
            "id": chat,
            "title": title,
            "last": one_line(last[-1]) if last else "",
            "at": last[-1]["at"] if last else None,
            "unread": self._unread(platform, person, chat),
            "members": [
                {"id": one.id, "name": one.name, "role": one.role}
                for one in self._world.people
                if one.id in members
            ],
        }

    def _unread(self, platform: str, person: str, chat: str) -> int:
        rows = self._disk.rows(
            "SELECT visible FROM item WHERE platform = ? AND chat = ? AND person = ?"
            " AND recalled = 0 AND sender <> ? AND seq > coalesce((SELECT seq FROM read_mark"
            " WHERE platform = ? AND chat = ? AND person = ?), 0)",
            platform,
            chat,
            person if chat == PRIVATE else "",
            person,
            platform,
            chat,
            person,
        )
        return sum(is_visible(row, person) for row in rows)

    def _tell(self, platform: str, chat: str, person: str, seq: int, about: str = "") -> None:
        if not self._feed.watched:
            return
        group = self._world.group(chat)
        viewers = frozenset(group.members if group else (person,))
        self._feed.tell(News("screen", platform, viewers, {"chat": about or chat, "seq": seq}))


def is_visible(row: sqlite3.Row, person: str) -> bool:
    return not row["visible"] or person in json.loads(row["visible"])


def one_line(shown: Mapping[str, Any]) -> str:
    """An item as the chat list shows it."""
    match shown["kind"]:
        case "card" if shown["card"]:
            return f"[卡片] {shown['card']['title']}"
        case "image":
            return f"[图片] {shown['text']}".strip()
        case "file":
            return f"[文件] {shown['text']}"
        case _:
            return str(shown.get("title") or shown["text"]).strip().split("\n")[0][:80]
