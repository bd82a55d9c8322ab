"""The life of an alert as the evaluator drives it: opened, raised, lowered, ended.

Every step is a row that is only added to, with the figures and the version of the rules it was
judged by, so that it can be derived again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel import audit
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now, years_later
from risk import advice
from risk.advice import Advice
from risk.alerts import CALM, DESK, Event, State, What
from risk.figures import Figures
from risk.groups import is_open, place
from risk.ladder import Rules
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertKind, AlertState
from risk.routing import Whose

SYSTEM = "system"
KEPT_YEARS = 20
NOTHING: Mapping[str, Any] = MappingProxyType({})
BY_LADDER = (AlertKind.WARN, AlertKind.MARGIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of an account at one look."""

    figures: Figures
    advice: Advice
    whose: Whose
    off_hours: bool  # seen outside the sessions, on a market that moves nevertheless


@dataclass(frozen=True, slots=True)
class Change:
    """What an event made of an account's alerts. ``gone`` went over into ``alert``, or ended."""

    event: Event
    alert: Alert | None
    gone: Alert | None = None
    left: int | None = None  # the group that ``alert`` was in before


def state_of(alert: Alert | None) -> State:
    if alert is None or alert.kind not in BY_LADDER:
        return CALM
    return State(
        level=alert.level,
        below={Level(int(rank)): datetime.fromisoformat(at) for rank, at in alert.below.items()},
        told_at=alert.told_at,
        told_risk=alert.told_risk,
        claimed=alert.claimed_by is not None,
        silenced_until=alert.silenced_until,
    )


def remember(alert: Alert, state: State) -> None:
    """The evaluator's memory of it."""
    alert.below = {str(int(level)): at.isoformat() for level, at in state.below.items()}
    alert.told_at, alert.told_risk = state.told_at, state.told_risk


def figure(alert: Alert, sight: Sight) -> None:
    """The figures that its cards show."""
    found = sight.figures
    alert.as_of, alert.risk, alert.exchange_risk = found.as_of, found.risk, found.exchange_risk
    alert.equity, alert.margin, alert.available = found.equity, found.margin, found.available
    alert.call_amount, alert.call_to_house_line = found.call_amount, found.call_to_house_line
    alert.advice = advice.dump(sight.advice)


