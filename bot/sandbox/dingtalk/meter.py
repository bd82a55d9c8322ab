"""How much was used: calls a second, calls and pushes a month, robot messages a minute."""

import time
from collections import deque

from bot.sandbox.clock import SandboxClock
from bot.sandbox.dingtalk.company import App, Quotas
from bot.sandbox.disk import Disk
from crm.kernel.clock import SHANGHAI

ROBOT_PUNISHMENT = 600  # seconds of silence after too many (official doc)


class Meter:
    """Months are the sandbox clock's; seconds and minutes are real."""

    def __init__(self, disk: Disk, clock: SandboxClock, quotas: Quotas) -> None:
        self._disk = disk
        self._clock = clock
        self._quotas = quotas
        self._recent: dict[str, deque[float]] = {}
        self._silent_until: dict[str, float] = {}

    def too_fast(self, app: App, api: str) -> bool:
        return self._over(f"{app.client_id} {api}", self._quotas.qps, 1.0)

    def tokens_too_fast(self, app: App) -> bool:
        return self._over(f"{app.client_id} token", self._quotas.token_minute, 60.0)

    def robot_too_fast(self, token: str) -> bool:
        now = time.monotonic()
        if self._silent_until.get(token, 0.0) > now:
            return True
        if self._over(f"robot {token}", self._quotas.robot_minute, 60.0):
            self._silent_until[token] = now + ROBOT_PUNISHMENT
            return True
        return False

    def api_spent(self) -> bool:
        return self._disk.counter(self._pool("api")) >= self._quotas.api_month

    def stream_spent(self) -> bool:
        return self._disk.counter(self._pool("stream")) >= self._quotas.stream_month

    def count_api(self) -> None:
        self._disk.count(self._pool("api"))

    def count_stream(self) -> None:
        """One push, or one message through a webhook."""
        self._disk.count(self._pool("stream"))

    def spend_ding(self, kind: str, people: int) -> bool:
        """Take ``people`` short messages (sms) or calls from what was bought; False when short."""
        bought = self._quotas.ding_sms if kind == "sms" else self._quotas.ding_calls
        if self._disk.counter(f"ding:{kind}") + people > bought:
            return False
        self._disk.count(f"ding:{kind}", people)
        return True

    def used(self) -> dict[str, int]:
        return {
            "api_month": self._disk.counter(self._pool("api")),
            "api_month_limit": self._quotas.api_month,
            "stream_month": self._disk.counter(self._pool("stream")),
            "stream_month_limit": self._quotas.stream_month,
        }

    def _pool(self, name: str) -> str:
        return f"{name}:{self._clock.now().astimezone(SHANGHAI):%Y-%m}"

    def _over(self, key: str, limit: int, seconds: float) -> bool:
        """Count one; True when more than ``limit`` came within ``seconds``."""
        now = time.monotonic()
        recent = self._recent.setdefault(key, deque())
        while recent and now - recent[0] >= seconds:
            recent.popleft()
        if len(recent) >= limit:
            return True
        recent.append(now)
        return False
