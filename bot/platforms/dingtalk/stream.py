"""Receiving from DingTalk in Stream mode: frames in, acknowledgements out.

The rules it keeps: the replacement is opened before the old connection is cut; a message is
acknowledged only after it was stored, on the socket it came from; back-off starts over only when
a connection has carried a frame. Messages are stored in the order of arrival, whatever has come by
then together; clicks are answered beside it and never wait for it, but for a blink in a crowd.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, NamedTuple

import aiohttp
import orjson

from bot import crashpoint
from bot.chat.message import Ask, Card
from bot.chat.pages import linked
from bot.chat.ports import Health, HearAll, HearClick, Tally
from bot.chat.raw import Raw, raw_of
from bot.platforms.dingtalk.api import Api, http_session, uncounted
from bot.platforms.dingtalk.frames import (
    BAD_REQUEST,
    CARD_CALLBACK,
    EVENT_LATER,
    EVENT_TAKEN,
    FAILED,
    MESSAGES,
    NOTHING,
    UNKNOWN_TOPIC,
    Frame,
    ack,
    heard,
)
from bot.platforms.dingtalk.lane import Ferry, Lane
from bot.platforms.dingtalk.link import Link, Patience, dial
from bot.platforms.dingtalk.parse import (
    OverQuota,
    Refused,
    moment,
    read_click,
    read_message,
    read_people,
    read_text,
)
from bot.platforms.dingtalk.render import click_answer
from bot.platforms.dingtalk.settings import PLATFORM, PUSH_POOL, DingTalkSettings
from crm.kernel.clock import Clock
from crm.kernel.errors import OutsideError

log = logging.getLogger(__name__)

HEAR_SECONDS: Final = 30.0  # far above the store's worst: an unacknowledged message comes again
CLICK_SECONDS: Final = 10.0  # the desk keeps its own budget of 1.5; the platform's is 2
ANSWER_SECONDS: Final = 1.8  # after that the platform may have given the click up
REST_SECONDS: Final = 0.01  # clicks come by the same connections
EVENT_HANDS: Final = 8
CLICK_HANDS: Final = 64
WAITING: Final = 1024
FREE_EVENTS: Final = ("user_", "org_", "label_")  # contact events cost no quota (official doc)

PeopleChanged = Callable[[tuple[str, ...]], Awaitable[None]]
"""The records of these user ids should be read again."""

Answered = Callable[[Card], Awaitable[None]]
"""The answer to a click went out in time, and this card with it."""


class Item(NamedTuple):
    """A frame, where it came from, and when on the loop's clock."""

    link: Link
    frame: Frame
    came: float


Said = tuple[Link, str, Raw]
"""The frame to be acknowledged, by its id, once its message is stored."""