async def open_by_account(
    session: AsyncSession, *, lock: bool = False
) -> tuple[dict[str, Alert], dict[str, Alert]]:
    """What is open: by the ladder, and for data in doubt; SOURCE is in neither."""
    query = select(Alert).where(Alert.open_key.is_not(None)).order_by(Alert.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    rows = (await session.scalars(query)).all()
    by_ladder = {row.account: row for row in rows if row.kind in BY_LADDER}
    in_doubt = {row.account: row for row in rows if row.kind is AlertKind.DATA}
    return by_ladder, in_doubt


async def of_sources(session: AsyncSession) -> dict[str, Alert]:
    """The open alerts about silent sources, by name."""
    rows = await session.scalars(
        select(Alert).where(Alert.open_key.is_not(None), Alert.kind == AlertKind.SOURCE)
    )
    return {row.account: row for row in rows}


async def move(
    session: AsyncSession,
    alert: Alert | None,
    event: Event,
    after: State,
    sight: Sight,
    rules: Rules,
) -> Change:
    """Carry out what ``risk.alerts.step`` found."""
    if alert is None:
        return Change(event, await _opened(session, event, after, sight, rules))
    figure(alert, sight)
    match event.what:
        case What.RESOLVED:
            await end(session, alert, AlertState.RESOLVED, What.RESOLVED, rules)
            return Change(event, None, gone=alert)
        case What.WORSE | What.REMINDED:
            remember(alert, after)
            note(session, alert, event.what, rules=rules)
            return Change(event, alert)
        case _:
            return await _moved(session, alert, event, after, sight, rules)


async def _moved(
    session: AsyncSession, alert: Alert, event: Event, after: State, sight: Sight, rules: Rules
) -> Change:
    """To another level. The manager's 警示 and the desk's work are episodes of their own."""
    if _kind(event.level) is not alert.kind:
        rising = event.what is What.ROSE
        state = AlertState.CLOSED if rising else AlertState.RESOLVED
        await end(session, alert, state, "inhibited" if rising else What.RESOLVED, rules)
        return Change(event, await _opened(session, event, after, sight, rules), gone=alert)
    left = alert.group_id
    at = now(session)
    alert.level, alert.peak = event.level, max(alert.peak, event.level)
    alert.raised_at, alert.changed_at, alert.rule_version = at, at, rules.version
    if event.what is What.ROSE:
        alert.silenced_until, alert.silenced_by, alert.rung = None, None, 0
        if alert.state is AlertState.SILENCED:
            alert.state = AlertState.FIRING
    remember(alert, after)
    await place(session, alert)
    moved = left if left != alert.group_id else None
    note(session, alert, event.what, rules=rules, more={"left": moved} if moved else NOTHING)
    return Change(event, alert, left=moved)


def _kind(level: Level) -> AlertKind:
    return AlertKind.MARGIN if level >= DESK else AlertKind.WARN


async def _opened(
    session: AsyncSession, event: Event, after: State, sight: Sight, rules: Rules
) -> Alert:
    alert = _new(session, _kind(event.level), sight.figures.account, sight.whose, event.level)
    alert.off_hours, alert.rule_version = sight.off_hours, rules.version
    figure(alert, sight)
    remember(alert, after)
    await _begin(session, alert, event.what, rules)
    return alert


def _new(session: AsyncSession, kind: AlertKind, account: str, whose: Whose, level: Level) -> Alert:
    at = now(session)
    return Alert(
        kind=kind,
        open_key=f"{'ladder' if kind in BY_LADDER else kind.value}:{account}",
        account=account,
        name=whose.name,
        client_id=whose.client_id,
        branch=whose.branch,
        manager=whose.manager,
        state=AlertState.FIRING,
        level=level,
        peak=level,
        below={},
        opened_at=at,
        raised_at=at,
        changed_at=at,
        advice={},
        rung=0,
        off_hours=False,
        keep_until=years_later(at.astimezone(SHANGHAI).date(), KEPT_YEARS),
    )


async def _begin(session: AsyncSession, alert: Alert, what: str, rules: Rules) -> None:
    await place(session, alert)
    session.add(alert)
    await session.flush()
    note(session, alert, what, rules=rules)


async def doubt(
    session: AsyncSession, kind: AlertKind, account: str, whose: Whose, why: str, rules: Rules
) -> Alert:
    """异常: an account's figures, or a whole source, cannot be relied on."""
    alert = _new(session, kind, account, whose, Level.UNSURE)
    alert.rule_version = rules.version
    alert.told_at = now(session)
    alert.advice = {"why": why}
    await _begin(session, alert, What.RAISED, rules)
    return alert


def doubted_anew(session: AsyncSession, alert: Alert, why: str, rules: Rules) -> None:
    """Still in doubt, for another reason."""
    alert.advice = {"why": why}
    note(session, alert, "doubted_anew", rules=rules)


async def end(
    session: AsyncSession, alert: Alert, state: AlertState, what: str, rules: Rules
) -> None:
    """Once: what is over stays over."""
    if not is_open(alert):
        return
    at = now(session)
    alert.state, alert.open_key = state, None
    alert.ended_at = alert.changed_at = at
    note(session, alert, what, rules=rules)
    await session.flush()  # the key is free for whoever opens next


def note(
    session: AsyncSession,
    alert: Alert,
    what: str,
    *,
    by: str = SYSTEM,
    text: str = "",
    rules: Rules | None = None,
    more: Mapping[str, Any] = NOTHING,
) -> None:
    """A step of its history, with what it was judged by, in the audit trail too."""
    at = now(session)
    alert.changed_at = at
    session.add(
        AlertEvent(
            alert_id=alert.id,
            at=at,
            what=str(what),
            by=by,
            level=alert.level,
            risk=alert.risk,
            rule_version=rules.version if rules else alert.rule_version,
            note=text,
            facts={**_facts(alert), **more},
        )
    )
    audit.note(session, by, f"alert.{what}", f"alert:{alert.id}", level=alert.level.word, **more)


def _facts(alert: Alert) -> dict[str, Any]:
    figures = {
        "equity": alert.equity,
        "margin": alert.margin,
        "available": alert.available,
        "exchange_risk": alert.exchange_risk,
        "as_of": alert.as_of.isoformat() if alert.as_of else None,
        "why": alert.advice.get("why"),
    }
    return {name: str(value) for name, value in figures.items() if value is not None}


async def events_of(session: AsyncSession, alert_id: int) -> Sequence[AlertEvent]:
    rows = await session.scalars(
        select(AlertEvent).where(AlertEvent.alert_id == alert_id).order_by(AlertEvent.id)
    )
    return rows.all()


async def unsilence(session: AsyncSession, alerts: Iterable[Alert], at: datetime) -> list[Alert]:
    """Silences whose time is over."""
    over = [each for each in alerts if each.silenced_until and each.silenced_until <= at]
    for alert in over:
        alert.silenced_until = alert.silenced_by = None
        if alert.state is AlertState.SILENCED:
            alert.state = AlertState.FIRING
        alert.told_at = alert.raised_at = at  # whoever does not claim it now is late from here on
        alert.rung = 0
        note(session, alert, "unsilenced")
    return over
