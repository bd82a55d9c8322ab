"""What ``qidesk check`` finds, and what it says to do."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from sqlalchemy import delete, update

from bot.app.database import clock_of
from bot.commands import bulk, check, gateway
from bot.models import Meter
from bot.sandbox.dingtalk.company import DESK
from bot.sandbox.server import SandboxSettings, make_app
from bot.settings import DingTalk, Settings, SourceSettings, StoreSettings, WeCom
from crm.kernel.audit import AuditRow
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import Store
from crm.kernel.vault import Vault
from crm.models import StaffRole

NOWHERE = "http://127.0.0.1:9"


async def found(settings: Settings) -> dict[str, list[tuple[str, str]]]:
    by_part: dict[str, list[tuple[str, str]]] = {}
    for finding in await check.check(settings):
        by_part.setdefault(finding.part, []).append((finding.level, finding.text))
    return by_part


def with_dingtalk(settings: Settings, base: str = NOWHERE) -> Settings:
    dingtalk = DingTalk(
        client_id="c", client_secret=SecretStr("s3cret-word"), api_base=base, oapi_base=base
    )
    return settings.model_copy(update={"dingtalk": dingtalk})


def with_wecom(settings: Settings, base: str) -> Settings:
    """Of credentials that cannot be right."""
    wecom = WeCom.model_validate(
        {
            "corp_id": "c",
            "agent_id": "1",
            "api_base": base,
            **dict.fromkeys(("secret", "token", "encoding_aes_key"), "x"),
        }
    )
    return settings.model_copy(update={"wecom": wecom})


async def test_a_sound_store_is_said_to_be_so(settings: Settings, desk: Store) -> None:
    parts = await found(settings)
    for part in ("配置", "密钥", "数据库", "审计"):
        assert [level for level, _ in parts[part]] == ["ok"], part
    assert parts["平台"][0][0] == "wrong"  # nothing is configured to talk to


async def test_a_key_file_that_others_can_read_is_wrong(settings: Settings, desk: Store) -> None:
    settings.security.key_file.chmod(0o644)
    [(level, text)] = (await found(settings))["密钥"]
    assert (level, "chmod 600" in text) == ("wrong", True)


async def test_a_configuration_that_everybody_can_read_is_told(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "qidesk.toml"
    file.touch()
    for mode, level in ((0o600, "ok"), (0o640, "ok"), (0o644, "warning")):
        file.chmod(mode)
        first = (await check.check(settings, file))[0]
        assert (first.part, first.level) == ("配置", level), oct(mode)


async def test_a_store_without_people_says_how_the_first_admins_and_clients_come(
    settings: Settings, desk: Store
) -> None:
    async with desk.writing() as session:
        await session.execute(delete(StaffRole))
    parts = await found(settings)
    assert "qidesk staff add" in parts["管理员"][0][1]
    assert "qidesk import clients" in parts["客户"][0][1]


async def test_a_missing_key_file_does_not_hide_how_the_store_is(
    settings: Settings, desk: Store
) -> None:
    settings.security.key_file.unlink()
    parts = await found(settings)
    assert (parts["密钥"][0][0], parts["数据库"][0][0]) == ("wrong", "ok")


async def test_a_key_file_of_another_store_is_found(settings: Settings, desk: Store) -> None:
    settings.security.key_file.unlink()
    Vault.create(settings.security.key_file)
    assert (await found(settings))["审计"][0][0] == "wrong"


async def test_an_empty_store_asks_for_an_upgrade(settings: Settings, empty_url: str) -> None:
    empty = settings.model_copy(update={"store": StoreSettings(url=empty_url)})
    [(level, text)] = (await found(empty))["数据库"]
    assert (level, "qidesk db upgrade" in text) == ("wrong", True)


async def test_a_database_that_does_not_answer_is_wrong(settings: Settings) -> None:
    url = "postgresql+asyncpg://qidesk:s3cret-word@127.0.0.1:9/qidesk"
    parts = await found(settings.model_copy(update={"store": StoreSettings(url=url)}))
    assert parts["数据库"][0][0] == "wrong"
    assert "s3cret-word" not in str(parts)


async def test_a_changed_end_of_the_audit_chain_is_wrong_and_a_lost_head_a_warning(
    settings: Settings, desk: Store
) -> None:
    head = settings.head_file.read_text()
    settings.head_file.unlink()
    assert (await found(settings))["审计"][0][0] == "warning"
    settings.head_file.write_text(head)
    async with desk.writing() as session:
        await session.execute(update(AuditRow).values(hash=bytes(32)))
    assert (await found(settings))["审计"][0][0] == "wrong"


class TestTheCalendar:
    def test_the_shipped_one_is_announced_up_to_the_end_of_2026(self) -> None:
        assert Calendar.shipped_until() == date(2026, 12, 30)

    async def test_it_warns_sixty_days_before_it_ends(
        self, settings: Settings, desk: Store, tmp_path: Path
    ) -> None:
        today = clock_of(settings).now().astimezone(SHANGHAI).date()
        levels = []
        for last_day in (today + timedelta(days=400), today, today - timedelta(days=400)):
            until = date(last_day.year, 12, 31)
            weekday = until - timedelta(days=max(until.weekday() - 4, 0))
            path = tmp_path / "calendar.csv"
            path.write_text(f"date,kind,holiday\n{weekday},no_night,元旦\n")
            await bulk.calendar(settings, path)
            [(level, _)] = (await found(settings))["日历"]
            left = (until - today).days
            levels.append(level)
            assert level == ("wrong" if left < 0 else "warning" if left <= 60 else "ok")
        assert len(set(levels)) > 1


async def test_the_month_is_forecast_from_the_meter(settings: Settings, desk: Store) -> None:
    month = f"{clock_of(settings).now().astimezone(SHANGHAI):%Y-%m}"
    async with desk.writing() as session:
        session.add(Meter(platform="dingtalk", pool="api", month=month, count=4999))
        session.add(Meter(platform="dingtalk", pool="push", month=month, count=3000))
    api, push = (await found(with_dingtalk(settings)))["额度"]
    assert (push[0], "专业版" in push[1]) == ("wrong", True)
    assert "4,999" in api[1]
    assert api[0] in ("ok", "warning")  # on the last day of a month it may just suffice


@pytest.mark.parametrize(
    ("used", "day", "level"),
    [(100, 15, "ok"), (2600, 15, "warning"), (5000, 30, "wrong"), (4900, 30, "ok"), (160, 1, "ok")],
)
def test_a_forecast_goes_by_the_days_that_have_passed(used: int, day: int, level: str) -> None:
    now = datetime(2026, 11, day, 23, 59, tzinfo=SHANGHAI)
    assert check._forecast("接口调用", used, 5000, now).level == level


async def test_what_is_wrong_with_wecom_is_said(settings: Settings, desk: Store) -> None:
    told = (await found(with_wecom(settings, NOWHERE)))["企业微信"]
    assert {level for level, _ in told} == {"wrong"}
    assert any("encoding_aes_key" in text for _, text in told)


async def test_a_platform_and_a_source_out_of_reach_are_said_without_secrets(
    settings: Settings, desk: Store
) -> None:
    sources = {
        "a": SourceSettings(kind="sim", url=NOWHERE),
        "b": SourceSettings(kind="ctp"),
        "c": SourceSettings(kind="push"),
    }
    parts = await found(with_dingtalk(settings).model_copy(update={"sources": sources}))
    assert parts["时钟"][0][0] == "warning"
    levels = [parts[f"数据源 {name}"][0][0] for name in "abc"]
    assert levels == ["warning", "wrong", "ok"]
    assert parts["钉钉"][0][0] == "wrong"
    assert "s3cret-word" not in str(parts)


class Platform:
    """Answers with a clock of its own."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.status = 200
        self.url = ""

    async def answer(self, _request: web.Request) -> web.Response:
        told = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return web.json_response({}, status=self.status, headers={"Date": told})


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", platform.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield platform
    await runner.cleanup()


