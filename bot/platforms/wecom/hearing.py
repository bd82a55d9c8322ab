"""What both ways in do with what they read: store it, act on a click, look a person up again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bot.chat.message import Ask, Card, Place
from bot.chat.ports import Hear, HearClick
from bot.chat.raw import Raw, raw_of
from bot.platforms.wecom.client import WeCom
from bot.platforms.wecom.parse import Pressed
from bot.platforms.wecom.template import DONE, Drawn

log = logging.getLogger(__name__)

HEAR_SECONDS: Final = 4.5  # WeCom waits 5 for an acknowledgement, then says it again
CLICK_SECONDS: Final = 4.0  # the desk keeps its own budget of 1.5

PeopleChanged = Callable[[tuple[str, ...]], Awaitable[None]]
"""The records of these user ids should be read again."""

Alarm = Callable[[str, str], Awaitable[None]]
"""Something that the admins must mend: a title, and what to do."""

Answered = Callable[[Card], Awaitable[None]]
"""The answer to a click went out in time, and this card with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """``app`` is the application's number or the bot's id: with the key it names a message."""

    wecom: WeCom
    app: str
    hear: Hear
    hear_click: HearClick
    on_answered: Answered | None = None
    on_people_changed: PeopleChanged | None = None
    on_alarm: Alarm | None = None

    async def message(self, ask: Ask) -> None:
        """Durable when it returns; raises whatever kept it from being so."""
        await self.store(raw_of(self.app, ask))

    async def store(self, raw: Raw) -> None:
        """``message`` in the form in which it is stored."""
        async with asyncio.timeout(HEAR_SECONDS):
            await self.hear(raw)

    async def people(self, users: tuple[str, ...]) -> None:
        if self.on_people_changed is not None:
            async with asyncio.timeout(HEAR_SECONDS):
                await self.on_people_changed(users)

    async def alarm(self, title: str, text: str) -> None:
        """Tell the admins; that it could not be told is on record and no reason to stop."""
        if self.on_alarm is None:
            return
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                await self.on_alarm(title, text)
        except Exception as error:  # noqa: BLE001 - an alarm must not end what it is about
            failed("alarm", title, error)

    async def click(self, pressed: Pressed) -> Card | None:
        """The card as it now is, None when the work goes on or the button was none of ours."""
        ask = pressed.ask
        async with asyncio.timeout(CLICK_SECONDS):
            if ask.click is not None:
                await self.wecom.pressed(ask.click.card, pressed.code)
            return await self.hear_click(raw_of(self.app, ask))

    async def answered(self, ask: Ask, card: Card, drawn: Drawn) -> None:
        """The answer with this card went out: the words that found no room in it follow, and the
        update that waits in the outbox is not needed. What fails here is made up for by it."""
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                await self.wecom.say_body(ask.chat, card, drawn)
                await self.wecom.painted(card, drawn)
                if self.on_answered is not None:
                    await self.on_answered(card)
        except Exception as error:  # noqa: BLE001 - the card will only be updated once more
            failed("the answer to a click", ask.message_id, error)


def is_noop(ask: Ask) -> bool:
    """A button that only says how it ended."""
    return ask.click is not None and ask.click.action == DONE


def is_unchanged(ask: Ask, card: Card) -> bool:
    """Whether the click came to nothing: then nobody else needs to see a new card."""
    return ask.click is not None and ask.click.version == card.version


def only_clicker(ask: Ask, card: Card) -> list[str]:
    """Whose card is drawn again in a group, empty for everybody's."""
    return [ask.user] if ask.chat.place is Place.GROUP and is_unchanged(ask, card) else []


def failed(what: str, key: str, error: Exception) -> None:
    """By id and kind only: the error's own words may quote what a person wrote."""
    log.error("%s %s was not taken: %s", what, key, type(error).__name__)
