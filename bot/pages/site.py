"""The pages and their cookies.

``/pages/NAME`` shows one; whoever is not signed in goes to ``/pages/login``, from there to the
chat program, and comes back by ``/pages/back/PLATFORM``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.pages import way_back
from bot.pages import html, sessions
from bot.pages.addresses import PATH
from bot.pages.login import LASTS, Attempt, Login, came_back, platform_of
from bot.pages.todo import todo
from crm.kernel.db import Store
from crm.kernel.errors import Outcome, OutsideError, UnknownPerson, UserError
from crm.people import Person

log = logging.getLogger(__name__)

SIGNED_IN: Final = "qidesk_page"
UNDER_WAY: Final = "qidesk_login"
LOGIN_SECONDS: Final = 10.0
WORDS: Final = {"wecom": "企业微信", "dingtalk": "钉钉"}
FOOT: Final = (
    '<form method="post" action="/pages/logout">'
    "期台 · 只有您自己看得到 · <button>退出</button></form>"
)

Page = Callable[[AsyncSession, Person], Awaitable[tuple[str, list[str]]]]
PAGES: Final[Mapping[str, Page]] = {"todo": todo}


class Site:
    """``public_url`` is where people's browsers find this service; the platforms send them back
    there only when its host is the application's trusted domain."""

    def __init__(self, store: Store, public_url: str, logins: Mapping[str, Login]) -> None:
        self._store = store
        self._public_url = public_url.rstrip("/")
        self._logins = logins

    async def show(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in PAGES:
            raise web.HTTPNotFound
        try:
            async with self._store.reading() as session:
                person = await sessions.whose(session, request.cookies.get(SIGNED_IN, ""))
                title, body = await PAGES[name](session, person)
        except UnknownPerson:
            return _to(f"{PATH}/login?page={name}")
        except UserError as error:
            return _said("不能查看", error.text, status=403)
        return _page(html.page(title, body, foot=FOOT))

    async def login(self, request: web.Request) -> web.Response:
        """Off to the chat program that shows the page, or the one that the person names."""
        name, asked = request.query.get("page", ""), request.query.get("by", "")
        if name not in PAGES:
            raise web.HTTPNotFound
        agent = request.headers.get("User-Agent", "")
        by = asked if asked in self._logins else platform_of(agent, self._logins)
        if not self._public_url or not self._logins:
            return _said("页面没有开通", "请联系系统管理员配置 [web] public_url", status=503)
        if not by:
            choices = (
                html.link(f"{PATH}/login?page={name}&by={one}", WORDS.get(one, one))
                for one in self._logins
            )
            return _page(html.sentence("登录期台", "请选择您用的办公软件", *choices))
        attempt = Attempt.begin(name, self._store.clock.now())
        back_to = way_back(self._public_url, by)
        response = _to(self._logins[by].address(back_to, attempt.state))
        self._set(response, UNDER_WAY, attempt.cookie, int(LASTS.total_seconds()))
        return response

    async def back(self, request: web.Request) -> web.Response:
        """From the chat program with a code, good once and in the browser that went there."""
        by, query = request.match_info["platform"], request.query
        cookie, now = request.cookies.get(UNDER_WAY, ""), self._store.clock.now()
        attempt = came_back(cookie, query.get("state", ""), now)
        code = query.get(self._logins[by].code_name, "") if by in self._logins else ""
        if attempt is None or not code:
            return self._over(_said("登录没有成功", "链接已过期，请回到会话重新打开", status=403))
        return self._over(await self._signed_in(by, code, attempt.page))

    async def logout(self, request: web.Request) -> web.Response:
        async with self._store.writing() as session:
            await sessions.end(session, request.cookies.get(SIGNED_IN, ""))
        response = _said("已退出", "再次打开卡片上的链接即可登录")
        response.del_cookie(SIGNED_IN, path=PATH)
        return response

    async def _signed_in(self, by: str, code: str, page: str) -> web.Response:
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                user = await self._logins[by].user(code)
            async with self._store.writing() as session:
                word = await sessions.begin(session, by, user)
        except UnknownPerson as error:
            return _said("不能查看", error.text, status=403)
        except (OutsideError, TimeoutError) as error:
            log.warning("a login by %s did not succeed: %s", by, error)
            refused = isinstance(error, OutsideError) and error.outcome is Outcome.REFUSED
            away = f"暂时连不上{WORDS.get(by, by)}，请稍后再试"
            again = html.link(f"{PATH}/{page}", "重新打开")
            text = html.sentence("登录没有成功", "登录已过期" if refused else away, again)
            return _page(text, status=403 if refused else 503)
        response = _to(f"{PATH}/{page}")
        self._set(response, SIGNED_IN, word, int(sessions.LASTS.total_seconds()))
        return response

    def _set(self, response: web.Response, name: str, value: str, seconds: int) -> None:
        """Lax, because the way back begins on the platform's page."""
        secure = self._public_url.startswith("https:")
        response.set_cookie(
            name, value, max_age=seconds, path=PATH, httponly=True, secure=secure, samesite="Lax"
        )

    @staticmethod
    def _over(response: web.Response) -> web.Response:
        """A login is answered once, however it went."""
        response.del_cookie(UNDER_WAY, path=PATH)
        return response


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=html.HEADERS)


def _said(title: str, text: str, status: int = 200) -> web.Response:
    return _page(html.sentence(title, text), status)


def _to(address: str) -> web.Response:
    headers = {**html.HEADERS, "Location": address}
    return web.Response(status=302, headers=headers)
