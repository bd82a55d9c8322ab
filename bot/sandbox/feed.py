"""Who watches: open pages are told that something changed, never what."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BEHIND = 1000  # news that a page may be behind before the oldest is dropped


@dataclass(frozen=True, slots=True)
class News:
    """``event`` is screen, wire or connected; ``people`` are the viewers, None for everybody."""

    event: str
    platform: str
    people: frozenset[str] | None
    data: dict[str, object]


class Feed:
    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[News | None]] = set()

    def tell(self, news: News) -> None:
        for queue in self._watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(news)

    @contextmanager
    def watch(self) -> Iterator[asyncio.Queue[News | None]]:
        """News as it comes; None means that the sandbox closes."""
        queue: asyncio.Queue[News | None] = asyncio.Queue(BEHIND)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def close(self) -> None:
        for queue in self._watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
