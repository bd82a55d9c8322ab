"""The audit trail as cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import text
from bot.cards.alert import WHAT_WORDS
from bot.cards.application import DEED_WORDS
from bot.chat.message import Button, Card, Table
from crm.trail import About, Entry

PAGE = 10
ACTIONS: Mapping[str, str] = {
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
    "application.papers": "查看证件",
    "alert.look": "查看预警",
    **{f"alert.{what}": f"预警{word}" for what, word in WHAT_WORDS.items()},
    **{f"application.{deed.value}": f"申请{word}" for deed, word in DEED_WORDS.items()},
}
OBJECTS: Mapping[str, str] = {
    "alert": "预警",
    "application": "申请",
    "change": "更改",
    "interaction": "记录",
    "task": "待办",
}
SYSTEM: Mapping[str, str] = {"system": "系统", "cli": "命令行", "dingtalk": "钉钉", "wecom": "企微"}


def trail_card(
    about: About,
    days: int,
    entries: Sequence[Entry],
    count: int,
    shown: int,
    names: Mapping[str, str],
    now: datetime,
) -> Card:
    """``shown``: how many were on the pages before."""
    if not entries:
        return Card(title=f"{about.name} 近 {days} 天没有记录")
    last = shown + len(entries)
    return Card(
        title=f"{about.name} · 近 {days} 天 {count} 条"
        + ("" if count == len(entries) else f" · 第 {shown + 1}–{last} 条"),
        table=Table(
            ("时间", "谁", "做了什么"),
            tuple(
                (text.soon(entry.at, now), _actor(entry, names), _what(entry, names))
                for entry in entries
            ),
        ),
        buttons=(
            (Button(f"trail:{about.key}:{days}:{entries[-1].seq}:{last}", "下一页"),)
            if last < count
            else ()
        ),
        footer="个人号码不在审计里显示；这次查询已留痕",
    )


def _actor(entry: Entry, names: Mapping[str, str]) -> str:
    return names.get(f"staff:{entry.actor}") or SYSTEM.get(entry.actor, entry.actor)


def _what(entry: Entry, names: Mapping[str, str]) -> str:
    kind, _, number = entry.object.partition(":")
    spelled = f"{OBJECTS[kind]} {number}" if kind in OBJECTS else entry.object
    thing = names.get(entry.object, spelled)
    word = ACTIONS.get(entry.action, entry.action)
    return " ".join(filter(None, (word, thing, entry.detail)))
