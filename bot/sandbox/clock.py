"""The sandbox's clock: real time plus an offset that lies on its disk."""

import json
import re
from datetime import timedelta
from pathlib import Path

from bot.sandbox.refused import Refused
from crm.kernel.clock import SystemClock

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class SandboxClock(SystemClock):
    """Survives a restart; the service reads the same file at its own start."""

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__(timedelta(seconds=read_offset(file)))

    def advance(self, by: timedelta) -> None:
        self.offset += by
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"offset_seconds": self.offset_seconds}))
        fresh.replace(self._file)

    @property
    def offset_seconds(self) -> float:
        return self.offset.total_seconds()

    def millis(self) -> int:
        """Unix milliseconds, as the platforms write time."""
        return int(self.now().timestamp() * 1000)

    def iso(self) -> str:
        return self.now().isoformat(timespec="milliseconds")


def read_offset(file: Path) -> float:
    """Seconds that the sandbox's clock in ``file`` is ahead; 0 when it was never moved."""
    return float(json.loads(file.read_text())["offset_seconds"]) if file.exists() else 0.0


def read_span(text: str) -> timedelta:
    """``90s``, ``10m``, ``2h`` or ``1d``. Raises Refused."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not found:
        raise Refused("advance 应写成数字加单位 s、m、h 或 d，例如 2h")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
