"""The equity of accounts at the close of their days."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from risk.models import FundDay
from risk.sources.base import DayOfFunds


async def last_days(session: AsyncSession, account: str, days: int) -> list[DayOfFunds]:
    """The last ``days`` trading days, oldest first."""
    rows = await session.execute(
        select(FundDay.trading_day, FundDay.equity, FundDay.net_deposit)
        .where(FundDay.account == account)
        .order_by(FundDay.trading_day.desc())
        .limit(days)
    )
    return [DayOfFunds(*row) for row in rows][::-1]


async def accounts_with(session: AsyncSession, day: date) -> set[str]:
    """Accounts whose close of ``day`` is kept."""
    return set(await session.scalars(select(FundDay.account).where(FundDay.trading_day == day)))


async def keep(session: AsyncSession, account: str, days: Iterable[DayOfFunds]) -> None:
    """Store days of one account, replacing those that are there."""
    rows = [
        {
            "account": account,
            "trading_day": each.day,
            "equity": each.equity,
            "net_deposit": each.net_deposit,
        }
        for each in days
    ]
    if not rows:
        return
    told = [row["trading_day"] for row in rows]
    await session.execute(
        delete(FundDay).where(FundDay.account == account, FundDay.trading_day.in_(told))
    )
    await session.execute(insert(FundDay), rows)
