"""DingTalk's login against a DingTalk that answers by script."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.platforms.dingtalk.api import Api, http_session
from bot.platforms.dingtalk.contacts import Contacts
from bot.platforms.dingtalk.oauth import Login
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import Outcome, OutsideError
from tests.fakes.dingtalk import (
    SECRETS,
    FakeDingTalk,
    cuts_the_answer,
    fake_dingtalk,
    refuses,
    says,
    shows_a_page,
)

USER_TOKEN = "/v1.0/oauth2/userAccessToken"
ME = "/v1.0/contact/users/me"
BY_UNION = "/topapi/user/getbyunionid"
CODE, PERSONAL = "code-of-wang-Zq9", "personal-token-Zq9"
NO_SCOPE = refuses("X", 403, accessdenieddetail={"requiredScopes": ["Contact.User.Read"]})


@pytest.fixture
async def far() -> AsyncIterator[FakeDingTalk]:
    async with fake_dingtalk() as fake:
        yield fake


@pytest.fixture
async def login(far: FakeDingTalk) -> AsyncIterator[Login]:
    settings = far.settings(authorize_base="https://login.dingtalk.com")
    clock = StoppedClock(datetime(2026, 11, 23, 4, tzinfo=UTC))
    async with http_session(settings) as http:
        api = Api(settings, http, clock)
        yield Login(settings, api, Contacts(api))


def known(far: FakeDingTalk, **result: Any) -> None:
    """A person comes back, and this is what our company's contacts say."""
    far.script(USER_TOKEN, says(200, {"accessToken": PERSONAL, "expireIn": 7200}))
    far.script(ME, says(200, {"nick": "王强", "unionId": "u-wang"}))
    far.script(BY_UNION, says(200, {"errcode": 0, "errmsg": "ok", "result": result}))


async def trouble(login: Login) -> OutsideError:
    try:
        await login.user(CODE)
    except OutsideError as error:
        return error
    raise AssertionError("somebody was signed in")


class TestTheWayThere:
    def test_the_address_is_dingtalks_with_all_that_it_asks_for(self, login: Login) -> None:
        address = urlsplit(login.address("https://desk.example.com/pages/back/dingtalk", "5a7e"))
        assert address[:3] == ("https", "login.dingtalk.com", "/oauth2/auth")
        assert parse_qs(address.query) == {
            "redirect_uri": ["https://desk.example.com/pages/back/dingtalk"],
            "response_type": ["code"],
            "client_id": ["dingdemo"],
            "scope": ["openid corpid"],
            "state": ["5a7e"],
            "prompt": ["consent"],
            "corpId": ["dingcorpdemo01"],
        }
        assert "openid%20corpid" in address.query

    async def test_without_a_company_people_choose_theirs(self, far: FakeDingTalk) -> None:
        settings = far.settings(corp_id="")
        async with http_session(settings) as http:
            api = Api(settings, http, StoppedClock(datetime(2026, 11, 23, 4, tzinfo=UTC)))
            address = Login(settings, api, Contacts(api)).address("https://x.example", "s")
        assert "corpId" not in parse_qs(urlsplit(address).query)


class TestWhoCameBack:
    async def test_a_member_is_known_by_the_id_in_our_company(
        self, far: FakeDingTalk, login: Login
    ) -> None:
        known(far, contact_type=0, userid="wangqiang")
        assert await login.user(CODE) == "wangqiang"
        [exchange], [me], [by_union] = far.to(USER_TOKEN), far.to(ME), far.to(BY_UNION)
        assert exchange.body == {
            "clientId": "dingdemo",
            "clientSecret": SECRETS[0],
            "code": CODE,
            "grantType": "authorization_code",
        }
        assert (me.method, me.headers["x-acs-dingtalk-access-token"]) == ("GET", PERSONAL)
        assert by_union.body == {"unionid": "u-wang"}
        assert by_union.query["access_token"] != PERSONAL

    @pytest.mark.parametrize("contact_type", [1, "1"])
    async def test_an_external_contact_is_an_outsider(
        self, far: FakeDingTalk, login: Login, contact_type: object
    ) -> None:
        known(far, contact_type=contact_type, userid="ext-1")
        assert await login.user(CODE) == ""

    @pytest.mark.parametrize("code", [60121, 33012])
    async def test_whom_our_company_does_not_know_is_an_outsider(
        self, far: FakeDingTalk, login: Login, code: int
    ) -> None:
        known(far)
        far.scripts[BY_UNION].clear()
        far.script(BY_UNION, says(200, {"errcode": code, "errmsg": "x"}))
        assert await login.user(CODE) == ""


class TestTrouble:
    async def test_a_code_that_is_good_no_more_is_refused(
        self, far: FakeDingTalk, login: Login
    ) -> None:
        far.script(USER_TOKEN, refuses("invalidParameter.authCode.notFound"))
        assert (await trouble(login)).outcome is Outcome.REFUSED
        assert far.to(ME) == []

    @pytest.mark.parametrize(
        ("path", "answer"),
        [
            (USER_TOKEN, refuses("invalidClientIdOrSecret")),
            (USER_TOKEN, refuses("system.busy", 500)),
            (USER_TOKEN, says(200, {"accessToken": None})),
            (USER_TOKEN, cuts_the_answer),
            (ME, NO_SCOPE),
            (ME, refuses("InvalidAuthentication")),
            (ME, says(200, {"nick": "王强"})),
            (ME, shows_a_page),
            (BY_UNION, says(200, {"errcode": 60011, "errmsg": "x"})),
            (BY_UNION, says(200, {"errcode": -1, "errmsg": "x"})),
            (BY_UNION, cuts_the_answer),
        ],
    )
    async def test_what_is_no_fault_of_the_code_is_not_put_on_it(
        self, far: FakeDingTalk, login: Login, path: str, answer: Any
    ) -> None:
        known(far, userid="wangqiang")
        far.scripts[path].clear()
        far.script(path, answer)
        assert (await trouble(login)).outcome is Outcome.RETRY

    @pytest.mark.parametrize("path", [USER_TOKEN, ME, BY_UNION])
    @pytest.mark.parametrize(
        "answer",
        [
            refuses("x", 403, message=f"{CODE} {PERSONAL} {SECRETS[0]}"),
            says(500, {"code": f"王强 {PERSONAL}", "message": CODE}),
            cuts_the_answer,
        ],
    )
    async def test_neither_code_nor_token_nor_secret_is_in_any_error_or_log_line(
        self,
        far: FakeDingTalk,
        login: Login,
        caplog: pytest.LogCaptureFixture,
        path: str,
        answer: Any,
    ) -> None:
        known(far, userid="wangqiang")
        far.scripts[path].clear()
        far.script(path, answer)
        with caplog.at_level(logging.DEBUG):
            error = await trouble(login)
        shown = f"{error!r} {error} {caplog.text}"
        hidden = (CODE, PERSONAL, "u-wang", "王强", *SECRETS)
        assert not [word for word in hidden if word in shown]
        assert error.__cause__ is None
