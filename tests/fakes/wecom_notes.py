"""What the WeCom adapter keeps, for as long as a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.chat.ports import Outgoing
from bot.platforms.wecom.notes import Kind
from crm.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class _Note:
    value: str
    until: datetime


class MemoryNotes:
    """Ends with the process."""

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
