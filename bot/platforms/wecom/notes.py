"""What the adapter must still know after a restart; the shell keeps it in the store.

Codes that allow one update of a card each, the channel that showed a card or may have, and who has
spoken to the bot, which may speak first only to them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from bot.chat.ports import Outgoing

NOT_CHANGED: Final = "not changed"  # in the ledger: an update that was kept for later
CODE_LASTS: Final = timedelta(hours=72)  # (official doc)
CARD_LASTS: Final = timedelta(days=14)  # how long the last state of a card is worth a message
MET_LASTS: Final = timedelta(days=3650)
WAY_LASTS: Final = timedelta(days=1)  # longer than an item is tried again


class Kind(StrEnum):
    SENT = "sent"  # the code that came with the card
    CLICK = "click"  # a code that came with a click on it
    SHOWN = "shown"  # by which channel, and a digest of the words beside it
    OWED = "owed"  # somebody pressed it and has not been shown what came of it
    MET = "met"  # a chat in which somebody has spoken to the bot
    BY_ROBOT = "by robot"  # an item that a group's robot may have shown, whoever is met meanwhile


class Notes(Protocol):
    """Small durable facts, one or more under each ``owner``, a card's id or a chat's. Values are
    bearer secrets: they are sealed in the store and never logged."""

    async def put(self, kind: Kind, owner: str, value: str, until: datetime) -> None:
        """The same value again only lasts longer."""
        ...

    async def take(self, kind: Kind, owner: str) -> str | None:
        """The oldest that still holds, and removed for good before this returns: what it allows
        is used once, whoever takes it."""
        ...

    async def read(self, kind: Kind, owner: str) -> str | None: ...

    async def owners(self, kind: Kind) -> Sequence[str]: ...

    async def sent(self, since: datetime) -> Sequence[tuple[Outgoing, datetime]]:
        """What was shown anew to somebody, or may have been, the oldest first."""
        ...
