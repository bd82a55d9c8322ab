"""What a configuration means, and how a wrong one is told."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from bot.settings import LISTS, Settings, load
from crm.kernel.errors import SettingsError

SECRET = "app-secret-Zq9"
WHOLE = """
[store]
url = "sqlite+aiosqlite:///data/qidesk.db"
[dingtalk]
client_id = "dingabc"
client_secret = "app-secret-Zq9"
[sources.main]
kind = "sim"
url = "http://127.0.0.1:8088"
[outbox.limits."dingtalk:app"]
amount = 20
seconds = 1
"""


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    (tmp_path / "qidesk.toml").write_text(text, encoding="utf-8")
    return load(tmp_path / "qidesk.toml", environ)


def trouble(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as told:
        read(tmp_path, text, **environ)
    return str(told.value)


def test_nothing_configured_is_a_service_without_platforms(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert settings.dingtalk is None
    assert settings.wecom is None
    assert settings.sources == {}


def test_relative_paths_count_from_the_configuration_file(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    assert settings.store.url == f"sqlite+aiosqlite:///{tmp_path}/data/qidesk.db"
    assert settings.store.archive_dir == tmp_path / "archive"
    assert settings.security.key_file == tmp_path / "qidesk.keys"
    assert settings.head_file == tmp_path / "qidesk.head"


def test_absolute_paths_and_servers_stay_as_they_are(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://qidesk@db/qidesk"
    text = f'[store]\nurl = "{url}"\n[security]\nkey_file = "/etc/qidesk/keys"\n'
    settings = read(tmp_path, text)
    assert settings.store.url == url
    assert settings.security.key_file == Path("/etc/qidesk/keys")
    sqlite = read(tmp_path, '[store]\nurl = "sqlite+aiosqlite:////var/qidesk.db"\n')
    assert sqlite.store.url == "sqlite+aiosqlite:////var/qidesk.db"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        WHOLE,
        QIDESK_DINGTALK__CLIENT_ID="dingxyz",
        QIDESK_DINGTALK__RISK_GROUPS="cid1, cid2",
        QIDESK_WEB__PORT="9000",
        QIDESK_SOURCES__PUSHED__KIND="push",
        QIDESK_CONFIG="ignored",
    )
    assert settings.dingtalk is not None
    assert settings.dingtalk.client_id == "dingxyz"
    assert settings.dingtalk.risk_groups == ["cid1", "cid2"]
    assert settings.web.port == 9000
    assert settings.sources["pushed"].kind == "push"
    assert settings.sources["main"].kind == "sim"


def test_every_list_can_be_written_in_the_environment() -> None:
    """Of whatever section: comma-separated, and empty for none."""

    def lists(model: type[BaseModel]) -> set[str]:
        found = set()
        for name, field in model.model_fields.items():
            if field.annotation == list[str]:
                found.add(name)
            for kind in (field.annotation, *get_args(field.annotation)):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    found |= lists(kind)
        return found

    assert lists(Settings) == LISTS


def test_a_list_in_the_environment_may_be_empty(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE, QIDESK_RISK__ON_DUTY="").risk.on_duty == []
    named = read(tmp_path, WHOLE, QIDESK_RISK__ON_DUTY="chenxi ,,fengjun")
    assert named.risk.on_duty == ["chenxi", "fengjun"]


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    assert SECRET not in repr(settings)
    assert settings.dingtalk is not None
    assert settings.dingtalk.client_secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[web]\nprot = 1\n", "web.prot，是不是 port？"),
        ("[dingtak]\n", "dingtak，是不是 dingtalk？"),
        ("[store]\nurll = 'x'\n", "store.urll，是不是 url？"),
        ("[sources.main]\nkind = 'sim'\nurk = 'x'\n", "sources.main.urk，是不是 url？"),
        (
            WHOLE.replace("client_id", "clientid"),
            "dingtalk",
        ),
        ("[web]\nzzz = 1\n", "不认识的配置项 web.zzz"),
        (
            "[dingtalk]\nclient_secret = 'x'\n",
            "dingtalk.client_id，也可以用环境变量 QIDESK_DINGTALK__CLIENT_ID",
        ),
        ("[web]\nport = 70000\n", "配置项 web.port 的值不对：不能大于 65535"),
        ("[web]\nport = 'x'\n", "配置项 web.port 的值不对：应为整数"),
        ("[calendar]\nwarn_days = 1.5\n", "配置项 calendar.warn_days 的值不对：应为整数"),
        ("[risk]\nhouse_line = 'x'\n", "配置项 risk.house_line 的值不对：应为数字"),
        ("[risk]\nhouse_line = 0\n", "配置项 risk.house_line 的值不对：应大于 0"),
        ("[risk]\non_duty = 3\n", "配置项 risk.on_duty 的值不对：应为列表"),
        ("[store]\ninbox_days = 1\n", "配置项 store.inbox_days 的值不对：不能小于 7"),
        ("[store]\nurl = 1\n", "配置项 store.url 的值不对：应为带引号的文字"),
        ("[store]\nurl = 'mysql://x'\n", "store.url 的值不对：应以 sqlite+aiosqlite:/// 或"),
        ("[store]\nurl = ''\n", "store.url 的值不对：应以 sqlite+aiosqlite:/// 或"),
        ("[security]\nkey_file = 1\n", "配置项 security.key_file 的值不对：应为文件路径"),
        (
            "[security]\nalgorithm = 'x'\n",
            "配置项 security.algorithm 的值不对：应为 'aes-256-gcm'、'sm4-gcm' 之一",
        ),
        ("[sources.main]\nkind = 'mysql'\n", "配置项 sources.main.kind 的值不对：应为 'sim'、"),
        ("web = 3\n", "配置项 web 的值不对：应为配置段"),
        ("sources = 3\n", "配置项 sources 的值不对：应为配置段"),
        ("[web]\n\nport = x\n", "第 3 行第 8 列不是有效的 TOML"),
        ("[web", "到末尾还没有写完，不是有效的 TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    sentence = trouble(tmp_path, text)
    assert told in sentence
    assert "qidesk.toml" in sentence
    assert "\n" not in sentence


def test_a_wrong_value_is_not_repeated(tmp_path: Path) -> None:
    wrong = WHOLE.replace('client_secret = "app-secret-Zq9"', 'client_secret = ["app-secret-Zq9"]')
    assert SECRET not in trouble(tmp_path, wrong)


def test_an_environment_that_contradicts_the_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    assert "web" in trouble(tmp_path, "web = 3\n", QIDESK_WEB__PORT="9000")


def test_a_file_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="找不到配置文件"):
        load(tmp_path / "none.toml", {})


def test_a_file_that_is_not_utf8_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "qidesk.toml").write_bytes("[store]\n# 库\n".encode("gb18030"))
    with pytest.raises(SettingsError, match="TOML"):
        load(tmp_path / "qidesk.toml", {})
