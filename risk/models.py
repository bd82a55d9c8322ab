"""The tables of the risk desk."""

from datetime import date
from decimal import Decimal

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from crm.kernel.db import Base, Yuan


class FundDay(Base):
    """An account's equity at the close of a trading day."""

    __tablename__ = "fund_day"

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    trading_day: Mapped[date] = mapped_column(Date, primary_key=True)
    equity: Mapped[Decimal] = mapped_column(Yuan)
    net_deposit: Mapped[Decimal] = mapped_column(Yuan)
