"""What every simulated platform stands on, and what the sandbox asks of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.feed import Feed
from bot.sandbox.media import Media, Medium
from bot.sandbox.screens import PRIVATE, Screens
from bot.sandbox.wire import Wire
from bot.sandbox.world import World


@dataclass(frozen=True, kw_only=True)
class Ground:
    world: World
    disk: Disk
    clock: SandboxClock
    screens: Screens
    media: Media
    faults: Faults
    wire: Wire
    feed: Feed
    seed: int
    public_url: str  # "" takes the address that a caller used

    def address(self, request: web.Request) -> str:
        """Scheme, host and port at which this server is reached."""
        return self.public_url or f"{request.scheme}://{request.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One message of a person; ``app`` is "" for the desk's own robot, ``quote`` a message id."""

    person: str
    chat: str = PRIVATE
    text: str = ""
    mention: bool = False
    kind: str = "text"
    app: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A click on a card; ``version`` is the rendering it was seen in, None for the newest."""

    person: str
    card: str
    action: str
    inputs: Mapping[str, str | list[str]] = field(default_factory=dict)
    version: int | None = None


class Platform(Protocol):
    """A simulated chat platform. Whatever a person cannot have is raised as Refused."""

    @property
    def name(self) -> str: ...

    @property
    def fault_kinds(self) -> frozenset[str]: ...

    def describe(self, address: str) -> dict[str, Any]:
        """What the service needs to connect here."""
        ...

    def connected(self) -> int:
        """Live connections of the service."""
        ...

    def counters(self) -> dict[str, int]: ...

    async def look(self) -> None:
        """Find out whether the service can be reached; saying takes it from there."""
        ...

    def say(self, saying: Saying, address: str) -> str:
        """Durable, then on its way; answers the message id."""
        ...

    def upload(self, saying: Saying, medium: Medium, address: str) -> str: ...

    async def click(self, press: Press) -> dict[str, Any]: ...

    def happen(self, what: str, data: Mapping[str, Any], app: str) -> str:
        """An event of the company, told to ``app`` ("" is the service's own); answers its id."""
        ...

    def strike(self, fault: Fault) -> None:
        """Begin a fault; those that need no delivery act at once."""
        ...

    def clock_moved(self, seconds: float) -> None: ...
