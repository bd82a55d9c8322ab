"""What was said with a client: logged in one line, undone or amended, its first text kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm.access import NotYours, may_see
from crm.kernel import audit
from crm.kernel.db import now
from crm.kernel.errors import UserError
from crm.models import (
    Channel,
    Interaction,
    InteractionFile,
    InteractionTag,
    InteractionText,
)
from crm.people import Action, Person
from crm.recent import dealt_with

UNDO_WINDOW = timedelta(minutes=10)

CHANNEL_WORDS = {
    Channel.CALL: "电话",
    Channel.WECHAT: "微信",
    Channel.VISIT: "拜访",
    Channel.SMS: "短信",
    Channel.MAIL: "邮件",
    Channel.MEETING: "会议",
    Channel.OTHER: "其他",
}
CHANNELS = {word: channel for channel, word in CHANNEL_WORDS.items()}


class NotYourRecord(UserError):
    say = "只有记录人可以修改这条记录"


class UndoTooLate(UserError):
    say = "记录已超过 10 分钟，不能撤销；可以点 [补充] 说明"


class AlreadyUndone(UserError):
    say = "这条记录已经撤销"


class NothingToUndo(UserError):
    say = "最近 10 分钟内没有可以撤销的记录"


async def log(
    session: AsyncSession,
    person: Person,
    client_id: int,
    *,
    channel: Channel,
    note: str,
    tags: Sequence[str] = (),
    files: Sequence[tuple[str, str]] = (),  # (blob, name)
    source: str,
) -> Interaction:
    """A new record. Raises NotYours."""
    if not await may_see(session, person, client_id, Action.LOG):
        raise NotYours
    at = now(session)
    row = Interaction(
        client_id=client_id,
        staff=person.id,
        channel=channel,
        at=at,
        source=source,
        version=1,
        texts=[InteractionText(number=1, note=note, by=person.id, at=at)],
        tags=[InteractionTag(tag=tag) for tag in dict.fromkeys(tags)],
        files=[InteractionFile(blob=blob, name=name) for blob, name in files],
    )
    session.add(row)
    await session.flush()
    audit.note(session, person.id, "interaction.log", f"interaction:{row.id}", client=client_id)
    await dealt_with(session, person, client_id)
    return row


async def get(session: AsyncSession, interaction_id: int) -> Interaction:
    return await session.get_one(
        Interaction,
        interaction_id,
        options=[
            selectinload(Interaction.texts),
            selectinload(Interaction.tags),
            selectinload(Interaction.files),
        ],
        populate_existing=True,
    )


async def undo(session: AsyncSession, person: Person, interaction_id: int) -> Interaction:
    """Within ten minutes, by whoever logged it; the row stays, marked. Raises NotYourRecord,
    UndoTooLate or AlreadyUndone."""
    row = await _own(session, person, interaction_id)
    if now(session) - row.at > UNDO_WINDOW:
        raise UndoTooLate
    row.undone_at = now(session)
    row.version += 1
    audit.note(session, person.id, "interaction.undo", f"interaction:{row.id}")
    await session.flush()
    return row


async def amend(
    session: AsyncSession, person: Person, interaction_id: int, text: str
) -> Interaction:
    """Add a text; earlier ones stay. Raises NotYourRecord or AlreadyUndone."""
    row = await _own(session, person, interaction_id)
    number = len(row.texts) + 1
    row.texts.append(InteractionText(number=number, note=text, by=person.id, at=now(session)))
    row.version += 1
    audit.note(session, person.id, "interaction.amend", f"interaction:{row.id}", number=number)
    await session.flush()
    return row


async def _own(session: AsyncSession, person: Person, interaction_id: int) -> Interaction:
    row = await get(session, interaction_id)
    if row.staff != person.id:
        raise NotYourRecord
    if row.undone_at is not None:
        raise AlreadyUndone
    return row


async def last_of(session: AsyncSession, person: Person) -> int:
    """The number of the newest record that ``person`` may still undo. Raises NothingToUndo."""
    found = await session.scalar(
        select(Interaction.id)
        .where(
            Interaction.staff == person.id,
            Interaction.undone_at.is_(None),
            Interaction.at >= now(session) - UNDO_WINDOW,
        )
        .order_by(Interaction.id.desc())
        .limit(1)
    )
    if found is None:
        raise NothingToUndo
    return found


async def recent(session: AsyncSession, client_id: int, limit: int = 10) -> list[Interaction]:
    """The newest records of a client that were not undone; the caller has checked the reach."""
    rows = await session.scalars(
        select(Interaction)
        .where(Interaction.client_id == client_id, Interaction.undone_at.is_(None))
        .order_by(Interaction.at.desc(), Interaction.id.desc())
        .limit(limit)
        .options(selectinload(Interaction.texts), selectinload(Interaction.tags))
    )
    return list(rows)


@dataclass(frozen=True, slots=True)
class LastTalk:
    """The newest record of a client, with its newest text."""

    at: datetime
    channel: Channel
    staff: str
    note: str


_LAST_TALK = (
    select(Interaction.at, Interaction.channel, Interaction.staff, InteractionText.note)
    .join(InteractionText, InteractionText.interaction_id == Interaction.id)
    .where(Interaction.client_id == bindparam("client"), Interaction.undone_at.is_(None))
    .order_by(Interaction.at.desc(), Interaction.id.desc(), InteractionText.number.desc())
    .limit(1)
)


async def last_talk(session: AsyncSession, client_id: int) -> LastTalk | None:
    """None when nothing was logged; the caller has checked the reach."""
    row = (await session.execute(_LAST_TALK, {"client": client_id})).first()
    return LastTalk(*row) if row else None
