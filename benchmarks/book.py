"""The book at full size: 500,000 accounts, 1,500,000 positions, 600 instruments.

``bytes``: reading every byte of the columns once, the floor of a full look. ``snapshot``: Python
rows made into columns. ``look``: levels of everybody. ``tick``: the price of the instrument that
most hold, and everybody's level after it.
"""

import gc
import random
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np

from benchmarks.table import interleaved, show
from crm.kernel.calendar import Calendar
from risk.book import Book
from risk.levels import Level
from risk.sources.base import (
    AccountFunds,
    Direction,
    Instrument,
    PositionRow,
    Snapshot,
    Tick,
    Ticks,
)
from risk.told import sort

ACCOUNTS, HELD, INSTRUMENTS = 500_000, 3, 600
AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)


def instruments() -> list[Instrument]:
    return [
        Instrument(
            id=f"p{n % 70}x{n}",
            product=f"p{n % 70}",
            exchange="SHFE",
            multiplier=10,
            tick=Decimal(1),
            prev_settle=Decimal(3000 + n),
            last=Decimal(3000 + n),
            larger_side=n % 2 == 0,
        )
        for n in range(INSTRUMENTS)
    ]


def invented(accounts: int) -> Snapshot:
    """A few contracts are held by many, as on a real market."""
    chance = random.Random(7)  # noqa: S311  a fair draw, not a secret
    every = instruments()
    weights = [1 / (n + 1) for n in range(INSTRUMENTS)]
    rates = [Decimal(n) / 100 for n in range(8, 16)]
    prices = [Decimal(2900 + n) for n in range(200)]
    rows: list[PositionRow] = []
    for n in range(accounts):
        for held in chance.choices(every, weights, k=HELD):
            lots = chance.randint(1, 20)
            rows.append(
                PositionRow(
                    account=str(80_000_000 + n),
                    instrument=held.id,
                    direction=chance.choice((Direction.LONG, Direction.SHORT)),
                    lots=lots,
                    today_lots=chance.choice((0, 0, lots)),
                    open_price=chance.choice(prices),
                    margin_rate=chance.choice(rates),
                    exchange_margin_rate=rates[0],
                )
            )
    funds = tuple(
        AccountFunds(
            account=str(80_000_000 + n),
            branch=f"B{n % 50}",
            pre_balance=Decimal(chance.randint(50_000, 900_000)),
        )
        for n in range(accounts)
    )
    return Snapshot(
        trading_day=DAY,
        at=AT,
        complete=True,
        instruments=tuple(every),
        accounts=funds,
        positions=tuple(rows),
    )


def memory() -> float:
    """MB, the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ms(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def arrays(book: Book) -> Iterable[np.ndarray]:
    [told] = book.told.values()
    assert told.columns is not None  # noqa: S101  there was a snapshot
    for block in told.columns.blocks:
        for part in (block.rows.positions, block.rows.funds):
            yield from (getattr(part, each.name) for each in fields(part))


def main(accounts: int = ACCOUNTS) -> None:
    book, before = Book(Calendar.shipped()), memory()
    snapshot = invented(accounts)
    told = memory()
    gc.freeze()
    ready = sort(snapshot)

    def take() -> None:
        book.take(ready)
        book.levels(Level.WARN)

    first = ms(take)
    after = memory()
    columns = list(arrays(book))
    size = sum(each.nbytes for each in columns) / 1e6
    price = iter(range(3000, 9000))

    def tick() -> None:
        moved = Tick(instrument="p0x0", last=Decimal(next(price)), at=AT)
        book.take(Ticks(at=AT, ticks=(moved,)))

    figures = interleaved(
        {
            "bytes": lambda: ms(lambda: [each.view(np.uint8).sum() for each in columns]),
            "snapshot": lambda: ms(lambda: sort(snapshot)),
            "look": lambda: ms(lambda: book.levels(Level.WARN)),
            "tick": lambda: ms(tick),
        }
    )
    title = (
        f"The book: {accounts:,} accounts, {accounts * HELD:,} positions; columns {size:.0f} MB,"
        f" rows {told - before:.0f} MB, both {after - before:.0f} MB;"
        f" taken and first looked at in {first:.0f} ms"
    )
    show(title, figures, floor="bytes", unit="ms")


if __name__ == "__main__":
    main()
