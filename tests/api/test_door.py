"""Who may come in, and what is said at the door."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.models import ApiToken
from tests.api.conftest import Api, give_token

PROBLEM = "application/problem+json"


async def told(api: Api, token: str) -> tuple[int, str]:
    api.token = token
    answer = await api.get("alerts")
    if answer.status == 200:
        return 200, ""
    assert answer.content_type == PROBLEM
    return answer.status, (await answer.json())["detail"]


class TestGivenTokens:
    async def test_a_good_one_opens(self, api: Api) -> None:
        assert await told(api, api.token) == (200, "")

    @pytest.mark.parametrize(
        "header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer \udcff\udc80"]
    )
    async def test_without_one_nobody_comes_in(self, api: Api, header: str) -> None:
        headers = {"Authorization": header} if header else {}
        answer = await api.get("alerts", headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    async def test_an_unknown_one_is_told_so(self, api: Api) -> None:
        assert await told(api, "qd_nobody") == (401, "令牌无效，可能已被吊销")

    async def test_an_expired_one_is_told_so(self, api: Api) -> None:
        store = api.behind.store
        await give_token(store, "qd_old", ["risk:read"], expires_at=store.clock.now())
        status, detail = await told(api, "qd_old")
        assert (status, detail[:6]) == (401, "令牌已过期，")

    async def test_a_revoked_one_is_shut_out_at_once(self, api: Api) -> None:
        async with api.behind.store.writing() as session:
            await session.execute(update(ApiToken).values(revoked_at=api.clock.now()))
        assert (await told(api, api.token))[0] == 401

    async def test_a_token_does_what_its_scopes_say_and_no_more(self, api: Api) -> None:
        await give_token(api.behind.store, "qd_push", ["data:push"])
        assert await told(api, "qd_push") == (403, "令牌没有 risk:read（读风险与告警）权限")
        assert (await api.post("push/ticks", {"ticks": []})).status == 202

    async def test_it_ages(self, api: Api) -> None:
        api.clock.advance(timedelta(days=401))
        assert (await told(api, api.token))[0] == 401


class TestGivenAWrongAddress:
    @pytest.mark.parametrize("path", ["nothing", "accounts/1", "push"])
    async def test_it_is_not_found_in_the_same_form(self, api: Api, path: str) -> None:
        answer = await api.get(path)
        assert (answer.status, answer.content_type) == (404, PROBLEM)

    async def test_a_wrong_method_names_the_right_one(self, api: Api) -> None:
        answer = await api.get("push/snapshot")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
