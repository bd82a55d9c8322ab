"""What the check says of a DingTalk that is set up well, badly or not at all."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.platforms.dingtalk.api import Api, http_session
from bot.platforms.dingtalk.probe import Finding, probe
from crm.kernel.clock import StoppedClock
from tests.fakes.dingtalk import (
    CARDS,
    CREATE,
    OPEN,
    TOKEN,
    FakeDingTalk,
    fake_dingtalk,
    refuses,
    says,
)

DOWNLOAD = "/v1.0/robot/messageFiles/download"
USER = "/topapi/v2/user/get"


@pytest.fixture
async def far() -> AsyncIterator[FakeDingTalk]:
    async with fake_dingtalk() as fake:
        fake.script(DOWNLOAD, refuses("invalidParameter.robotCode.downloadCode"))
        fake.script(USER, says(200, {"errcode": 33012, "errmsg": "no such user"}))
        yield fake


async def findings(far: FakeDingTalk, **changes: Any) -> list[Finding]:
    settings = far.settings(**changes)
    async with http_session(settings) as http:
        clock = StoppedClock(datetime(2026, 11, 23, 4, tzinfo=UTC))
        return await probe(settings, Api(settings, http, clock))


def trouble(found: list[Finding], level: str) -> str:
    return "\n".join(sentence for one, sentence in found if one == level)


async def test_a_good_installation_has_only_the_quota_to_warn_of(far: FakeDingTalk) -> None:
    found = await findings(far)
    assert trouble(found, "wrong") == ""
    assert "每月只有 5000 次" in trouble(found, "warning")
    assert len(trouble(found, "warning").splitlines()) == 1
    assert "发布" in trouble(found, "ok")


async def test_nothing_is_shown_to_anybody(far: FakeDingTalk) -> None:
    await findings(far)
    assert {call.path for call in far.calls} == {TOKEN, OPEN, DOWNLOAD, USER, CARDS}
    assert far.to(CREATE) == []


async def test_nothing_configured(far: FakeDingTalk) -> None:
    [(level, sentence)] = await findings(far, client_id="")
    assert level == "wrong"
    assert "client_id" in sentence


async def test_wrong_credentials_are_named_and_the_rest_left_out(far: FakeDingTalk) -> None:
    far.script(TOKEN, refuses("invalidClientIdOrSecret"))
    [(level, sentence)] = await findings(far)
    assert level == "wrong"
    assert "凭证" in sentence


async def test_a_host_out_of_reach_is_named_as_such(
    far: FakeDingTalk, unused_tcp_port: int
) -> None:
    [(level, sentence)] = await findings(far, api_base=f"http://127.0.0.1:{unused_tcp_port}")
    assert level == "wrong"
    assert "连不上" in sentence


@pytest.mark.parametrize(
    ("path", "answer", "level", "says_"),
    [
        (OPEN, refuses("authFailed", 401), "wrong", "Stream"),
        (
            CARDS,
            refuses("X", 403, accessdenieddetail={"requiredScopes": ["Card.Instance.Write"]}),
            "wrong",
            "Card.Instance.Write",
        ),
        (CARDS, refuses("param.templateNotExist"), "wrong", "不存在"),
        (CARDS, refuses("param.templateUnpublished"), "wrong", "还没有发布"),
        (CARDS, refuses("system.busy", 500), "warning", "暂时无法确认"),
        (CARDS, refuses("param.cardAlreadyExist"), "ok", "卡片模板存在"),
    ],
)
async def test_each_fault_has_its_sentence(
    far: FakeDingTalk, path: str, answer: Any, level: str, says_: str
) -> None:
    far.script(path, answer)
    assert says_ in trouble(await findings(far), level)


async def test_without_a_template_words_are_announced(far: FakeDingTalk) -> None:
    assert "卡片以文字" in trouble(await findings(far, templates={}), "warning")


async def test_with_pages_what_is_to_be_registered_for_their_login_is_told(
    far: FakeDingTalk,
) -> None:
    found = trouble(await findings(far, public_url="https://desk.example.com"), "ok")
    assert "https://desk.example.com/pages/back/dingtalk" in found
    assert "Contact.User.Read" in found


async def test_without_an_address_there_is_nothing_to_register(far: FakeDingTalk) -> None:
    found = trouble(await findings(far), "ok")
    assert "public_url" in found
    assert "Contact.User.Read" not in found


async def test_without_the_companys_id_it_is_asked_for(far: FakeDingTalk) -> None:
    assert "corp_id" in trouble(await findings(far, corp_id=""), "warning")


async def test_contacts_out_of_scope_are_a_warning(far: FakeDingTalk) -> None:
    far.scripts[USER].clear()
    far.script(USER, says(200, {"errcode": 60011, "errmsg": "x"}))
    assert "qyapi_get_member" in trouble(await findings(far), "warning")
