"""What the ledger says of what was put out: to whom, by which channel, with what outcome."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import text
from bot.models import Delivery, Out, OutState
from crm.binding import PLATFORM_WORDS
from risk.models import AlertNotice

STATE_WORDS: Mapping[OutState, str] = {
    OutState.WAITING: "待发送",
    OutState.SENDING: "发送中",
    OutState.SENT: "已送达平台",
    OutState.SUPERSEDED: "已由新内容代替",
    OutState.DROPPED: "收件人已无权限，未发送",
    OutState.HELD: "暂存未发",
    OutState.DEAD: "未送达",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    at: datetime
    outcome: str
    code: str
    platform_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One item of the outbox with every try to send it."""

    state: OutState
    tries: tuple[Try, ...]


async def of(session: AsyncSession, out_ids: Collection[int]) -> Mapping[int, Delivered]:
    """By the item's id; those that were archived are left out."""
    if not out_ids:
        return {}
    states = await session.execute(select(Out.id, Out.state).where(Out.id.in_(out_ids)))
    tries: dict[int, list[Try]] = {}
    rows = await session.scalars(
        select(Delivery).where(Delivery.out_id.in_(out_ids)).order_by(Delivery.id)
    )
    for row in rows:
        told = Try(at=row.at, outcome=row.outcome, code=row.code, platform_id=row.platform_id)
        tries.setdefault(row.out_id, []).append(told)
    return {
        out_id: Delivered(state=state, tries=tuple(tries.get(out_id, ())))
        for out_id, state in states
    }


async def lines(
    session: AsyncSession, notices: Sequence[AlertNotice], staff: Mapping[str, str]
) -> list[str]:
    """11-23 14:32 钉钉 风控群 卡片 已送达平台"""
    found = await of(session, {each.out_id for each in notices})
    return [_line(each, found.get(each.out_id), staff) for each in notices]


def _line(notice: AlertNotice, delivered: Delivered | None, staff: Mapping[str, str]) -> str:
    who = "群" if notice.place == "group" else staff.get(notice.receiver, notice.receiver)
    platform = PLATFORM_WORDS.get(notice.platform, notice.platform)
    outcome = STATE_WORDS[delivered.state] if delivered else "已归档"
    code = (
        next((each.code for each in reversed(delivered.tries) if each.code), "")
        if (delivered and delivered.state is OutState.DEAD)
        else ""
    )
    return f"{text.moment(notice.at)} {platform} {who} {outcome} {code}".strip()
