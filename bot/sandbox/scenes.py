"""Situations that a tour or a test asks for by name."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.market import Market
from bot.sandbox.refused import Refused

RB_FAMILY = frozenset({"rb", "hc", "i", "j", "jm", "ss"})  # steel and what it is made of


def play(market: Market, body: Mapping[str, Any]) -> dict[str, Any]:
    """The market afterwards, as ``POST /sandbox/market`` answers. Raises Refused."""
    name = body.get("name")
    if name == "approval":
        raise Refused("这个沙箱还没有开户审批，没有申请可以摆出来")
    scene = SCENES.get(name) if isinstance(name, str) else None
    if scene is None:
        raise Refused(f"没有这个场景，可选：{' '.join(SCENES)}")
    return scene(market)


def limit_down_day(market: Market) -> dict[str, Any]:
    """Steel and what it is made of fall to today's limit at once."""
    limits = {
        name: each.lower_limit
        for name, each in market.instruments.items()
        if each.product in RB_FAMILY and each.lower_limit is not None
    }
    return market.apply({"set": {name: str(limit) for name, limit in limits.items()}})


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
}
