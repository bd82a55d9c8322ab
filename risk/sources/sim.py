"""The sandbox's counter as a source: one snapshot, then the prices as they change."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from time import monotonic
from typing import Any, TypeVar

import aiohttp
import orjson

from crm.kernel.errors import Outcome, OutsideError
from risk.sources import wire
from risk.sources.base import DayOfFunds, Snapshot, SourceHealth, Tick, Ticks

BIG = 1 << 20  # bytes; a larger body is read in a thread
WAIT = 1.0  # seconds that the counter holds a question for prices open; its heartbeat
LIMIT = 10.0  # seconds for one answer
SILENCE = 5.0  # seconds without an answer until the source counts as not well

log = logging.getLogger(__name__)
T = TypeVar("T")
Question = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Place:
    """How far we have read."""

    edition: str
    sequence: int


class SimSource:
    """``base_url`` is the sandbox's, e.g. ``http://127.0.0.1:8088``."""

    name = "sim"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        retry_seconds: float = 1.0,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._session = session
        self._counter = f"{base_url.rstrip('/')}/sim/counter"
        self._retry_seconds = retry_seconds
        self._now = now
        self._heard: float | None = None
        self._trouble = ""

    async def updates(self) -> AsyncGenerator[Snapshot | Ticks, None]:
        """For ever; after trouble, a restart of the counter or a new day with a new snapshot."""
        while True:
            try:
                place, snapshot = await self._ask("snapshot", _read_snapshot)
                yield snapshot
                while True:
                    here, ticks = await self._ask("ticks", _read_ticks, _question(place))
                    if here.edition != place.edition:
                        break
                    place = here
                    yield ticks
            except OutsideError as error:
                self._trouble = error.code
                log.warning("source sim will try again: %s", error)
                await asyncio.sleep(self._retry_seconds)

    def health(self) -> SourceHealth:
        age = None if self._heard is None else self._now() - self._heard
        if age is None:
            return SourceHealth(ok=False, detail=f"柜台还没有应答 {self._trouble}".strip())
        if age > SILENCE:
            detail = f"柜台 {age:.0f} 秒没有应答 {self._trouble}".strip()
            return SourceHealth(ok=False, detail=detail, age_seconds=age)
        return SourceHealth(ok=True, detail="正常", age_seconds=age)

    async def history(self, accounts: Sequence[str]) -> dict[str, list[DayOfFunds]]:
        """The last settled days by account, oldest first; unknown accounts are left out.

        Raises OutsideError.
        """
        question = [("account", account) for account in accounts]
        return await self._ask("history", _read_history, question)

    async def _ask(self, what: str, read: Callable[[bytes], T], query: Question = ()) -> T:
        """Raises OutsideError whatever goes wrong between here and there."""
        try:
            async with asyncio.timeout(LIMIT):
                body = await self._get(what, query)
                found = await asyncio.to_thread(read, body) if len(body) > BIG else read(body)
        except TimeoutError:
            raise OutsideError("sim", "timeout", Outcome.RETRY) from None
        except aiohttp.ClientError as error:
            raise OutsideError("sim", type(error).__name__, Outcome.RETRY) from error
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise OutsideError("sim", "unreadable", Outcome.RETRY) from error
        self._heard, self._trouble = self._now(), ""
        return found

    async def _get(self, what: str, query: Question) -> bytes:
        async with self._session.get(f"{self._counter}/{what}", params=query) as answer:
            if answer.status != 200:
                raise OutsideError("sim", str(answer.status), Outcome.RETRY)
            return await answer.read()


def _question(place: _Place) -> Question:
    return [("edition", place.edition), ("after", str(place.sequence)), ("wait", str(WAIT))]


def _read_snapshot(body: bytes) -> tuple[_Place, Snapshot]:
    read = orjson.loads(body)
    snapshot, rejected = wire.snapshot(read)
    _mind(rejected)
    return _place(read), snapshot


def _read_ticks(body: bytes) -> tuple[_Place, Ticks]:
    read = orjson.loads(body)
    at = datetime.fromisoformat(read["at"])
    ticks: tuple[Tick, ...]
    ticks, rejected = wire.ticks(read, at)
    _mind(rejected)
    return _place(read), Ticks(at=at, ticks=ticks)


def _read_history(body: bytes) -> dict[str, list[DayOfFunds]]:
    return {
        account: [
            DayOfFunds(date.fromisoformat(day), Decimal(equity), Decimal(net_deposit))
            for day, equity, net_deposit in days
        ]
        for account, days in orjson.loads(body)["accounts"].items()
    }


def _place(read: dict[str, Any]) -> _Place:
    return _Place(read["edition"], read["sequence"])


def _mind(rejected: tuple[wire.Rejected, ...]) -> None:
    if rejected:
        log.warning("source sim sent %s rows that cannot be read", len(rejected))
