"""Which sources have said nothing for too long, by now."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from risk.book import Book
from risk.sessions import is_open

SILENT_FOR = 5.0  # real seconds that a source is found silent before it is an alert
NEVER_HEARD_FOR = 60.0  # the same for one that has not spoken since the start


class SilentSources:
    """Waits for some seconds of real time: a clock that was moved is no silence."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._since: dict[str, float] = {}  # by source, on the loop's clock
        self.known: Mapping[str, str] = {}  # those that are an alert, and why

    def look(self, now: datetime, calendar: Calendar) -> None:
        beat = asyncio.get_running_loop().time()
        stale = self._book.stale_sources(now)
        if not is_open(calendar, now):
            stale = [name for name in stale if self._heard(name) is not None]
        self._since = {name: self._since.get(name, beat) for name in stale}
        self.known = {
            name: self._why(name)
            for name, since in self._since.items()
            if beat - since >= (SILENT_FOR if self._heard(name) else NEVER_HEARD_FOR)
        }

    def is_well(self, name: str) -> bool:
        """One that was found silent a moment ago is neither well nor an alert."""
        return name not in self._since

    def _heard(self, name: str) -> datetime | None:
        return self._book.told[name].as_of

    def _why(self, name: str) -> str:
        heard = self._heard(name)
        if heard is None:
            return "启动后还没有收到数据"
        return f"最后一次数据 {heard.astimezone(SHANGHAI):%m-%d %H:%M:%S}"
