"""审计: who looked at or changed what; the look itself is on record."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases
from approvals.models import Application
from bot.cards import notice
from bot.cards import trail as draw
from bot.chat.message import Card
from bot.chat.reply import Question, Reply
from bot.router import OldCard, Router, Turn
from crm import trail
from crm.kernel.errors import UserError
from crm.people import Action
from crm.trail import About
from handlers.said import day_in, end_of, in_private, start_of
from risk.models import Alert

router = Router()

SPAN = re.compile(r"(?:最近|近)?(\d{1,4})个?(天|日|周|月)")
DAYS = {"天": 1, "日": 1, "周": 7, "月": 30}
USUAL = 30
MOST = 3660


class NobodySo(UserError):
    say = "没有叫「{words}」的员工或客户，请写全名、工号或资金账号"


@dataclass(frozen=True, slots=True)
class Span:
    """A day, or that many days up to now; ``key`` as a button carries it."""

    key: str
    word: str
    since: datetime
    until: datetime | None = None


def _span(words: str, at: datetime) -> Span | None:
    """近7天, 2周, 2026-11-01, 昨天. Raises NotADay."""
    if found := SPAN.fullmatch(words):
        days = min(int(found[1]) * DAYS[found[2]], MOST)
        return Span(str(days), f"近 {days} 天", at - timedelta(days=days))
    day = day_in(words, at)
    if day is None:
        return None
    return Span(day.isoformat(), day.isoformat(), start_of(day), end_of(day))


def _kept_span(key: str, at: datetime) -> Span:
    found = _span(f"{key}天" if key.isdecimal() else key, at)
    if found is None:
        raise OldCard
    return found


@router.command("admin:审计", action=Action.AUDIT)
async def look(turn: Turn, session: AsyncSession) -> Reply:
    """/审计 张三 近30天; of everything /审计 近7天, /审计 11-01. Raises NobodySo or NotADay."""
    words = in_private(turn)
    span = _span(words[-1], turn.at) if words else None
    if span is not None:
        words = words[:-1]
    span = span or _kept_span(str(USUAL), turn.at)
    if not words:
        everything = await trail.about(session, trail.EVERYTHING)
        return _asking(await _page(turn, session, everything, span, None, 0))
    found = await trail.named(session, " ".join(words))
    found = found or await _applications(session, " ".join(words))
    if not found:
        raise NobodySo(words=" ".join(words)[:20])
    if len(found) > 1:
        return _which(found[:8], span)
    return _asking(await _page(turn, session, found[0], span, None, 0))


def _asking(card: Card) -> Reply:
    """Its buttons answer to 1, 2, 3 … too."""
    keys = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=keys) if keys else None)


async def _applications(session: AsyncSession, name: str) -> list[About]:
    """For somebody who is no client yet."""
    rows = await session.scalars(
        select(Application.id).where(Application.name == name).order_by(Application.id.desc())
    )
    return [About(key=f"application:{i}", name=name, more=f"开户申请 {i}") for i in rows]


async def _about(session: AsyncSession, key: str) -> About:
    kind, _, number = key.partition(":")
    if kind == "application":
        row = await cases.get(session, int(number))
        return About(key=key, name=row.name, more="开户申请")
    return await trail.about(session, key)


def _which(found: list[About], span: Span) -> Reply:
    options = [(f"trail:{each.key}:{span.key}", f"{each.name} {each.more}") for each in found]
    card = notice.choose("查哪一位？", options)
    return Reply(parts=(card,), question=Question(options=tuple(key for key, _ in options)))


@router.click("trail", action=Action.AUDIT)
async def page(turn: Turn, session: AsyncSession) -> Reply:
    """trail:KIND:NUMBER:SPAN[:BEFORE:SHOWN]. Raises OldCard."""
    kind, number, kept, *more = turn.args
    before, shown = (int(more[0]), int(more[1])) if more else (None, 0)
    about = await _about(session, f"{kind}:{number}")
    span = _kept_span(kept, turn.at)
    card = await _page(turn, session, about, span, before, shown)
    return Reply(update=card, question=_asking(card).question)


def _related(key: str) -> list[Select[str]]:
    """What other parts of the house keep about a client."""
    kind, _, number = key.partition(":")
    if kind != "client":
        return []
    return [
        trail.keys_of("alert", Alert.id, Alert.client_id == int(number)),
        trail.keys_of("application", Application.id, Application.client_id == int(number)),
    ]


async def _page(
    turn: Turn, session: AsyncSession, about: About, span: Span, before: int | None, shown: int
) -> Card:
    entries, count = await trail.read(
        session,
        turn.person,
        about.key,
        span.since,
        until=span.until,
        before=before,
        limit=draw.PAGE + 1,
        related=_related(about.key),
    )
    names = await trail.names(session, entries)
    return draw.trail_card(about, span.key, span.word, entries, count, shown, names, turn.at)
