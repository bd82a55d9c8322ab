"""Runs the service behind its HTTP server until told to stop."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from bot import web as pages
from bot.api.addresses import PATH, api_app
from bot.app.front import Front, open_front
from bot.app.systemd import told_to_systemd
from bot.commands.listening import BODY_LIMIT, listening
from bot.pages.addresses import Pages, page_routes
from bot.platforms.wecom.callback import Callback, callback_routes
from bot.settings import Settings

if TYPE_CHECKING:  # it is loaded behind the front
    from bot.app.service import Service

SWITCH_SECONDS = 0.0005  # Python's own is 0.005
PATIENCE = 10.0  # seconds that who asks waits for what is being loaded


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
            async with open_front(settings) as front:
                with slot.filled(front):
                    await front.connected()
                    behind = await _loaded()
                    async with behind(front) as service:
                        with slot.serving(service):
                            calm()
                            await _first_of(stop, front.lease.overtaken)


async def _loaded() -> Callable[[Front], AbstractAsyncContextManager["Service"]]:
    """What stands behind the front, in a thread beside the hearing."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.disable()  # what is loaded stays: looking through it takes a tenth of the time
    try:
        return await asyncio.to_thread(_load)
    finally:
        gc.freeze()
        gc.enable()


def _load() -> Callable[[Front], AbstractAsyncContextManager["Service"]]:
    from sqlalchemy.orm import configure_mappers  # noqa: PLC0415 - this is why there is a front

    from bot.app.serve import serve_behind  # noqa: PLC0415

    configure_mappers()  # else the first statement does it, on the loop
    return serve_behind


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
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


class Slot:
    """The service's routes on a server that may listen before the service is up: 503 until its
    front is there, and who asks for the rest then waits."""

    def __init__(self) -> None:
        self._front: Front | None = None
        self._service: Service | None = None
        self._settled = asyncio.Event()  # nothing is being loaded
        self._settled.set()

    @contextmanager
    def filled(self, front: Front) -> Iterator[None]:
        self._front = front
        self._settled.clear()
        try:
            yield
        finally:
            self._front = None
            self._settled.set()

    @contextmanager
    def serving(self, service: "Service") -> Iterator[None]:
        self._service = service
        self._settled.set()
        try:
            yield
        finally:
            self._service = None

    def front(self) -> Front | None:
        return self._front

    def current(self) -> "Service | None":
        return self._service

    async def coming(self) -> "Service | None":
        """The service, waited for while it is loaded."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._settled.wait()
        return self._service

    def mount(self, app: web.Application) -> None:
        app.add_routes(
            [
                *pages.service_routes(self.front, self.current),
                *callback_routes(self._callback),
                *page_routes(self._pages),
            ]
        )
        app.add_subapp(PATH, api_app(self.coming))

    async def _pages(self) -> Pages | None:
        service = await self.coming()
        return service.pages if service else None

    def _callback(self) -> Callback | None:
        reception = self._front.reception if self._front else None
        return reception.callback if reception else None
