"""The addresses of the pages, known before what answers there is loaded."""

from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

PATH: Final = "/pages"


class Pages(Protocol):
    """``bot.pages.site.Site``."""

    async def login(self, request: web.Request) -> web.Response: ...

    async def back(self, request: web.Request) -> web.Response: ...

    async def logout(self, request: web.Request) -> web.Response: ...

    async def show(self, request: web.Request) -> web.Response: ...


Current = Callable[[], Pages | None]
"""The pages, None while the service is being built."""


def page_routes(current: Current) -> list[web.RouteDef]:
    """``/pages`` for a server that may listen before the service is up: 503 until then."""

    def there() -> Pages:
        site = current()
        if site is None:
            raise web.HTTPServiceUnavailable
        return site

    async def login(request: web.Request) -> web.Response:
        return await there().login(request)

    async def back(request: web.Request) -> web.Response:
        return await there().back(request)

    async def logout(request: web.Request) -> web.Response:
        return await there().logout(request)

    async def show(request: web.Request) -> web.Response:
        return await there().show(request)

    return [
        web.get(f"{PATH}/login", login),
        web.get(f"{PATH}/back/{{platform}}", back),
        web.post(f"{PATH}/logout", logout),
        web.get(f"{PATH}/{{name}}", show),
    ]
