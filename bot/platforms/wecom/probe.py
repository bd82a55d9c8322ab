"""What ``qidesk check`` says of WeCom: each question one harmless call, each answer a sentence.

Nothing is shown to anybody: the questions name nobody and nothing, and the refusals are read.
"""

import base64
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import Final, Literal

from bot.platforms.wecom.api import Api
from bot.platforms.wecom.channels import SEND
from bot.platforms.wecom.contacts import USER
from bot.platforms.wecom.errors import NOBODY, advice
from bot.platforms.wecom.settings import WeComSettings
from crm.kernel.errors import Outcome, OutsideError

Level = Literal["ok", "warning", "wrong"]
Finding = tuple[Level, str]

PROBE_USER: Final = "qidesk-probe"
AGENT_DETAILS: Final = "/cgi-bin/agent/get"
KEY = re.compile(r"[a-zA-Z0-9]{43}")
TOKEN = re.compile(r"[a-zA-Z0-9]{1,32}")
ADDRESS: Final = (
    "回调能否送达只能由企业微信一侧确认：请在后台「接收消息」→「设置API接收」点保存，"
    "保存成功即为通过；收到第一条消息后 /readyz 会显示时间"
)
ROBOT: Final = "群机器人 {name}：未验证（验证会在群里发出消息）"


async def probe(settings: WeComSettings, api: Api) -> list[Finding]:
    """Every finding; those behind a failed log-in are left out. The bot is not connected: that
    would throw the running service out."""
    wrong = list(_settings(settings))
    if wrong:
        return wrong
    trouble = await _refusal(api.check_token())
    if trouble is not None:
        return [_no_token(trouble)]
    found: list[Finding] = [("ok", "企业微信凭证有效")]
    found += [finding async for finding in _with_token(settings, api)]
    if settings.aibot is None:
        found.append(("warning", "没有配置智能机器人 [wecom.aibot]：群里 @ 期台没有回应"))
    else:
        found.append(("ok", "智能机器人：未验证（验证会挤下运行中的服务），连接状态见 /readyz"))
    found += [("ok", ROBOT.format(name=name)) for name in settings.robots]
    return [*found, ("ok", ADDRESS)]


def _settings(settings: WeComSettings) -> list[Finding]:
    found: list[Finding] = []
    if not settings.agent_id.isdecimal():
        found.append(("wrong", "[wecom] agent_id 应是数字：见后台应用详情页的 AgentId"))
    if not TOKEN.fullmatch(settings.token):
        found.append(("wrong", "[wecom] token 应是 32 位以内的字母和数字：见「设置API接收」"))
    if not _is_key(settings.encoding_aes_key):
        found.append(("wrong", "[wecom] encoding_aes_key 应是 43 位字母和数字：见「设置API接收」"))
    return found


def _is_key(key: str) -> bool:
    with suppress(ValueError):
        return bool(KEY.fullmatch(key)) and len(base64.b64decode(f"{key}=")) == 32
    return False


async def _with_token(settings: WeComSettings, api: Api) -> AsyncIterator[Finding]:
    details = await _refusal(api.ask(AGENT_DETAILS, agentid=settings.agent_id))
    if details is not None and (why := advice(details)):
        yield ("wrong", why)
        return
    body = {"touser": PROBE_USER, "agentid": settings.agent, "msgtype": "text"}
    yield _sending(await _refusal(api.send(SEND, {**body, "text": {"content": "自检"}})))
    yield _contacts(await _refusal(api.ask(USER, userid=PROBE_USER)))


async def _refusal(call: Awaitable[object]) -> OutsideError | None:
    try:
        await call
    except OutsideError as error:
        return error
    return None


def _no_token(trouble: OutsideError) -> Finding:
    away = f"连不上企业微信（{trouble.code}）：请检查出网、代理和 [wecom] api_base"
    return ("wrong", advice(trouble) or away)


def _sending(trouble: OutsideError | None) -> Finding:
    """The refusal of a receiver who does not exist shows that everything else is right."""
    if trouble is None or trouble.code in ("81013", "invaliduser", *NOBODY):
        return ("ok", "应用可以发消息")
    if trouble.outcome is Outcome.REFUSED or advice(trouble):
        why = advice(trouble) or "请核对 agent_id 和应用是否启用"
        return ("wrong", f"应用不能发消息（{trouble.code}）：{why}")
    return ("warning", f"暂时无法确认应用能否发消息（{trouble.code}）")


def _contacts(trouble: OutsideError | None) -> Finding:
    if trouble is None or trouble.code in NOBODY:
        return ("ok", "可以读通讯录：成员停用或离职会被发现")
    return ("warning", f"不能读通讯录（{trouble.code}）：成员停用或离职不会自动失去权限")
