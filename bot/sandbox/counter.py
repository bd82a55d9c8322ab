"""The invented counter over HTTP, for the ``sim`` source of trading data."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from bot.sandbox.market import Changes, Market
from risk.sources.base import Instrument, Snapshot

LONGEST_WAIT = 30.0  # seconds


def counter_routes(market: Market) -> list[web.RouteDef]:
    """The counter's three questions, under ``/sim/counter``."""

    async def snapshot(_: web.Request) -> web.Response:
        read = market.snapshot()
        return _answer(_snapshot_json(read, market.edition, market.sequence))

    async def ticks(request: web.Request) -> web.Response:
        """``after``: the sequence number known; ``wait``: seconds to wait for a change."""
        try:
            after = int(request.query.get("after", "0"))
            wait = min(max(float(request.query.get("wait", "0")), 0), LONGEST_WAIT)
        except ValueError:
            raise web.HTTPBadRequest(text="after 应为整数，wait 应为秒数") from None
        edition = request.query.get("edition", market.edition)
        return _answer(_changes_json(await market.changed(after, edition, wait)))

    async def history(request: web.Request) -> web.Response:
        """``account``, given as often as there are accounts; unknown ones are left out."""
        asked = request.query.getall("account", [])
        found = {account: market.history(account) for account in asked}
        return _answer({"accounts": {account: rows for account, rows in found.items() if rows}})

    return [
        web.get("/sim/counter/snapshot", snapshot),
        web.get("/sim/counter/ticks", ticks),
        web.get("/sim/counter/history", history),
    ]


def _answer(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body, default=_word), content_type="application/json")


def _word(value: object) -> str:
    """Decimals as strings: no amount passes through a float."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError


def _snapshot_json(snapshot: Snapshot, edition: str, sequence: int) -> dict[str, Any]:
    return {
        "edition": edition,
        "sequence": sequence,
        "trading_day": snapshot.trading_day,
        "at": snapshot.at,
        "complete": snapshot.complete,
        "instruments": [_instrument_json(each) for each in snapshot.instruments],
        "accounts": snapshot.accounts,
        "positions": snapshot.positions,
    }


def _instrument_json(instrument: Instrument) -> dict[str, Any]:
    fields = asdict(instrument)
    return {"instrument": fields.pop("id"), **fields}


def _changes_json(changes: Changes) -> dict[str, Any]:
    return {
        "edition": changes.edition,
        "sequence": changes.sequence,
        "at": changes.at,
        "ticks": changes.ticks,
    }
