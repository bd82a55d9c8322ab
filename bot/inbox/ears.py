"""Stores what the platforms say and hands it to the desk, which may still be loading."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from bot import crashpoint, metrics
from bot.chat.message import Ask, Card
from bot.chat.raw import Raw
from bot.inbox.inbox import Inbox
from bot.inbox.later import Later

CLICK_BUDGET: Final = 1.5  # seconds; DingTalk wants a click answered within 2


class Listener(Protocol):
    """The desk, as the ears know it. What was stored before it came it finds by itself."""

    def begin(self, heard_id: int, ask: Ask) -> asyncio.Task[None] | None:
        """The work on a new message; None when it cannot begin now."""
        ...

    async def clicked(self, ask: Ask, work: asyncio.Task[None] | None) -> Card | None:
        """The card as it is after that work, None when the work goes on."""
        ...

    async def answered(self, card: Card) -> None:
        """The platform took the click's answer."""
        ...


class Ears:
    """What adapters call. ``desk`` is put in once it is there."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.desk: Later[Listener] = Later()

    async def hear(self, raw: Raw) -> bool:
        """Store a message durably, then have it worked on. True when it is new."""
        stored = await self._inbox.store(raw)
        if stored.fresh:
            self._begin(stored.id, raw)
        return stored.fresh

    async def hear_all(self, raws: Sequence[Raw]) -> None:
        """``hear`` for what came together: one commit, and work on all that is new."""
        told = await self._inbox.store_all(raws)
        for raw, (heard_id, fresh) in zip(raws, told, strict=True):
            if fresh:
                self._begin(heard_id, raw)

    async def hear_click(self, raw: Raw) -> Card | None:
        """Store a click durably and give the card as it is then; None when the work goes on."""
        stored = await self._inbox.store(raw)
        if stored.fresh:
            metrics.HEARD.labels(raw.platform).inc()
        try:
            async with asyncio.timeout(CLICK_BUDGET):
                desk = await self.desk()
        except TimeoutError:
            return None
        ask = raw.ask
        work = desk.begin(stored.id, ask) if stored.fresh else None
        card = await desk.clicked(ask, work)
        crashpoint.here("click.before_answer")
        return card

    async def answered(self, card: Card) -> None:
        desk = await self.desk()
        await desk.answered(card)

    def _begin(self, heard_id: int, raw: Raw) -> None:
        metrics.HEARD.labels(raw.platform).inc()
        if self.desk.here is not None:
            self.desk.here.begin(heard_id, raw.ask)
