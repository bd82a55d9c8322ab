"""Signing in to a page by the chat program, and being signed out again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select

from bot import leaving
from bot.models import PageSession
from bot.pages import sessions
from bot.pages.addresses import Coming, page_routes
from bot.pages.login import platform_of
from bot.pages.site import Site
from crm import tasks
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import Outcome, OutsideError
from crm.models import Login
from tests.fakes.broker import Broker

Client = TestClient[web.Request, web.Application]
PUBLIC = "http://desk.example.com"


@dataclass
class FakeLogin:
    """Codes are good once and name whoever they were made for."""

    code_name = "ticket"
    codes: dict[str, str] = field(
        default_factory=lambda: {"c1": "wangqiang", "c0": "", "cx": "who"}
    )
    trouble: OutsideError | None = None

    def address(self, back_to: str, state: str) -> str:
        return f"http://platform.example/authorize?back={back_to}&state={state}"

    async def user(self, code: str) -> str:
        if self.trouble is not None:
            raise self.trouble
        if code not in self.codes:
            raise OutsideError("login", "40029", Outcome.REFUSED)
        return self.codes.pop(code)


@dataclass
class Room:
    broker: Broker
    login: FakeLogin
    browser: Client
    clock: StoppedClock

    async def get(self, path: str, **headers: str) -> ClientResponse:
        return await self.browser.get(path, allow_redirects=False, headers=headers)

    async def leaves_for_login(self) -> str:
        """Goes off to the platform; the state to come back with."""
        away = await self.get("/pages/login?page=todo")
        assert away.status == 302
        query = parse_qs(urlsplit(away.headers["Location"]).query)
        assert query["back"] == [f"{PUBLIC}/pages/back/dingtalk"]
        return query["state"][0]

    async def comes_back(self, state: str, code: str = "c1") -> ClientResponse:
        return await self.get(f"/pages/back/dingtalk?ticket={code}&state={state}")

    async def signs_in(self, code: str = "c1") -> ClientResponse:
        return await self.comes_back(await self.leaves_for_login(), code)

    async def sessions(self) -> int:
        async with self.broker.store.reading() as session:
            return await session.scalar(select(func.count()).select_from(PageSession)) or 0


def at_once(site: Site | None) -> Coming:
    async def there() -> Site | None:
        return site

    return there


@pytest.fixture
async def room(broker: Broker, clock: StoppedClock) -> AsyncIterator[Room]:
    login = FakeLogin()
    site = Site(broker.store, PUBLIC, {"dingtalk": login})
    app = web.Application()
    app.add_routes(page_routes(at_once(site)))
    async with TestClient(TestServer(app), cookie_jar=CookieJar(unsafe=True)) as browser:
        yield Room(broker, login, browser, clock)


async def promise(room: Room, text: str, hours: float = 5, staff: str = "wangqiang") -> None:
    async with room.broker.store.writing() as session:
        await tasks.add(
            session,
            room.broker[staff],
            text=text,
            due_at=room.clock.now() + timedelta(hours=hours),
            client_id=room.broker.clients["张三"] if staff == "wangqiang" else None,
            source="test",
        )


class TestSigningIn:
    async def test_a_stranger_to_the_page_is_sent_to_sign_in_and_then_sees_it(
        self, room: Room
    ) -> None:
        await promise(room, "回访 <b>套保</b>")
        await promise(room, "别人的事", staff="limin")
        first = await room.get("/pages/todo")
        assert (first.status, first.headers["Location"]) == (302, "/pages/login?page=todo")
        back = await room.signs_in()
        assert (back.status, back.headers["Location"]) == (302, "/pages/todo")
        page = await room.get("/pages/todo")
        text = await page.text()
        assert page.status == 200
        assert "张三" in text
        assert "回访 &lt;b&gt;套保&lt;/b&gt;" in text
        assert "别人的事" not in text

    async def test_cookies_are_kept_from_scripts_and_other_sites(self, room: Room) -> None:
        back = await room.signs_in()
        [cookie] = [c for c in back.headers.getall("Set-Cookie") if c.startswith("qidesk_page=")]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/pages" in cookie
        assert "Max-Age=28800" in cookie

    async def test_behind_https_they_are_secure(self, room: Room, broker: Broker) -> None:
        site = Site(broker.store, "https://desk.example.com", {"dingtalk": room.login})
        app = web.Application()
        app.add_routes(page_routes(at_once(site)))
        async with TestClient(TestServer(app)) as browser:
            away = await browser.get("/pages/login?page=todo", allow_redirects=False)
        assert "Secure" in away.headers["Set-Cookie"]

    async def test_pages_are_not_kept_nor_framed_nor_load_anything(self, room: Room) -> None:
        await room.signs_in()
        page = await room.get("/pages/todo")
        assert page.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]

    async def test_the_store_holds_no_word_that_would_sign_anybody_in(self, room: Room) -> None:
        back = await room.signs_in()
        word = back.cookies["qidesk_page"].value
        async with room.broker.store.reading() as session:
            [row] = (await session.scalars(select(PageSession))).all()
        assert word not in (row.digest, row.staff, row.user)
        assert row.staff == "wangqiang"


class TestBeingRefused:
    async def test_a_code_is_good_once(self, room: Room) -> None:
        await room.signs_in()
        again = await room.signs_in()
        assert again.status == 403
        assert "已过期" in await again.text()

    async def test_a_way_back_that_another_browser_began_is_refused(self, room: Room) -> None:
        await room.leaves_for_login()
        answer = await room.comes_back("f" * 48)
        assert answer.status == 403
        assert await room.sessions() == 0
        assert "c1" in room.login.codes

    async def test_after_five_minutes_it_is_too_late(self, room: Room) -> None:
        state = await room.leaves_for_login()
        room.clock.advance(timedelta(minutes=5, seconds=1))
        assert (await room.comes_back(state)).status == 403

    async def test_a_login_is_answered_once(self, room: Room) -> None:
        state = await room.leaves_for_login()
        await room.comes_back(state)
        room.login.codes["c2"] = "wangqiang"
        assert (await room.comes_back(state, "c2")).status == 403

    @pytest.mark.parametrize("code", ["c0", "cx"])
    async def test_outsiders_and_strangers_are_told_so_without_data(
        self, room: Room, code: str
    ) -> None:
        answer = await room.signs_in(code)
        assert answer.status == 403
        assert "还没有开通期台" in await answer.text()
        assert await room.sessions() == 0

    async def test_a_platform_that_does_not_answer_is_no_refusal(self, room: Room) -> None:
        room.login.trouble = OutsideError("login", "TimeoutError", Outcome.RETRY)
        answer = await room.signs_in()
        assert answer.status == 503
        assert "暂时连不上钉钉" in await answer.text()

    async def test_whoever_may_not_have_tasks_sees_none(self, room: Room) -> None:
        room.login.codes["c1"] = "linlan"  # an audit admin
        await room.signs_in()
        page = await room.get("/pages/todo")
        assert page.status == 403
        assert "没有「待办」的权限" in await page.text()

    async def test_there_are_no_other_pages_and_no_way_out_to_other_hosts(self, room: Room) -> None:
        for path in ("/pages/secret", "/pages/login?page=//evil.example", "/pages/login"):
            assert (await room.get(path)).status == 404

    async def test_a_word_that_somebody_made_up_signs_nobody_in(self, room: Room) -> None:
        answer = await room.get("/pages/todo", Cookie="qidesk_page=made-up")
        assert answer.status == 302


class TestSigningOut:
    async def test_a_person_who_is_disabled_is_out_at_once(self, room: Room) -> None:
        await room.signs_in()
        async with room.broker.store.writing() as session:
            await leaving.leave(session, "wangqiang", by="test")
        assert (await room.get("/pages/todo")).status == 302

    async def test_an_account_that_is_somebody_elses_now_is_out_at_once(self, room: Room) -> None:
        await room.signs_in()
        async with room.broker.store.writing() as session:
            login = await session.get_one(Login, ("dingtalk", "wangqiang"))
            login.staff = "limin"
        assert (await room.get("/pages/todo")).status == 302

    async def test_after_eight_hours_one_signs_in_again(self, room: Room) -> None:
        await room.signs_in()
        room.clock.advance(timedelta(hours=8))
        assert (await room.get("/pages/todo")).status == 302
        async with room.broker.store.writing() as session:
            await sessions.sweep(session)
        assert await room.sessions() == 0

    async def test_one_can_sign_out(self, room: Room) -> None:
        await room.signs_in()
        assert (await room.browser.post("/pages/logout")).status == 200
        assert await room.sessions() == 0
        assert (await room.get("/pages/todo")).status == 302


class TestChoosing:
    @pytest.mark.parametrize(
        ("agent", "platform"),
        [
            ("Mozilla/5.0 wxwork/4.1.36 MicroMessenger/7.0.1", "wecom"),
            ("Mozilla/5.0 AliApp(DingTalk/7.6.0)", "dingtalk"),
            ("Mozilla/5.0 Firefox/150", ""),
        ],
    )
    def test_the_chat_program_that_shows_the_page_signs_in(self, agent: str, platform: str) -> None:
        both = {"wecom": FakeLogin(), "dingtalk": FakeLogin()}
        assert platform_of(agent, both) == platform
        assert platform_of(agent, {"wecom": FakeLogin()}) == "wecom"

    async def test_elsewhere_one_chooses(self, broker: Broker) -> None:
        site = Site(broker.store, PUBLIC, {"wecom": FakeLogin(), "dingtalk": FakeLogin()})
        app = web.Application()
        app.add_routes(page_routes(at_once(site)))
        async with TestClient(TestServer(app)) as browser:
            page = await browser.get("/pages/login?page=todo", allow_redirects=False)
            text = await page.text()
        assert page.status == 200
        assert "/pages/login?page=todo&amp;by=wecom" in text
        assert "钉钉" in text

    async def test_before_the_service_is_up_it_is_unavailable(self) -> None:
        app = web.Application()
        app.add_routes(page_routes(at_once(None)))
        async with TestClient(TestServer(app)) as browser:
            page = await browser.get("/pages/todo")
            text = await page.text()
        assert (page.status, page.content_type) == (503, "text/html")
        assert "期台正在启动" in text
