"""Keeps each account's equity of settled days, for the curve."""

from crm.kernel.calendar import Calendar
from crm.kernel.db import Store
from risk import history
from risk.book import Book
from risk.sources.sim import SimSource

BATCH = 25  # accounts of one question and one transaction: nobody waits long for either


async def keep_history(store: Store, book: Book, calendar: Calendar, source: SimSource) -> None:
    """Ask for the days of its accounts that lack the last settled one. Raises OutsideError."""
    told = book.expect(source.name)
    if told.trading_day is None:
        return
    async with store.reading() as session:
        known = await history.accounts_with(session, calendar.shift(told.trading_day, -1))
    missing = sorted(set(told.accounts()) - known)
    for start in range(0, len(missing), BATCH):
        await _keep(store, source, missing[start : start + BATCH])


async def _keep(store: Store, source: SimSource, accounts: list[str]) -> None:
    found = await source.history(accounts)
    async with store.writing() as session:
        for account, days in found.items():
            await history.keep(session, account, days)
