"""Runs the service behind its HTTP server until told to stop."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from bot import web as pages
from bot.api.addresses import PATH, api_app
from bot.app.serve import serve as service
from bot.app.service import Service
from bot.app.systemd import told_to_systemd
from bot.pages.site import Site, page_routes
from bot.platforms.wecom.callback import Callback, callback_routes
from bot.settings import Settings

BODY_LIMIT = 1 << 20  # of a callback
SWITCH_SECONDS = 0.0005  # Python's own is 0.005


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """The service alone; beside a sandbox it first makes and fills its store. Once another process
    leads in its place it is built anew, and stands by."""
    if settings.sandbox is not None:
        from bot.commands.invented import make_invented_store  # noqa: PLC0415 - no broker needs it

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


def calm() -> None:
    """Once everything is built: the collector need not look through it again (that held up the
    loop), and a thread back from the disk gets the interpreter within half a millisecond."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


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
