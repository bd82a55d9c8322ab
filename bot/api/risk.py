"""Giving risk out: one account, what if, and alerts."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bot.api import body, models
from bot.api.problem import Problem, answer
from bot.outbox import deliveries
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import Store
from risk import cases, what_if
from risk.book import Book
from risk.cases import Episode
from risk.figures import Figures, Terms
from risk.levels import Level
from risk.sources.wire import LONGEST_ID, Rejected
from risk.suggest import suggestion
from risk.told import Account

DIGITS = Decimal("0.000001")  # of a ratio
MOST_ALERTS = 500
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)  # that we ask for
ACCOUNT = re.compile(rf"[!-~]{{0,{LONGEST_ID}}}")
MOST_STRESSED = 20_000  # accounts that are worked out exactly for one question
WORDS = {
    "missing": "缺少",
    "extra_forbidden": "不认识的字段",
    "too_short": "不能为空",
    "too_long": "太多了",
    "string_pattern_mismatch": "格式不对",
    "string_type": "应为文字",
    "list_type": "应为列表",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "literal_error": "不在可选的值里",
}


async def account(book: Book, store: Store, request: web.Request) -> web.Response:
    name = request.match_info["account"]
    found, told = book.figures_of(name, store.clock.now()), book.account(name)
    if found is None or told is None:
        raise Problem(404, "账本里没有这个账户的数据")
    return answer(_risk(found, told))


async def stress(book: Book, store: Store, request: web.Request) -> web.Response:
    asked = _asked(await body.read_object(request))
    shocks = [_shock(each, index) for index, each in enumerate(asked.shocks)]
    names = list(dict.fromkeys(asked.accounts if asked.accounts is not None else book.accounts()))
    if len(names) > MOST_STRESSED:
        detail = f"账户共 {len(names)} 个，请用 accounts 分批，每批不超过 10000 个"
        raise Problem(422, detail)
    unknown = [
        Rejected(f"accounts[{index}]", "账本里没有这个账户")
        for index, name in enumerate(asked.accounts or ())
        if book.source_of(name) is None
    ]
    if unknown:
        raise Problem(404, "有账户不在账本里", wrong=unknown)
    now, terms = store.clock.now(), book.terms
    stale = any(told.is_stale(now) for told in book.told.values() if told.as_of)
    told = _told(book, names)
    answered = await asyncio.to_thread(_stressed, told, shocks, terms, stale=stale)
    return answer(answered)


async def alerts(store: Store, request: web.Request) -> web.Response:
    since = _since(request.query.get("since"))
    wanted = request.query.get("account", "")
    if not ACCOUNT.fullmatch(wanted):
        raise Problem(422, f"account 应为账户，至多 {LONGEST_ID} 个字符")
    async with store.reading() as session:
        found = await cases.read(session, since=since, account=wanted, limit=MOST_ALERTS)
        ids = {notice.out_id for each in found for notice in each.notices}
        sent = await deliveries.of(session, ids)
    return answer({"alerts": [_alert(each, sent) for each in found]})


def _risk(found: Figures, told: Account) -> dict[str, object]:
    return {
        "account": found.account,
        "equity": amount(found.equity),
        "available": amount(found.available),
        "margin": amount(found.margin),
        "exchange_margin": amount(found.exchange_margin),
        "risk": ratio(found.risk),
        "exchange_risk": ratio(found.exchange_risk),
        "level": found.level.word,
        "day_pnl": amount(found.day_pnl),
        "call_amount": amount(found.call_amount),
        "call_to_house_line": amount(found.call_to_house_line),
        "as_of": moment(found.as_of),
        "stale": found.stale,
        "estimate": found.estimate,
        "missing": list(found.missing),
        "positions": [
            {
                "instrument": each.instrument,
                "direction": each.direction.value,
                "lots": each.lots,
                "pnl": amount(each.pnl),
                "margin": amount(each.margin),
                "price_at_100": price(each.price_at_100),
                "price_at_zero": price(each.price_at_zero),
            }
            for each in found.holdings
        ],
        "suggestion": [
            {"instrument": each.instrument, "direction": each.direction, "lots": each.lots}
            for each in suggestion(told, found)
        ],
    }


def _asked(told: Mapping[str, Any]) -> models.WhatIf:
    try:
        return models.WhatIf.model_validate(told)
    except ValidationError as error:
        raise Problem(422, "请求内容不对，见 errors", wrong=_wrong(error)) from None


def _wrong(error: ValidationError) -> list[Rejected]:
    """By place; a shock that fits none of its four forms is said once."""
    found: dict[str, str] = {}
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        loc = each["loc"]
        if loc[:1] == ("shocks",) and len(loc) > 1:
            found.setdefault(f"shocks[{loc[1]}]", "应为四种冲击之一，见 /api/docs")
        else:
            found.setdefault(_path(loc), WORDS.get(each["type"], "值不对"))
    return [Rejected(path, why) for path, why in found.items()]


def _path(loc: Iterable[str | int]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).removeprefix(".")


def _shock(told: models.Shock, index: int) -> what_if.Shock:
    match told:
        case models.ProductMove():
            move = Decimal(told.move)
            if move <= -1:
                raise _bad_shock(index, "move", "应大于 -1")
            return what_if.ProductMove(told.product, move)
        case models.InstrumentPrice():
            return what_if.InstrumentPrice(told.instrument, Decimal(told.price))
        case models.MarginRate():
            rate, added = Decimal(told.margin_rate), told.margin_rate[0] in "+-"
            return what_if.MarginRate(told.product, rate, added=added)
        case models.AllAtLimit():
            return what_if.AllAtLimit(up=told.all == "up_limit")


def _bad_shock(index: int, key: str, why: str) -> Problem:
    return Problem(422, f"冲击{why}", wrong=[Rejected(f"shocks[{index}].{key}", why)])


def _told(book: Book, names: Iterable[str]) -> list[Account]:
    return [found for name in names if (found := book.account(name))]


def _stressed(
    every: Sequence[Account], shocks: Sequence[what_if.Shock], terms: Terms, *, stale: bool
) -> dict[str, object]:
    outcomes = [what_if.outcome(each, shocks, terms) for each in every]
    instruments = {
        row.instrument: found
        for each in every
        for row in each.positions
        if (found := each.instruments.get(row.instrument))
    }
    return {
        "accounts": [
            {
                "account": each.before.account,
                "before": _standing(each.before),
                "after": _standing(each.after),
            }
            for each in outcomes
        ],
        "levels": {
            "before": _counted(each.before for each in outcomes),
            "after": _counted(each.after for each in outcomes),
        },
        "assumptions": what_if.assumptions(shocks, instruments.values(), stale=stale),
    }


def _standing(found: Figures) -> dict[str, object]:
    return {
        "equity": amount(found.equity),
        "available": amount(found.available),
        "margin": amount(found.margin),
        "risk": ratio(found.risk),
        "level": found.level.word,
    }


def _counted(found: Iterable[Figures]) -> dict[str, int]:
    count = Counter(each.level for each in found)
    return {level.word: count[level] for level in Level}


def _since(told: str | None) -> datetime | None:
    """A day begins in Shanghai. A moment that no calendar has room for is the nearest that fits."""
    if not told:
        return None
    try:
        # A plus that was not escaped comes as a blank.
        found = datetime.fromisoformat(told.replace(" ", "+") if "T" in told else told)
    except ValueError:
        raise Problem(422, "since 应为时间，如 2026-11-23T10:15:00+08:00") from None
    return min(max(found if found.tzinfo else found.replace(tzinfo=SHANGHAI), FIRST), LAST)


def _alert(found: Episode, sent: Mapping[int, deliveries.Delivered]) -> dict[str, object]:
    alert = found.alert
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "account": alert.account,
        "branch": alert.branch,
        "manager": alert.manager,
        "state": alert.state.value,
        "level": alert.level.word,
        "peak": alert.peak.word,
        "rule_version": alert.rule_version,
        "opened_at": moment(alert.opened_at),
        "raised_at": moment(alert.raised_at),
        "ended_at": moment(alert.ended_at),
        "changed_at": moment(alert.changed_at),
        "as_of": moment(alert.as_of),
        "risk": ratio(alert.risk),
        "equity": amount(alert.equity),
        "margin": amount(alert.margin),
        "available": amount(alert.available),
        "call_amount": amount(alert.call_amount),
        "claimed_by": alert.claimed_by,
        "silenced_until": moment(alert.silenced_until),
        "events": [
            {
                "at": moment(each.at),
                "what": each.what,
                "by": each.by,
                "level": each.level.word,
                "risk": ratio(each.risk),
                "rule_version": each.rule_version,
            }
            for each in found.events
        ],
        "deliveries": [
            {
                "at": moment(each.at),
                "why": each.why,
                "platform": each.platform,
                "place": each.place,
                "receiver": each.receiver,
                **_delivered(sent.get(each.out_id)),
            }
            for each in found.notices
        ],
    }


def _delivered(found: deliveries.Delivered | None) -> dict[str, object]:
    if found is None:
        return {"state": "archived", "tries": 0, "sent_at": None}
    sent = next((each.at for each in found.tries if each.outcome == "sent"), None)
    return {"state": found.state.value, "tries": len(found.tries), "sent_at": moment(sent)}


def amount(value: Decimal | None) -> str | None:
    """Yuan to the fen."""
    return None if value is None else f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"


def ratio(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.quantize(DIGITS, ROUND_HALF_UP):f}"


def price(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(SHANGHAI).isoformat()
