"""Showing things to people and groups of WeCom: the adapter's ``Sender``."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, assert_never

from bot.chat.message import (
    Card,
    Chat,
    Document,
    FileIn,
    Markdown,
    Picture,
    Place,
    Ring,
    Text,
)
from bot.chat.pages import linked
from bot.chat.ports import Blobs, Capabilities, Outgoing, Receipt, Tally
from bot.platforms.wecom import render
from bot.platforms.wecom.aibot import AiBot, Lease, always
from bot.platforms.wecom.api import Api, http_session, uncounted
from bot.platforms.wecom.channels import AppChat, Application, BotChannel, Channel, GroupRobot
from bot.platforms.wecom.contacts import Contacts
from bot.platforms.wecom.crypto import Unreadable, open_media
from bot.platforms.wecom.errors import BAD_CARD, BAD_MEDIA, UNREACHABLE
from bot.platforms.wecom.notes import (
    CARD_LASTS,
    CODE_LASTS,
    MET_LASTS,
    NOT_CHANGED,
    WAY_LASTS,
    Kind,
    Notes,
)
from bot.platforms.wecom.oauth import Login
from bot.platforms.wecom.parse import HOOK, MEDIA, SEALED
from bot.platforms.wecom.render import Attached, Message
from bot.platforms.wecom.settings import PLATFORM, WeComSettings
from bot.platforms.wecom.template import WIDE, Drawn, Room, draw, is_open, task_of
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

UPDATE: Final = "/cgi-bin/message/update_template_card"
RECALL: Final = "/cgi-bin/message/recall"
REMEMBERED: Final = 1_000
PACED: Final = timedelta(hours=1)  # the longest span of a limit that a restart could break
ENDED: Final = "ended"  # where a card was shown that asks for nothing any more
OWED: Final = "click"


class Recent(OrderedDict[str, Any]):
    """The newest thousand: what was true of an item that may be tried again soon."""

    def put(self, key: str, value: object) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class WeCom:
    """Implements ``bot.chat.ports.Sender``; every verb raises OutsideError."""

    def __init__(
        self,
        settings: WeComSettings,
        api: Api,
        clock: Clock,
        blobs: Blobs,
        notes: Notes,
        bot: AiBot | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.notes = notes
        self.bot = bot
        self.contacts = Contacts(api)
        self.login = Login(settings, api)
        self.api = api
        self._app = Application(settings, api, blobs, clock)
        self._app_chat = AppChat(settings, api, blobs, clock)
        self._robots = GroupRobot(settings, api, blobs, clock)
        self._bot = BotChannel(settings, bot, blobs, clock) if bot else None
        self._met: set[str] = set()
        self._by_robot: set[str] = set()  # Outgoing.key of what a robot may have shown
        self._shown = Recent()  # Outgoing.key -> messages of it already taken
        self._in_words = Recent()  # Outgoing.key of cards that had to be said in words
        self._doubtful = Recent()  # codes that may have been used

    @property
    def capabilities(self) -> Capabilities:
        """Those of the application, which serves every private chat."""
        return self._app.capabilities

    async def load(self) -> None:
        """Before the first sending: who has spoken to the bot, and what was sent lately to whom and
        how."""
        self._met = set(await self.notes.owners(Kind.MET))
        self._by_robot = set(await self.notes.owners(Kind.BY_ROBOT))
        now = self.clock.now()
        for out, at in await self.notes.sent(now - PACED):
            channel = self.channel(out)
            for _ in self._messages(out, channel):
                channel.pace.remember(out.chat.id, (now - at).total_seconds())

    async def met(self, chat: Chat) -> None:
        """Somebody has spoken to the bot here: from now on it may speak first."""
        if chat.id not in self._met:
            until = self.clock.now() + MET_LASTS
            await self.notes.put(Kind.MET, chat.id, chat.place.value, until)
            self._met.add(chat.id)

    async def send(self, out: Outgoing) -> Receipt:
        if isinstance(out.part, Card) and out.update:
            return await self._update(out, out.part)
        return await self._show(out)

    async def _show(self, out: Outgoing) -> Receipt:
        """By the best of its channels; by the next one where that does not reach the chat."""
        best, *others = self.ways(out)
        try:
            return await self._by(best, out)
        except OutsideError as error:
            if not (others and await self._out_of_reach(best, out.chat, error)):
                raise
            log.warning("it does not get there by %s: %s", best.name, error)
        self._shown.pop(out.key, None)
        return await self._by(others[0], out)

    async def _by(self, channel: Channel, out: Outgoing) -> Receipt:
        if channel is not self._robots or self._bot is None:
            return await self._shown_by(channel, out)
        await self.notes.put(Kind.BY_ROBOT, out.key, out.chat.id, self.clock.now() + WAY_LASTS)
        self._by_robot.add(out.key)
        receipt = await self._shown_by(channel, out)
        self._by_robot.discard(out.key)
        return receipt

    async def _shown_by(self, channel: Channel, out: Outgoing) -> Receipt:
        if isinstance(out.part, Card):
            return await self._card(channel, out)
        return await self._say_all(channel, out)

    async def _out_of_reach(self, channel: Channel, chat: Chat, error: OutsideError) -> bool:
        """Whether ``channel`` does not get there. A bot that is refused was taken out of the group:
        until somebody speaks to it there again it does not speak first."""
        if channel is not self._bot:
            return error.code in UNREACHABLE
        theirs = error.outcome is Outcome.REFUSED and error.code.isdecimal()
        if not theirs or error.code in BAD_CARD | BAD_MEDIA:
            return False
        while await self.notes.take(Kind.MET, chat.id) is not None:
            pass
        self._met.discard(chat.id)
        return True

    async def fetch(self, file: FileIn) -> bytes:
        if file.code.startswith(MEDIA):
            return await self.api.download(file.code.removeprefix(MEDIA))
        key, _, url = file.code.removeprefix(SEALED).partition(" ")
        data = await self.api.download_link(url)
        try:
            return await asyncio.to_thread(open_media, key, data) if key else data
        except Unreadable:
            raise OutsideError("bot media", "unreadable", Outcome.REFUSED) from None

    async def recall(self, message_id: str) -> None:
        """Take back what the application sent to people, within a day (official doc)."""
        await self.api.send(RECALL, {"msgid": message_id}, effect=False)

    def idempotent(self, out: Outgoing) -> bool:
        if not isinstance(out.part, Card) or out.key in self._in_words:
            return False
        if out.update:
            return True
        channel = self.channel(out)
        messages = self._messages(out, channel)
        return len(messages) == 1 and channel.idempotent(messages[0])

    def buckets(self, out: Outgoing) -> tuple[str, ...]:
        """A card's update is rationed by its codes alone."""
        if out.update:
            return (f"{PLATFORM}:update",)
        return self.channel(out).buckets(out.chat.id)

    def channel(self, out: Outgoing) -> Channel:
        """The best of its ``ways``."""
        return self.ways(out)[0]

    def ways(self, out: Outgoing) -> Sequence[Channel]:
        """Best first, at least one. An answer goes where the question came from; what nobody asked
        for to a person by the application, to a group by the bot where it may speak, else by the
        group's robot. What the robot may have shown stays with it: the bot, met meanwhile, would
        show it as if for the first time. Without a callback people are better off with the bot."""
        chat, bot = out.chat, self._bot
        asked: list[Channel] = [bot] if bot and self._is_answer(out) else []
        met: list[Channel] = [bot] if bot and chat.id in self._met else []
        if chat.place is Place.PRIVATE:
            by_app: list[Channel] = [self._app]
            ways = [*by_app, *met] if self.settings.clickable else [*met, *by_app]
        else:
            robot: list[Channel] = [self._robots] if chat.id in self.settings.robots else []
            is_own = chat.id in self.settings.app_chats or not (bot or robot)
            own: list[Channel] = [self._app_chat] if is_own else []
            first, then = (robot, met) if out.key in self._by_robot else (met, robot)
            ways = [*first, *then, *own] or ([bot] if bot else [])
        return list(dict.fromkeys([*asked, *ways]))

    def _is_answer(self, out: Outgoing) -> bool:
        """Whether it answers a message to the bot, and still may."""
        hook = out.hook
        return hook is not None and hook.url.startswith(HOOK) and self.clock.now() < hook.expires

    # Messages

    def _messages(self, out: Outgoing, channel: Channel) -> Sequence[Message]:
        style = channel.style
        match linked(out.part, self.settings.public_url):
            case Card() as card if out.key in self._in_words:
                return render.in_words(card, style)
            case Card() as card:
                return render.carded(card, self._task(out, card), self.settings.card_url, style)
            case Picture() as picture:
                caption = render.said(Text(text=picture.caption), style) if picture.caption else []
                return [*caption, Attached("image", picture.blob, "picture.png")]
            case Document() as document:
                words = document.caption or (f"文件 {document.name}" if out.again else "")
                caption = render.said(Text(text=words), style) if words else []
                return [*caption, Attached("file", document.blob, document.name)]
            case Ring() as ring:
                return render.said(Text(text=f"【加急】{ring.text}"), style)
            case Text() | Markdown() as part:
                return render.said(part, style)
        assert_never(out.part)

    def _task(self, out: Outgoing, card: Card) -> str:
        """A card shown anew has the number of its version; the first has none."""
        try:
            return task_of(card.id or out.key, card.version if out.update else 1)
        except ValueError:
            raise OutsideError("card", "task.id", Outcome.REFUSED) from None

    async def _say_all(self, channel: Channel, out: Outgoing) -> Receipt:
        """In order; a retry goes on after the messages that were taken. A file cannot be marked as
        repeated, so its repetition begins with its words."""
        messages, receipt = self._messages(out, channel), Receipt()
        if out.again and any(isinstance(message, Attached) for message in messages):
            self._shown.pop(out.key, None)
        taken = self._shown.get(out.key, 0)
        for number, message in enumerate(messages[taken:], taken + 1):
            with channel.pace.sending(out.chat.id):
                shown = message.again() if out.again else message
                receipt, code = await channel.show(out, shown)
            if isinstance(out.part, Card):
                await self._remember(channel, out.part, code)
            if number < len(messages):
                self._shown.put(out.key, number)
        self._shown.pop(out.key, None)
        return receipt

    async def _card(self, channel: Channel, out: Outgoing) -> Receipt:
        try:
            return await self._say_all(channel, out)
        except OutsideError as error:
            if error.code not in BAD_CARD or out.key in self._in_words:
                raise
            log.error("a card was not taken, sending words instead: %s", error)  # noqa: TRY400
            self._in_words.put(out.key, True)
            self._shown.pop(out.key, None)
        return await self._say_all(channel, out)

    async def _remember(self, channel: Channel, card: Card, code: str) -> None:
        """What a later version needs to know of a card that asks for something."""
        if not (card.id and is_open(card)):
            return
        if code:
            until = self.clock.now() + CODE_LASTS
            await self.notes.put(Kind.SENT, card.id, code, until)
        await self._note_shown(channel.name, card, self.draw(card, channel.style.room))

    async def _note_shown(self, where: str, card: Card, drawn: Drawn) -> None:
        value = f"{where} {_digest(drawn.body)}"
        await self.notes.put(Kind.SHOWN, card.id, value, self.clock.now() + CARD_LASTS)

    # Updates

    def draw(self, card: Card, room: Room = WIDE) -> Drawn:
        """The card as it would replace the one that is on the screen."""
        shown = linked(card, self.settings.public_url)
        return draw(shown, task_of(card.id), self.settings.card_url, room)

    async def _update(self, out: Outgoing, card: Card) -> Receipt:
        """By a code while there is one: a click's for whatever changed, the one that came with the
        card for how it ended. Without a code an end, and what somebody who clicked still waits for,
        is shown as a new card; everything else waits for a click, whose answer is the newest
        version."""
        shown = (await self.notes.read(Kind.SHOWN, card.id) or "").partition(" ")[0]
        drawn = self.draw(card)
        owed = await self.notes.read(Kind.OWED, card.id) is not None
        ends = not is_open(card) and shown not in ("", ENDED)
        kinds = [Kind.CLICK, *([Kind.SENT] if owed or ends else [])]
        changed = await self._by_code(out, card, drawn, reversed(kinds) if ends else kinds)
        if not (changed or owed or ends):
            return Receipt(platform_id=NOT_CHANGED, updatable=True)
        if changed:
            await self.say_body(out.chat, card, drawn)
            receipt = Receipt(platform_id=card.id, updatable=True)
        else:
            receipt = await self._show(out)
        await self.painted(card, drawn)
        return receipt

    async def _by_code(
        self, out: Outgoing, card: Card, drawn: Drawn, kinds: Iterable[Kind]
    ) -> bool:
        """Each code is gone before it is used, so that no crash uses it twice."""
        for kind in kinds:
            while (code := await self.notes.take(kind, card.id)) is not None:
                if await self._use(code, kind, out, card, drawn):
                    return True
        return False

    async def _use(self, code: str, kind: Kind, out: Outgoing, card: Card, drawn: Drawn) -> bool:
        body = {
            "userids": [out.chat.id],
            "agentid": self.settings.agent,
            "response_code": code,
            "template_card": {k: v for k, v in drawn.json.items() if k != "task_id"},
        }
        try:
            answer = await self.api.send(UPDATE, body)
        except OutsideError as error:
            if error.outcome is Outcome.REFUSED:
                log.info("card %s: a code for an update was refused: %s", card.id, error.code)
                return self._doubtful.pop(code, None) is not None  # then it was used before
            if error.outcome is Outcome.UNKNOWN:
                self._doubtful.put(code, True)
            await self.notes.put(kind, card.id, code, self.clock.now() + CODE_LASTS)
            raise
        strangers = answer.get("invaliduser")
        return not (isinstance(strangers, list) and strangers)

    async def say_body(self, chat: Chat, card: Card, drawn: Drawn) -> None:
        """The words that found no room in the new version, unless they are on the screen."""
        shown = await self.notes.read(Kind.SHOWN, card.id) or ""
        channel, _, before = shown.partition(" ")
        if not drawn.body or before == _digest(drawn.body):
            return
        out = Outgoing(key=f"{card.id}.{card.version}.body", chat=chat, part=card)
        way = self._bot if channel == BotChannel.name and self._bot else self.channel(out)
        messages = render.body_of(card, drawn, way.style)
        for message in messages:
            with way.pace.sending(chat.id):
                await way.show(out, message)
        await self._note_shown(way.name, card, drawn)

    async def pressed(self, card: str, code: str) -> None:
        """A click on a card of ours came, and with it a code for one more update."""
        now = self.clock.now()
        if code:
            await self.notes.put(Kind.CLICK, card, code, now + CODE_LASTS)
        await self.notes.put(Kind.OWED, card, OWED, now + CODE_LASTS)

    async def painted(self, card: Card, drawn: Drawn) -> None:
        """This version is on the screen of whoever waited for it."""
        await self.notes.take(Kind.OWED, card.id)
        if not is_open(card):
            await self._note_shown(ENDED, card, drawn)


@asynccontextmanager
async def open_wecom(
    settings: WeComSettings,
    clock: Clock,
    blobs: Blobs,
    notes: Notes,
    tally: Tally = uncounted,
    *,
    lease: Lease = always,
) -> AsyncIterator[WeCom]:
    """The client with an HTTP session of its own. ``lease`` decides which of several processes
    holds the bot's one connection; it never raises."""
    async with http_session(settings) as http:
        bot = AiBot(settings.aibot, http, clock, lease=lease) if settings.aibot else None
        api = Api(settings, http, clock, tally)
        yield WeCom(settings, api, clock, blobs, notes, bot)


def _digest(body: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(body).encode()).hexdigest()[:16] if body else "-"
