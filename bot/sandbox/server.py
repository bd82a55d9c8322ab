"""The far side as one aiohttp application, alone or inside another one."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.dingtalk.company import DingTalkSettings
from bot.sandbox.dingtalk.platform import DingTalk
from bot.sandbox.disk import Disk
from bot.sandbox.faults import Faults
from bot.sandbox.feed import Feed
from bot.sandbox.ground import Ground, Platform
from bot.sandbox.media import Media
from bot.sandbox.page import PAGE_DIR
from bot.sandbox.routes import ClockMoved, Far, SandboxRoutes
from bot.sandbox.screens import Screens
from bot.sandbox.wecom.company import WeComSettings
from bot.sandbox.wire import Wire
from bot.sandbox.world import World

log = logging.getLogger(__name__)

PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'"
STATIC = "/sandbox/static/"


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """``public_url`` is ``http://HOST:PORT``; "" takes the address that a caller used."""

    data_dir: Path
    public_url: str = ""
    seed: int = 7
    world: World = field(default_factory=World)
    dingtalk: DingTalkSettings = field(default_factory=DingTalkSettings)
    wecom: WeComSettings | None = None  # None: this sandbox has no WeCom
    far: Far | None = None  # market, clients and scenes
    on_clock: ClockMoved | None = None
    page_dir: Path | None = PAGE_DIR


def make_app(settings: SandboxSettings) -> web.Application:
    app = web.Application()
    add_routes(app, settings)
    return app


def add_routes(app: web.Application, settings: SandboxSettings) -> Ground:
    """Mount the far side on ``app``; it opens its disk now and closes with the app."""
    ground = lay_ground(settings)

    async def keep_disk(_app: web.Application) -> AsyncIterator[None]:
        yield
        ground.disk.close()

    app.cleanup_ctx.append(keep_disk)  # the first to open is the last to close
    dingtalk = DingTalk(ground, settings.dingtalk)
    app.add_routes(dingtalk.routes())
    platforms: list[Platform] = [dingtalk]
    if settings.wecom:
        platforms.append(add_wecom(app, ground, settings.wecom))
    far_side = SandboxRoutes(ground, platforms, settings.far, settings.on_clock)
    app.add_routes(far_side.routes())
    if settings.page_dir:
        add_page(app, settings.page_dir)

    async def let_go(_app: web.Application) -> None:
        ground.faults.clear()
        ground.feed.close()
        await dingtalk.close()

    app.on_shutdown.append(let_go)
    return ground


def add_wecom(app: web.Application, ground: Ground, settings: WeComSettings) -> Platform:
    """Its callbacks run as long as the app; they end before the disk closes."""
    from bot.sandbox.wecom.platform import WeCom  # noqa: PLC0415 - `serve` never loads wechatpy

    wecom = WeCom(ground, settings)

    async def call_back(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(wecom.run())
        task.add_done_callback(complain)
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def let_go(_app: web.Application) -> None:
        await wecom.close()

    app.add_routes(wecom.routes())
    app.cleanup_ctx.append(call_back)
    app.on_shutdown.append(let_go)
    return wecom


def complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("wecom's callbacks have stopped", exc_info=error)


def lay_ground(settings: SandboxSettings) -> Ground:
    disk = Disk(settings.data_dir, settings.seed)
    clock = SandboxClock(settings.data_dir / "clock.json")
    feed = Feed()
    return Ground(
        world=settings.world,
        disk=disk,
        clock=clock,
        screens=Screens(disk, clock, feed, settings.world),
        media=Media(disk, clock),
        faults=Faults(),
        wire=Wire(clock, feed),
        feed=feed,
        seed=settings.seed,
        public_url=settings.public_url.rstrip("/"),
    )


def add_page(app: web.Application, folder: Path) -> None:
    async def index(_request: web.Request) -> web.FileResponse:
        headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
        return web.FileResponse(folder / "index.html", headers=headers)

    async def to_index(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/sandbox/")

    async def ask_again(request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith(STATIC):  # an upgrade never mixes old modules with new ones
            response.headers["Cache-Control"] = "no-cache"

    app.router.add_get("/sandbox/", index)
    app.router.add_get("/sandbox", to_index)
    app.router.add_get("/", to_index)
    app.router.add_static(STATIC, folder)
    app.on_response_prepare.append(ask_again)
