"""The front of the service: what hears.

It knows no tables, no words and no cards, so it stands in half the time; the rest is loaded behind
it. What is heard meanwhile waits in the inbox as it does after a crash.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from bot import metrics
from bot.app.database import NOT_OURS, clock_of, database_of
from bot.app.platforms import dingtalk_of, wecom_of
from bot.app.running import running
from bot.chat.ports import Blobs, Health, Outgoing
from bot.inbox.ears import Ears, Listener
from bot.inbox.inbox import Inbox
from bot.inbox.later import Later
from bot.platforms.dingtalk.settings import DingTalkSettings
from bot.platforms.dingtalk.stream import Stream
from bot.platforms.wecom.client import WeCom, open_wecom
from bot.platforms.wecom.notes import Kind, Notes
from bot.platforms.wecom.reception import Reception
from bot.platforms.wecom.settings import WeComSettings
from bot.settings import Settings
from bot.store.lease import Lease
from bot.store.versions import newest
from crm.kernel.clock import SystemClock
from crm.kernel.database import Database
from crm.kernel.errors import SettingsError

STANDS_BY: Final = "本进程备用：只收消息，随时接手"
LOADING: Final = Health(ok=True, detail="正在加载，消息先收下")
CONNECTING_SECONDS: Final = 1.0  # before the rest is loaded whether a platform answers or not
LOOK_SECONDS: Final = 0.01


class Adapter(Protocol):
    """What receives from a platform."""

    def health(self) -> Health: ...


class Behind(Protocol):
    """The rest of the service, as its front knows it."""

    @property
    def desk(self) -> Listener: ...

    @property
    def blobs(self) -> Blobs: ...

    @property
    def notes(self) -> Notes: ...

    def health(self) -> dict[str, Health]: ...

    async def people_changed(self, platform: str, users: tuple[str, ...]) -> None:
        """Their records should be read again."""
        ...

    async def alarm(self, part: str, title: str, text: str) -> None:
        """Something that the system admins must mend."""
        ...


@dataclass(kw_only=True)
class Front:
    settings: Settings
    clock: SystemClock
    database: Database
    lease: Lease
    ears: Ears
    adapters: dict[str, Adapter] = field(default_factory=dict)
    dingtalk: DingTalkSettings | None = None
    wecom: WeCom | None = None
    reception: Reception | None = None  # behind the callback's address
    behind: Later[Behind] = field(default_factory=Later)

    def health(self) -> dict[str, Health]:
        """Each part and how it is; adapters that cannot receive make the service unready."""
        if self.behind.here is not None:
            return self.behind.here.health()
        parts = {**self.hearing(), "desk": LOADING}
        if not self.database.is_sqlite:  # there may be others
            parts["lead"] = Health(ok=True, detail=STANDS_BY)
        return parts

    def hearing(self) -> dict[str, Health]:
        return {name: adapter.health() for name, adapter in self.adapters.items()}

    async def connected(self) -> None:
        """Returns when every adapter can receive, or one may be long in coming."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECTING_SECONDS):
                while not all(part.ok for part in self.hearing().values()):  # noqa: ASYNC110 once
                    await asyncio.sleep(LOOK_SECONDS)

    @contextmanager
    def before(self, behind: Behind) -> Iterator[None]:
        """It stands before ``behind`` for the length of the block."""
        self.ears.desk.put(behind.desk)
        self.behind.put(behind)
        try:
            yield
        finally:
            self.behind.take_back()
            self.ears.desk.take_back()


@asynccontextmanager
async def open_front(settings: Settings, clock: SystemClock | None = None) -> AsyncIterator[Front]:
    """Hears for the length of the block. Raises SettingsError when the tables are not this
    program's."""
    clock = clock or clock_of(settings)
    database = database_of(settings, clock)
    async with AsyncExitStack() as stack:
        inbox = await stack.enter_async_context(Inbox(database).open())
        if await inbox.version() != newest():
            raise SettingsError(NOT_OURS)
        front = Front(
            settings=settings,
            clock=clock,
            database=database,
            lease=await stack.enter_async_context(Lease(database, "lead").open()),
            ears=Ears(inbox),
        )
        public_url = settings.web.public_url
        if settings.dingtalk is not None:
            front.dingtalk = dingtalk_of(settings.dingtalk, public_url)
            await stack.enter_async_context(_dingtalk(front, front.dingtalk))
        if settings.wecom is not None:
            told = wecom_of(settings.wecom, public_url)
            await stack.enter_async_context(_wecom(front, told))
        yield front


@asynccontextmanager
async def _dingtalk(front: Front, settings: DingTalkSettings) -> AsyncIterator[None]:
    async def people_changed(users: tuple[str, ...]) -> None:
        behind = await front.behind()
        await behind.people_changed("dingtalk", users)

    stream = Stream(
        settings,
        front.clock,
        front.ears.hear_all,
        front.ears.hear_click,
        on_answered=front.ears.answered,
        on_people_changed=people_changed,
        tally=metrics.tally,
    )
    front.adapters["dingtalk"] = stream
    async with running(stream.run()):
        yield


@asynccontextmanager
async def _wecom(front: Front, settings: WeComSettings) -> AsyncIterator[None]:
    """Every process hears; the bot's connection is for the one that leads."""

    async def people_changed(users: tuple[str, ...]) -> None:
        behind = await front.behind()
        await behind.people_changed("wecom", users)

    async def on_alarm(title: str, text: str) -> None:
        behind = await front.behind()
        await behind.alarm("wecom", title, text)

    async with open_wecom(
        settings,
        front.clock,
        BlobsBehind(front.behind),
        NotesBehind(front.behind),
        metrics.tally,
        lease=front.lease.held,
    ) as wecom:
        reception = Reception(
            wecom,
            front.ears.hear,
            front.ears.hear_click,
            on_answered=front.ears.answered,
            on_people_changed=people_changed,
            on_alarm=on_alarm,
        )
        front.wecom, front.reception = wecom, reception
        front.adapters["wecom"] = reception.callback
        if wecom.bot is not None:
            front.adapters["wecom.aibot"] = wecom.bot
        async with running(reception.run()):
            yield


class BlobsBehind:
    """The service's pictures and files, once it is there."""

    def __init__(self, behind: Later[Behind]) -> None:
        self._behind = behind

    async def read(self, name: str) -> bytes:
        behind = await self._behind()
        return await behind.blobs.read(name)


class NotesBehind:
    """What the service notes for WeCom, once it is there."""

    def __init__(self, behind: Later[Behind]) -> None:
        self._behind = behind

    async def put(self, kind: Kind, owner: str, value: str, until: datetime) -> None:
        behind = await self._behind()
        await behind.notes.put(kind, owner, value, until)

    async def take(self, kind: Kind, owner: str) -> str | None:
        behind = await self._behind()
        return await behind.notes.take(kind, owner)

    async def read(self, kind: Kind, owner: str) -> str | None:
        behind = await self._behind()
        return await behind.notes.read(kind, owner)

    async def owners(self, kind: Kind) -> Sequence[str]:
        behind = await self._behind()
        return await behind.notes.owners(kind)

    async def sent(self, since: datetime) -> Sequence[tuple[Outgoing, datetime]]:
        behind = await self._behind()
        return await behind.notes.sent(since)
