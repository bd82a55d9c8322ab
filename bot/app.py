"""Builds every object once and hands it to its users; alone knows all names."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bot import metrics, schema
from bot.blobs import ShownBlobs
from bot.cards.curve import Painter
from bot.chat.ports import Blobs, Health, Sender
from bot.desk import Desk
from bot.dispatch import Dispatcher
from bot.inbox import Inbox
from bot.jobs.archive import archive
from bot.jobs.keep_history import keep_history
from bot.jobs.keep_meter import keep_meter
from bot.jobs.nudge import remind
from bot.jobs.people_left import Directory, people_left
from bot.limits import Limit, Limits
from bot.platforms.dingtalk.client import DingTalk as DingTalkClient
from bot.platforms.dingtalk.client import open_dingtalk
from bot.platforms.dingtalk.settings import CustomRobot, DingTalkSettings
from bot.platforms.dingtalk.stream import Stream
from bot.platforms.wecom.client import WeCom as WeComClient
from bot.platforms.wecom.client import open_wecom
from bot.platforms.wecom.reception import Reception
from bot.platforms.wecom.settings import LIMITS as WECOM_LIMITS
from bot.platforms.wecom.settings import AiBotSettings, WeComSettings
from bot.platforms.wecom.stored import StoredNotes
from bot.router import Router
from bot.scheduler import Scheduler
from bot.settings import DingTalk, Settings, SourceSettings, WeCom
from crm import calendars
from crm.changes import count_of
from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store
from crm.kernel.errors import SettingsError
from crm.kernel.vault import Algorithm, Vault
from handlers import clients, grants, interactions, reveal, tasks
from handlers import help as helping
from risk.book import Book
from risk.sources.base import Source
from risk.sources.sim import SimSource

log = logging.getLogger(__name__)

ARCHIVED_A_NIGHT = 100_000  # rows of each table
BEAT_SECONDS = 2.0  # within which a source speaks

LIMITS: Mapping[str, Limit] = {
    # The platforms' own rates (reference: DingTalk 9.2); [outbox.limits] overrides by name.
    "dingtalk:app": Limit(10, 0.5),  # a full bucket and its refill stay within 20 a second
    "dingtalk:private": Limit(20, 60),
    "dingtalk:group": Limit(20, 60),
    "dingtalk:robot": Limit(20, 60),
    **{name: Limit(*limit) for name, limit in WECOM_LIMITS.items()},
}


class Adapter(Protocol):
    """What receives from a platform."""

    def health(self) -> Health: ...


@dataclass(kw_only=True)
class Service:
    """The running service, as its web pages and the demo see it."""

    settings: Settings
    clock: SystemClock
    store: Store
    desk: Desk
    dispatcher: Dispatcher
    scheduler: Scheduler
    book: Book
    sources: dict[str, Source] = field(default_factory=dict)
    adapters: dict[str, Adapter] = field(default_factory=dict)
    wecom: Reception | None = None  # behind the callback's address

    @property
    def control_secret(self) -> str:
        sandbox = self.settings.sandbox
        return sandbox.secret.get_secret_value() if sandbox else ""

    def can_receive(self) -> bool:
        return all(adapter.health().ok for adapter in self.adapters.values())

    def health(self) -> dict[str, Health]:
        """Each part and how it is; adapters that cannot receive make the service unready."""
        parts = {name: adapter.health() for name, adapter in self.adapters.items()}
        for name, source in self.sources.items():
            told = source.health()
            parts[f"source.{name}"] = Health(ok=told.ok, detail=told.detail)
        return parts

    async def move_clock(self, offset: timedelta) -> None:
        """The sandbox moved its clock: follow, hear the market again, and run what is due."""
        self.clock.offset = offset
        self.dispatcher.clock_moved()
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS if self.sources else 0):
                await self.book.changed(self.book.version)
        await self.scheduler.run_due()


def make_router() -> Router:
    """Everything that can be said or clicked."""
    router = Router()
    subjects = (clients, grants, reveal, interactions, tasks)
    for part in (*(subject.router for subject in subjects), helping.make_router(router)):
        router.include(part)
    return router


def open_vault(settings: Settings) -> Vault:
    """The key ring. Raises KeyFileWrong; made anew only by ``prepare``."""
    return Vault(settings.security.key_file)


def store_of(settings: Settings, clock: SystemClock) -> Store:
    """The store with its vault and audit chain. Raises KeyFileWrong."""
    store = open_store(settings.store.url, open_vault(settings), clock)
    audit.attach(store, audit.Head(settings.head_file))
    return store


def clock_of(settings: Settings) -> SystemClock:
    if settings.sandbox is None:
        return SystemClock()
    return SystemClock(timedelta(seconds=_offset(settings.sandbox.clock_file)))


def _offset(file: Path) -> float:
    try:
        return float(json.loads(file.read_text())["offset_seconds"])
    except FileNotFoundError:
        return 0.0


def make_keys(settings: Settings) -> bool:
    """Make the key file of a new installation; False when there is one."""
    if settings.security.key_file.exists():
        return False
    Vault.create(settings.security.key_file, Algorithm(settings.security.algorithm))
    return True


async def check_version(store: Store) -> None:
    """Raises SettingsError when the tables are not this program's."""
    if await schema.current(store) != schema.newest():
        raise SettingsError("数据库版本与程序不符，请先运行：qidesk db upgrade")


