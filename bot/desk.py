"""Answers one message or click in one transaction: the claim, the domain's rows, the audit and the
outbox stand or fall together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint, metrics, strangers
from bot.chat import codec
from bot.chat.message import Ask, AskKind, Audience, Card, Chat, Click, Part, Place, Text
from bot.chat.ports import Sender
from bot.chat.reply import Reply
from bot.conversation import Conversations
from bot.inbox import heard
from bot.inbox.ears import CLICK_BUDGET
from bot.models import HeardState, LiveCard
from bot.outbox import outbox
from bot.outbox.outbox import Envelope, Priority
from bot.router import OldCard, Router, Turn
from bot.store.bell import Bell
from bot.store.failure import will_pass
from bot.store.lease import ALONE, Leader
from crm import blobs, people
from crm.kernel.calendar import Calendar
from crm.kernel.db import Store
from crm.kernel.errors import Outcome, OutsideError, UnknownPerson, UserError
from crm.people import Person
from risk.book import Book

log = logging.getLogger(__name__)

A_CLICK_WAITS = timedelta(seconds=CLICK_BUDGET)
LOOK_SECONDS = 0.05  # at what another process makes of a click
ELSEWHERE_SECONDS = 60.0  # for it, then whoever takes it up draws the card
READ_AT_ONCE = 500
FETCH_SECONDS = 60
DATABASE_TRIES = 5
DOUBT_SECONDS = 5.0  # then the message is left for ``take_up``
BROKEN = "出错了，编号 {trace}。问题已记录，请稍后再试或联系系统管理员"
FILE_LOST = "没有取到您发的文件，请重新发送"
FILE_TOO_LARGE = "文件超过 30 MB，请压缩后再发"  # what the adapters fetch at most


class CardChanged(UserError):
    say = "这张卡片已有新的状态，请看最新内容"


class NotYourCard(UserError):
    say = "这张卡片是发给别人的，您不能操作"


def _every(_live: LiveCard) -> bool:
    return True


class Desk:
    """Serves one person's messages in order, different people's in parallel. Of several processes
    one serves; the others' ears store what they hear and their desks call it."""

    def __init__(
        self,
        *,
        store: Store,
        router: Router,
        senders: Mapping[str, Sender],
        calendar: Calendar,
        book: Book,
        bell: Bell,
        leader: Leader = ALONE,
        risk_chats: frozenset[tuple[str, str]] = frozenset(),  # (platform, chat id)
    ) -> None:
        self._store = store
        self._router = router
        self._senders = senders
        self.calendar = calendar
        self._book = book
        self._bell = bell
        self._leader = leader
        self._risk_chats = risk_chats
        self._conversations = Conversations()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_hand: dict[int, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._serves = False
        self._early: list[tuple[int, Ask]] | None = None  # while what was left is taken up

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Desk"]:
        """Takes messages for the length of the block; on leaving, ends what is in hand."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            yield self
            self._tasks = None

    async def serve(self) -> None:
        """From now on this process serves, first what the last one left and what was heard before
        the desk was there: nobody's newer words overtake his older ones."""
        self._early = []
        await self._take_up()
        early, self._early, self._serves = self._early, None, True
        for heard_id, ask in early:
            self.begin(heard_id, ask)

    async def rest(self) -> None:
        """Returns when nothing is in hand."""
        while self._in_hand:
            await asyncio.wait(self._in_hand.values())

    async def take_up(self) -> None:
        """Serve stored messages that nobody has in hand: after a crash, or a failed database, and
        what other processes heard."""
        if self._serves:
            await self._take_up()

    async def _take_up(self) -> None:
        async with self._store.reading(brief=True) as session:
            left = [n for n in await heard.unhandled(session) if n not in self._in_hand]
        for first in range(0, len(left), READ_AT_ONCE):
            async with self._store.reading(brief=True) as session:
                messages = await heard.read(session, left[first : first + READ_AT_ONCE])
            for heard_id, at, ask in messages:
                task = self._start(heard_id, ask)
                if task is not None and self._store.clock.now() - at > A_CLICK_WAITS:
                    self._repaint_after(task, ask)  # nobody waits for its answer any more

    def begin(self, heard_id: int, ask: Ask) -> asyncio.Task[None] | None:
        """The work on a new message, here or elsewhere; None when it cannot begin now."""
        if self._serves:
            return self._start(heard_id, ask)
        if self._early is None:
            self._bell.ring()
        else:
            self._early.append((heard_id, ask))
        if self._tasks is None or not ask.click:
            return None
        return self._tasks.create_task(self._elsewhere(heard_id))

    async def clicked(self, ask: Ask, work: asyncio.Task[None] | None) -> Card | None:
        """The card as it is after that work, None when the work goes on."""
        if work is not None:
            done, _ = await asyncio.wait({work}, timeout=CLICK_BUDGET)
            if not done:
                self._repaint_after(work, ask)
                return None
        return await self._as_it_is(ask)

    async def _as_it_is(self, ask: Ask) -> Card | None:
        async with self._store.reading(brief=True) as session:
            live = await session.get(LiveCard, ask.click.card) if ask.click else None
        return codec.load_card(live.content) if live else None

    async def answered(self, card: Card) -> None:
        """The platform took the click's answer: the queued update need not go."""
        async with self._store.writing(brief=True) as session:
            await outbox.answered(session, card)

    def _repaint_after(self, work: asyncio.Task[None], ask: Ask) -> None:
        """A click without its answer, or answered that it is worked on: the card must not stay so,
        whatever comes of it."""
        if ask.click is not None and self._tasks is not None:
            self._tasks.create_task(self._repaint(work, ask.click.card))

    async def _repaint(self, work: asyncio.Task[None], card_id: str) -> None:
        await asyncio.wait({work})
        try:
            async with self._store.writing(brief=True) as session:
                await outbox.repaint(session, card_id)
        except Exception as error:  # noqa: BLE001  a card that looks old is not an outage
            log.warning("card %s was not repainted: %s", card_id, type(error).__name__)

    def _start(self, heard_id: int, ask: Ask) -> asyncio.Task[None] | None:
        if self._tasks is None:
            return None
        task = self._in_hand.get(heard_id)
        if task is None:
            task = self._in_hand[heard_id] = self._tasks.create_task(self._serve(heard_id, ask))
        return task

    async def _elsewhere(self, heard_id: int) -> None:
        """Returns when it was handled, by another process or in its turn here, or is not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ELSEWHERE_SECONDS):
                # Somebody else does it.
                while self._tasks is not None and await self._waits(heard_id):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)

    async def _waits(self, heard_id: int) -> bool:
        async with self._store.reading(brief=True) as session:
            return await heard.is_new(session, heard_id)

    async def _serve(self, heard_id: int, ask: Ask) -> None:
        """In the order in which a person spoke."""
        name = f"{ask.chat.platform}:{ask.user or ask.chat.id}"
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = asyncio.Lock()
        try:
            with metrics.ANSWER_SECONDS.time():
                async with turn:
                    await self._settle(heard_id, ask)
        finally:
            self._in_hand.pop(heard_id, None)

    async def _settle(self, heard_id: int, ask: Ask) -> None:
        """Serve, or say why not. A failing database is tried again, then left for ``take_up``."""
        trace = f"{heard_id:X}"
        for attempt in range(DATABASE_TRIES):
            if not await self._leads():
                return
            try:
                await self._attempt(heard_id, ask, trace)
            except Exception as error:
                if not will_pass(error):
                    log.exception("message %s could not even be declined", trace)
                    return
                log.warning("message %s: database %s", trace, type(error).__name__)
                await asyncio.sleep(0.2 * 2**attempt)
            else:
                return

    async def _leads(self) -> bool:
        """False also when that stays in doubt: whoever stops us then need not wait for its end."""
        try:
            async with asyncio.timeout(DOUBT_SECONDS):
                return await self._leader.ours()
        except TimeoutError:
            return False

    async def _attempt(self, heard_id: int, ask: Ask, trace: str) -> None:
        try:
            files = await self._fetch(ask)
            await self._answer(heard_id, ask, trace, files)
        except UnknownPerson as error:
            silent = ask.chat.place is Place.GROUP and ask.kind is not AskKind.CLICK
            await self._decline(heard_id, ask, trace, "" if silent else error.text)
        except UserError as error:
            await self._decline(heard_id, ask, trace, error.text)
        except OutsideError as error:
            log.warning("message %s: %s", trace, error)
            too_large = error.code == "file.tooLarge"
            await self._decline(heard_id, ask, trace, FILE_TOO_LARGE if too_large else FILE_LOST)
        except Exception as error:
            if will_pass(error):
                raise
            # A bug in one handler is not an outage.
            metrics.BROKEN.inc()
            log.exception("message %s broke its handler", trace)
            await self._decline(heard_id, ask, trace, BROKEN.format(trace=trace), HeardState.FAILED)

    async def _answer(
        self, heard_id: int, ask: Ask, trace: str, files: list[tuple[str, bytes]]
    ) -> None:
        async with self._store.writing(brief=True) as session:
            session.info["trace"] = trace
            if await heard.claim(session, heard_id):
                await self._one_turn(session, ask, files)
            crashpoint.here("desk.before_commit")
        crashpoint.here("desk.after_commit")

    async def _one_turn(
        self, session: AsyncSession, ask: Ask, files: list[tuple[str, bytes]]
    ) -> None:
        if self._not_for_us(ask):
            return
        try:
            person = await people.by_login(session, ask.chat.platform, ask.user)
        except UnknownPerson:
            if not await self._let_in(session, ask):
                return
            person = await people.by_login(session, ask.chat.platform, ask.user)
        turn = Turn(
            ask=ask,
            person=person,
            audience=self._audience(ask.chat),
            at=self._store.clock.now(),
            calendar=self.calendar,
            book=self._book,
            files=tuple([(await blobs.put(session, body), name) for name, body in files]),
        )
        turn = await self._conversations.understand(session, turn)
        live = await self._clicked(session, person, turn.click) if turn.click else None
        if turn.click and live:
            turn = _with_card(turn, turn.click, live)
        reply = await self._router.answer(turn, session)
        await self._put_out(session, turn, reply, live)

    async def _let_in(self, session: AsyncSession, ask: Ask) -> bool:
        """Whether a stranger showed a good code; a bad one is answered. Raises UnknownPerson."""
        at = self._store.clock.now()
        said = await strangers.let_in(session, ask, at, self.calendar)
        if said:
            envelope = Envelope(chat=ask.chat, why="bind", reply_to=ask.message_id, hook=ask.hook)
            await outbox.put(session, envelope, Text(text=said))
        return not said

    @staticmethod
    def _not_for_us(ask: Ask) -> bool:
        in_group = ask.chat.place is Place.GROUP
        return in_group and not ask.mentioned and ask.kind is not AskKind.CLICK

    async def _clicked(self, session: AsyncSession, person: Person, click: Click) -> LiveCard:
        """The card under the finger. Raises OldCard, NotYourCard or CardChanged."""
        await outbox.hold_subject_of(session, click.card)
        live = await session.get(LiveCard, click.card, with_for_update=True)
        if live is None:
            raise OldCard
        if live.receiver not in ("", person.id):
            raise NotYourCard
        if click.version != live.version:
            raise CardChanged
        return live

    async def _put_out(
        self, session: AsyncSession, turn: Turn, reply: Reply, live: LiveCard | None
    ) -> None:
        ask, why = turn.ask, _why(turn)
        envelope = Envelope(
            chat=ask.chat,
            why=why,
            reply_to=ask.message_id,
            hook=ask.hook,
            receiver=turn.person.id if ask.chat.place is Place.PRIVATE else "",
            asker=turn.person.id,
        )
        parts: tuple[Part, ...] = reply.parts
        if turn.in_words and not parts and reply.update is not None:
            parts = (replace(reply.update, subject=""),)  # below the person's own words too
        shown: list[Part] = [await outbox.put(session, envelope, part) for part in parts]
        new = {part.id for part in shown if isinstance(part, Card)}
        await self._conversations.remember(session, turn, reply, shown)
        if live is not None and reply.update is not None:
            await self._redraw(session, live, reply.update, why=why, in_words=turn.in_words)
        for subject in reply.refresh:
            await self.refresh(
                session, subject, why=why, but=live, only=lambda each: each.id not in new
            )
        for subject in reply.touch_up:
            await self.refresh(session, subject, why=why, but=live, only=self._changes_in_place)
        priority = Priority.URGENT if reply.urgent else Priority.ANSWER
        for staff_id, card in reply.tell:
            await self.tell(session, staff_id, card, why=why, priority=priority)
        if reply.elsewhere is not None:
            here = ask.chat.platform
            await self.tell(session, turn.person.id, reply.elsewhere, why=why, but=here)

    def _changes_in_place(self, live: LiveCard) -> bool:
        """Elsewhere a click on what is on the screen would be one on an old version."""
        can = self._senders[live.platform].capabilities
        return can.update_in_place and can.group_update

    async def _redraw(
        self, session: AsyncSession, live: LiveCard, content: Card, *, why: str, in_words: bool
    ) -> None:
        """A new version of the card that was answered; where none can be shown in place, typed
        words have their answer already."""
        in_place = self._senders[live.platform].capabilities.update_in_place
        if in_words and not in_place:
            outbox.revise(live, content)
        else:
            await outbox.update(session, live, content, why=why, answered_by_click=not in_words)

    async def refresh(
        self,
        session: AsyncSession,
        subject: str,
        *,
        why: str,
        but: LiveCard | None = None,
        only: Callable[[LiveCard], bool] = _every,
    ) -> None:
        """Draw a subject's card again on every screen, in a group with the asker's rights."""
        for live in await outbox.live_cards(session, subject):
            # Whoever left is shown nothing any more.
            if live is but or not only(live) or not await people.logins(session, live.drawn_for):
                continue
            viewer = await people.get(session, live.drawn_for)
            chat = Chat(platform=live.platform, place=Place(live.place), id=live.chat)
            at = self._store.clock.now()
            card = await self._router.draw(session, viewer, subject, self._audience(chat), at)
            if card is not None:
                await outbox.update(session, live, card, why=why, answered_by_click=False)

    async def tell(
        self,
        session: AsyncSession,
        staff_id: str,
        part: Part,
        *,
        why: str,
        priority: Priority = Priority.ANSWER,
        but: str = "",
    ) -> None:
        """Show a person something in private, on every connected platform except ``but``."""
        for platform, user in await people.logins(session, staff_id):
            if platform in self._senders and platform != but:
                chat = Chat(platform=platform, place=Place.PRIVATE, id=user)
                envelope = Envelope(chat=chat, why=why, priority=priority, receiver=staff_id)
                await outbox.put(session, envelope, part)

    async def _decline(
        self,
        heard_id: int,
        ask: Ask,
        trace: str,
        text: str,
        state: HeardState = HeardState.DONE,
    ) -> None:
        """Answer with a sentence; nothing else of the turn is kept."""
        private = Chat(platform=ask.chat.platform, place=Place.PRIVATE, id=ask.user)
        clicked = ask.kind is AskKind.CLICK and bool(ask.user)
        envelope = Envelope(
            chat=private if clicked else ask.chat,
            why="decline",
            trace=trace,
            reply_to=ask.message_id,
            hook=ask.hook,
        )
        async with self._store.writing(brief=True) as session:
            if await heard.claim(session, heard_id, state) and text:
                await outbox.put(session, envelope, Text(text=text))
            crashpoint.here("desk.before_commit")
        crashpoint.here("desk.after_commit")

    async def _fetch(self, ask: Ask) -> list[tuple[str, bytes]]:
        """What was sent along, fetched before the transaction begins. Raises OutsideError
        or UnknownPerson."""
        if not ask.files or self._not_for_us(ask):
            return []
        async with self._store.reading(brief=True) as session:  # nothing is fetched for a stranger
            await people.by_login(session, ask.chat.platform, ask.user)
        sender = self._senders[ask.chat.platform]
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return [(file.name, await sender.fetch(file)) for file in ask.files]
        except TimeoutError:
            raise OutsideError(ask.chat.platform, "timeout", Outcome.RETRY) from None

    def _audience(self, chat: Chat) -> Audience:
        if chat.place is Place.PRIVATE:
            return Audience.PRIVATE
        is_risk = (chat.platform, chat.id) in self._risk_chats
        return Audience.RISK_GROUP if is_risk else Audience.GROUP


def _with_card(turn: Turn, click: Click, live: LiveCard) -> Turn:
    return replace(
        turn,
        card=codec.load_card(live.content),
        card_at=live.at,
        args=tuple(click.action.split(":")[1:]),
    )


def _why(turn: Turn) -> str:
    if turn.click is not None:
        return f"click {turn.click.action}"[:64]
    return (turn.said.verb or "none")[:64]
