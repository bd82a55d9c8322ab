"""The whole service, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiohttp

from bot.app.leading import Lead
from bot.app.platforms import (
    LIMITS,
    dingtalk_client,
    dingtalk_of,
    limits_of,
    reception,
    risk_chats,
    stream_of,
    wecom_client,
)
from bot.app.running import running
from bot.app.service import Service
from bot.app.speech import make_router
from bot.app.stores import check_version, clock_of, store_of
from bot.bell import Bell
from bot.blobs import ShownBlobs
from bot.cards.curve import Painter
from bot.chat.ports import Health, Sender
from bot.desk import Desk
from bot.dispatch import Dispatcher
from bot.inbox import Inbox
from bot.jobs.keep_meter import keep_metering
from bot.jobs.people_left import Directory
from bot.lease import Lease
from bot.limits import Limits
from bot.pages.site import Site
from bot.platforms.dingtalk.client import DingTalk as DingTalkClient
from bot.platforms.wecom.client import WeCom as WeComClient
from bot.scheduler import Scheduler
from bot.settings import Settings, SourceSettings
from bot.web import parts_of
from crm import calendars
from crm.kernel.calendar import Calendar
from crm.kernel.clock import Clock, SystemClock
from crm.kernel.db import Store
from crm.kernel.errors import SettingsError
from handlers.upkeep import Inside, SourceState
from risk.book import Book
from risk.figures import Terms, Usable
from risk.sources.base import Source
from risk.sources.push import PushSource
from risk.sources.sim import SimSource


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
    bell = Bell(store)
    lease = await stack.enter_async_context(Lease(store, "lead").open())
    dingtalk = await dingtalk_client(stack, settings, clock, blobs)
    wecom = await wecom_client(stack, settings, store, clock, blobs, lease)
    senders: dict[str, Sender] = {}
    directories: dict[str, Directory] = {}
    if dingtalk is not None:
        senders["dingtalk"] = dingtalk
        directories["dingtalk"] = dingtalk.contacts
    if wecom is not None:
        senders["wecom"] = wecom
        directories["wecom"] = wecom.contacts
    limits = Limits(clock, {**LIMITS, **limits_of(settings)})

    async def parts() -> Mapping[str, Health]:
        return await parts_of(service, inside=True)  # a command is in a transaction

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
        bell=bell,
        leader=lease,
        risk_chats=risk_chats(settings),
    )
    service = Service(
        settings=settings,
        clock=clock,
        store=store,
        lease=lease,
        desk=desk,
        dispatcher=Dispatcher(store, senders, limits, bell, lease),
        scheduler=Scheduler(clock, lambda: desk.calendar, lease),
        book=book,
        sources=sources,
    )
    lead = Lead(service, bell, senders, directories, wecom)
    logins = {"wecom": wecom.login} if wecom is not None else {}
    service.pages = Site(store, settings.web.public_url, logins)
    await stack.enter_async_context(running(bell.run(), keep_metering(store)))
    await stack.enter_async_context(desk.open())
    await stack.enter_async_context(lead.open())
    await stack.enter_async_context(_hearing(service, dingtalk, wecom))
    return service


@asynccontextmanager
async def _hearing(
    service: Service, dingtalk: DingTalkClient | None, wecom: WeComClient | None
) -> AsyncIterator[None]:
    """Every process hears; the bot's connection is for the one that leads."""
    async with AsyncExitStack() as stack:
        if service.settings.dingtalk is not None and dingtalk is not None:
            told = dingtalk_of(service.settings.dingtalk)
            stream = stream_of(service, told, dingtalk.contacts)
            service.adapters["dingtalk"] = stream
            await stack.enter_async_context(running(stream.run()))
        if wecom is not None:
            service.wecom = reception(service, wecom)
            service.adapters["wecom"] = service.wecom.callback
            if wecom.bot is not None:
                service.adapters["wecom.aibot"] = wecom.bot
            await stack.enter_async_context(running(service.wecom.run()))
        yield


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
