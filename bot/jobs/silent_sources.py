"""Which sources have said nothing that counts for too long, by now, and why."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from risk.book import Book
from risk.sessions import is_open

SILENT_FOR = 5.0  # real seconds that a source is found silent before it is an alert
NEVER_HEARD_FOR = 60.0  # the same for one that has not spoken since the start
NEVER_HEARD = "启动后还没有收到数据"


@dataclass(slots=True)
class _Silence:
    since: float  # on the loop's clock
    words: int  # that the source had said by then
    late: datetime | None = None  # the moment of what came since, which is an old one


class SilentSources:
    """Waits for some seconds of real time: a clock that was moved is no silence."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._silent: dict[str, _Silence] = {}  # by source
        self.known: Mapping[str, str] = {}  # those that are an alert, and why

    def look(self, now: datetime, calendar: Calendar) -> None:
        beat = asyncio.get_running_loop().time()
        stale = self._book.stale_sources(now)
        if not is_open(calendar, now):
            stale = [name for name in stale if self._heard(name) is not None]
        self._silent = {name: self._silent.get(name) or self._begun(name, beat) for name in stale}
        for name, silence in self._silent.items():
            if silence.late is None and self._book.told[name].words > silence.words:
                silence.late = self._heard(name)
        self.known = {
            name: self._why(name, silence, now)
            for name, silence in self._silent.items()
            if beat - silence.since >= (SILENT_FOR if self._heard(name) else NEVER_HEARD_FOR)
        }

    def is_well(self, name: str) -> bool:
        """One that was found silent a moment ago is neither well nor an alert."""
        return name not in self._silent

    def _begun(self, name: str, beat: float) -> _Silence:
        return _Silence(beat, self._book.told[name].words)

    def _heard(self, name: str) -> datetime | None:
        return self._book.told[name].as_of

    def _why(self, name: str, silence: _Silence, now: datetime) -> str:
        """Said once and the same for as long as the silence is of the same kind."""
        if silence.late is not None:
            return f"收到的是 {_of_when(silence.late, now)} 的数据，不是现在的，不能用来判断"
        heard = self._heard(name)
        if heard is None:
            return NEVER_HEARD
        return f"最后一次数据 {heard.astimezone(SHANGHAI):%m-%d %H:%M:%S}"


def _of_when(at: datetime, now: datetime) -> str:
    """11-20; of today 09:55."""
    local = at.astimezone(SHANGHAI)
    same_day = local.date() == now.astimezone(SHANGHAI).date()
    return f"{local:%H:%M}" if same_day else f"{local:%m-%d}"
