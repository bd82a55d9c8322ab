"""Settings: one tree, read once from ``qidesk.toml`` and the environment, by app and cli only.

``QIDESK_SECTION__KEY`` overrides the file. An unknown key is an error that names the nearest one.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from crm.kernel.errors import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "QIDESK_"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Section):
    url: str = Field(
        default="sqlite+aiosqlite:///qidesk.db",
        pattern=r"^(sqlite\+aiosqlite:///|postgresql\+asyncpg://).",
    )
    archive_dir: Path = Path("archive")
    inbox_days: int = Field(default=90, ge=7)  # messages that were handled
    ledger_days: int = Field(default=400, ge=31)  # what was sent, and cards on screens
    audit_days: int = Field(default=1830, ge=183)  # the trade wants half a year at hand


class WebSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""


class CustomRobot(Section):
    access_token: SecretStr
    secret: SecretStr = SecretStr("")


class DingTalk(Section):
    client_id: str
    client_secret: SecretStr
    robot_code: str = ""  # the same as client_id where empty
    corp_id: str = ""
    api_base: str = "https://api.dingtalk.com"
    oapi_base: str = "https://oapi.dingtalk.com"
    authorize_base: str = "https://login.dingtalk.com"  # where pages send people to sign in
    templates: dict[str, str] = {}  # desk = "….schema"
    risk_groups: list[str] = []  # conversation ids of the risk desk's groups
    robots: dict[str, CustomRobot] = {}
    connections: int = Field(default=2, ge=1, le=10)
    proxy: str = ""


class AiBot(Section):
    bot_id: str
    secret: SecretStr
    ws_url: str = "wss://openws.work.weixin.qq.com"
    name: str = ""  # what people mention


class WeCom(Section):
    corp_id: str
    agent_id: str
    secret: SecretStr
    token: SecretStr
    encoding_aes_key: SecretStr
    api_base: str = "https://qyapi.weixin.qq.com"
    authorize_base: str = "https://open.weixin.qq.com"  # where pages send people to sign in
    aibot: AiBot | None = None
    robots: dict[str, SecretStr] = {}  # keys of group robots by the group's name
    risk_groups: list[str] = []  # chat ids of the risk desk's groups
    app_chats: list[str] = []  # groups that the application made itself
    card_url: str = "https://work.weixin.qq.com/"  # where a card without buttons leads
    clickable: bool = True  # False without a callback: then cards have no buttons
    member_minute: int = Field(default=29, ge=1)
    member_hour: int = Field(default=990, ge=1)
    bot_minute: int = Field(default=29, ge=1)
    bot_hour: int = Field(default=990, ge=1)
    robot_minute: int = Field(default=19, ge=1)
    chat_minute: int = Field(default=190, ge=1)
    chat_day: int = Field(default=9_500, ge=1)
    proxy: str = ""


class Security(Section):
    key_file: Path = Path("qidesk.keys")
    head_file: Path | None = None  # beside the key file where empty
    algorithm: Literal["aes-256-gcm", "sm4-gcm"] = "aes-256-gcm"


class SourceSettings(Section):
    kind: Literal["sim", "cfmmc", "ctp", "esunny", "statement", "sql", "push"]
    url: str = ""
    poll_seconds: float = Field(default=1.0, gt=0)
    fresh_seconds: float = Field(default=30.0, gt=0)  # of trading time without a word, then stale


class CalendarSettings(Section):
    warn_days: int = 60


class RiskSettings(Section):
    on_duty: list[str] = []  # staff ids; the whole desk where empty
    house_line: Decimal = Field(default=Decimal("0.95"), gt=0, le=1)  # where a called client goes
    usable_profit: Literal["both", "losses", "gains", "none"] = "both"  # in available funds


class LimitSettings(Section):
    amount: float = Field(gt=0)
    seconds: float = Field(gt=0)


class OutboxSettings(Section):
    limits: dict[str, LimitSettings] = {}
    month_quota: dict[str, int] = {}  # pool -> calls a month, for the forecast


class SandboxSection(Section):
    """Present only beside simulated platforms; opens the control endpoint."""

    url: str
    secret: SecretStr
    clock_file: Path
    seed: int = 7
    clients: int = 2000


class Settings(Section):
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    dingtalk: DingTalk | None = None
    wecom: WeCom | None = None
    security: Security = Security()
    sources: dict[str, SourceSettings] = {}
    calendar: CalendarSettings = CalendarSettings()
    outbox: OutboxSettings = OutboxSettings()
    risk: RiskSettings = RiskSettings()
    sandbox: SandboxSection | None = None

    @property
    def head_file(self) -> Path:
        return self.security.head_file or self.security.key_file.with_suffix(".head")


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError, which says what is wrong and where."""
    tree: dict[str, Any] = {}
    where = str(path) if path else "环境变量"
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SettingsError(
                f"找不到配置文件 {path}：请照 deploy/qidesk.example.toml 写一份，"
                "或用 --config 指出它在哪里"
            ) from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"配置文件 {path} 不是 UTF-8 编码的 TOML") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"配置文件 {path} {_place(error)}不是有效的 TOML") from error
    for name, value in environ.items():
        if name.startswith(PREFIX) and "__" in name:
            _put(tree, name.removeprefix(PREFIX).lower().split("__"), value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_sentence(error, where)) from None
    return _absolute(settings, path.parent if path else Path.cwd())


