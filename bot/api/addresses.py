"""The addresses of the API and who may ask each.

What answers questions takes long to load, its models above all: it is loaded by the first question,
in a thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import orjson
from aiohttp import web

from bot.api.problem import Problem, problems

if TYPE_CHECKING:
    from crm.kernel.db import Store
    from risk.book import Book
    from risk.sources.push import PushSource

PATH = "/api/"


class Behind(Protocol):
    """What the API asks of the service."""

    store: "Store"
    book: "Book"
    leads: bool  # else the market is another process's

    @property
    def pushes(self) -> "Mapping[str, PushSource]":
        """The sources that are pushed to, by name."""
        ...


Coming = Callable[[], Awaitable[Behind | None]]
"""The service once it is loaded, None when it is not there."""
Answer = Callable[[Behind, web.Request], Awaitable[web.Response]]
_modules: dict[str, ModuleType] = {}


def api_app(coming: Coming) -> web.Application:
    """To be mounted at ``PATH``."""
    app = web.Application(middlewares=[problems])
    guarded = partial(_guarded, coming)
    app.add_routes(
        [
            web.get("/docs", _docs),
            web.get("/v1/openapi.json", _openapi),
            web.post("/v1/push/snapshot", guarded("data:push", _snapshot)),
            web.post("/v1/push/ticks", guarded("data:push", _ticks)),
            web.get("/v1/accounts/{account}/risk", guarded("risk:read", _account)),
            web.post("/v1/risk/what-if", guarded("risk:read", _what_if)),
            web.get("/v1/alerts", guarded("risk:read", _alerts)),
        ]
    )
    return app


def _guarded(
    coming: Coming, scope: str, answer: Answer
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        behind = await coming()
        if behind is None:
            raise Problem(503, "期台正在启动，请稍后再试", headers={"Retry-After": "1"})
        if not behind.leads:
            raise Problem(503, "本进程备用，请交给另一个期台进程", headers={"Retry-After": "1"})
        door = await _module("door")
        await door.let_in(behind.store, request, scope)
        return await answer(behind, request)

    return handle


async def _snapshot(behind: Behind, request: web.Request) -> web.Response:
    push = await _module("push")
    told: web.Response = await push.snapshot(behind.pushes, request)
    return told


async def _ticks(behind: Behind, request: web.Request) -> web.Response:
    push = await _module("push")
    told: web.Response = await push.ticks(behind.pushes, request)
    return told


async def _account(behind: Behind, request: web.Request) -> web.Response:
    risk = await _module("risk")
    told: web.Response = await risk.account(behind.book, behind.store, request)
    return told


async def _what_if(behind: Behind, request: web.Request) -> web.Response:
    risk = await _module("risk")
    told: web.Response = await risk.stress(behind.book, behind.store, request)
    return told


async def _alerts(behind: Behind, request: web.Request) -> web.Response:
    risk = await _module("risk")
    told: web.Response = await risk.alerts(behind.store, request)
    return told


async def _docs(_: web.Request) -> web.Response:
    docs = await _module("docs")
    page = await asyncio.to_thread(docs.page)
    return web.Response(text=page, content_type="text/html", headers=docs.HEADERS)


async def _openapi(_: web.Request) -> web.Response:
    openapi = await _module("openapi")
    told = await asyncio.to_thread(openapi.document)
    return web.Response(body=orjson.dumps(told), content_type="application/json")


async def _module(name: str) -> ModuleType:
    """One of this package's, loaded when it is first asked for."""
    if name not in _modules:
        _modules[name] = await asyncio.to_thread(import_module, f"bot.api.{name}")
    return _modules[name]
