"""How much was used: calls, messages and uploads within a minute, an hour, a day."""

from collections import deque
from datetime import timedelta

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk
from bot.sandbox.wecom.company import Agent, AiBot, Quotas
from crm.kernel.clock import SHANGHAI

MINUTE, HOUR = 60_000, 3_600_000  # milliseconds


class Meter:
    """Everything passes with the sandbox's clock, so that a test can wait by moving it."""

    def __init__(self, disk: Disk, clock: SandboxClock, quotas: Quotas) -> None:
        self._disk = disk
        self._clock = clock
        self._quotas = quotas
        self._recent: dict[str, deque[int]] = {}
        self._blocked: dict[str, int] = {}
        self.dropped = 0  # messages that nobody saw

    def api_too_fast(self, path: str) -> bool:
        """One call too many costs a minute."""
        now = self._clock.millis()
        if self._blocked.get(path, 0) > now:
            return True
        if self._over(f"api {path}", self._quotas.api_minute, MINUTE):
            self._blocked[path] = now + MINUTE
            return True
        return False

    def app_spent(self, agent: Agent, people: int) -> bool:
        """Take ``people`` from what the app may send today; True when there is not enough."""
        pool = self._pool(agent)
        if self._disk.counter(pool) + people > self._quotas.app_day:
            return True
        self._disk.count(pool, people)
        return False

    def sent(self, agent: Agent, days_ago: int) -> int:
        """Person-times of a day."""
        return self._disk.counter(self._pool(agent, days_ago))

    def member_full(self, agent: Agent, person: str) -> bool:
        """True when this message to a member is dropped without a word."""
        return self._drops(
            f"member {agent.agent_id} {person}",
            self._quotas.member_minute,
            self._quotas.member_hour,
        )

    def chat_member_full(self, agent: Agent, person: str) -> bool:
        key = f"appchat {agent.agent_id} {person}"
        return self._drops(key, self._quotas.chat_minute, 10**9)

    def robot_too_fast(self, key: str) -> bool:
        return self._over(f"robot {key}", self._quotas.robot_minute, MINUTE)

    def bot_too_fast(self, bot: AiBot, chat: str) -> bool:
        minute, hour = self._quotas.bot_minute, self._quotas.bot_hour
        return self._either_over(f"bot {bot.bot_id} {chat}", minute, hour)

    def upload_too_fast(self, bot: AiBot) -> bool:
        return self._over(f"upload {bot.bot_id}", self._quotas.uploads_minute, MINUTE)

    def subscribe_too_fast(self, bot_id: str) -> bool:
        return self._over(f"subscribe {bot_id}", self._quotas.subscribes_minute, MINUTE)

    def _pool(self, agent: Agent, days_ago: int = 0) -> str:
        day = (self._clock.now() - timedelta(days=days_ago)).astimezone(SHANGHAI)
        return f"wecom:{agent.agent_id}:{day:%Y-%m-%d}"

    def _drops(self, key: str, minute: int, hour: int) -> bool:
        full = self._either_over(key, minute, hour)
        self.dropped += full
        return full

    def _either_over(self, key: str, minute: int, hour: int) -> bool:
        return self._over(f"{key} m", minute, MINUTE) or self._over(f"{key} h", hour, HOUR)

    def _over(self, key: str, limit: int, window: int) -> bool:
        """Count one; True when more than ``limit`` came within ``window`` milliseconds."""
        if limit >= 1_000_000:
            return False
        now = self._clock.millis()
        recent = self._recent.setdefault(key, deque())
        while recent and now - recent[0] >= window:
            recent.popleft()
        if len(recent) >= limit:
            return True
        recent.append(now)
        return False
