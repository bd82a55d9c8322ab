"""What only one of several processes does: it serves, delivers, watches the market and the clock.

The others hear and store, show pages, and wait for the lease. Whoever loses it to another becomes
one of these by building its service anew (``bot.commands.run``).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bot.app.running import running
from bot.app.service import Service
from bot.app.timetable import call_the_roll, schedule, watch_margins
from bot.chat.ports import Sender
from bot.store.bell import Bell
from bot.store.failure import will_pass

log = logging.getLogger(__name__)


class Lead:
    """``open`` it: at once where the lease is ours, else as soon as it is."""

    def __init__(
        self,
        service: Service,
        bell: Bell,
        senders: Mapping[str, Sender],
    ) -> None:
        self._service = service
        self._bell = bell
        schedule(service)
        self._watch = watch_margins(service, senders)
        call_the_roll(service)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        leads_now = self._service.lease.mine
        async with self._leading() if leads_now else running(self._stand_by()):
            yield

    async def _stand_by(self) -> None:
        if not await self._service.lease.ours():
            return
        async with self._leading():
            await asyncio.Event().wait()

    @asynccontextmanager
    async def _leading(self) -> AsyncIterator[None]:
        service = self._service
        async with AsyncExitStack() as stack:
            if service.front.wecom is not None:
                await service.front.wecom.load()
            sources = service.sources.values()
            await stack.enter_async_context(
                running(service.dispatcher.run(), *(service.book.run(source) for source in sources))
            )
            await service.desk.serve()
            stack.push_async_callback(service.desk.rest)  # what it says last is still delivered
            await stack.enter_async_context(running(self._answer_the_bell()))
            if sources:
                await stack.enter_async_context(running(self._watch.run()))
            await stack.enter_async_context(service.scheduler.open())
            service.leads = True
            yield

    async def _answer_the_bell(self) -> None:
        while True:
            await self._bell.wait()
            try:
                await self._service.desk.take_up()
                await self._service.dispatcher.take_up()
            except Exception as error:
                if not will_pass(error):
                    raise
                log.warning("waiting for the database: %s", type(error).__name__)
