"""After a clock was set back: what is remembered of a moment still to come counts from now on.

Otherwise whoever should be rung would not be, an account that is well would stay on the card, and
a silence would last, for as long as the clock was set back by.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from risk.models import Alert, AlertGroup

APART = timedelta(minutes=1)  # the clocks of two machines may be, and nothing was set


def is_ahead(row: Alert | AlertGroup, at: datetime) -> bool:
    return max(_moments(row), default=at) - at > APART


def catch_up(row: Alert | AlertGroup, at: datetime) -> None:
    """What has begun has begun now; a silence has at most its whole span left."""
    by = max(_moments(row), default=at) - at
    if by <= APART:
        return
    if isinstance(row, AlertGroup):
        row.said_at, row.painted_at = _by_now(row.said_at, at), _by_now(row.painted_at, at)
        return
    row.told_at = _by_now(row.told_at, at)
    row.raised_at, row.changed_at = min(row.raised_at, at), min(row.changed_at, at)
    row.below = {
        level: min(datetime.fromisoformat(since), at).isoformat()
        for level, since in row.below.items()
    }
    if row.silenced_until is not None:
        row.silenced_until -= by


def _moments(row: Alert | AlertGroup) -> Iterator[datetime]:
    if isinstance(row, AlertGroup):
        found = [row.said_at, row.painted_at]
    else:
        since = map(datetime.fromisoformat, row.below.values())
        found = [row.told_at, row.raised_at, row.changed_at, *since]
    return (moment for moment in found if moment is not None)


def _by_now(moment: datetime | None, at: datetime) -> datetime | None:
    return moment and min(moment, at)
