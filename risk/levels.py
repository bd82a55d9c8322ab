"""How endangered an account is: the seven words and the ladder that leads to them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum


class Level(IntEnum):  # ordered, so max() and > read as they should
    NORMAL = 0  # 正常
    WATCH = 1  # 关注: list only
    WARN = 2  # 警示
    CALL = 3  # 追保
    FORCE = 4  # 强平
    NEGATIVE = 5  # 穿仓
    UNSURE = 6  # 异常: data missing or contradictory

    @property
    def word(self) -> str:
        return WORDS[self]


WORDS = {
    Level.NORMAL: "正常",
    Level.WATCH: "关注",
    Level.WARN: "警示",
    Level.CALL: "追保",
    Level.FORCE: "强平",
    Level.NEGATIVE: "穿仓",
    Level.UNSURE: "异常",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Risk degrees (margin / equity) from which a level holds; equality counts."""

    watch: Decimal = Decimal("0.8")
    warn: Decimal = Decimal("0.9")
    call: Decimal = Decimal(1)
    force: Decimal = Decimal("1.2")
    exchange_force: Decimal = Decimal(1)  # of the margin at the exchange's own rates


LADDER = Ladder()


def judge(
    equity: Decimal,
    margin: Decimal,
    exchange_margin: Decimal | None,
    available: Decimal,
    ladder: Ladder = LADDER,
) -> Level:
    """The worst level that holds. Compared without dividing, so that equality is exact."""
    if equity < 0:
        return Level.NEGATIVE
    if margin > 0 and _forced(equity, margin, exchange_margin, ladder):
        return Level.FORCE
    if available < 0 or (margin > 0 and margin >= ladder.call * equity):
        return Level.CALL
    if margin > 0 and margin >= ladder.warn * equity:
        return Level.WARN
    if margin > 0 and margin >= ladder.watch * equity:
        return Level.WATCH
    return Level.NORMAL


def _forced(
    equity: Decimal, margin: Decimal, exchange_margin: Decimal | None, ladder: Ladder
) -> bool:
    if exchange_margin is not None and exchange_margin >= ladder.exchange_force * equity:
        return True
    return margin >= ladder.force * equity
