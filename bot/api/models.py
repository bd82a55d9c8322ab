"""What goes in and out, as models: the source of ``openapi.json``.

Rows of pushed data are read by ``risk.sources.wire``, one by one, so that a bad one does not spoil
the rest; here they are only described. A list takes whatever stands in it, as the body is taken
whatever stands in its lists: what is no row is among the ``rejected`` of the answer.
"""

from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from risk.sources.wire import (
    LONGEST_BRANCH,
    LONGEST_ID,
    LONGEST_NAME,
    MOST_LOTS,
    MOST_UNITS,
)

# pydantic's own patterns cannot look ahead, so above nothing is said in two ways
POSITIVE = r"^(0{0,8}[1-9][0-9]{0,8}(\.[0-9]{1,9})?|0\.[0-9]{0,8}[1-9])$"
Price = Annotated[str, Field(pattern=POSITIVE, examples=["3120"])]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]{1,14}(\.[0-9]{1,9})?$", examples=["100000.00"])]
AnyPrice = Annotated[str, Field(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,9})?$", examples=["3120"])]
Rate = Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,9})?$", examples=["0.12"])]
# Days of this century, as ``risk.sources.wire.YEARS``: a format could not say which years.
DAY = (
    r"(20[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))|20([02468][048]|[13579][26])-02-29)"
)
TIME = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
ZONE = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
Day = Annotated[date, WithJsonSchema({"type": "string", "pattern": f"^{DAY}$"})]
Moment = Annotated[
    AwareDatetime, WithJsonSchema({"type": "string", "pattern": f"^{DAY}{TIME}{ZONE}$"})
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=r"^[!-~]+$")]
Level = Literal["正常", "关注", "警示", "追保", "强平", "穿仓", "异常"]
Direction = Literal["long", "short"]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Row(BaseModel):
    """Of pushed data; a field that we do not know is passed over."""

    model_config = ConfigDict(extra="ignore", defer_build=True)


R = TypeVar("R", bound=Row)
BadRow = Annotated[Any, Field(description="不合格的行：不收，列在 rejected 里")]
Rows = list[R | BadRow] | None


class Option(Row):
    kind: Literal["call", "put"]
    strike: Price
    underlying: Id


class Instrument(Row):
    instrument: Id
    product: Id = Field(description="品种；期权写作 m_o")
    exchange: Id
    multiplier: int = Field(ge=1, le=MOST_UNITS)
    tick: Price
    prev_settle: AnyPrice | None = Field(None, description="昨结算价")
    last: AnyPrice | None = None
    upper_limit: AnyPrice | None = None
    lower_limit: AnyPrice | None = None
    larger_side: bool = Field(False, description="大边：同品种只收多空较大一边的保证金")
    option: Option | None = None


class Account(Row):
    """缺少或为 null 的金额由账本按持仓计算；给出的以柜台为准。"""

    account: Id
    name: str = Field("", max_length=LONGEST_NAME, description="不含不可见字符")
    branch: str = Field("", max_length=LONGEST_BRANCH, description="不含不可见字符")
    pre_balance: Amount | None = Field(None, description="上日结存，不含质押")
    deposit: Amount | None = None
    withdraw: Amount | None = None
    mortgage: Amount | None = Field(None, description="质押")
    close_profit: Amount | None = None
    position_profit: Amount | None = None
    premium: Amount | None = Field(None, description="权利金收支")
    commission: Amount | None = None
    frozen: Amount | None = None
    margin: Amount | None = None
    exchange_margin: Amount | None = None
    equity: Amount | None = None
    available: Amount | None = None


class Position(Row):
    """同账户、合约、方向的多行相加。``today_lots`` 不多于 ``lots``。"""

    account: Id
    instrument: Id
    direction: Direction
    lots: int = Field(ge=0, le=MOST_LOTS)
    today_lots: int = Field(0, ge=0, le=MOST_LOTS)
    hedge: str = Field("speculation", max_length=LONGEST_ID)
    open_price: AnyPrice | None = Field(None, description="今仓的开仓价")
    margin_rate: Rate | None = Field(None, description="期权为标的期货的费率")
    exchange_margin_rate: Rate | None = None


