"""The audit trail as cards."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from approvals.models import Deed
from bot.cards import text
from bot.cards.alert.history import WHAT_WORDS
from bot.cards.application import DEED_WORDS, SEEN
from bot.chat.message import Button, Card, Table
from crm.clients import PERSONAL_WORDS
from crm.people import ROLE_WORDS
from crm.trail import About, Entry

PAGE = 10
ACTIONS: Mapping[str, str] = {
    "alert.look": "查看预警",
    "application.attached": "上传申请材料",
    "application.filled": "填写申请",
    "application.papers": "查看证件",
    "application.see": "查看申请",
    "application.seen": "查看当时所见",
    "audit.archive": "归档审计",
    "branch.add": "新增营业部",
    "client.see": "查看资料",
    "client.reveal": "显示个人信息",
    "client.add": "新增客户",
    "client.import": "导入更新",
    "interaction.log": "记录沟通",
    "interaction.amend": "补充记录",
    "interaction.undo": "撤销记录",
    "task.add": "新建待办",
    "task.give": "新建待办",
    "task.move": "改待办时间",
    "task.done": "完成待办",
    "task.cancelled": "取消待办",
    "task.moot": "解除待办（无需处理）",
    "view.ask": "申请查看",
    "view.grant": "同意查看",
    "view.refuse": "拒绝查看",
    "handover": "交接",
    "staff.add": "新增员工",
    "staff.import": "导入员工",
    "staff.disable": "停用",
    "staff.enable": "启用",
    "staff.roles": "改角色",
    "staff.branch": "调动",
    "staff.deputy": "设代理人",
    "login.bind": "绑定账号",
    "login.unbind": "解除账号",
    "login.code": "取绑定码",
    "page.login": "登录页面",
    "change.ask": "提出更改",
    "change.confirm": "确认更改",
    "change.refuse": "不同意更改",
    "change.withdraw": "撤回更改",
    "change.read": "看过更改",
    "config.export": "导出配置",
    "flow.put": "新版流程",
    "calendar.load": "载入日历",
    "audit.read": "查审计",
    "health.look": "看健康",
    "deadletter.again": "重发死信",
    "db.restore": "恢复备份",
    "import.clients": "批量导入客户",
    "keys.rotate": "更换密钥",
    "login.locked": "绑定码多次输错",
    "search.rebuild": "重建搜索索引",
    "token.create": "新建接口令牌",
    **{f"alert.{what}": f"预警{word}" for what, word in WHAT_WORDS.items()},
    **{f"application.{deed.value}": f"申请{word}" for deed, word in DEED_WORDS.items()},
}
OBJECTS: Mapping[str, str] = {
    "alert": "预警",
    "application": "申请",
    "branch": "营业部",
    "change": "更改",
    "file": "文件",
    "flow": "流程",
    "heard": "收到的消息",
    "interaction": "记录",
    "key": "密钥",
    "out": "待发消息",
    "task": "待办",
    "token": "令牌",
}
THINGS: Mapping[str, str] = {  # what an action's own word says already
    "all:0": "全部操作",
    **dict.fromkeys(("audit", "calendar", "config", "login", "search", "store", "system"), ""),
}
DOCUMENTS: Mapping[str, str] = {
    "config": "配置",
    "flow": "开户审批时限",
    "handover": "交接",
    "ladder": "预警规则",
    "silence": "静默预警",
    "staff": "员工",
}
SYSTEM: Mapping[str, str] = {
    "system": "系统",
    "cli": "命令行",
    "dingtalk": "钉钉",
    "wecom": "企业微信",
    "sandbox": "演示数据",
    "shipped": "程序自带",
}
WORDS: Mapping[str, str] = {
    **{role.value: word for role, word in ROLE_WORDS.items()},
    **{kind.value: word for kind, word in PERSONAL_WORDS.items()},
}
VERDICTS = frozenset(
    f"application.{deed.value}"
    for deed in (Deed.APPROVED, Deed.COSIGNED, Deed.REJECTED, Deed.RETURNED)
)
DECIDED = VERDICTS | {f"application.{deed.value}" for deed in (Deed.HANDED, Deed.ASKED_COSIGN)}
MOST_OPENED = 3  # applications of a page whose cards can be looked at
MOST_SHOWN = 60  # characters of what was done
MOST_CHANGES = 3


def trail_card(
    about: About,
    span: str,
    span_word: str,
    entries: Sequence[Entry],
    count: int | None,
    shown: int,
    names: Mapping[str, str],
    now: datetime,
) -> Card:
    """``entries``: those of the page, and one more where another page follows. ``shown``: how many
    were on the pages before. ``span`` is carried by the button."""
    if not entries:
        return Card(title=f"没有记录 · {about.name} {span_word}")
    page = entries[:PAGE]
    last, goes_on = shown + len(page), len(entries) > PAGE
    how_many = "" if count is None else f" {count} 条"
    return Card(
        title=f"{about.name} · {span_word}{how_many}"
        + (f" · 第 {shown + 1}–{last} 条" if shown or goes_on else ""),
        table=Table(
            ("时间", "谁", "做了什么"),
            tuple(
                (text.soon(entry.at, now), _actor(entry, names), _did(entry, names))
                for entry in page
            ),
        ),
        buttons=(
            *([Button(f"trail:{about.key}:{span}:{page[-1].seq}:{last}", "下一页")] * goes_on),
            *_cards_decided_by(page),
        ),
        footer="个人号码不在审计里显示；这次查询已留痕",
    )


def _cards_decided_by(page: Sequence[Entry]) -> Iterator[Button]:
    """What approvers saw, of the applications that were decided on this page."""
    decided = [entry.object for entry in page if entry.action in DECIDED]
    for thing in list(dict.fromkeys(decided))[:MOST_OPENED]:
        number = thing.partition(":")[2]
        yield Button(f"case_seen:{number}", f"申请 {number} {SEEN}")


def _actor(entry: Entry, names: Mapping[str, str]) -> str:
    return names.get(entry.actor) or SYSTEM.get(entry.actor, entry.actor)


def _did(entry: Entry, names: Mapping[str, str]) -> str:
    """提出更改 9；预警规则；追保线 100% → 105%"""
    return text.cut("；".join((_deed(entry, names), *_told(entry, names))), MOST_SHOWN)


def _deed(entry: Entry, names: Mapping[str, str]) -> str:
    word = ACTIONS.get(entry.action, entry.action)
    kind, _, number = entry.object.partition(":")
    if entry.object in THINGS:
        thing = THINGS[entry.object]
    elif kind in OBJECTS:
        thing = number if OBJECTS[kind] in word else f"{OBJECTS[kind]} {number}"
    else:
        thing = names.get(entry.object, number)
    to = f"→ {_spelled(entry.detail['to'], names)}" if "to" in entry.detail else ""
    return " ".join(filter(None, (word, thing, to)))


def _told(entry: Entry, names: Mapping[str, str]) -> Iterator[str]:
    """The further parts that people ask for."""
    detail = entry.detail
    if entry.action in VERDICTS and (absent := detail.get("whom")):
        yield f"代 {_spelled(absent, names)}"
    if about := detail.get("about"):
        kind, _, name = str(about).partition(":")
        yield f"{DOCUMENTS.get(kind, kind)} {names.get(name, name)}".rstrip()
    for what, before, after in detail.get("lines", ())[:MOST_CHANGES]:
        yield f"{what} {before or '无'} → {after or '无'}"
    if "before" in detail or "after" in detail:
        before, after = (_spelled(detail.get(key), names) for key in ("before", "after"))
        yield f"{before} → {after}"
    for key in ("roles", "field"):
        if value := detail.get(key):
            yield _spelled(value, names)
    if level := detail.get("level"):
        yield str(level)
    if reason := detail.get("reason"):
        yield f"原因 {reason}"


def _spelled(value: Any, names: Mapping[str, str]) -> str:
    if not value:
        return "无"
    if isinstance(value, list):
        return "、".join(_spelled(each, names) for each in value[:6])
    spelled = str(value)
    try:
        return text.moment(datetime.fromisoformat(spelled))
    except ValueError:
        return names.get(spelled) or WORDS.get(spelled, spelled)
