"""A trial without a broker: the far side alone, or with the service in one process."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from bot.app.front import open_front
from bot.app.running import running
from bot.app.serve import serve_behind
from bot.app.service import Service
from bot.commands.invented import make_invented_store
from bot.commands.listening import listening
from bot.commands.run import Slot, calm
from bot.sandbox.launch import Options, far_side, write_config
from bot.settings import load

UPLOAD_LIMIT = 40 << 20

Say = Callable[[str], None]


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
        open_front(settings) as front,
        serve_behind(front) as service,
    ):
        with slot.filled(front), slot.serving(service):
            await front.connected()
            calm()
            yield service