class Snapshot(Row):
    trading_day: Day = Field(description="交易日，如 2026-11-23")
    at: Moment = Field(description="这份数据的时间，带时区，如 2026-11-23T10:15:00+08:00")
    complete: bool = Field(False, description="true：替换本数据源当日此前所说的一切")
    instruments: Rows[Instrument] = None
    accounts: Rows[Account] = None
    positions: Rows[Position] = None


class Tick(Row):
    instrument: Id
    last: Price
    at: Moment | None = None


class Ticks(Row):
    ticks: Rows[Tick] = None


class Rejected(Model):
    path: str = Field(examples=["positions[3].lots"])
    why: str


class SnapshotCounts(Model):
    instruments: int
    accounts: int
    positions: int


class TicksCounts(Model):
    ticks: int


class SnapshotTaken(Model):
    accepted: SnapshotCounts
    rejected: list[Rejected]


class TicksTaken(Model):
    accepted: TicksCounts
    rejected: list[Rejected]


class RiskPosition(Model):
    instrument: str
    direction: Direction
    lots: int
    pnl: str | None = Field(description="当日盯市盈亏")
    margin: str | None = Field(description="大边之前")
    price_at_100: str | None
    price_at_zero: str | None


class Closing(Model):
    instrument: str
    direction: Direction
    lots: int


class AccountRisk(Model):
    account: str
    equity: str | None
    available: str | None
    margin: str | None
    exchange_margin: str | None
    risk: str | None = Field(description="保证金 ÷ 权益；权益不为正时为空")
    exchange_risk: str | None
    level: Level
    day_pnl: str = Field(description="平仓盈亏 + 持仓盈亏，不扣权利金和手续费")
    call_amount: str | None
    call_to_house_line: str | None
    as_of: AwareDatetime | None
    stale: bool
    estimate: bool
    missing: list[str] = Field(description="级别为异常时缺什么")
    positions: list[RiskPosition]
    suggestion: list[Closing]


class ProductMove(Model):
    product: Id
    move: str = Field(
        pattern=r"^[+-]?[0-9]{1,2}(\.[0-9]{1,9})?$",
        json_schema_extra={"pattern": r"^(\+?[0-9]{1,2}|-0{1,2})(\.[0-9]{1,9})?$"},
        examples=["-0.05"],
        description="大于 -1",
    )


class InstrumentPrice(Model):
    instrument: Id
    price: Price


class MarginRate(Model):
    product: Id
    margin_rate: str = Field(
        pattern=r"^[+-]?[0-9](\.[0-9]{1,9})?$",
        examples=["+0.02"],
        description="带正负号为增减，不带为改成",
    )


class AllAtLimit(Model):
    all: Literal["down_limit", "up_limit"]


Shock = ProductMove | InstrumentPrice | MarginRate | AllAtLimit


class WhatIf(Model):
    accounts: Annotated[list[Id], Field(max_length=10_000)] | None = None
    shocks: list[Shock] = Field(min_length=1, max_length=100)


class Standing(Model):
    equity: str | None
    available: str | None
    margin: str | None
    risk: str | None
    level: Level


class Stressed(Model):
    account: str
    before: Standing
    after: Standing


class Counted(Model):
    before: dict[Level, int]
    after: dict[Level, int]


class WhatIfAnswer(Model):
    accounts: list[Stressed]
    levels: Counted
    assumptions: list[str]


class AlertEvent(Model):
    at: AwareDatetime
    what: str
    by: str
    level: Level
    risk: str | None
    rule_version: str


class AlertDelivery(Model):
    at: AwareDatetime
    why: str
    platform: str
    place: str
    receiver: str
    state: str
    tries: int
    sent_at: AwareDatetime | None


class Alert(Model):
    id: int
    kind: str
    account: str
    branch: str
    manager: str | None
    state: str
    level: Level
    peak: Level
    rule_version: str
    opened_at: AwareDatetime
    raised_at: AwareDatetime
    ended_at: AwareDatetime | None
    changed_at: AwareDatetime
    as_of: AwareDatetime | None
    risk: str | None
    equity: str | None
    margin: str | None
    available: str | None
    call_amount: str | None
    claimed_by: str | None
    silenced_until: AwareDatetime | None
    events: list[AlertEvent]
    deliveries: list[AlertDelivery]


class Alerts(Model):
    alerts: list[Alert]


class ProblemBody(Model):
    type: str
    title: str
    status: int
    detail: str
    errors: list[Rejected] = []
