"""How the far side misbehaves on request: on the next few deliveries or calls, for a while."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from bot.sandbox.refused import Refused

ENDLESS = 600.0  # longest life of a fault, seconds


@dataclass(slots=True)
class Fault:
    """``until`` is on the monotonic clock: a fault lasts in real time. It lets ``after`` calls or
    deliveries pass before it strikes."""

    platform: str
    kind: str
    count: int
    until: float
    app: str = ""  # "" strikes every app
    how: str = ""
    after: int = 0

    @property
    def alive(self) -> bool:
        return self.count > 0 and time.monotonic() < self.until

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.until - time.monotonic())


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._mended = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def take(self, platform: str, kind: str, app: str = "") -> Fault | None:
        """Use one stroke of the oldest fault of this kind, if there is one."""
        for fault in self._faults:
            if fault.alive and (fault.platform, fault.kind) == (platform, kind):
                if fault.app and fault.app != app:
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.count -= 1
                self._faults = [one for one in self._faults if one.alive or one is fault]
                return fault
        return None

    def take_named(self, platform: str, kind: str, app: str) -> Fault | None:
        """As ``take``, but only of a fault that names this app."""
        for fault in self._faults:
            same = (fault.platform, fault.kind, fault.app) == (platform, kind, app)
            if fault.alive and same:
                fault.count -= 1
                return fault
        return None

    def clear(self, platform: str = "") -> None:
        """Mend everything; whoever hangs is let go."""
        for fault in self._faults:
            if platform in ("", fault.platform):
                fault.count = 0
        self._faults = [fault for fault in self._faults if fault.alive]
        self._mended.set()
        self._mended = asyncio.Event()

    async def hang(self, seconds: float) -> None:
        """Until everything is mended, at most ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._mended.wait()

    def listed(self) -> list[dict[str, object]]:
        return [
            {
                "platform": fault.platform,
                "kind": fault.kind,
                "count": fault.count,
                "seconds": round(fault.seconds_left, 1),
            }
            for fault in self._faults
            if fault.alive
        ]


def read_fault(body: dict[str, object], kinds: frozenset[str]) -> Fault:
    """From ``{"platform","kind","count","seconds","after"}``. Raises Refused."""
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise Refused(f"没有这种故障，可选：{' '.join(sorted(kinds))}")
    count, seconds = body.get("count", 1), body.get("seconds", 60)
    after = body.get("after", 0)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 1_000_000:
        raise Refused("count 应是正整数")
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after <= 1_000_000:
        raise Refused("after 应是非负整数")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0:
        raise Refused("seconds 应是正数")
    return Fault(
        platform=str(body.get("platform", "")),
        kind=kind,
        count=count,
        until=time.monotonic() + min(float(seconds), ENDLESS),
        app=str(body.get("app", "")),
        how=str(body.get("how", "")),
        after=after,
    )
