"""A platform that shows what it is given, and fails as a test tells it to."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

from bot.chat.message import Card, FileIn
from bot.chat.ports import Capabilities, Outgoing, Receipt
from crm.kernel.errors import Outcome, OutsideError

Ending = OutsideError | Exception


def retry(wait_seconds: float = 0.0) -> OutsideError:
    return OutsideError("fake", "busy", Outcome.RETRY, wait_seconds=wait_seconds)


def refused() -> OutsideError:
    return OutsideError("fake", "no such user", Outcome.REFUSED)


def unknown(wait_seconds: float = 0.0) -> OutsideError:
    """The try failed, but a person may have seen it."""
    return OutsideError("fake", "lost", Outcome.UNKNOWN, wait_seconds=wait_seconds)


class FakeSender:
    """Keeps a second try with the same key from being shown for cards alone, as DingTalk does."""

    def __init__(self, names: Callable[[Outgoing], tuple[str, ...]] = lambda _: ()) -> None:
        self.tried: list[Outgoing] = []
        self.shown: list[Outgoing] = []
        self.files: dict[str, bytes | Exception] = {}  # by code
        self.fetched: list[str] = []
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(_open_gate)  # by chat or file
        self._names = names
        self._endings: deque[Ending] = deque()
        self._happened = asyncio.Event()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            update_in_place=True, buttons=True, inputs=True, files=True, text_bytes=15_000
        )

    def fail(self, *endings: Ending) -> None:
        """How the next tries end; those after them succeed."""
        self._endings.extend(endings)

    async def send(self, out: Outgoing) -> Receipt:
        self.tried.append(out)
        self._happen()
        await self.gates[out.chat.id].wait()
        if self._endings:
            raise self._endings.popleft()
        self.shown.append(out)
        self._happen()
        return Receipt(platform_id=f"fake-{len(self.shown)}")

    async def fetch(self, file: FileIn) -> bytes:
        self.fetched.append(file.code)
        self._happen()
        await self.gates[file.code].wait()
        content = self.files[file.code]
        if isinstance(content, Exception):
            raise content
        return content

    def idempotent(self, out: Outgoing) -> bool:
        return isinstance(out.part, Card)

    def buckets(self, out: Outgoing) -> tuple[str, ...]:
        return self._names(out)

    def _happen(self) -> None:
        self._happened.set()
        self._happened = asyncio.Event()

    async def until(self, condition: Callable[["FakeSender"], bool], seconds: float = 10) -> None:
        """Returns when the condition holds of what was tried and shown."""
        async with asyncio.timeout(seconds):
            while not condition(self):
                await self._happened.wait()


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate
