"""Runs the service, the far side, or both, behind one HTTP server each, until told to stop."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from bot import schema
from bot import web as pages
from bot.api.addresses import PATH, api_app
from bot.app.running import running
from bot.app.serve import serve as service
from bot.app.service import Service
from bot.app.stores import clock_of, make_keys, store_of
from bot.app.systemd import told_to_systemd
from bot.pages.site import Site, page_routes
from bot.platforms.wecom.callback import Callback, callback_routes
from bot.sandbox.launch import Options, far_side, write_config
from bot.sandbox.seed import seed
from bot.settings import Settings, load
from crm.kernel.db import sqlite_path

BODY_LIMIT = 1 << 20  # of a callback; the sandbox's uploads have their own
UPLOAD_LIMIT = 40 << 20
SWITCH_SECONDS = 0.0005  # Python's own is 0.005

Say = Callable[[str], None]


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """The service alone; beside a sandbox it first makes and fills its store. Once another process
    leads in its place it is built anew, and stands by."""
    if settings.sandbox is not None:
        await make_invented_store(settings)
    app = web.Application(client_max_size=BODY_LIMIT)
    slot = Slot()
    slot.mount(app)
    async with (
        listening(app, settings.web.host, settings.web.port),
        told_to_systemd(slot.current),
    ):
        while not stop.is_set():
            async with service(settings) as running_service:
                with slot.filled(running_service):
                    calm()
                    await _first_of(stop, running_service.lease.overtaken)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def sandbox(options: Options, stop: asyncio.Event, say: Say) -> None:
    """The far side alone."""
    secret = write_config(options)
    app = web.Application(client_max_size=UPLOAD_LIMIT)
    async with (
        far_side(app, options, secret) as market,
        listening(app, options.host, options.port),
        running(market.run()),
    ):
        say(f"模拟平台已就绪：{options.url}/sandbox/")
        say(f"请另开一个终端运行：qidesk serve --config {options.config}")
        await stop.wait()


async def demo(options: Options, stop: asyncio.Event, say: Say) -> None:
    """Both in one process on one port."""
    async with together(options):
        say(f"期台已就绪，请用浏览器打开：{options.url}/sandbox/")
        await stop.wait()


def calm() -> None:
    """Once everything is built: the collector need not look through it again (that held up the
    loop), and a thread back from the disk gets the interpreter within half a millisecond."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


@asynccontextmanager
async def together(
    options: Options, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Service]:
    """The far side and the service; it listens first, because the service dials it."""
    secret = write_config(options)
    settings = load(options.config, environ)
    await make_invented_store(settings)
    app = web.Application(client_max_size=UPLOAD_LIMIT)
    slot = Slot()
    slot.mount(app)
    async with (
        far_side(app, options, secret) as market,
        listening(app, options.host, options.port),
        running(market.run()),
        service(settings) as running_service,
    ):
        with slot.filled(running_service):
            await slot.connected()
            calm()
            yield running_service


async def make_invented_store(settings: Settings) -> None:
    """Tables, keys and the invented broker, where the store has none."""
    sandbox_section = settings.sandbox
    if sandbox_section is None:
        return
    make_keys(settings)
    file = sqlite_path(settings.store.url)
    if file is not None and not file.exists():
        file.touch(0o600)  # client names lie open in it
    store = store_of(settings, clock_of(settings))
    try:
        await schema.upgrade(store)
        await seed(store, sandbox_section.seed, sandbox_section.clients)
    finally:
        await store.close()


class Slot:
    """The service's routes on a server that may listen before the service is up: 503 until then."""

    def __init__(self) -> None:
        self._service: Service | None = None

    @contextmanager
    def filled(self, running_service: Service) -> Iterator[None]:
        self._service = running_service
        try:
            yield
        finally:
            self._service = None

    def current(self) -> Service | None:
        return self._service

    def mount(self, app: web.Application) -> None:
        app.add_routes(
            [
                *pages.service_routes(self.current),
                *callback_routes(self._callback),
                *page_routes(self._site),
            ]
        )
        app.add_subapp(PATH, api_app(self.current))

    def _site(self) -> Site | None:
        return self._service.pages if self._service else None

    def _callback(self) -> Callback | None:
        reception = self._service.wecom if self._service else None
        return reception.callback if reception else None

    async def connected(self) -> None:
        """Returns when every adapter can receive."""
        while self._service and not self._service.can_receive():  # noqa: ASYNC110  once, at start
            await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
