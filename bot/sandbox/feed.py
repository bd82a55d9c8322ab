"""Who watches: open pages are told that something changed, never what."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class News:
    """``event`` is screen, wire or connected; ``people`` are the viewers, None for everybody."""

    event: str
    platform: str
    people: frozenset[str] | None
    data: dict[str, object]


@dataclass(eq=False, slots=True)
class Watcher:
    """One open page. What it has not taken yet is folded to one news of each kind and chat, so
    that a burst stays small and loses nothing."""

    platform: str
    person: str
    _waiting: dict[tuple[str, object], News] = field(default_factory=dict)
    _called: asyncio.Event = field(default_factory=asyncio.Event)
    _over: bool = False

    def tell(self, news: News) -> None:
        if news.platform != self.platform:
            return
        if news.people is not None and self.person not in news.people:
            return
        key = news.event, news.data.get("chat")
        before = self._waiting.get(key)
        self._waiting[key] = folded(before, news) if before else news
        self._called.set()

    def end(self) -> None:
        self._over = True
        self._called.set()

    async def take(self) -> list[News] | None:
        """What is new, as soon as something is; None when the sandbox closes."""
        await self._called.wait()
        if self._over:
            return None
        self._called.clear()
        news, self._waiting = list(self._waiting.values()), {}
        return news


class Feed:
    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()

    def tell(self, news: News) -> None:
        for watcher in self._watchers:
            watcher.tell(news)

    @contextmanager
    def watch(self, platform: str, person: str) -> Iterator[Watcher]:
        watcher = Watcher(platform, person)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.end()


def folded(before: News, news: News) -> News:
    """Both as one: the later, reaching back to the first item that either speaks of."""
    seqs = [one for one in (before.data.get("seq"), news.data.get("seq")) if isinstance(one, int)]
    if not seqs:
        return news
    return replace(news, data=news.data | {"seq": min(filter(None, seqs), default=0)})
