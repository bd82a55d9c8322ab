"""What ``qidesk check`` says of DingTalk: each question one harmless call, each answer a sentence.

Nothing is shown to anybody: a card is created and not delivered, the others ask for what does
not exist and read the refusal.
"""

from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, Literal

from bot.chat.pages import way_back
from bot.platforms.dingtalk.api import Api
from bot.platforms.dingtalk.client import CARDS, DOWNLOAD
from bot.platforms.dingtalk.contacts import USER
from bot.platforms.dingtalk.errors import NO_TEMPLATE, ScopeMissing
from bot.platforms.dingtalk.frames import SUBSCRIPTIONS
from bot.platforms.dingtalk.link import AGENT
from bot.platforms.dingtalk.settings import PLATFORM, DingTalkSettings
from crm.kernel.errors import Outcome, OutsideError

Level = Literal["ok", "warning", "wrong"]
Finding = tuple[Level, str]

NOBODY: Final = "qidesk-probe"
PROBE_CARD: Final = "qidesk-probe-card"
NO_CONTACTS: Final = frozenset({"60011", "50002", "50004"})

PUBLISHED: Final = (
    "提示：应用发布状态无法由接口查询：若同事看不到机器人，或消息里没有员工号，"
    "请在开发者后台「版本管理与发布」发布应用，可见范围选全员"
)
PAGES: Final = (
    "提示：「我的待办」页面由钉钉登录，下面两项无法由接口查询：请在开发者后台「安全设置」的"
    "重定向 URL（回调域名）登记 {address}，"
    "在「权限管理」的个人权限里开通「通讯录个人信息读权限」Contact.User.Read"
)
NO_PAGES: Final = "提示：没有填 [web] public_url：待办只在卡片里，没有「我的待办」页面"
NO_CORP: Final = "未配置 [dingtalk] corp_id：请填写开发者后台首页的 CorpId，别的企业的消息才会拒收"
QUOTA: Final = (
    "钉钉标准版全公司每月只有 5000 次接口调用和 3000 次消息推送，每发一条、每改一次卡片、"
    "每收一条都计数；超出试用规模请用专业版"
)


async def probe(settings: DingTalkSettings, api: Api) -> list[Finding]:
    """Every finding; those behind a failed log-in are left out."""
    if not (settings.client_id and settings.client_secret):
        return [("wrong", "钉钉未配置：请填写 [dingtalk] client_id 和 client_secret")]
    trouble = await _refusal(api.check_token())
    if trouble is not None:
        return [_no_token(trouble)]
    found: list[Finding] = [("ok", "钉钉凭证有效")]
    if not settings.corp_id:
        found.append(("warning", NO_CORP))
    found += [finding async for finding in _with_token(settings, api)]
    return [*found, ("ok", PUBLISHED), ("ok", _pages(settings.public_url)), ("warning", QUOTA)]


def _pages(public_url: str) -> str:
    return PAGES.format(address=way_back(public_url, PLATFORM)) if public_url else NO_PAGES


async def _with_token(settings: DingTalkSettings, api: Api) -> AsyncIterator[Finding]:
    yield _stream(await _refusal(api.open_stream(SUBSCRIPTIONS, AGENT)))
    file = {"downloadCode": NOBODY, "robotCode": settings.robot}
    robot = await _refusal(api.call("POST", DOWNLOAD, file, effect=False))
    yield _scope("发消息", "qyapi_robot_sendmsg", robot)
    person = await _refusal(api.old(USER, {"userid": NOBODY}))
    yield _contacts(person)
    if not settings.template:
        yield (
            "warning",
            "未配置卡片模板 [dingtalk.templates] desk：卡片以文字和口令代替，见 docs/dingtalk.md",
        )
        return
    yield _card(await _refusal(api.call("POST", CARDS, _card_body(settings), effect=False)))


async def _refusal(call: Awaitable[object]) -> OutsideError | None:
    try:
        await call
    except OutsideError as error:
        return error
    return None


def _no_token(trouble: OutsideError) -> Finding:
    if trouble.code in ("authFailed", "invalidClientIdOrSecret", "40089"):
        return (
            "wrong",
            "钉钉不认这对 client_id、client_secret：请核对开发者后台「凭证与基础信息」",
        )
    return (
        "wrong",
        f"连不上钉钉（{trouble.code}）：请检查出网、代理和 [dingtalk] api_base",
    )


def _stream(trouble: OutsideError | None) -> Finding:
    if trouble is None:
        return ("ok", "Stream 连接可以建立")
    return ("wrong", f"Stream 连接被拒（{trouble.code}）：请在应用里开启机器人并选 Stream 模式")


def _scope(what: str, scope: str, trouble: OutsideError | None) -> Finding:
    """Any refusal but a missing permission shows that the permission is there."""
    if isinstance(trouble, ScopeMissing):
        return ("wrong", f"缺少{what}的权限点：{'、'.join(trouble.scopes)}")
    if trouble is not None and trouble.outcome is not Outcome.REFUSED:
        return ("warning", f"暂时无法确认{what}的权限点 {scope}（{trouble.code}）")
    return ("ok", f"{what}的权限点 {scope} 已开通")


def _contacts(trouble: OutsideError | None) -> Finding:
    if trouble is not None and trouble.code in NO_CONTACTS:
        return (
            "warning",
            "缺少通讯录权限「成员信息读权限」qyapi_get_member：离职同步和页面登录不可用",
        )
    return _scope("读通讯录", "qyapi_get_member", trouble)


def _card(trouble: OutsideError | None) -> Finding:
    if trouble is None or trouble.code == "param.cardAlreadyExist":
        return ("ok", "卡片模板存在且已发布；它在手机上的样子请发一张卡片确认")
    if isinstance(trouble, ScopeMissing):
        return _scope("互动卡片", "Card.Instance.Write", trouble)
    if trouble.code in NO_TEMPLATE:
        why = "不存在" if trouble.code == "param.templateNotExist" else "还没有发布"
        return ("wrong", f"卡片模板{why}：请核对 [dingtalk.templates] desk，见 docs/dingtalk.md")
    return ("warning", f"暂时无法确认卡片模板（{trouble.code}）")


def _card_body(settings: DingTalkSettings) -> dict[str, Any]:
    """A card that is never delivered; the second time it exists already."""
    return {
        "cardTemplateId": settings.template,
        "outTrackId": f"{PROBE_CARD}-{settings.template}"[:100],
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": {"title": "期台自检", "rev": "1"}},
        "imRobotOpenSpaceModel": {"supportForward": False},
    }
