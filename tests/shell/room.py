"""A desk with a broker behind it, whose answers a test writes itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat import codec
from bot.chat.message import (
    Ask,
    AskKind,
    Audience,
    Card,
    Chat,
    Click,
    FileIn,
    Part,
    Place,
    Text,
)
from bot.chat.ports import Outgoing
from bot.chat.raw import Raw, raw_of
from bot.chat.reply import Reply, say
from bot.desk import Desk
from bot.inbox.ears import Ears
from bot.inbox.inbox import Inbox
from bot.models import Heard, HeardState, LiveCard, Out
from bot.router import Router, Turn
from bot.store.bell import Bell
from bot.store.lease import ALONE, Leader
from crm.kernel.calendar import Calendar
from crm.people import Person
from risk.book import Book
from tests.fakes.broker import MONDAY_TEN, Broker
from tests.fakes.sender import FakeSender

RISK_GROUP = "g-risk"
Answer = Callable[[Turn, AsyncSession], Awaitable[Reply]]


async def echo(turn: Turn, _: AsyncSession) -> Reply:
    """Says what was heard."""
    heard = turn.click.action if turn.click else turn.ask.text
    return say(Text(text=f"听到 {heard}"))


class FakeRouter(Router):
    """Every line and click goes to ``handler``; every subject is drawn by its reader's name."""

    def __init__(self) -> None:
        super().__init__()
        self.handler: Answer = echo
        self.turns: list[Turn] = []

    async def answer(self, turn: Turn, session: AsyncSession) -> Reply:
        self.turns.append(turn)
        return await self.handler(turn, session)

    async def draw(
        self, session: AsyncSession, person: Person, subject: str, audience: Audience, at: datetime
    ) -> Card | None:
        return Card(title=subject, text=f"{person.id} {audience}", subject=subject)


@dataclass
class Room:
    """People talk to the desk; what it puts out stays in the outbox."""

    broker: Broker
    desk: Desk
    ears: Ears
    inbox: Inbox
    router: FakeRouter
    sender: FakeSender
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def ask(
        self,
        who: str,
        text: str = "",
        *,
        group: str = "",
        mention: bool = True,
        click: Click | None = None,
        files: Sequence[str] = (),
        key: str = "",
    ) -> Raw:
        place = Place.GROUP if group else Place.PRIVATE
        kind = AskKind.CLICK if click else AskKind.FILE if files else AskKind.TEXT
        ask = Ask(
            message_id=key or f"m{next(self.numbers)}",
            chat=Chat(platform="dingtalk", place=place, id=group or who),
            user=who,
            at=MONDAY_TEN,
            kind=kind,
            text=text,
            mentioned=mention,
            click=click,
            files=tuple(FileIn(code=code, name=f"{code}.pdf") for code in files),
        )
        return raw_of("ding1", ask)

    async def outgoing(self) -> list[Outgoing]:
        """All that was put out, in order."""
        async with self.broker.store.reading() as session:
            rows = await session.scalars(select(Out).order_by(Out.id))
            return [codec.load_outgoing(row.item) for row in rows]

    async def parts(self, chat: str = "") -> list[Part]:
        return [out.part for out in await self.outgoing() if chat in ("", out.chat.id)]

    async def texts(self, chat: str = "") -> list[str]:
        return [part.text for part in await self.parts(chat) if isinstance(part, Text)]

    async def card(self, card_id: str) -> Card:
        """As it is now."""
        async with self.broker.store.reading() as session:
            return codec.load_card((await session.get_one(LiveCard, card_id)).content)

    async def heard(self) -> list[HeardState]:
        async with self.broker.store.reading() as session:
            return list(await session.scalars(select(Heard.state).order_by(Heard.id)))


@asynccontextmanager
async def open_room(broker: Broker, leader: Leader = ALONE) -> AsyncIterator[Room]:
    """Leaving it lets the desk end what it has in hand."""
    async with open_front(broker, leader) as room, room.desk.open():
        room.ears.desk.put(room.desk)
        await room.desk.serve()
        yield room


@asynccontextmanager
async def open_front(broker: Broker, leader: Leader = ALONE) -> AsyncIterator[Room]:
    """There are ears; the desk is not open yet."""
    calendar, router, sender = Calendar.shipped(), FakeRouter(), FakeSender()
    async with Inbox(broker.store.database).open() as inbox:
        desk = Desk(
            store=broker.store,
            router=router,
            senders={"dingtalk": sender},
            calendar=calendar,
            book=Book(calendar),
            bell=Bell(broker.store.database),
            leader=leader,
            risk_chats=frozenset({("dingtalk", RISK_GROUP)}),
        )
        yield Room(broker, desk, Ears(inbox), inbox, router, sender)


def press(card: Card, action: str, **inputs: str) -> Click:
    return Click(card=card.id, version=card.version, action=action, inputs=inputs)
