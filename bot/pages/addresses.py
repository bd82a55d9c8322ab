"""The addresses of the pages, known before what answers there is loaded."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from aiohttp import web

from bot.pages import html

PATH: Final = "/pages"


class Pages(Protocol):
    """``bot.pages.site.Site``."""

    async def login(self, request: web.Request) -> web.Response: ...

    async def back(self, request: web.Request) -> web.Response: ...

    async def logout(self, request: web.Request) -> web.Response: ...

    async def show(self, request: web.Request) -> web.Response: ...


Coming = Callable[[], Awaitable[Pages | None]]
"""The pages once they are loaded, None when the service is not there."""


def page_routes(coming: Coming) -> list[web.RouteDef]:
    """``/pages`` for a server that may listen before the service is up: 503 until then."""

    async def there() -> Pages:
        site = await coming()
        if site is None:
            text = html.sentence("期台正在启动", "请稍后再打开")
            raise web.HTTPServiceUnavailable(
                text=text, content_type="text/html", headers={**html.HEADERS, "Retry-After": "1"}
            )
        return site

    async def login(request: web.Request) -> web.Response:
        site = await there()
        return await site.login(request)

    async def back(request: web.Request) -> web.Response:
        site = await there()
        return await site.back(request)

    async def logout(request: web.Request) -> web.Response:
        site = await there()
        return await site.logout(request)

    async def show(request: web.Request) -> web.Response:
        site = await there()
        return await site.show(request)

    return [
        web.get(f"{PATH}/login", login),
        web.get(f"{PATH}/back/{{platform}}", back),
        web.post(f"{PATH}/logout", logout),
        web.get(f"{PATH}/{{name}}", show),
    ]
