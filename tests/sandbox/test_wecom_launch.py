"""One flag brings WeCom up: the far side has it, and the service is told of it."""

import tomllib
from pathlib import Path

import pytest

from bot.sandbox.launch import Options, wecom_settings, write_config
from bot.sandbox.wecom.company import DESK
from bot.settings import load


def options(folder: Path, *, wecom: bool) -> Options:
    return Options(
        host="127.0.0.1",
        port=8088,
        data_dir=folder,
        seed=7,
        clients=10,
        market=False,
        service_port=8089,
        wecom=wecom,
    )


def test_without_the_flag_the_service_hears_nothing_of_it(tmp_path: Path) -> None:
    write_config(options(tmp_path, wecom=False))
    assert "wecom" not in tomllib.loads((tmp_path / "qidesk.toml").read_text())


def test_with_it_the_service_can_read_its_section(tmp_path: Path) -> None:
    write_config(options(tmp_path, wecom=True))
    wecom = load(tmp_path / "qidesk.toml", {}).wecom
    assert wecom is not None
    assert wecom.aibot is not None
    assert wecom.api_base == "http://127.0.0.1:8088/sim/wecom"
    assert wecom.aibot.ws_url == "ws://127.0.0.1:8088/sim/wecom/aibot"
    assert wecom.secret.get_secret_value() == DESK.secret
    assert set(wecom.robots) == {"g-risk", "g-hz"}


def test_secrets_from_the_environment_hold_for_the_far_side(tmp_path: Path) -> None:
    environ = {
        "QIDESK_WECOM__SECRET": "s",
        "QIDESK_WECOM__AGENT_ID": "7",
        "QIDESK_WECOM__AIBOT__BOT_ID": "b",
    }
    settings = wecom_settings(options(tmp_path, wecom=True), environ)
    assert (settings.desk.secret, settings.desk.agent_id, settings.bot.bot_id) == ("s", 7, "b")
    assert settings.callback_url == "http://127.0.0.1:8089/wecom/callback"


@pytest.mark.parametrize("name", ["TOKEN", "CORP_ID", "ENCODING_AES_KEY"])
def test_each_of_the_callbacks_secrets_can_be_given(tmp_path: Path, name: str) -> None:
    key = "b" * 42 + "U"
    settings = wecom_settings(options(tmp_path, wecom=True), {f"QIDESK_WECOM__{name}": key})
    assert key in (settings.corp_id, settings.desk.token, settings.desk.encoding_aes_key)
