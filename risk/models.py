"""The tables of the risk desk."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from crm.kernel.db import Base, Moment, SealedText, Yuan, by_value
from risk.levels import Level

BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER keys only
MILLIONTH = Decimal("0.000001")
LARGEST = Decimal(1_000_000)  # a risk degree beyond it says nothing more


class Ratio(TypeDecorator[Decimal]):
    """A fraction in the domain, whole millionths in the table."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002  SQLAlchemy's signature
        if value is None:
            return None
        kept = min(max(value, -LARGEST), LARGEST)
        return int((kept / MILLIONTH).quantize(Decimal(1), rounding=ROUND_HALF_UP))

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else value * MILLIONTH


class ByRank(TypeDecorator[Level]):
    """A level as its rank."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: Level | None, dialect: Dialect) -> int | None:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Level | None:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else Level(value)


class FundDay(Base):
    """An account's equity at the close of a trading day."""

    __tablename__ = "fund_day"

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    trading_day: Mapped[date] = mapped_column(Date, primary_key=True)
    equity: Mapped[Decimal] = mapped_column(Yuan)
    net_deposit: Mapped[Decimal] = mapped_column(Yuan)


class AlertKind(StrEnum):
    WARN = "warn"  # 警示: the manager's
    MARGIN = "margin"  # 追保 强平 穿仓: the desk's
    DATA = "data"  # 异常: figures of an account are in doubt
    SOURCE = "source"  # 异常: a source is silent


class AlertState(StrEnum):
    PENDING = "pending"  # seen, not yet told
    FIRING = "firing"
    CLAIMED = "claimed"
    SILENCED = "silenced"
    RESOLVED = "resolved"  # by itself
    CLOSED = "closed"  # gone over into a more serious one


class AlertGroup(Base):
    """The alerts of one branch at one level: one card in the risk group. ``open_key`` is unique
    while it lasts."""

    __tablename__ = "alert_group"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[AlertKind] = mapped_column(by_value(AlertKind))
    branch: Mapped[str] = mapped_column(String(16))  # "" for what belongs to none
    level: Mapped[Level] = mapped_column(ByRank)
    open_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    said_at: Mapped[datetime | None] = mapped_column(Moment)  # the last new message about it
    owing: Mapped[bool] = mapped_column(Boolean, default=False)  # somebody came since
    painted_at: Mapped[datetime | None] = mapped_column(Moment)  # its figures on the screens


class Alert(Base):
    """An episode: from when an account crossed a line until it is well below it again.

    Figures are those of the last word that was worth keeping; ``below*`` and ``told*`` are the
    evaluator's memory, so that a restart repeats nothing.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_account_opened", "account", "opened_at"),
        Index("ix_alert_group", "group_id"),
        Index("ix_alert_changed", "changed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[AlertKind] = mapped_column(by_value(AlertKind))
    open_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    account: Mapped[str] = mapped_column(String(32))  # of SOURCE: the source's name
    name: Mapped[str] = mapped_column(String(128))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"), index=True)
    branch: Mapped[str] = mapped_column(String(16))
    manager: Mapped[str | None] = mapped_column(ForeignKey("staff.id"), index=True)  # who was told
    group_id: Mapped[int | None] = mapped_column(ForeignKey("alert_group.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))

    state: Mapped[AlertState] = mapped_column(by_value(AlertState))
    level: Mapped[Level] = mapped_column(ByRank)
    peak: Mapped[Level] = mapped_column(ByRank)
    rule_version: Mapped[str] = mapped_column(String(32))
    opened_at: Mapped[datetime] = mapped_column(Moment)
    raised_at: Mapped[datetime] = mapped_column(Moment)  # to the present level
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    off_hours: Mapped[bool] = mapped_column(Boolean, default=False)  # raised by a market that moved

    as_of: Mapped[datetime | None] = mapped_column(Moment)  # of the figures
    risk: Mapped[Decimal | None] = mapped_column(Ratio)
    exchange_risk: Mapped[Decimal | None] = mapped_column(Ratio)
    equity: Mapped[Decimal | None] = mapped_column(Yuan)
    margin: Mapped[Decimal | None] = mapped_column(Yuan)
    available: Mapped[Decimal | None] = mapped_column(Yuan)
    call_amount: Mapped[Decimal | None] = mapped_column(Yuan)
    call_to_house_line: Mapped[Decimal | None] = mapped_column(Yuan)
    advice: Mapped[dict[str, Any]] = mapped_column(JSON)  # see ``risk.advice``

    below: Mapped[dict[str, str]] = mapped_column(JSON)  # by rank of a level: since when under it
    told_at: Mapped[datetime | None] = mapped_column(Moment)
    told_risk: Mapped[Decimal | None] = mapped_column(Ratio)

    claimed_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    silenced_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    silenced_until: Mapped[datetime | None] = mapped_column(Moment)
    rung: Mapped[int] = mapped_column(SmallInteger, default=0)  # steps of the escalation done
    keep_until: Mapped[date | None] = mapped_column(Date)


class AlertEvent(Base):
    """What became of an alert, step by step. Only added to."""

    __tablename__ = "alert_event"
    __table_args__ = (Index("ix_alert_event_alert", "alert_id", "id"),)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    at: Mapped[datetime] = mapped_column(Moment)
    what: Mapped[str] = mapped_column(String(24))
    by: Mapped[str] = mapped_column(String(64))  # staff id, or "system"
    level: Mapped[Level] = mapped_column(ByRank)
    risk: Mapped[Decimal | None] = mapped_column(Ratio)
    rule_version: Mapped[str] = mapped_column(String(32))
    note: Mapped[str] = mapped_column(SealedText("alert_event.note"), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)  # the figures it was judged by


class AlertNotice(Base):
    """That somebody was told of an alert: which item of the outbox carried it, to whom."""

    __tablename__ = "alert_notice"
    __table_args__ = (Index("ix_alert_notice_alert", "alert_id"),)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    out_id: Mapped[int] = mapped_column(BIG_ID)  # the row of the outbox
    at: Mapped[datetime] = mapped_column(Moment)
    why: Mapped[str] = mapped_column(String(24))
    platform: Mapped[str] = mapped_column(String(16))
    place: Mapped[str] = mapped_column(String(16))
    receiver: Mapped[str] = mapped_column(String(128))  # staff id; of a group its chat
