"""Receiving from WeCom: the application's callback and the bot's connection, side by side."""

import asyncio
import logging

from bot.chat.message import Ask
from bot.chat.ports import Health, Hear, HearClick
from bot.platforms.wecom import frames
from bot.platforms.wecom.aibot import AiBot
from bot.platforms.wecom.callback import Callback
from bot.platforms.wecom.client import WeCom
from bot.platforms.wecom.frames import Frame
from bot.platforms.wecom.hearing import (
    Answered,
    Hearing,
    PeopleChanged,
    failed,
    is_noop,
    only_clicker,
)
from bot.platforms.wecom.parse import Pressed, read_bot
from bot.platforms.wecom.settings import AiBotSettings
from bot.platforms.wecom.template import NARROW, draw_worked_on
from crm.kernel.clock import Clock

log = logging.getLogger(__name__)

TRIES = 60  # to store what the bot was told: WeCom never says it again
PAUSE_SECONDS = 0.5  # longer with each try, up to
LONGEST_PAUSE = 5.0


class Reception:
    """``callback`` belongs behind ``callback_routes``; ``run`` keeps the bot connected."""

    def __init__(
        self,
        wecom: WeCom,
        hear: Hear,
        hear_click: HearClick,
        *,
        on_answered: Answered | None = None,
        on_people_changed: PeopleChanged | None = None,
        real: Clock | None = None,
    ) -> None:
        def hearing(app: str) -> Hearing:
            return Hearing(
                wecom=wecom,
                app=app,
                hear=hear,
                hear_click=hear_click,
                on_answered=on_answered,
                on_people_changed=on_people_changed,
            )

        settings = wecom.settings
        self._bot = wecom.bot
        self.callback = Callback(settings, hearing(settings.agent_id), wecom.clock, real)
        self._ear = BotEar(wecom.bot, hearing(wecom.bot.settings.bot_id)) if wecom.bot else None

    async def run(self) -> None:
        """Receives until cancelled."""
        if self._bot is None or self._ear is None:
            await asyncio.Event().wait()
        else:
            await self._bot.run(self._ear.take)

    def health(self) -> Health:
        """A callback cannot be known to work before it was called; the bot's connection can."""
        heard, asleep = self.callback.last_heard, self.callback.asleep
        said = "企业微信回调已就绪"
        if asleep:
            said += "；企业微信提示应用即将因长期不用而停用，请管理员在后台处理"
        if self._bot is None:
            return Health(ok=True, detail=said, since=heard)
        bot = self._bot.health()
        return Health(ok=bot.ok, detail=f"{said}；{bot.detail}", since=bot.since)


class BotEar:
    """Takes the bot's frames one by one; nothing that goes wrong with one gets out."""

    def __init__(self, bot: AiBot, hearing: Hearing) -> None:
        self._bot = bot
        self._hearing = hearing

    async def take(self, frame: Frame) -> None:
        settings: AiBotSettings = self._bot.settings
        now = self._hearing.wecom.clock.now()
        try:
            heard = read_bot(frame.body, frame.req_id, name=settings.name, now=now)
        except ValueError as error:
            log.error("a frame of the bot is unreadable: %s", error)  # noqa: TRY400
            return
        if isinstance(heard, Ask):
            await self._store(heard, frame)
        elif isinstance(heard, Pressed):
            await self._click(heard, frame)

    async def _store(self, ask: Ask, frame: Frame) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                await self._hearing.message(ask, frame.raw)
                await self._hearing.wecom.met(ask.chat)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next try may pass
                failed("message", ask.message_id, error)
            else:
                return
            await asyncio.sleep(min(PAUSE_SECONDS * attempt, LONGEST_PAUSE))

    async def _click(self, pressed: Pressed, frame: Frame) -> None:
        """Answered within five seconds or not at all: there is no later update."""
        ask, name = pressed.ask, {"task_id": pressed.task}
        if is_noop(ask):
            return
        try:
            card = await self._hearing.click(pressed, frame.raw)
            drawn = self._hearing.wecom.draw(card, NARROW) if card is not None else None
            whose = [ask.user] if card is None else only_clicker(ask, card)
            answer = {
                "response_type": "update_template_card",
                "userids": whose,
                "template_card": {**(drawn.json if drawn else draw_worked_on()), **name},
            }
            await self._bot.call(frames.UPDATE, answer, frame.req_id)
        except Exception as error:  # noqa: BLE001 - one click's bug must not end the others
            failed("click", ask.message_id, error)
            return
        if card is not None and drawn is not None:
            await self._hearing.answered(ask, card, drawn)
