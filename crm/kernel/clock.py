"""The one source of the present moment. Nobody else asks the system for it.

The time of day may be set, forward or back, while the service runs. What lasts for so long, and is
not written down, is therefore measured by ``steady``, which runs on whatever is done to the other.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    def steady(self) -> float:
        """Seconds since some moment; never set, so that differences are time that has passed."""
        ...


class SystemClock:
    """The machine's time plus an offset that only the sandbox moves."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def steady(self) -> float:
        return time.monotonic() + self.offset.total_seconds()


class StoppedClock:
    """Stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)
        self._passed = timedelta(0)

    def now(self) -> datetime:
        return self.at

    def steady(self) -> float:
        return self._passed.total_seconds()

    def advance(self, by: timedelta) -> None:
        """Time passes."""
        self.at += by
        self._passed += by

    def step(self, by: timedelta) -> None:
        """Somebody sets the time of day: no time passes."""
        self.at += by
