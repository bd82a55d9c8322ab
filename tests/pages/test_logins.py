"""Every platform's login by which our pages are opened: our site, its adapter, and the simulated
platform, with real HTTP between them."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import func, select
from yarl import URL

from bot.chat.pages import way_back
from bot.models import PageSession
from bot.pages.addresses import page_routes
from bot.pages.login import Login
from bot.pages.site import Site
from bot.platforms.dingtalk.api import Api as DingTalkApi
from bot.platforms.dingtalk.api import http_session as dingtalk_session
from bot.platforms.dingtalk.contacts import Contacts
from bot.platforms.dingtalk.oauth import Login as DingTalkLogin
from bot.platforms.dingtalk.settings import DingTalkSettings
from bot.platforms.wecom.api import Api as WeComApi
from bot.platforms.wecom.api import http_session as wecom_session
from bot.platforms.wecom.oauth import Login as WeComLogin
from bot.platforms.wecom.settings import WeComSettings
from bot.sandbox.dingtalk import company as dingtalk
from bot.sandbox.server import SandboxSettings, make_app
from bot.sandbox.wecom import company as wecom
from crm import tasks
from crm.kernel.clock import SystemClock
from crm.models import Login as Account
from tests.conftest import Furnished
from tests.fakes.broker import Broker

CALL_SECONDS = 2.0
WRONG = "not-the-secret-Zq9"


async def dingtalk_login(stack: AsyncExitStack, base: str, secret: str) -> Login:
    app = dingtalk.DESK
    settings = DingTalkSettings(
        client_id=app.client_id,
        client_secret=secret or app.client_secret,
        corp_id=dingtalk.CORP_ID,
        api_base=f"{base}/sim/dingtalk",
        oapi_base=f"{base}/sim/dingtalk",
        authorize_base=f"{base}/sim/dingtalk",
    )
    http = await stack.enter_async_context(dingtalk_session(settings))
    api = DingTalkApi(settings, http, SystemClock(), call_seconds=CALL_SECONDS)
    return DingTalkLogin(settings, api, Contacts(api))


async def wecom_login(stack: AsyncExitStack, base: str, secret: str) -> Login:
    far = wecom.WeComSettings()
    settings = WeComSettings(
        corp_id=far.corp_id,
        agent_id=str(far.desk.agent_id),
        secret=secret or far.desk.secret,
        token=far.desk.token,
        encoding_aes_key=far.desk.encoding_aes_key,
        api_base=f"{base}/sim/wecom",
        authorize_base=f"{base}/sim/wecom",
    )
    http = await stack.enter_async_context(wecom_session(settings))
    api = WeComApi(settings, http, SystemClock(), call_seconds=CALL_SECONDS)
    return WeComLogin(settings, api)


LOGINS: dict[str, Callable[[AsyncExitStack, str, str], Any]] = {
    "dingtalk": dingtalk_login,
    "wecom": wecom_login,
}


@dataclass(frozen=True)
class Seen:
    """What a browser shows in the end."""

    status: int
    path: str
    text: str


@dataclass
class Room:
    """One platform, our site beside it, and a browser."""

    platform: str
    login: Login
    site: str
    far: TestServer
    browser: aiohttp.ClientSession
    broker: Broker

    async def leaves(self) -> URL:
        """Off to the platform: the page on which it asks who one is."""
        async with self.browser.get(f"{self.site}/pages/todo") as page:
            assert page.status == 200
            return page.url

    async def agrees(self, asked: URL, person: str = "wangqiang") -> URL:
        """The address by which the platform sends this person back."""
        chosen = asked.update_query(person=person)
        async with self.browser.get(chosen, allow_redirects=False) as away:
            assert away.status == 302
            return URL(away.headers["Location"])

    async def opens(self, address: URL | str) -> Seen:
        async with self.browser.get(address) as page:
            return Seen(page.status, page.url.path, await page.text())

    async def signs_in(self, person: str = "wangqiang") -> Seen:
        return await self.opens(await self.agrees(await self.leaves(), person))

    async def tells(self, what: str, **body: object) -> None:
        """The sandbox of this platform."""
        url = self.far.make_url(f"/sandbox/{what}")
        async with self.browser.post(url, json={"platform": self.platform, **body}) as answer:
            assert answer.status == 200, await answer.text()

    async def sessions(self) -> int:
        async with self.broker.store.reading() as session:
            return await session.scalar(select(func.count()).select_from(PageSession)) or 0


OpenRoom = Callable[..., Any]


@pytest.fixture
def broker_database(sqlite_broker: tuple[Furnished, str]) -> tuple[Furnished, str]:
    """One: test_pages has both, and who signs in is no matter of the database."""
    return sqlite_broker


@pytest.fixture(params=LOGINS)
async def open_room(
    request: pytest.FixtureRequest, broker: Broker, tmp_path: Path
) -> AsyncIterator[OpenRoom]:
    """A room of each platform in turn."""
    async with AsyncExitStack() as stack:

        async def open_one(secret: str = "") -> Room:
            platform = str(request.param)
            made = SandboxSettings(data_dir=tmp_path / "far", wecom=wecom.WeComSettings())
            far = TestServer(make_app(made))
            await far.start_server(access_log=None)  # addresses hold codes
            stack.push_async_callback(far.close)
            base = str(far.make_url("")).rstrip("/")
            login = await LOGINS[platform](stack, base, secret)
            app = web.Application()
            ours = TestServer(app)
            sites: list[Site] = []

            async def there() -> Site:
                return sites[0]

            app.add_routes(page_routes(there))
            await ours.start_server(access_log=None)
            stack.push_async_callback(ours.close)
            site = str(ours.make_url("")).rstrip("/")
            sites.append(Site(broker.store, site, {platform: login}))
            jar = aiohttp.CookieJar(unsafe=True)
            browser = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
            await _settle(broker, platform)
            return Room(platform, login, site, far, browser, broker)

        yield open_one


async def _settle(broker: Broker, platform: str) -> None:
    """Two members with an account on the platform and something to do."""
    async with broker.store.writing() as session:
        for staff, text in (("wangqiang", "回访套保"), ("limin", "补签合同")):
            await session.merge(Account(platform=platform, user=staff, staff=staff))
            due = broker.store.clock.now() + timedelta(hours=5)
            await tasks.add(session, broker[staff], text=text, due_at=due, source="test")


@pytest.fixture
async def room(open_room: OpenRoom) -> Room:
    found: Room = await open_room()
    return found


class TestAMember:
    async def test_is_asked_who_he_is_and_sees_his_page(self, room: Room) -> None:
        seen = await room.signs_in()
        assert (seen.status, seen.path) == (200, "/pages/todo")
        assert "回访套保" in seen.text
        assert "补签合同" not in seen.text
        assert await room.sessions() == 1

    async def test_comes_back_where_the_platform_was_told_to_send_him(self, room: Room) -> None:
        asked = await room.leaves()
        assert asked.query["redirect_uri"] == way_back(room.site, room.platform)
        back = await room.agrees(asked)
        assert str(back.with_query(None)) == way_back(room.site, room.platform)
        assert set(back.query) == {room.login.code_name, "state"}

    async def test_another_member_sees_his_own(self, room: Room) -> None:
        assert "补签合同" in (await room.signs_in("limin")).text
        async with room.broker.store.reading() as session:
            [row] = (await session.scalars(select(PageSession))).all()
        assert (row.staff, row.platform) == ("limin", room.platform)


class TestACode:
    async def test_is_not_taken_with_another_state_and_stays_good(self, room: Room) -> None:
        back = await room.agrees(await room.leaves())
        code = back.query[room.login.code_name]
        refused = await room.opens(back.update_query(state="f" * 48))
        assert (refused.status, await room.sessions()) == (403, 0)
        assert await room.login.user(code) == "wangqiang"

    async def test_is_not_taken_under_another_name_and_stays_good(self, room: Room) -> None:
        back = await room.agrees(await room.leaves())
        code, state = back.query[room.login.code_name], back.query["state"]
        refused = await room.opens(back.with_query({"ticket": code, "state": state}))
        assert (refused.status, await room.sessions()) == (403, 0)
        assert await room.login.user(code) == "wangqiang"

    async def test_is_not_taken_from_whoever_does_not_agree(self, room: Room) -> None:
        asked = await room.leaves()
        error = {"error": "access_denied", "state": asked.query["state"]}
        refused = await room.opens(URL(asked.query["redirect_uri"]).with_query(error))
        assert (refused.status, await room.sessions()) == (403, 0)
        assert "重新打开" in refused.text

    async def test_is_good_once(self, room: Room) -> None:
        first = await room.agrees(await room.leaves())
        code = first.query[room.login.code_name]
        assert (await room.opens(first)).status == 200
        room.browser.cookie_jar.clear()
        state = (await room.leaves()).query["state"]
        again = await room.opens(
            first.with_query({room.login.code_name: code, "state": state}),
        )
        assert (again.status, await room.sessions()) == (403, 1)
        assert "登录已过期" in again.text

    async def test_is_good_for_five_minutes(self, room: Room) -> None:
        back = await room.agrees(await room.leaves())
        await room.tells("clock", advance="5m")
        late = await room.opens(back)
        assert (late.status, await room.sessions()) == (403, 0)
        assert "登录已过期" in late.text


class TestWhoIsNoneOfOurs:
    async def test_an_outsider_sees_nothing(self, room: Room) -> None:
        seen = await room.signs_in("outsider")
        assert (seen.status, await room.sessions()) == (403, 0)
        assert "还没有开通期台" in seen.text

    async def test_a_colleague_without_an_account_here_sees_nothing(self, room: Room) -> None:
        seen = await room.signs_in("stranger")
        assert (seen.status, await room.sessions()) == (403, 0)
        assert "还没有开通期台" in seen.text

    async def test_who_has_left_the_company_sees_nothing(self, room: Room) -> None:
        """Whatever our own store still believes."""
        await room.tells("event", type="user_leave_org", data={"userId": ["wangqiang"]})
        seen = await room.signs_in()
        assert (seen.status, await room.sessions()) == (403, 0)
        assert "还没有开通期台" in seen.text


class TestTrouble:
    @pytest.mark.parametrize("kind", ["http_5xx", "half_body", "html", "throttle"])
    async def test_a_platform_that_fails_is_no_refusal_and_the_next_try_goes_well(
        self, room: Room, kind: str
    ) -> None:
        back = await room.agrees(await room.leaves())
        await room.tells("faults", kind=kind, count=20)
        seen = await room.opens(back)
        assert (seen.status, await room.sessions()) == (503, 0)
        assert "暂时连不上" in seen.text
        async with room.browser.delete(room.far.make_url("/sandbox/faults")) as mended:
            assert mended.status == 200
        assert (await room.signs_in()).status == 200

    async def test_a_platform_that_is_down_is_no_refusal(self, room: Room) -> None:
        back = await room.agrees(await room.leaves())
        await room.far.close()
        seen = await room.opens(back)
        assert (seen.status, await room.sessions()) == (503, 0)

    async def test_a_token_that_the_platform_dropped_is_fetched_anew(self, room: Room) -> None:
        await room.signs_in()
        room.browser.cookie_jar.clear()
        await room.tells("faults", kind="token_expired")
        assert (await room.signs_in()).status == 200

    async def test_a_wrong_secret_of_ours_is_not_put_on_the_person(
        self, open_room: OpenRoom, caplog: pytest.LogCaptureFixture
    ) -> None:
        room = await open_room(WRONG)
        seen = await room.signs_in()
        assert (seen.status, await room.sessions()) == (503, 0)
        assert WRONG not in caplog.text

    async def test_no_code_is_in_any_log_line(
        self, room: Room, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            back = await room.agrees(await room.leaves())
            assert (await room.opens(back)).status == 200
            room.browser.cookie_jar.clear()
            again = (await room.leaves()).query["state"]
            await room.opens(back.update_query(state=again))
        assert "did not succeed" in caplog.text
        assert back.query[room.login.code_name] not in caplog.text
