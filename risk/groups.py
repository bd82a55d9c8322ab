"""The alerts of one branch at one level, shown on one card while any of them is open."""

from collections.abc import Iterable, Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.db import now
from risk.alerts import What
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertGroup, AlertKind, AlertState

OPEN = (AlertState.PENDING, AlertState.FIRING, AlertState.CLAIMED, AlertState.SILENCED)
FOR_THE_DESK = frozenset({AlertKind.MARGIN, AlertKind.DATA, AlertKind.SOURCE})


def is_open(alert: Alert) -> bool:
    return alert.state in OPEN


async def place(session: AsyncSession, alert: Alert) -> AlertGroup | None:
    """Put an alert where it belongs by now; None for what is the manager's alone."""
    if alert.kind not in FOR_THE_DESK:
        return None
    group = await _of(session, alert.kind, alert.branch, alert.level)
    alert.group_id = group.id
    return group


async def _of(session: AsyncSession, kind: AlertKind, branch: str, level: Level) -> AlertGroup:
    key = f"{kind.value}:{branch}:{int(level)}"
    group = await session.scalar(select(AlertGroup).where(AlertGroup.open_key == key))
    if group is None:
        group = AlertGroup(
            kind=kind, branch=branch, level=level, open_key=key, opened_at=now(session), owing=False
        )
        session.add(group)
        await session.flush()
    return group


async def members(session: AsyncSession, group_id: int) -> list[Alert]:
    """Open ones first, the most endangered first; then those that are over, the latest first."""
    rows = await session.scalars(select(Alert).where(Alert.group_id == group_id))
    return sorted(rows, key=_order)


async def moved_on(session: AsyncSession, group: AlertGroup) -> dict[Alert, bool]:
    """Who went to another level and did not come back, and whether it was a worse one."""
    rows = await session.execute(
        select(Alert, AlertEvent)
        .join(AlertEvent, AlertEvent.alert_id == Alert.id)
        .where(
            Alert.kind == group.kind,
            Alert.branch == group.branch,
            Alert.changed_at >= group.opened_at,
            AlertEvent.at >= group.opened_at,
            AlertEvent.what.in_((What.ROSE, What.FELL)),
        )
        .order_by(AlertEvent.id)
    )
    return {
        alert: event.what == What.ROSE
        for alert, event in rows
        if event.facts.get("left") == group.id and alert.group_id != group.id
    }


def _order(alert: Alert) -> tuple[bool, float, float]:
    ended = alert.ended_at.timestamp() if alert.ended_at else 0.0
    return (not is_open(alert), -danger(alert), -ended)


def danger(alert: Alert) -> float:
    """Higher is worse; an account without equity is beyond every degree."""
    if alert.risk is not None:
        return float(alert.risk)
    return 1e9 - float(alert.equity or 0) if alert.level is Level.NEGATIVE else 0.0


async def settle(session: AsyncSession, ids: Iterable[int]) -> None:
    """End those in which nothing is open any more."""
    await session.flush()
    still = exists().where(Alert.group_id == AlertGroup.id, Alert.state.in_(OPEN))
    over = await session.scalars(
        select(AlertGroup).where(
            AlertGroup.id.in_(sorted(set(ids))), AlertGroup.ended_at.is_(None), ~still
        )
    )
    for group in over:
        group.ended_at, group.open_key, group.owing = now(session), None, False


async def open_ones(session: AsyncSession) -> Sequence[AlertGroup]:
    rows = await session.scalars(
        select(AlertGroup).where(AlertGroup.ended_at.is_(None)).order_by(AlertGroup.id)
    )
    return rows.all()