@asynccontextmanager
async def running(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The jobs run for the length of the block; one that breaks ends the block."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(job) for job in jobs]
        yield
        for task in started:
            task.cancel()


@asynccontextmanager
async def serve(settings: Settings, clock: SystemClock | None = None) -> AsyncIterator[Service]:
    """The whole service, from taking up what was left to ending what is in hand."""
    clock = clock or clock_of(settings)
    async with AsyncExitStack() as stack:
        store = store_of(settings, clock)
        stack.push_async_callback(store.close)
        await check_version(store)
        async with store.reading() as session:
            calendar = await calendars.load(session)
        service = await _assemble(stack, settings, clock, store, calendar)
        yield service


async def _assemble(
    stack: AsyncExitStack,
    settings: Settings,
    clock: SystemClock,
    store: Store,
    calendar: Calendar,
) -> Service:
    http = await stack.enter_async_context(aiohttp.ClientSession())
    painter = Painter()
    stack.push_async_callback(painter.close)
    book = Book(calendar)
    sources = {name: _source(name, s, http) for name, s in settings.sources.items()}
    blobs = ShownBlobs(store, painter)
    dingtalk = await _dingtalk_client(stack, settings, clock, blobs)
    wecom = await _wecom_client(stack, settings, store, clock, blobs)
    senders: dict[str, Sender] = {}
    if dingtalk is not None:
        senders["dingtalk"] = dingtalk
    if wecom is not None:
        senders["wecom"] = wecom
    dispatcher = Dispatcher(store, senders, Limits(clock, {**LIMITS, **_limits(settings)}))
    desk = Desk(
        store=store,
        inbox=await stack.enter_async_context(Inbox(store).open()),
        router=make_router(),
        senders=senders,
        calendar=calendar,
        book=book,
        risk_chats=_risk_chats(settings),
    )
    service = Service(
        settings=settings,
        clock=clock,
        store=store,
        desk=desk,
        dispatcher=dispatcher,
        scheduler=Scheduler(clock, lambda: desk.calendar),
        book=book,
        sources=sources,
    )
    await stack.enter_async_context(
        running(dispatcher.run(), *(book.run(source) for source in sources.values()))
    )
    await stack.enter_async_context(desk.open())
    if settings.dingtalk is not None and dingtalk is not None:
        stream = _stream(service, dingtalk_of(settings.dingtalk), dingtalk.contacts)
        service.adapters["dingtalk"] = stream
        await stack.enter_async_context(running(stream.run()))
    if wecom is not None:
        service.wecom = service.adapters["wecom"] = _reception(service, wecom)
        await stack.enter_async_context(running(service.wecom.run()))
    _schedule(service)
    await stack.enter_async_context(service.scheduler.open())
    return service


async def _dingtalk_client(
    stack: AsyncExitStack, settings: Settings, clock: SystemClock, blobs: Blobs
) -> DingTalkClient | None:
    if settings.dingtalk is None:
        return None
    opened = open_dingtalk(dingtalk_of(settings.dingtalk), clock, blobs, metrics.tally)
    return await stack.enter_async_context(opened)


async def _wecom_client(
    stack: AsyncExitStack, settings: Settings, store: Store, clock: SystemClock, blobs: Blobs
) -> WeComClient | None:
    if settings.wecom is None:
        return None
    opened = open_wecom(wecom_of(settings.wecom), clock, blobs, StoredNotes(store), metrics.tally)
    return await stack.enter_async_context(opened)


def _reception(service: Service, wecom: WeComClient) -> Reception:
    async def people_changed(users: tuple[str, ...]) -> None:
        await people_left(service.store, "wecom", wecom.contacts, users)

    return Reception(
        wecom,
        service.desk.hear,
        service.desk.hear_click,
        on_answered=service.desk.answered,
        on_people_changed=people_changed,
    )


def _stream(service: Service, settings: DingTalkSettings, directory: Directory) -> Stream:
    async def people_changed(users: tuple[str, ...]) -> None:
        await people_left(service.store, "dingtalk", directory, users)

    return Stream(
        settings,
        service.clock,
        service.desk.hear,
        service.desk.hear_click,
        on_answered=service.desk.answered,
        on_people_changed=people_changed,
        tally=metrics.tally,
    )


def _schedule(service: Service) -> None:
    store, desk, book = service.store, service.desk, service.book

    async def reminders() -> None:
        await remind(store, desk)

    async def histories() -> None:
        for source in service.sources.values():
            if isinstance(source, SimSource):
                await keep_history(store, book, desk.calendar, source)

    known = 0

    async def changes() -> None:
        nonlocal known
        async with store.reading() as session:
            count = await count_of(session, "calendar")
            if count != known:
                desk.calendar, known = await calendars.load(session), count

    async def meter() -> None:
        await keep_meter(store)

    async def old_rows() -> None:
        kept = service.settings.store
        await archive(
            store,
            kept.archive_dir,
            inbox_days=kept.inbox_days,
            ledger_days=kept.ledger_days,
            audit_days=kept.audit_days,
            most_rows=ARCHIVED_A_NIGHT,
        )

    async def wecom_notes() -> None:
        if service.settings.wecom is not None:
            await StoredNotes(store).sweep()

    service.scheduler.every(3600, wecom_notes, name="wecom_notes", awaited=False)
    service.scheduler.every(10, meter, name="keep_meter", awaited=False)
    service.scheduler.on_trading_days(time(3, 30), old_rows, name="archive")
    service.scheduler.every(1, reminders, name="remind")
    service.scheduler.every(20, histories, name="keep_history", awaited=False)
    service.scheduler.every(1, changes, name="changes")
    service.scheduler.every(10, desk.take_up, name="take_up", awaited=False)


def _source(name: str, settings: SourceSettings, http: aiohttp.ClientSession) -> Source:
    if settings.kind != "sim":
        raise SettingsError(f"[sources.{name}] 的类型 {settings.kind} 尚未开通")
    return SimSource(http, settings.url, retry_seconds=settings.poll_seconds)


def dingtalk_of(settings: DingTalk) -> DingTalkSettings:
    """The section as the adapter wants it."""
    return DingTalkSettings(
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        robot_code=settings.robot_code,
        corp_id=settings.corp_id,
        api_base=settings.api_base,
        oapi_base=settings.oapi_base,
        templates=settings.templates,
        proxy=settings.proxy,
        connections=settings.connections,
        custom_robots={
            name: CustomRobot(
                access_token=robot.access_token.get_secret_value(),
                secret=robot.secret.get_secret_value(),
            )
            for name, robot in settings.robots.items()
        },
    )


def wecom_of(settings: WeCom) -> WeComSettings:
    """The section as the adapter wants it."""
    bot = settings.aibot
    return WeComSettings(
        corp_id=settings.corp_id,
        agent_id=settings.agent_id,
        secret=settings.secret.get_secret_value(),
        token=settings.token.get_secret_value(),
        encoding_aes_key=settings.encoding_aes_key.get_secret_value(),
        api_base=settings.api_base,
        proxy=settings.proxy,
        card_url=settings.card_url,
        member_minute=settings.member_minute,
        member_hour=settings.member_hour,
        clickable=settings.clickable,
        robots={name: key.get_secret_value() for name, key in settings.robots.items()},
        app_chats=frozenset(settings.app_chats),
        aibot=AiBotSettings(
            bot_id=bot.bot_id,
            secret=bot.secret.get_secret_value(),
            ws_url=bot.ws_url,
            name=bot.name,
        )
        if bot
        else None,
    )


def _risk_chats(settings: Settings) -> frozenset[tuple[str, str]]:
    sections = {"dingtalk": settings.dingtalk, "wecom": settings.wecom}
    return frozenset(
        (platform, chat)
        for platform, section in sections.items()
        for chat in (section.risk_groups if section else ())
    )


def _limits(settings: Settings) -> dict[str, Limit]:
    return {name: Limit(s.amount, s.seconds) for name, s in settings.outbox.limits.items()}
