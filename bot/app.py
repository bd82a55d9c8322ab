"""Builds every object once and hands it to its users; alone knows all names."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bot import metrics, schema, staging
from bot.blobs import ShownBlobs
from bot.cards.curve import Painter
from bot.chat.ports import Blobs, Health, Sender
from bot.desk import Desk
from bot.dispatch import Dispatcher
from bot.inbox import Inbox
from bot.jobs.alarm import alarm
from bot.jobs.approvals_due import chase
from bot.jobs.archive import archive
from bot.jobs.keep_history import keep_history
from bot.jobs.keep_meter import keep_meter
from bot.jobs.nudge import remind
from bot.jobs.people_left import Directory, people_left, roll_call
from bot.jobs.tell_alerts import Teller
from bot.jobs.watch_margin import MarginWatch
from bot.lease import Lease
from bot.limits import Limit, Limits
from bot.pages import sessions
from bot.pages.site import Site
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
from bot.web import parts_of
from crm import calendars
from crm.binding import PLATFORM_WORDS
from crm.changes import count_of
from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.clock import Clock, SystemClock
from crm.kernel.db import Store, open_store
from crm.kernel.errors import SettingsError
from crm.kernel.vault import Algorithm, Vault
from handlers import (
    approvals,
    binding,
    changes,
    clients,
    config,
    grants,
    handover,
    interactions,
    openings,
    reveal,
    risk,
    roles,
    rules,
    silences,
    staff,
    tasks,
    trail,
    upkeep,
)
from handlers import help as helping
from handlers.upkeep import Inside, SourceState
from risk.book import Book
from risk.figures import Terms, Usable
from risk.sources.base import Source
from risk.sources.push import PushSource
from risk.sources.sim import SimSource
from risk.told import FRESH as LIMIT_OF_A_SOURCE

log = logging.getLogger(__name__)

ARCHIVED_A_NIGHT = 100_000  # rows of each table
TOO_MANY_LEFT = (
    "一夜之间太多，没有停用任何人。请核对应用的可见范围；确实离职的用 qidesk staff disable 停用"
)
BEAT_SECONDS = 2.0  # within which a source speaks

LIMITS: Mapping[str, Limit] = {
    # The platforms' own rates (reference: DingTalk 9.2); [outbox.limits] overrides by name.
    "dingtalk:app": Limit(1, 1 / 19),  # a full bucket and its refill stay within 20 a second
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
    pages: Site | None = None

    @property
    def pushes(self) -> dict[str, PushSource]:
        """The sources that are pushed to."""
        sources = self.sources.items()
        return {name: each for name, each in sources if isinstance(each, PushSource)}

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
            told, age = source.health(), None
            if told.age_seconds is not None:
                age = timedelta(seconds=told.age_seconds)
            since = None if age is None else self.clock.now() - age
            parts[f"source.{name}"] = Health(ok=told.ok, detail=told.detail, since=since)
        return parts

    def source_states(self) -> dict[str, SourceState]:
        """Each source with how long ago it spoke, and how long it may be silent."""
        return {name: self._state_of(source) for name, source in self.sources.items()}

    def _state_of(self, source: Source) -> SourceState:
        told = source.health()
        age = None if told.age_seconds is None else timedelta(seconds=told.age_seconds)
        known = self.book.told.get(source.name)
        return SourceState(
            health=Health(ok=told.ok, detail=told.detail),
            age=age,
            limit=known.limit if known else LIMIT_OF_A_SOURCE,
        )

    async def move_clock(self, offset: timedelta) -> None:
        """The sandbox moved its clock: follow, hear the market again, and run what is due."""
        self.clock.offset = offset
        self.dispatcher.clock_moved()
        with suppress(TimeoutError):
            follows = any(isinstance(each, SimSource) for each in self.sources.values())
            async with asyncio.timeout(BEAT_SECONDS if follows else 0):
                await self.book.changed(self.book.version)
        await self.scheduler.run_due()

    async def stage(self, scene: dict[str, object]) -> dict[str, object]:
        """The sandbox wants a situation. Raises UserError, or ValueError for one not spelled
        right."""
        return await staging.approvals(self.store, self.desk, scene)


async def _no_parts() -> Mapping[str, Health]:
    return {}


NOT_RUNNING = Inside(parts=_no_parts, sources=dict)


def make_router(
    platforms: Collection[str] = tuple(PLATFORM_WORDS), inside: Inside = NOT_RUNNING
) -> Router:
    """Everything that can be said or clicked. ``inside``: what the service tells of itself."""
    router = Router()
    subjects = (
        clients,
        grants,
        reveal,
        interactions,
        tasks,
        openings,
        approvals,
        risk,
        changes,
        staff,
        roles,
        rules,
        handover,
        config,
        silences,
        trail,
    )
    parts = [subject.router for subject in subjects]
    parts += [binding.make_router(platforms), upkeep.make_router(inside)]
    for part in (*parts, helping.make_router(router)):
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
    told = settings.risk
    terms = Terms(house_line=told.house_line, usable=Usable(told.usable_profit))
    book = Book(calendar, terms=terms)
    sources = {
        name: _source(name, each, http, book, clock) for name, each in settings.sources.items()
    }
    blobs = ShownBlobs(store, painter)
    dingtalk = await _dingtalk_client(stack, settings, clock, blobs)
    wecom = await _wecom_client(stack, settings, store, clock, blobs)
    senders: dict[str, Sender] = {}
    if dingtalk is not None:
        senders["dingtalk"] = dingtalk
    if wecom is not None:
        senders["wecom"] = wecom
    dispatcher = Dispatcher(store, senders, Limits(clock, {**LIMITS, **_limits(settings)}))

    async def parts() -> Mapping[str, Health]:
        return await parts_of(service)

    def sources_now() -> Mapping[str, SourceState]:
        return service.source_states()

    inside = Inside(parts=parts, sources=sources_now)
    desk = Desk(
        store=store,
        inbox=await stack.enter_async_context(Inbox(store).open()),
        router=make_router(senders, inside),
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
        service.wecom = _reception(service, wecom)
        service.adapters["wecom"] = service.wecom.callback
        if wecom.bot is not None:
            service.adapters["wecom.aibot"] = wecom.bot
        await stack.enter_async_context(running(service.wecom.run()))
    directories: dict[str, Directory] = {}
    if dingtalk is not None:
        directories["dingtalk"] = dingtalk.contacts
    if wecom is not None:
        directories["wecom"] = wecom.contacts
    logins = {"wecom": wecom.login} if wecom is not None else {}
    service.pages = Site(store, settings.web.public_url, logins)
    _schedule(service)
    await _watch_margins(stack, service, senders)
    _call_the_roll(service, directories)
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
    told, notes = wecom_of(settings.wecom, settings.web.public_url), StoredNotes(store)
    if told.aibot is None:
        opened = open_wecom(told, clock, blobs, notes, metrics.tally)
    else:
        lease = await stack.enter_async_context(Lease(store, "wecom.aibot").open())
        opened = open_wecom(told, clock, blobs, notes, metrics.tally, lease=lease.held)
    return await stack.enter_async_context(opened)


def _reception(service: Service, wecom: WeComClient) -> Reception:
    async def people_changed(users: tuple[str, ...]) -> None:
        await people_left(service.store, "wecom", wecom.contacts, users)

    async def on_alarm(title: str, text: str) -> None:
        await alarm(service.store, service.desk, "wecom", title, text)

    return Reception(
        wecom,
        service.desk.hear,
        service.desk.hear_click,
        on_answered=service.desk.answered,
        on_people_changed=people_changed,
        on_alarm=on_alarm,
    )


def _stream(service: Service, settings: DingTalkSettings, directory: Directory) -> Stream:
    async def people_changed(users: tuple[str, ...]) -> None:
        await people_left(service.store, "dingtalk", directory, users)

    return Stream(
        settings,
        service.clock,
        service.desk.hear_all,
        service.desk.hear_click,
        on_answered=service.desk.answered,
        on_people_changed=people_changed,
        tally=metrics.tally,
    )


async def _watch_margins(
    stack: AsyncExitStack, service: Service, senders: Mapping[str, Sender]
) -> None:
    """On whoever of several processes holds the lease."""
    settings, desk = service.settings, service.desk
    teller = Teller(desk, senders, _risk_chats(settings), settings.risk.on_duty)
    lease = await stack.enter_async_context(Lease(service.store, "risk.watch").open())
    watch = MarginWatch(service.store, service.book, lambda: desk.calendar, teller, lease)
    if service.sources:
        service.scheduler.every(1, watch.follow_rules, name="follow_rules")
        service.scheduler.every(1, watch.look, name="watch_margin")
        await stack.enter_async_context(running(watch.run()))


def _schedule(service: Service) -> None:
    store, desk, book = service.store, service.desk, service.book

    async def reminders() -> None:
        await remind(store, desk)

    async def approvals_due() -> None:
        await chase(store, desk)

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

    async def what_is_over() -> None:
        if service.settings.wecom is not None:
            await StoredNotes(store).sweep()
        async with store.writing() as session:
            await sessions.sweep(session)

    service.scheduler.every(3600, what_is_over, name="what_is_over", awaited=False)
    service.scheduler.every(10, meter, name="keep_meter", awaited=False)
    service.scheduler.on_trading_days(time(3, 30), old_rows, name="archive")
    service.scheduler.every(1, reminders, name="remind")
    service.scheduler.every(2, approvals_due, name="approvals_due")
    service.scheduler.every(20, histories, name="keep_history", awaited=False)
    service.scheduler.every(1, changes, name="changes")
    service.scheduler.every(10, desk.take_up, name="take_up", awaited=False)


def _call_the_roll(service: Service, directories: Mapping[str, Directory]) -> None:
    async def call() -> None:
        for platform, directory in directories.items():
            gone = await roll_call(service.store, platform, directory)
            if gone:
                title = f"{PLATFORM_WORDS[platform]}通讯录查不到 {gone} 人"
                await alarm(service.store, service.desk, platform, title, TOO_MANY_LEFT)

    service.scheduler.on_trading_days(time(6, 30), call, name="roll_call", awaited=False)


def _source(
    name: str, settings: SourceSettings, http: aiohttp.ClientSession, book: Book, clock: Clock
) -> Source:
    limit = timedelta(seconds=settings.fresh_seconds)
    if settings.kind == "sim":
        source = SimSource(http, settings.url, retry_seconds=settings.poll_seconds)
        book.expect(source.name, limit=limit)
        return source
    if settings.kind == "push":
        return PushSource(name, clock, book.expect(name, limit=limit).is_stale)
    raise SettingsError(f"[sources.{name}] 的类型 {settings.kind} 尚未开通")


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


def wecom_of(settings: WeCom, public_url: str = "") -> WeComSettings:
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
        authorize_base=settings.authorize_base,
        card_url=settings.card_url,
        public_url=public_url.rstrip("/"),
        member_minute=settings.member_minute,
        member_hour=settings.member_hour,
        bot_minute=settings.bot_minute,
        bot_hour=settings.bot_hour,
        robot_minute=settings.robot_minute,
        chat_minute=settings.chat_minute,
        chat_day=settings.chat_day,
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
