"""What the adapter must still know after a restart; the shell keeps it in the store.

Codes that allow one update of a card each, the channel that showed a card or may have, and who has
spoken to the bot, which may speak first only to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from bot.chat.ports import Outgoing
from crm.kernel.clock import Clock

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


@dataclass(frozen=True, slots=True)
class _Note:
    value: str
    until: datetime


class MemoryNotes:
    """Notes that end with the process; for tests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notes: dict[tuple[Kind, str], list[_Note]] = {}
        self.ledger: list[tuple[Outgoing, datetime]] = []

    async def put(self, kind: Kind, owner: str, value: str, until: datetime) -> None:
        others = [note for note in self._live(kind, owner) if note.value != value]
        self._notes[kind, owner] = [*others, _Note(value, until)]

    async def take(self, kind: Kind, owner: str) -> str | None:
        live = self._live(kind, owner)
        self._notes[kind, owner] = live[1:]
        return live[0].value if live else None

    async def read(self, kind: Kind, owner: str) -> str | None:
        live = self._live(kind, owner)
        return live[-1].value if live else None

    async def owners(self, kind: Kind) -> Sequence[str]:
        named = [owner for (one, owner) in self._notes if one is kind]
        return [owner for owner in named if self._live(kind, owner)]

    async def sent(self, since: datetime) -> Sequence[tuple[Outgoing, datetime]]:
        return [(out, at) for out, at in self.ledger if at > since]

    def _live(self, kind: Kind, owner: str) -> list[_Note]:
        now = self._clock.now()
        return [note for note in self._notes.get((kind, owner), []) if note.until > now]