class Stream:
    def __init__(
        self,
        settings: DingTalkSettings,
        clock: Clock,
        hear_all: HearAll,
        hear_click: HearClick,
        *,
        on_answered: Answered | None = None,
        on_people_changed: PeopleChanged | None = None,
        tally: Tally = uncounted,
        patience: Patience | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._hear_all = hear_all
        self._hear_click = hear_click
        self._answered = on_answered
        self._people_changed = on_people_changed
        self._tally = tally
        self._patience = patience or Patience()
        self._live: set[Link] = set()
        self._since: datetime | None = None
        self._over_quota: datetime | None = None
        self._said = Ferry(self._store, waiting=WAITING, rest=self._rest, wake=self._wake)
        self._events = Lane(self._event, hands=EVENT_HANDS, waiting=WAITING)
        self._clicks = Lane(self._click, hands=CLICK_HANDS, waiting=WAITING)

    async def run(self) -> None:
        """Receives until cancelled."""
        async with http_session(self._settings) as http, asyncio.TaskGroup() as group:
            api = Api(self._settings, http, self._clock)
            group.create_task(self._said.run())
            group.create_task(self._events.run())
            group.create_task(self._clicks.run())
            for _ in range(self._settings.connections):
                group.create_task(self._keep(group, api, http))

    def health(self) -> Health:
        live, wanted = len(self._live), self._settings.connections
        detail = f"钉钉长连接 {live}/{wanted}"
        if self._over_quota is not None:
            detail += "，本月推送额度已用完，钉钉不再转来消息正文"
        return Health(ok=live > 0, detail=detail, since=self._since)

    async def _keep(self, group: asyncio.TaskGroup, api: Api, http: aiohttp.ClientSession) -> None:
        """One connection after another; the next is dialled as soon as the last one is over."""
        pace = Pace(self._patience)
        while True:
            await asyncio.sleep(pace.wait())
            try:
                link = await dial(api, http, self._patience)
            except OutsideError as error:
                log.warning("no Stream connection: %s", error)
                continue
            group.create_task(self._read(link, pace))
            self._count(link, live=True)
            await link.over.wait()
            self._count(link, live=False)
            if link.noticed:
                pace.notice(carried=link.carried)

    async def _read(self, link: Link, pace: "Pace") -> None:
        app, corp_id = self._settings.client_id, self._settings.corp_id

        async def take(frame: Frame) -> None:
            if frame.topic in MESSAGES:
                # Read as it comes, stored together with its neighbours.
                self._tally(PLATFORM, PUSH_POOL)
                raw = read_text(frame.data, app=app, corp_id=corp_id)
                raw = raw or await self._unusual(link, frame)
                if raw is not None and not self._said.put((link, frame.message_id, raw)):
                    await self._said.room()
            elif frame.type == "SYSTEM":
                await self._system(link, frame)
            else:
                await self._sort(link, frame)
            if not (link.carried or link.noticed):
                link.carried = True
                pace.proven()

        await link.read(take)

    async def _system(self, link: Link, frame: Frame) -> None:
        if frame.topic == "disconnect":
            link.noticed = True
        elif frame.topic == "ping":
            await link.answer(ack(frame.message_id, frame.data.encode()))

    async def _sort(self, link: Link, frame: Frame) -> None:
        if not frame.event.startswith(FREE_EVENTS):
            self._tally(PLATFORM, PUSH_POOL)
        item = Item(link, frame, asyncio.get_running_loop().time())
        if frame.type == "EVENT":
            await self._events.put(item)
        elif frame.topic == CARD_CALLBACK:
            if not self._clicks.offer(item):
                await link.answer(ack(frame.message_id, NOTHING, FAILED))
        else:
            await link.answer(ack(frame.message_id, NOTHING, UNKNOWN_TOPIC))

    async def _unusual(self, link: Link, frame: Frame) -> Raw | None:
        """What is to be stored of any message; None when it is answered already."""
        try:
            read = read_message(frame.data, corp_id=self._settings.corp_id, now=self._clock.now())
        except ValueError as error:
            log.error("message %s is unreadable: %s", frame.message_id, error)  # noqa: TRY400
            await link.answer(ack(frame.message_id, NOTHING, BAD_REQUEST))
            return None
        if isinstance(read, Ask):
            return raw_of(self._settings.client_id, read)
        self._unheard(frame, read)
        await link.answer(heard(frame.message_id))
        return None

    async def _store(self, said: list[Said]) -> None:
        """One commit, then one write for each socket."""
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                await self._hear_all([raw for _, _, raw in said])
        except Exception as error:  # noqa: BLE001 - whatever it was, the messages come again
            for _, frame_id, _ in said:
                self._failed("message", frame_id, error)
            return
        crashpoint.here("stream.before_ack")
        answers: dict[Link, list[bytes]] = {}
        for link, frame_id, _ in said:
            answers.setdefault(link, []).append(heard(frame_id))
        for link, frames in answers.items():
            await link.answer_all(frames)
        crashpoint.here("stream.after_ack")

    def _rest(self) -> None:
        for link in self._live:
            link.rest(REST_SECONDS)

    def _wake(self) -> None:
        for link in self._live:
            link.wake()

    def _unheard(self, frame: Frame, read: OverQuota | Refused) -> None:
        if isinstance(read, OverQuota):
            self._over_quota = self._clock.now()
            log.error("message %s came without its text: the month's quota", frame.message_id)
        else:
            log.warning("message %s was refused: %s", frame.message_id, read.why)

    async def _click(self, item: Item) -> None:
        ask = self._pressed(item.frame)
        if ask is None:
            await item.link.answer(ack(item.frame.message_id, NOTHING, BAD_REQUEST))
            return
        try:
            async with asyncio.timeout(CLICK_SECONDS):
                card = await self._hear_click(raw_of(self._settings.client_id, ask))
            shown = linked(card, self._settings.public_url) if card else None
            answer = ack(item.frame.message_id, orjson.dumps(click_answer(shown)))
        except Exception as error:  # noqa: BLE001 - one click's bug must not end the others
            # Said at once: the person sees that it failed and clicks again.
            self._failed("click", item.frame.message_id, error)
            await item.link.answer(ack(item.frame.message_id, NOTHING, FAILED))
            return
        sent = await item.link.answer(answer)
        if sent and card is not None:
            await self._shown(item, card)

    def _pressed(self, frame: Frame) -> Ask | None:
        try:
            read = read_click(
                frame.data,
                message_id=frame.message_id,
                corp_id=self._settings.corp_id,
                at=moment(frame.at) if frame.at else self._clock.now(),
            )
        except ValueError as error:
            log.error("click %s is unreadable: %s", frame.message_id, error)  # noqa: TRY400
            return None
        if isinstance(read, Refused):
            log.warning("click %s was refused: %s", frame.message_id, read.why)
            return None
        return read

    async def _shown(self, item: Item, card: Card) -> None:
        """Tell the desk, unless the platform had stopped waiting: it discards a late answer."""
        if self._answered is None:
            return
        if asyncio.get_running_loop().time() - item.came > ANSWER_SECONDS:
            return
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                await self._answered(card)
        except Exception as error:  # noqa: BLE001 - the card will only be updated once more
            self._failed("click", item.frame.message_id, error)

    async def _event(self, item: Item) -> None:
        await item.link.answer(await self._taken(item.frame))

    async def _taken(self, frame: Frame) -> bytes:
        try:
            people = read_people(frame.event, frame.data)
            if people and self._people_changed is not None:
                async with asyncio.timeout(HEAR_SECONDS):
                    await self._people_changed(people)
        except Exception as error:  # noqa: BLE001 - asked for again
            self._failed("event", frame.message_id, error)
            return ack(frame.message_id, EVENT_LATER)
        return ack(frame.message_id, EVENT_TAKEN)

    def _count(self, link: Link, *, live: bool) -> None:
        """``since`` moves only when receiving begins or ends."""
        before = bool(self._live)
        if live:
            self._live.add(link)
        else:
            self._live.discard(link)
        if before != bool(self._live):
            self._since = self._clock.now()

    @staticmethod
    def _failed(what: str, frame_id: str, error: Exception) -> None:
        """By id and kind only: the error's own words may quote what a person wrote."""
        log.error("%s %s was not taken: %s", what, frame_id, type(error).__name__)


class Pace:
    """How long to wait before dialling: at first and after a notice not at all, then from one
    to sixty seconds, doubling, with jitter."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._next = 0.0
        self._clock = asyncio.get_running_loop().time
        self._free = float(patience.notices)
        self._counted = self._clock()

    def wait(self) -> float:
        seconds = self._next * random.uniform(0.5, 1)  # noqa: S311 - not a secret
        self._next = min(self._patience.longest, max(self._patience.first, self._next * 2))
        return seconds

    def proven(self) -> None:
        """The connection has carried a frame: what comes next is a new trouble."""
        self._next = self._patience.first

    def notice(self, *, carried: bool) -> None:
        """A storm of notices on fresh connections is waited out like any other trouble."""
        now = self._clock()
        gained = (now - self._counted) / self._patience.refill
        self._free = min(float(self._patience.notices), self._free + gained)
        self._counted = now
        if not carried and self._free < 1:
            return
        if not carried:
            self._free -= 1
        self._next = 0.0
