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
    Alarm,
    Answered,
    Hearing,
    PeopleChanged,
    failed,
    is_noop,
    only_clicker,
)
from bot.platforms.wecom.parse import Entered, Pressed, read_bot
from bot.platforms.wecom.settings import AiBotSettings
from bot.platforms.wecom.template import NARROW, draw_worked_on
from crm.kernel.clock import Clock
from crm.kernel.errors import OutsideError

log = logging.getLogger(__name__)

TRIES = 60  # to store what the bot was told: WeCom never says it again
PAUSE_SECONDS = 0.5  # longer with each try, up to
LONGEST_PAUSE = 5.0
WATCH_SECONDS = 5.0
WELCOME = "您好，我是期台。直接发客户姓名或资金账号即可查询，发「帮助」看能做什么"
THROWN_OUT = (
    "有另一个程序在用同一个 BotID 连接，群里 @ 期台暂时没有回应。请停掉多余的程序（例如测试环境），"
    "或在后台重置机器人的 Secret。期台 {minutes} 分钟后再连"
)


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
        on_alarm: Alarm | None = None,
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
                on_alarm=on_alarm,
            )

        settings = wecom.settings
        self._bot = wecom.bot
        self._api = wecom.api
        self._hearing = hearing(settings.agent_id)
        self.callback = Callback(settings, self._hearing, wecom.clock, real)
        self._ear = BotEar(wecom.bot, hearing(wecom.bot.settings.bot_id)) if wecom.bot else None

    async def run(self) -> None:
        """Receives until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            if self._bot is not None and self._ear is not None:
                tasks.create_task(self._bot.run(self._ear.take, self._ear.thrown_out))

    async def _watch(self) -> None:
        """Tells the admins what keeps us from sending, once for each trouble."""
        told = ""
        while True:
            trouble = self._api.trouble
            if trouble and trouble != told:
                await self._hearing.alarm("企业微信发不出消息", trouble)
            told = trouble
            await asyncio.sleep(WATCH_SECONDS)

    def health(self) -> Health:
        """Of the callback and the bot's connection together."""
        callback = self.callback.health()
        if self._bot is None:
            return callback
        bot = self._bot.health()
        return Health(ok=bot.ok, detail=f"{callback.detail}；{bot.detail}", since=bot.since)


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
            await self._store(heard)
        elif isinstance(heard, Pressed):
            await self._click(heard, frame)
        elif isinstance(heard, Entered):
            await self._welcome(frame)

    async def _welcome(self, frame: Frame) -> None:
        """Within five seconds or not at all; it says nothing that a stranger may not read."""
        greeting = {"msgtype": "text", "text": {"content": WELCOME}}
        try:
            await self._bot.call(frames.WELCOME, greeting, frame.req_id, effect=False)
        except OutsideError as error:
            log.info("a welcome was not taken: %s", error)

    async def thrown_out(self, seconds: float) -> None:
        text = THROWN_OUT.format(minutes=max(1, round(seconds / 60)))
        await self._hearing.alarm("企业微信智能机器人被挤下线", text)

    async def _store(self, ask: Ask) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                await self._hearing.message(ask)
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
            card = await self._hearing.click(pressed)
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
