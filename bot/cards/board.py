"""风险榜: the most endangered accounts, as a table and as the values of its picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.cards import text
from bot.cards.client import TONES
from bot.chat.message import Card, Table, Tone
from risk.levels import Level

KIND = "risk_rank"  # of the blob that is drawn when it is sent
NUMBERED = 10  # rows of the table; the picture has all


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    account: str
    name: str
    level: Level
    risk: Decimal | None  # None: no equity is left
    call_amount: Decimal | None


def finding(rows: Sequence[Row]) -> str:
    """What the picture shows, in one line."""
    called = sum(1 for row in rows if row.level >= Level.CALL)
    worst = rows[0]
    first = f"{worst.name} {degree(worst)}"
    return f"风险榜前 {len(rows)} 户 · {called} 户追保以上 · 最高 {first}"


def degree(row: Row) -> str:
    return "已穿仓" if row.risk is None else text.percent(row.risk, 1)


def silent_words(sources: Sequence[str]) -> str:
    """Said of every list that would be longer if these had spoken; "" when all have."""
    return f"数据源 {'、'.join(sources)} 没有新数据，不能据此判断安全" if sources else ""


def rank_card(
    rows: Sequence[Row],
    as_of: datetime,
    *,
    stale: bool,
    now: datetime,
    silent: Sequence[str] = (),
) -> Card:
    """``stale``: nothing is fresh; ``silent``: the sources of which some accounts may not be."""
    if not rows:
        return Card(title="风险榜", text=silent_words(silent) or "没有持仓的客户")
    worst = max(row.level for row in rows)
    shown = rows[:NUMBERED]
    table = Table(
        ("", "客户", "风险度", "等级", "需追加"),
        tuple(
            (
                str(n),
                f"{row.name} {row.account}",
                degree(row),
                row.level.word,
                text.short_yuan(row.call_amount) if row.call_amount else text.NOTHING,
            )
            for n, row in enumerate(shown, start=1)
        ),
    )
    told = f"数据 {text.clock(as_of)}（{text.age(as_of, now)}）"
    return Card(
        title=f"风险榜 · 前 {len(rows)} 户",
        status="数据已中断" if stale else worst.word,
        tone=Tone.VIOLET if stale else TONES[worst],
        text="\n".join(filter(None, ("" if stale else silent_words(silent), _in_picture(rows)))),
        table=table,
        footer=f"{told} · 数据已中断，不能据此判断安全" if stale else f"{told} · 回复序号看持仓",
    )


def _in_picture(rows: Sequence[Row]) -> str:
    return f"这里列前 {NUMBERED} 户，其余见图" if len(rows) > NUMBERED else ""


def dump(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "account": row.account,
            "name": row.name,
            "level": int(row.level),
            "risk": None if row.risk is None else str(row.risk),
            "call_amount": None if row.call_amount is None else str(row.call_amount),
        }
        for row in rows
    ]


def load(kept: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [
        Row(
            account=each["account"],
            name=each["name"],
            level=Level(each["level"]),
            risk=None if each["risk"] is None else Decimal(each["risk"]),
            call_amount=None if each["call_amount"] is None else Decimal(each["call_amount"]),
        )
        for each in kept
    ]
