"""What was sent, put on screens: messages and cards, and taking them back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.sandbox.ground import Ground
from bot.sandbox.screens import BOT, PRIVATE, Item
from bot.sandbox.wecom.calls import NAME
from bot.sandbox.wecom.card_rules import Channel
from bot.sandbox.wecom.card_store import CardStore, StoredCard
from bot.sandbox.wecom.content import Shown

SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_sent (
  message TEXT PRIMARY KEY, agent TEXT NOT NULL, at INTEGER NOT NULL,
  seqs TEXT NOT NULL  -- JSON list
);
"""


class Posts:
    """Every method is durable with the transaction it is called in."""

    def __init__(self, ground: Ground, cards: CardStore) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._cards = cards

    def new_id(self) -> str:
        return self._ground.disk.new_id("wx").replace("+", "-").replace("/", "_").rstrip("=")

    def show(
        self,
        shown: Shown,
        message: str,
        chat: str = PRIVATE,
        person: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> int:
        """On the screen of ``person``, or of a group; answers its seq."""
        return self._ground.screens.put(
            Item(
                platform=NAME,
                chat=chat,
                person=person,
                sender=BOT,
                kind=shown.kind,
                message=message,
                body=shown.body | dict(extra or {}),
            )
        )

    def show_card(
        self,
        card: StoredCard,
        chat: str = PRIVATE,
        person: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> int:
        return self._ground.screens.put(
            Item(
                platform=NAME,
                chat=chat,
                person=person,
                sender=BOT,
                kind="card",
                message=card.message,
                card=card.key,
                body=extra or {},
            )
        )

    def new_card(
        self,
        channel: Channel,
        owner: str,
        card: Mapping[str, Any],
        chat: str = PRIVATE,
        person: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> StoredCard:
        """A card of its own message in one chat."""
        people = self.viewers(chat, person)
        stored = self._cards.add(channel, owner, self.new_id(), card, people)
        self.show_card(stored, chat, person, extra)
        return stored

    def viewers(self, chat: str, person: str) -> Sequence[str]:
        group = self._ground.world.group(chat)
        return group.members if group else (person,)

    def keep(self, message: str, agent: str, seqs: Sequence[int]) -> None:
        """So that it can be recalled."""
        self._ground.disk.run(
            "INSERT INTO wecom_sent VALUES (?, ?, ?, ?)",
            message,
            agent,
            self._ground.clock.millis(),
            json.dumps(seqs),
        )

    def recall(self, message: str, agent: str, within: int) -> bool:
        """False when there is no such message of this app, or it is older than ``within`` ms."""
        row = self._ground.disk.row(
            "SELECT * FROM wecom_sent WHERE message = ? AND agent = ?", message, agent
        )
        if row is None or self._ground.clock.millis() - row["at"] > within:
            return False
        for seq in json.loads(row["seqs"]):
            self._ground.screens.recall(seq)
        return True
