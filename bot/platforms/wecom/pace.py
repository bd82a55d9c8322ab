"""How much was sent to each person lately: beyond 30 a minute or 1,000 an hour WeCom drops what the
application sends a member, and says that all is well (official doc)."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping

from crm.kernel.errors import Outcome, OutsideError


class Pace:
    """Counts messages, where the outbox counts what it hands out: a long text is several.

    ``limits`` says how many may go to one member within so many seconds.
    """

    def __init__(self, limits: Mapping[float, int]) -> None:
        self._limits = limits
        self._sent: dict[str, deque[float]] = defaultdict(deque)

    def count(self, who: str) -> None:
        """One more. Raises OutsideError instead when it would be dropped."""
        sent, now = self._sent[who], asyncio.get_running_loop().time()
        while sent and now - sent[0] > max(self._limits):
            sent.popleft()
        for seconds, most in self._limits.items():
            if len(sent) >= most and now - sent[-most] < seconds:
                wait = seconds - (now - sent[-most])
                raise OutsideError("member", "too often", Outcome.RETRY, wait_seconds=wait)
        sent.append(now)

    def undo(self, who: str) -> None:
        """The last one was refused and does not count."""
        if self._sent[who]:
            self._sent[who].pop()
