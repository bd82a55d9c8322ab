"""审计: who looked at or changed what; the look itself is on record."""

import re
from datetime import timedelta

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals.models import Application
from bot.cards import notice
from bot.cards import trail as draw
from bot.chat.message import Card
from bot.chat.reply import Question, Reply, say
from bot.router import Router, Turn
from crm import trail
from crm.kernel.errors import UserError
from crm.people import Action
from crm.trail import About
from handlers.said import in_private
from risk.models import Alert

router = Router()

SPAN = re.compile(r"近?(\d{1,4})(天|日|周|个?月)")
DAYS = {"天": 1, "日": 1, "周": 7, "月": 30, "个月": 30}
USUAL = 30
MOST = 3660


class AboutWhom(UserError):
    say = "请写明查谁，例如：/审计 张三 近30天"


class NobodySo(UserError):
    say = "没有叫「{words}」的员工或客户，请写全名、工号或资金账号"


@router.command("admin:审计", action=Action.AUDIT)
async def look(turn: Turn, session: AsyncSession) -> Reply:
    """/审计 张三 近30天. Raises AboutWhom or NobodySo."""
    words, days = in_private(turn), USUAL
    if words and (span := SPAN.fullmatch(words[-1])):
        days = min(int(span[1]) * DAYS[span[2]], MOST)
        words = words[:-1]
    if not words:
        raise AboutWhom
    found = await trail.named(session, " ".join(words))
    if not found:
        raise NobodySo(words=" ".join(words)[:20])
    if len(found) > 1:
        return _which(found[:8], days)
    return say(await _page(turn, session, found[0], days, None, 0))


def _which(found: list[About], days: int) -> Reply:
    options = [(f"trail:{each.key}:{days}", f"{each.name} {each.more}") for each in found]
    card = notice.choose("查哪一位？", options)
    return Reply(parts=(card,), question=Question(options=tuple(key for key, _ in options)))


@router.click("trail", action=Action.AUDIT)
async def page(turn: Turn, session: AsyncSession) -> Reply:
    """trail:KIND:NUMBER:DAYS[:BEFORE:SHOWN]"""
    kind, number, days, *more = turn.args
    before, shown = (int(more[0]), int(more[1])) if more else (None, 0)
    about = await trail.about(session, f"{kind}:{number}")
    return Reply(update=await _page(turn, session, about, int(days), before, shown))


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
    turn: Turn, session: AsyncSession, about: About, days: int, before: int | None, shown: int
) -> Card:
    since = turn.at - timedelta(days=days)
    entries, count = await trail.read(
        session,
        turn.person,
        about.key,
        since,
        before=before,
        limit=draw.PAGE,
        related=_related(about.key),
    )
    keys = {entry.object for entry in entries} | {f"staff:{entry.actor}" for entry in entries}
    names = await trail.objects(session, keys)
    return draw.trail_card(about, days, entries, count, shown, names, turn.at)
