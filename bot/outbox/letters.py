"""What waits and what was given up, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["out", "heard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``kind`` is what it is (card, text, …; of a message "message"), ``why`` what put it out,
    ``to`` the staff id or group that it is for, ``code`` the last word of the outside."""

    side: Side
    id: int
    kind: str
    why: str
    platform: str
    to: str
    in_group: bool
    at: datetime
    attempts: int
    code: str
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much waits on either side, and since when."""

    unheard: int
    failed: int
    waiting: int
    oldest: datetime | None
    dead: int
    held: int
