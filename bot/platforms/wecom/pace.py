"""How much was sent to each chat lately: beyond 30 a minute or 1,000 an hour WeCom drops what the
application sends a member, and says that all is well (official doc); elsewhere one message too
many costs a minute."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from crm.kernel.errors import Outcome, OutsideError

Seconds = Callable[[], float]
"""Goes forward only."""


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class Pace:
    """Counts messages, where the outbox counts what it hands out: a long text is several.

    ``limits`` says how many may go to one chat within so many seconds. A message is as old as the
    answer to it: WeCom counted it some time before.
    """

    def __init__(self, limits: Mapping[float, int], now: Seconds = loop_time) -> None:
        self.now = now
        self._limits = limits
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._under_way: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def sending(self, chat: str) -> Iterator[None]:
        """One more, which does not count when it was refused. Raises OutsideError instead when it
        would be too many."""
        self._check(chat)
        self._under_way[chat] += 1
        counts = True
        try:
            yield
        except OutsideError as error:
            counts = error.outcome is Outcome.UNKNOWN
            raise
        finally:
            self._under_way[chat] -= 1
            if counts:
                self._sent[chat].append(self.now())

    def remember(self, chat: str, age: float) -> None:
        """One was sent so many seconds ago, by the last process; the oldest come first. Of a clock
        that was set back since it is as if just now."""
        self._sent[chat].append(self.now() - max(age, 0.0))

    def _check(self, chat: str) -> None:
        sent, now = self._sent[chat], self.now()
        while sent and now - sent[0] > max(self._limits):
            sent.popleft()
        for seconds, most in self._limits.items():
            free = most - self._under_way[chat]
            if free <= 0:
                raise _too_often(seconds)
            if len(sent) >= free and now - sent[-free] < seconds:
                raise _too_often(seconds - (now - sent[-free]))


def _too_often(wait: float) -> OutsideError:
    return OutsideError("pace", "too often", Outcome.RETRY, wait_seconds=wait)