async def test_dingtalk_is_told_where_its_login_leads_back_to(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    far = TestServer(make_app(SandboxSettings(data_dir=tmp_path / "far", page_dir=None)))
    await far.start_server()
    base = f"{str(far.make_url('')).rstrip('/')}/sim/dingtalk"
    dingtalk = DingTalk(
        client_id=DESK.client_id,
        client_secret=SecretStr(DESK.client_secret),
        api_base=base,
        oapi_base=base,
    )
    web_section = settings.web.model_copy(update={"public_url": "https://desk.example.com/"})
    told = settings.model_copy(update={"dingtalk": dingtalk, "web": web_section})
    texts = [text for level, text in (await found(told))["钉钉"] if level == "ok"]
    await far.close()
    [told_of_pages] = [text for text in texts if "Contact.User.Read" in text]
    assert "https://desk.example.com/pages/back/dingtalk" in told_of_pages


async def test_with_wecom_alone_its_clock_is_asked(
    settings: Settings, desk: Store, platform: Platform
) -> None:
    platform.ahead = timedelta(seconds=30)
    told = (await found(with_wecom(settings, platform.url)))["时钟"]
    assert [level for level, _ in told] == ["warning"]


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [(400, "ok", "通到期台"), (404, "warning", "不是期台"), (503, "warning", "没有启动")],
)
async def test_the_callbacks_address_is_tried_by_its_refusal_of_nothing(
    settings: Settings, desk: Store, platform: Platform, status: int, level: str, words: str
) -> None:
    platform.status = status
    web_section = settings.web.model_copy(update={"public_url": platform.url})
    told = with_wecom(settings.model_copy(update={"web": web_section}), platform.url)
    [(found_level, text)] = (await found(told))["公网地址"]
    assert found_level == level
    assert words in text


async def test_an_address_that_is_missing_or_dead_is_told(settings: Settings, desk: Store) -> None:
    for url, words in (
        ("", "public_url"),
        (NOWHERE, "从本机打不开"),
        ("https://127.0.0.1:9", "证书"),
    ):
        web_section = settings.web.model_copy(update={"public_url": url})
        told = with_wecom(settings.model_copy(update={"web": web_section}), NOWHERE)
        found_here = (await found(told))["公网地址"]
        assert {level for level, _ in found_here} == {"warning"}
        assert words in found_here[0][1]


@pytest.mark.parametrize(
    ("until", "level"),
    [
        ("Jun  1 12:00:00 2027 GMT", "ok"),
        ("Nov 30 12:00:00 2026 GMT", "warning"),
        ("Nov  1 12:00:00 2026 GMT", "warning"),
        ("", "warning"),
    ],
)
def test_a_certificate_that_ends_soon_is_told(until: str, level: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert gateway.lasting("desk.example.com", until, now)[0] == level


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0.0, "ok"), (0.9, "ok"), (-0.9, "ok"), (4.0, "warning"), (-4.0, "warning")],
)
async def test_a_clock_that_is_off_by_more_than_a_second_is_told(
    settings: Settings, desk: Store, platform: Platform, ahead: float, level: str
) -> None:
    platform.ahead = timedelta(seconds=ahead)
    [(found_level, _)] = (await found(with_dingtalk(settings, platform.url)))["时钟"]
    assert found_level == level


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=50 << 20))


@pytest.mark.usefixtures("full_disk")
async def test_a_full_disk_is_wrong(settings: Settings, desk: Store) -> None:
    assert {level for level, _ in (await found(settings))["磁盘"]} == {"wrong"}
