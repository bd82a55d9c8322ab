"""What the shell asks of an adapter, and what an adapter asks of the shell."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.chat.message import Card, Chat, FileIn, Part, ReplyHook
from bot.chat.raw import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One thing to show in one chat.

    ``key`` is stable over retries: the platform's idempotency key where it has one. ``again`` is
    set when an earlier try may have been shown and the platform cannot tell: the text is then
    marked (重发). ``update`` asks to change the card of this id in place.
    """

    key: str
    chat: Chat
    part: Part
    reply_to: str = ""  # the message that this answers
    hook: ReplyHook | None = None
    update: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The platform took it. ``platform_id`` names it there, for read status and recall."""

    platform_id: str = ""
    updatable: bool = False  # a later update of this card will work


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can show; the desk and the renderers degrade by it."""

    update_in_place: bool
    buttons: bool
    inputs: bool
    files: bool
    text_bytes: int  # longest text of one message
    group_update: bool = True  # a card in a group can be changed in place, where any can


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    ok: bool
    detail: str  # Chinese, for /readyz and qidesk check
    since: datetime | None = None


class Sender(Protocol):
    """Delivers one item. Raises OutsideError, whose outcome says if it may have arrived."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(self, out: Outgoing) -> Receipt: ...

    async def fetch(self, file: FileIn) -> bytes:
        """The bytes of a file that a person sent. Raises OutsideError."""
        ...

    def idempotent(self, out: Outgoing) -> bool:
        """Whether the platform itself keeps a second try with the same key from being shown."""
        ...

    def buckets(self, out: Outgoing) -> tuple[str, ...]:
        """The rate limits this item counts against, e.g. ``dingtalk:app:x``, ``dingtalk:robot``."""
        ...


Hear = Callable[[Raw], Awaitable[bool]]
"""Store durably; True when new, False when it was heard before. Acknowledge only after it."""

HearAll = Callable[[Sequence[Raw]], Awaitable[None]]
"""The same for what came together: all of it is stored, or nothing."""

HearClick = Callable[[Raw], Awaitable[Card | None]]
"""Store durably and act within the click's budget: the card as it now is, None when the work
goes on and the card will be updated later."""


class Tally(Protocol):
    """Counts calls against a platform's monthly quota pools."""

    def __call__(self, platform: str, pool: str) -> None: ...


class Blobs(Protocol):
    """Stored pictures and files by name."""

    async def read(self, name: str) -> bytes: ...
