"""The whole service, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiohttp

from bot import metrics
from bot.app.front import Front, open_front
from bot.app.leading import Lead
from bot.app.platforms import risk_chats
from bot.app.rates import LIMITS, limits_of
from bot.app.running import running
from bot.app.service import Service
from bot.app.speech import make_router
from bot.app.stores import audited
from bot.blobs import ShownBlobs
from bot.cards.curve import Painter
from bot.chat.ports import Health, Sender
from bot.desk import Desk
from bot.jobs.keep_meter import keep_metering
from bot.jobs.people_left import Directory
from bot.outbox.dispatch import Dispatcher
from bot.outbox.limits import Limits
from bot.pages.login import Login
from bot.pages.site import Site
from bot.platforms.dingtalk.client import open_dingtalk
from bot.platforms.wecom.stored import StoredNotes
from bot.scheduler import Scheduler
from bot.settings import Settings, SourceSettings
from bot.store.bell import Bell
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
    async with open_front(settings, clock) as front, serve_behind(front) as service:
        yield service


@asynccontextmanager
async def serve_behind(front: Front) -> AsyncIterator[Service]:
    """Everything that is not heard but done."""
    async with AsyncExitStack() as stack:
        store = audited(front.settings, front.database)
        stack.push_async_callback(store.close)
        async with store.reading() as session:
            calendar = await calendars.load(session)
        yield await _assemble(stack, front, store, calendar)


async def _assemble(
    stack: AsyncExitStack, front: Front, store: Store, calendar: Calendar
) -> Service:
    settings, clock, lease = front.settings, front.clock, front.lease
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
    bell = Bell(front.database)
    senders: dict[str, Sender] = {}
    directories: dict[str, Directory] = {}
    logins: dict[str, Login] = {}
    if front.dingtalk is not None:
        opened = open_dingtalk(front.dingtalk, clock, blobs, metrics.tally)
        dingtalk = await stack.enter_async_context(opened)
        senders["dingtalk"] = dingtalk
        directories["dingtalk"] = dingtalk.contacts
        logins["dingtalk"] = dingtalk.login
    if front.wecom is not None:
        senders["wecom"] = front.wecom
        directories["wecom"] = front.wecom.contacts
        logins["wecom"] = front.wecom.login

    async def parts() -> Mapping[str, Health]:
        return await parts_of(service, inside=True)  # a command is in a transaction

    def sources_now() -> Mapping[str, SourceState]:
        return service.source_states()

    desk = Desk(
        store=store,
        router=make_router(senders, Inside(parts=parts, sources=sources_now)),
        senders=senders,
        calendar=calendar,
        book=book,
        bell=bell,
        leader=lease,
        risk_chats=risk_chats(settings),
    )
    limits = Limits(clock, {**LIMITS, **limits_of(settings)})
    service = Service(
        front=front,
        store=store,
        blobs=blobs,
        notes=StoredNotes(store),
        desk=desk,
        dispatcher=Dispatcher(store, senders, limits, bell, lease),
        scheduler=Scheduler(clock, lambda: desk.calendar, lease),
        book=book,
        pages=Site(store, settings.web.public_url, logins),
        directories=directories,
        sources=sources,
    )
    await stack.enter_async_context(running(bell.run(), keep_metering(store)))
    await stack.enter_async_context(desk.open())
    stack.enter_context(front.before(service))
    await stack.enter_async_context(Lead(service, bell, senders).open())
    # First at the end: what is heard from then on is the next one's, or the desk would never rest.
    stack.callback(front.ears.desk.take_back)
    return service


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
