"""Things to show: written in the command's transaction, delivered after it (``dispatch``)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from secrets import token_hex

from sqlalchemy import Select, and_, bindparam, insert, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat import codec
from bot.chat.message import Card, Chat, Part, Place, ReplyHook
from bot.chat.ports import Outgoing
from bot.models import Delivery, LiveCard, Out, OutState
from crm.kernel.db import now, table


class Priority(IntEnum):
    """Who goes first when a platform rations us."""

    FORCED = 0  # forced liquidation
    URGENT = 1  # margin calls, approvals
    ANSWER = 2
    DIGEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """To whom and why; the same for all parts of one answer."""

    chat: Chat
    why: str
    trace: str = ""
    priority: Priority = Priority.ANSWER
    reply_to: str = ""
    hook: ReplyHook | None = None
    receiver: str = ""  # staff id; "" for a group
    asker: str = ""  # in a group: the staff id whose rights the card shows


@dataclass(slots=True)
class Item:
    """A row of the outbox in memory, until it is done with."""

    id: int
    out: Outgoing
    lane: str
    priority: int
    not_before: datetime
    created_at: datetime
    attempts: int = 0
    doubtful: bool = False  # an earlier try may have been shown
    overtaken: bool = False  # an older version was on its way when this one came up
    since: float = 0.0  # when it was put out, by the steady clock
    found: bool = False  # in the store, where it may have been done with since


MANY = 500  # rows that are read at once
UNDER_WAY = (OutState.WAITING, OutState.SENDING)

_READ = select(
    Out.id,
    Out.item,
    Out.lane,
    Out.priority,
    Out.not_before,
    Out.created_at,
    Out.attempts,
    Out.again,
).order_by(Out.id)
_PUT = insert(table(Out)).returning(table(Out).c.id)
_KEEP = insert(table(LiveCard))

CLICK_GRACE = timedelta(seconds=3)  # a click's own answer carries the card; this is for a crash


async def put(session: AsyncSession, envelope: Envelope, part: Part) -> Part:
    """Queue ``part``; a new card gets its id here."""
    key = token_hex(12)
    if isinstance(part, Card):
        part = replace(part, id=part.id or f"qd{key}", version=1)
        key = part.id
        await _keep(session, envelope, part)
    out = Outgoing(
        key=key,
        chat=envelope.chat,
        part=part,
        reply_to=envelope.reply_to,
        hook=envelope.hook,
    )
    card = part.id if isinstance(part, Card) else None
    await _add(session, envelope, out, card, now(session))
    return part


async def update(
    session: AsyncSession, card: LiveCard, content: Card, *, why: str, answered_by_click: bool
) -> Card:
    """Queue a new version of a card that is on somebody's screen.

    With ``answered_by_click`` the click's own answer is expected to carry it, and the queued one
    goes out only if that did not happen.
    """
    content = revise(card, content)
    chat = Chat(platform=card.platform, place=Place(card.place), id=card.chat)
    out = Outgoing(key=f"{card.id}.{content.version}", chat=chat, part=content, update=True)
    envelope = Envelope(chat=chat, why=why, priority=Priority.ANSWER)
    start = now(session) + (CLICK_GRACE if answered_by_click else timedelta(0))
    await _add(session, envelope, out, card.id, start)
    return content


def revise(card: LiveCard, content: Card) -> Card:
    """The next version of a card, kept; clicks on the last one are old from now on."""
    content = replace(content, id=card.id, version=card.version + 1)
    card.version = content.version
    card.content = codec.dump(content).decode()
    card.subject = content.subject
    return content


async def _add(
    session: AsyncSession, envelope: Envelope, out: Outgoing, card: str | None, start: datetime
) -> None:
    item = Item(
        id=0,
        out=out,
        lane=f"card:{card}" if out.update else f"{out.chat.platform}:{out.chat.id}",
        priority=envelope.priority,
        not_before=start,
        created_at=now(session),
    )
    row = {
        "key": out.key,
        "lane": item.lane,
        "priority": item.priority,
        "platform": out.chat.platform,
        "item": codec.dump(out).decode(),
        "card": card,
        "why": envelope.why,
        "trace": envelope.trace or session.info.get("trace", ""),
        "state": OutState.WAITING,
        "attempts": 0,
        "again": False,
        "not_before": start,
        "created_at": item.created_at,
    }
    item.id = (await session.execute(_PUT, row)).scalar_one()
    session.info.setdefault("queued", []).append(item)


async def _keep(session: AsyncSession, envelope: Envelope, card: Card) -> None:
    """The card as it is on the screen, for the clicks to come."""
    row = {
        "id": card.id,
        "subject": card.subject,
        "receiver": envelope.receiver,
        "drawn_for": envelope.receiver or envelope.asker,
        "platform": envelope.chat.platform,
        "place": envelope.chat.place.value,
        "chat": envelope.chat.id,
        "version": card.version,
        "content": codec.dump(card).decode(),
        "at": now(session),
    }
    await session.execute(_KEEP, row)


def newest(session: AsyncSession) -> Item:
    """What this transaction put out last."""
    found: Item = session.info["queued"][-1]
    return found


async def live_cards(session: AsyncSession, subject: str) -> list[LiveCard]:
    """Every card about ``subject``, on every screen; nobody else gives them a version now."""
    rows = await session.scalars(
        select(LiveCard)
        .where(LiveCard.subject == subject)
        .order_by(LiveCard.at, LiveCard.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows)


_OF_ONE_SUBJECT = (
    select(LiveCard.id)
    .where(
        LiveCard.subject != "",
        LiveCard.subject
        == select(LiveCard.subject).where(LiveCard.id == bindparam("card")).scalar_subquery(),
    )
    .order_by(LiveCard.at, LiveCard.id)
    .with_for_update()
)


async def hold_subject_of(session: AsyncSession, card: str) -> None:
    """Two who click on cards of one subject go one after the other, in the order of ``live_cards``,
    instead of each waiting for what the other holds. SQLite has one writer anyway."""
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(_OF_ONE_SUBJECT, {"card": card})


async def release(session: AsyncSession) -> None:
    """What was on its way when the last process ended waits again; it may have been shown."""
    await session.execute(
        sql_update(Out)
        .where(Out.state == OutState.SENDING)
        .values(state=OutState.WAITING, again=True)
    )


async def waiting(session: AsyncSession, *, after: int) -> Sequence[int]:
    """The first ``MANY`` numbers of what waits, in order, behind the number ``after``."""
    numbers = select(Out.id).where(Out.state == OutState.WAITING, Out.id > after)
    return list(await session.scalars(numbers.order_by(Out.id).limit(MANY)))


async def read(session: AsyncSession, numbers: Collection[int]) -> list[Item]:
    """In order."""
    rows = await session.execute(_READ.where(Out.id.in_(numbers))) if numbers else ()
    return [
        Item(
            id=row.id,
            out=codec.load_outgoing(row.item),
            lane=row.lane,
            priority=row.priority,
            not_before=row.not_before,
            created_at=row.created_at,
            attempts=row.attempts,
            doubtful=row.again,
            found=True,
        )
        for row in rows
    ]


async def claim(session: AsyncSession, numbers: Collection[int], holder: str) -> set[int]:
    """Those of the rows that ``holder`` may send now: nobody else has sent or is sending them."""
    mine = or_(
        Out.state == OutState.WAITING, and_(Out.state == OutState.SENDING, Out.holder == holder)
    )
    rows = select(Out.id).where(Out.id.in_(numbers), mine).order_by(Out.id).with_for_update()
    return set(await session.scalars(rows))


async def drop(session: AsyncSession, chats: Iterable[tuple[str, str]], cards: Select[str]) -> None:
    """What still waits for these private chats (platform, user) and cards is shown to nobody: its
    reader has no access any more."""
    lanes = [f"{platform}:{user}" for platform, user in chats]
    await session.execute(
        sql_update(Out)
        .where(Out.state.in_(UNDER_WAY), or_(Out.lane.in_(lanes), Out.card.in_(cards)))
        .values(state=OutState.DROPPED, ended_at=now(session))
    )


async def repaint(session: AsyncSession, card_id: str) -> None:
    """Show a card as it is now, whatever its screen shows."""
    live = await session.get(LiveCard, card_id, with_for_update=True)
    if live is not None:
        present = codec.load_card(live.content)
        await update(session, live, present, why="repaint", answered_by_click=False)


async def answered(session: AsyncSession, card: Card) -> None:
    """The click's own answer carried this version of the card: the queued one need not go. A
    newer one, which the answer may have painted over, goes once more."""
    live = await session.get(LiveCard, card.id)
    if live is not None and live.version > card.version:
        await repaint(session, card.id)
        return
    row = await session.scalar(
        sql_update(Out)
        .where(Out.key == f"{card.id}.{card.version}", Out.state == OutState.WAITING)
        .values(state=OutState.SENT, ended_at=now(session))
        .returning(Out)
    )
    if row is not None:
        session.add(
            Delivery(out_id=row.id, platform=row.platform, at=now(session), outcome="answered")
        )
