"""What the contract suite needs of a platform: an adapter under test and its simulated far side."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from bot.chat.message import Card, Chat, Place
from bot.chat.ports import Capabilities, Health, Outgoing, Sender
from bot.chat.raw import Raw
from crm.kernel.errors import OutsideError

PERSON = "fengjun"
GROUP = "g-risk"


class Desk:
    """The shell behind the adapter: keeps what it hears, answers clicks as it is told."""

    def __init__(self) -> None:
        self.heard: list[Raw] = []
        self.clicked: list[Raw] = []
        self.failures = 0  # how many of the next messages cannot be stored
        self.answer: Callable[[Raw], Card | None] = lambda _: None
        self._changed = asyncio.Event()

    async def hear(self, raw: Raw) -> bool:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the store is away")
        new = raw.key not in {one.key for one in self.heard}
        self.heard.append(raw)
        self._changed.set()
        return new

    async def hear_all(self, raws: Sequence[Raw]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the store is away")
        for raw in raws:
            await self.hear(raw)

    async def hear_click(self, raw: Raw) -> Card | None:
        self.clicked.append(raw)
        return self.answer(raw)

    @property
    def stored(self) -> list[Raw]:
        """Each message once, in the order of its first coming."""
        return list({raw.key: raw for raw in self.heard}.values())

    async def hears(self, count: int = 1, seconds: float = 10) -> list[Raw]:
        """Returns when ``count`` different messages have been stored."""
        async with asyncio.timeout(seconds):
            while len(self.stored) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.stored


class Adapter(Protocol):
    """``sender`` in its ordinary form, ``wordy`` where cards cannot be shown as such."""

    @property
    def name(self) -> str: ...

    @property
    def sender(self) -> Sender: ...

    @property
    def wordy(self) -> Sender: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def health(self) -> Health: ...


@dataclass
class Rig:
    """One adapter, connected to its sandbox, with the hands and eyes of its people."""

    adapter: Adapter
    desk: Desk
    http: aiohttp.ClientSession
    base: str
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def sender(self) -> Sender:
        return self.adapter.sender

    def private(self, person: str = PERSON) -> Chat:
        return Chat(platform=self.adapter.name, place=Place.PRIVATE, id=person)

    def group(self) -> Chat:
        return Chat(platform=self.adapter.name, place=Place.GROUP, id=GROUP)

    async def say(self, text: str, *, chat: str = "private", **more: Any) -> str:
        answer = await self.post("say", person=PERSON, chat=chat, text=text, **more)
        return str(answer["message_id"])

    @property
    def has_spare(self) -> bool:
        """Whether a second connection hears on when one has ended."""
        return True

    def under(self, item: dict[str, Any], message: str) -> bool:
        """Whether an answer stands where the platform puts answers to ``message``."""
        return bool(item["reply_to"] == message)

    def version(self, item: dict[str, Any]) -> int | None:
        """The version of a card on the screen, None where nothing shows it."""
        return int(item["card"]["version"])

    def state(self, item: dict[str, Any]) -> str:
        """The word for how a card on the screen stands."""
        return str(item["card"]["status"])

    async def upload(self, name: str, data: bytes) -> None:
        await self.send_file(name, data)

    async def send_file(self, name: str, data: bytes, **more: str) -> None:
        form = aiohttp.FormData(
            {"platform": self.adapter.name, "person": PERSON, "chat": "private", **more}
        )
        form.add_field("file", data, filename=name)
        async with self.http.post(f"{self.base}/sandbox/upload", data=form) as response:
            assert response.status == 200, await response.text()

    async def click(self, card: str, action: str, **more: Any) -> dict[str, Any]:
        return await self.post("click", person=PERSON, card=card, action=action, **more)

    async def fault(self, kind: str, count: int = 1, seconds: float = 20) -> None:
        await self.post("faults", kind=kind, count=count, seconds=seconds)

    async def seen(self, chat: str = "private") -> list[dict[str, Any]]:
        """What the bot has put on the person's screen, in order."""
        query = {"platform": self.adapter.name, "person": PERSON, "chat": chat}
        async with self.http.get(f"{self.base}/sandbox/seen", params=query) as response:
            assert response.status == 200, await response.text()
            items: list[dict[str, Any]] = await response.json()
        return [item for item in items if item["from"] == "bot"]

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        whole = {"platform": self.adapter.name, **body}
        async with self.http.post(f"{self.base}/sandbox/{path}", json=whole) as response:
            assert response.status == 200, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    async def failed(self, out: Outgoing, sender: Sender | None = None) -> OutsideError:
        """The trouble that sending makes; there must be one."""
        try:
            await (sender or self.sender).send(out)
        except OutsideError as error:
            return error
        raise AssertionError("it was sent")


class Shelf:
    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        self._blobs = blobs

    async def read(self, name: str) -> bytes:
        return self._blobs[name]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Waits for something on the far side that has no event."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)
