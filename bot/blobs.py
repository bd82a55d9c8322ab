"""Pictures and files for adapters: stored ones by name, drawn ones when they are shown."""

import orjson

from bot.cards import board
from bot.cards.curve import Painter
from crm import blobs
from crm.kernel.db import Store
from crm.kernel.errors import Outcome, OutsideError
from risk import history


class ShownBlobs:
    """``curve:80010023:60`` is an equity curve of 60 days, ``risk_rank:NAME`` a board whose values
    are a stored blob; anything else is a stored blob."""

    def __init__(self, store: Store, painter: Painter) -> None:
        self._store = store
        self._painter = painter

    async def read(self, name: str) -> bytes:
        """Raises OutsideError when there is no such thing."""
        kind, _, rest = name.partition(":")
        if kind == "curve":
            return await self._curve(rest)
        if kind == board.KIND:
            rows = board.load(orjson.loads(await self._stored(rest)))
            return await self._painter.risk_rank(rows)
        return await self._stored(name)

    async def _stored(self, name: str) -> bytes:
        async with self._store.reading() as session:
            content = await blobs.read(session, name)
        if content is None:
            raise OutsideError("blobs", "missing", Outcome.REFUSED)
        return content

    async def _curve(self, rest: str) -> bytes:
        account, _, days = rest.partition(":")
        async with self._store.reading() as session:
            points = await history.last_days(session, account, int(days))
        return await self._painter.equity_curve(points)
