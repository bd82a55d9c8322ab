"""What went over the wire, both ways: the newest frames and calls, secrets struck out."""

import json
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from bot.sandbox.clock import SandboxClock
from bot.sandbox.feed import Feed, News

KEPT = 2000
SECRET = frozenset(
    {
        "accesstoken",
        "access_token",
        "refreshtoken",
        "clientsecret",
        "appsecret",
        "secret",
        "ticket",
        "sessionwebhook",
        "session",
        "sign",
        "downloadcode",
        "picturedownloadcode",
        "downloadurl",
        "token",
        "encoding_aes_key",
        "corpsecret",
    }
)
STRUCK = "…"

Direction = Literal["in", "out"]  # in: from the service to the platform


@dataclass(frozen=True, slots=True)
class Entry:
    n: int
    at: str
    platform: str
    direction: Direction
    what: str
    summary: str
    body: Any


class Wire:
    def __init__(self, clock: SandboxClock, feed: Feed) -> None:
        self._clock = clock
        self._feed = feed
        self._kept: deque[Entry] = deque(maxlen=KEPT)
        self._n = 0

    def note(
        self, platform: str, direction: Direction, what: str, summary: str = "", body: Any = None
    ) -> None:
        """``body`` is kept as it is: hand over a value that nobody changes afterwards."""
        self._n += 1
        self._kept.append(
            Entry(self._n, self._clock.iso(), platform, direction, what, summary, body)
        )
        if self._feed.watched:
            self._feed.tell(News("wire", platform, None, {"n": self._n}))

    def after(self, n: int, limit: int = 500) -> list[dict[str, Any]]:
        """The entries past ``n``, oldest first."""
        fresh = (entry for entry in self._kept if entry.n > n)
        return [
            {
                "n": entry.n,
                "at": entry.at,
                "platform": entry.platform,
                "direction": entry.direction,
                "what": entry.what,
                "summary": entry.summary,
                "body": struck(entry.body),
            }
            for entry in islice(fresh, limit)
        ]


def struck(body: Any) -> Any:
    """``body`` with every secret replaced; JSON inside strings is opened first."""
    if isinstance(body, dict):
        return {
            key: STRUCK if str(key).lower() in SECRET and body[key] else struck(value)
            for key, value in body.items()
        }
    if isinstance(body, list | tuple):
        return [struck(value) for value in body]
    if isinstance(body, bytes):
        return struck(body.decode(errors="replace"))
    if isinstance(body, str) and body[:1] in ("{", "["):
        try:
            return struck(json.loads(body))
        except (ValueError, RecursionError):
            return body
    return body