LISTS = frozenset({"risk_groups", "app_chats", "on_duty"})  # in an environment: comma-separated


def _put(tree: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"环境变量 {PREFIX}{'__'.join(keys).upper()}：{key} 不是一个配置段")
    parts = (part.strip() for part in value.split(","))
    tree[keys[-1]] = [part for part in parts if part] if keys[-1] in LISTS else value


def _absolute(settings: Settings, base: Path) -> Settings:
    """Relative paths count from the configuration file."""
    base = base.resolve()
    url = settings.store.url
    marker = ":///"
    if url.startswith("sqlite") and marker in url and not url.split(marker, 1)[1].startswith("/"):
        scheme, file = url.split(marker, 1)
        url = f"{scheme}{marker}{base / file}"
    store = settings.store.model_copy(
        update={"url": url, "archive_dir": base / settings.store.archive_dir}
    )
    security = settings.security.model_copy(
        update={
            "key_file": base / settings.security.key_file,
            "head_file": base / settings.head_file,
        }
    )
    return settings.model_copy(update={"store": store, "security": security})


def _sentence(error: ValidationError, where: str) -> str:
    """The first thing that is wrong, in one sentence; values are never shown."""
    first = error.errors(include_input=False, include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    dotted = ".".join(path)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _known_keys(path[:-1]), n=1, cutoff=0.5)
        hint = f"，是不是 {near[0]}？" if near else ""
        return f"{where}：不认识的配置项 {dotted}{hint}"
    if first["type"] == "missing":
        by_environment = PREFIX + "__".join(path).upper()
        return f"{where}：缺少配置项 {dotted}，也可以用环境变量 {by_environment}"
    return f"{where}：配置项 {dotted} 的值不对：{_wanted(first)}"


def _place(error: tomllib.TOMLDecodeError) -> str:
    found = re.search(r"line (\d+), column (\d+)", str(error))
    return f"第 {found[1]} 行第 {found[2]} 列" if found else "到末尾还没有写完，"


WANTED = {  # by pydantic's names of what is wrong, or their first word
    "bool": "应为 true 或 false",
    "decimal": "应为数字",
    "dict": "应为配置段",
    "float": "应为数字",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "int": "应为整数",
    "less_than_equal": "不能大于 {le}",
    "list": "应为列表",
    "model": "应为配置段",
    "path": "应为文件路径",
    "string": "应为带引号的文字",
    # of store.url, the only one that has a pattern
    "string_pattern_mismatch": "应以 sqlite+aiosqlite:/// 或 postgresql+asyncpg:// 开头",
}


def _wanted(wrong: "ErrorDetails") -> str:
    kind, told = wrong["type"], wrong.get("ctx", {})
    if kind == "literal_error":
        return f"应为 {str(told['expected']).replace(' or ', ', ').replace(', ', '、')} 之一"
    words = WANTED.get(kind) or WANTED.get(kind.partition("_")[0])
    return words.format(**told) if words else wrong["msg"]


def _known_keys(path: list[str]) -> list[str]:
    model: Any = Settings
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return list(getattr(model, "model_fields", {}))
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), None)
    return list(getattr(model, "model_fields", {}))
