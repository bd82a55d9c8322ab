"""What is said of an alert on every card, and to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.cards import text
from bot.cards.client import shown_name
from bot.chat.message import Audience
from crm.kernel import masks
from crm.kernel.clock import SHANGHAI
from risk.cases import OVER_WORDS
from risk.groups import is_open
from risk.levels import Level
from risk.models import Alert, AlertKind, AlertState

MOST = 6  # rows of a card; the rest is counted
BRIEF_NAME = 5  # characters of a row's label on a narrow card


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom a card is drawn, and what that person may do with it."""

    audience: Audience
    works: bool  # at the risk desk
    staff: Mapping[str, str]  # names of everybody who is mentioned
    at: datetime

    def name(self, alert: Alert) -> str:
        return shown_name(alert.name, self.audience)

    def account(self, alert: Alert) -> str:
        in_group = self.audience is Audience.GROUP
        return masks.account(alert.account) if in_group else alert.account

    def who(self, staff_id: str | None) -> str:
        return self.staff.get(staff_id or "", staff_id or "")


def degree(alert: Alert) -> str:
    """101.3%; what has no degree says why."""
    if alert.level is Level.NEGATIVE and alert.risk is None:
        return "已穿仓"
    if alert.kind is AlertKind.DATA:
        return "数据异常"
    return text.percent(alert.risk, 1)


def owed(alert: Alert) -> str:
    return text.short_yuan(alert.call_amount) if alert.call_amount else text.NOTHING


def status(alert: Alert) -> str:
    """Where it is; its level stands in the title."""
    match alert.state:
        case AlertState.RESOLVED | AlertState.CLOSED:
            return ended(alert)
        case _ if alert.kind is AlertKind.WARN:
            return "风险度偏高"  # the manager's alone: nobody claims it
        case AlertState.CLAIMED:
            return "处理中"
        case AlertState.SILENCED:
            return "静默中"
        case _:
            return "待认领"


def ended(alert: Alert) -> str:
    return f"已{OVER_WORDS[alert.state]}"


def handled(alert: Alert, reader: Reader) -> str:
    if not is_open(alert):
        return f"{ended(alert)} {hour(alert.ended_at)}".strip()
    if alert.claimed_by:
        return f"{reader.who(alert.claimed_by)} {hour(alert.claimed_at)}"
    if alert.silenced_until:
        return f"静默至 {hour(alert.silenced_until)}"
    return waits(alert)


def by(alert: Alert, reader: Reader) -> str:
    return reader.who(alert.claimed_by) or ("静默" if alert.silenced_until else waits(alert))


def waits(alert: Alert) -> str:
    """An account under its level's threshold is left on the card until it has stayed there."""
    return "回落中" if str(int(alert.level)) in alert.below else "待认领"


def label(number: int, alert: Alert, reader: Reader) -> str:
    return text.cut(f"{number} {reader.name(alert)}", BRIEF_NAME)


def as_of(alerts: Sequence[Alert], reader: Reader) -> str:
    newest = max((alert.as_of for alert in alerts if alert.as_of), default=None)
    return f"数据 {text.clock(newest)}" if newest else f"更新 {text.clock(reader.at)}"


def hour(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}" if at else ""
