"""Situations that a tour or a test asks for by name."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from random import Random
from typing import Any

from bot.sandbox import applicants
from bot.sandbox.market import Market
from bot.sandbox.plays import Beat, Score
from bot.sandbox.refused import Refused
from bot.sandbox.world import PEOPLE

APPROVAL = "approval"  # the service sets it, see ``approval``
APPLICANT = "applicant"  # somebody for whom an account is to be opened, see ``applicant``
MOST = 200  # applications of one scene
RB_FAMILY = frozenset({"rb", "hc", "i", "j", "jm", "ss"})  # steel and what it is made of

REBOUND = (
    Beat(fallen=Decimal("0.6"), steps=8, says="空头离场，黑色系打开跌停"),
    Beat(fallen=Decimal("0.2"), steps=8, says="继续反弹，追保陆续够了"),
    Beat(
        fallen=Decimal(0),
        steps=75,  # the ladder waits for a minute before it calls an account well again
        says="回到昨结算，回落满一分钟的预警自行解除",
    ),
)
FALL = (
    Beat(fallen=Decimal("0.2"), steps=10, says="黑色系低开"),
    Beat(fallen=Decimal("0.5"), steps=12, says="继续走低，最紧的几户到了警示线"),
    Beat(fallen=Decimal("0.8"), steps=15, says="跌幅扩大，有人追保了"),
    Beat(fallen=Decimal(1), steps=300, says="封在跌停：认领、打电话、静默"),
)


def play(market: Market, body: Mapping[str, Any]) -> dict[str, Any]:
    """The market afterwards, as ``POST /sandbox/market`` answers. Raises Refused."""
    name = body.get("name")
    scene = SCENES.get(name) if isinstance(name, str) else None
    if scene is None:
        raise Refused(f"没有这个场景，可选：{' '.join((*SCENES, APPROVAL, APPLICANT))}")
    return scene(market)


def approval(random: Random, taken: Collection[str], body: Mapping[str, Any]) -> dict[str, Any]:
    """What the service needs to put applications before people. Raises Refused."""
    count, approvers = body.get("count", 1), body.get("approvers")
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise Refused(f"count 应是 1 到 {MOST} 的整数")
    known = {person.id for person in PEOPLE}
    if not isinstance(approvers, list) or not approvers or not known.issuperset(approvers):
        raise Refused('approvers 应是人员编号的列表，例如 ["sunfang"]')
    return {
        "approvers": approvers,
        "clients": applicants.invent(random, count, taken),
        "photographs": dict(applicants.photographs()),
    }


def applicant(random: Random, taken: Collection[str]) -> dict[str, Any]:
    """A person with checked numbers and photographs, as ``name``, ``fields``, ``photographs``."""
    [person] = applicants.invent(random, 1, taken)
    return {**person, "photographs": dict(applicants.photographs())}


def limit_down_day(market: Market) -> dict[str, Any]:
    """Steel and what it is made of fall to today's limit at once."""
    limits = {
        name: each.lower_limit
        for name, each in market.instruments.items()
        if each.product in RB_FAMILY and each.lower_limit is not None
    }
    return market.apply({"set": {name: str(limit) for name, limit in limits.items()}})


def limit_down_morning(market: Market) -> dict[str, Any]:
    """Steel and its kin fall step by step, stay at the limit for five minutes, and come back."""
    return market.begin(
        Score(name="limit_down_morning", products=RB_FAMILY, beats=(*FALL, *REBOUND))
    )


def rebound(market: Market) -> dict[str, Any]:
    """Steel and its kin come back now."""
    return market.begin(Score(name="rebound", products=RB_FAMILY, beats=REBOUND))


def quiet(market: Market) -> dict[str, Any]:
    """Nothing moves, everything costs what it settled at: nobody is called for today's prices."""
    market.apply({"pause": True})
    settled = {
        name: str(each.prev_settle)
        for name, each in market.instruments.items()
        if not each.option and each.prev_settle is not None
    }
    return market.apply({"set": settled})


SCENES: Mapping[str, Callable[[Market], dict[str, Any]]] = {
    "limit_down_day": limit_down_day,
    "quiet": quiet,
    "limit_down_morning": limit_down_morning,
    "rebound": rebound,
}
