"""The invented counter's accounts: funds and positions, carried from one day to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from bot.sandbox.holdings import HISTORY_DAYS, HistoryRow, Holder, flow_of_day, history
from risk.sources.base import ZERO, AccountFunds, Instrument, PositionRow


class Accounts:
    """Nobody trades after the first day, so settlement prices alone tell what became of it."""

    def __init__(
        self, seed: int, holders: Mapping[str, Holder], days_before: Sequence[date]
    ) -> None:
        self._seed = seed
        self._holders = holders
        self._days_before = days_before
        self._funds = {account: holder.funds for account, holder in holders.items()}
        self._rows = {account: holder.rows for account, holder in holders.items()}
        self._settled: dict[str, list[HistoryRow]] = {account: [] for account in holders}

    @property
    def funds(self) -> tuple[AccountFunds, ...]:
        return tuple(self._funds.values())

    @property
    def positions(self) -> tuple[PositionRow, ...]:
        return tuple(row for rows in self._rows.values() for row in rows)

    def history(self, account: str) -> list[HistoryRow] | None:
        """The last sixty settled days, oldest first; None for an unknown account."""
        holder = self._holders.get(account)
        if holder is None:
            return None
        before = history(self._seed, holder, self._days_before)
        return [*before, *self._settled[account]][-HISTORY_DAYS:]

    def settle(
        self,
        day: date,
        next_day: date,
        instruments: Mapping[str, Instrument],
        settlement: Mapping[str, Decimal],
    ) -> None:
        """Close ``day`` at these prices; ``instruments`` hold the settlement of the day before."""
        for account, funds in self._funds.items():
            rows = self._rows[account]
            equity = _equity(funds, rows, instruments, settlement)
            self._settled[account].append((day, equity, funds.deposit - funds.withdraw))
            flow = flow_of_day(self._seed, self._holders[account], next_day, equity)
            self._funds[account] = AccountFunds(
                account=account,
                name=funds.name,
                branch=funds.branch,
                pre_balance=equity,
                deposit=max(flow, ZERO),
                withdraw=max(-flow, ZERO),
            )
            self._rows[account] = tuple(replace(row, today_lots=0) for row in rows)


def _equity(
    funds: AccountFunds,
    rows: Sequence[PositionRow],
    instruments: Mapping[str, Instrument],
    settlement: Mapping[str, Decimal],
) -> Decimal:
    profit = sum((_profit(row, instruments[row.instrument], settlement) for row in rows), ZERO)
    paid_in = (funds.pre_balance or ZERO) + funds.deposit - funds.withdraw
    return paid_in + funds.close_profit + profit + funds.premium - funds.commission


def _profit(row: PositionRow, each: Instrument, settlement: Mapping[str, Decimal]) -> Decimal:
    carried = row.lots - row.today_lots
    before = each.prev_settle or ZERO
    cost = carried * before + row.today_lots * (row.open_price or ZERO)
    worth = row.lots * settlement.get(row.instrument, before)
    return row.direction.sign * each.multiplier * (worth - cost)
