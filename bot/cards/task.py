"""Tasks as cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import text
from bot.chat.message import Audience, Button, Card, Fact, Style, Table, Tone
from crm.models import Task, TaskState

STATE = {
    TaskState.OPEN: ("待办", Tone.BLUE),
    TaskState.DONE: ("已完成", Tone.GREEN),
    TaskState.CANCELLED: ("已取消", Tone.GREY),
    TaskState.MOOT: ("已解除 · 无需处理", Tone.GREY),
}
NOBODY: Mapping[str, str] = {}
PAGE_OF_ALL = "/pages/todo"
PAGE = 8  # as many as one row of number buttons holds
IN_A_LIST = 24  # characters: an alert up to its degree


def task_card(
    task: Task,
    client: str,
    now: datetime,
    *,
    title: str = "待办",
    audience: Audience = Audience.PRIVATE,
) -> Card:
    """One task with what can be done about it; in a group without its words."""
    word, tone = STATE[task.state]
    late = task.state is TaskState.OPEN and task.due_at <= now
    what = text.quote(task.text, 40, audience)
    facts = [Fact("时间", text.due(task.due_at, now))]
    if client:
        facts.insert(0, Fact("客户", client))
    return Card(
        title=" · ".join(filter(None, (title, what))),
        status="已到期" if late else word,
        tone=Tone.AMBER if late else tone,
        facts=tuple(facts),
        buttons=_buttons(task) if task.state is TaskState.OPEN else (),
        subject=f"task:{task.id}",
    )


def _buttons(task: Task) -> tuple[Button, ...]:
    see = (Button(f"client:{task.client_id}", "看客户"),) if task.client_id else ()
    return (
        Button(f"task_done:{task.id}", "完成", Style.PRIMARY),
        Button(f"task_when:{task.id}", "改时间"),
        Button(f"task_cancel:{task.id}", "取消"),
        *see,
    )


def task_list(
    rows: Sequence[Task],
    total: int,
    first: int,
    clients: Mapping[int, str],
    now: datetime,
    *,
    audience: Audience = Audience.PRIVATE,
    only: int | None = None,
    absent: Mapping[str, str] = NOBODY,
) -> Card:
    """Open tasks by date, ``PAGE`` of ``rows`` from the one at ``first``; numbers go on from page
    to page, and a number opens one. ``only``: the client whose tasks these are. ``absent``: the
    names of those whom the reader stands in for."""
    whose = f"{clients.get(only, '')} · " if only else ""
    if not rows:
        return Card(
            title=f"{whose}没有待办",
            text="新建请发：待办 张三 周五 回访\n或：提醒 明天下午三点 交报表",
        )
    shown = rows[first : first + PAGE]
    numbered = list(enumerate(shown, start=first + 1))
    late = sum(task.due_at <= now for task in rows)
    part = "" if len(shown) == total else f" · 第 {first + 1}–{first + len(shown)} 条"
    columns = ("", "时间", "事项") if only else ("", "时间", "客户", "事项")
    return Card(
        title=f"{whose}{total} 条待办{part}",
        status=f"{late} 条到期" if late else "",
        tone=Tone.AMBER if late else Tone.GREY,
        table=Table(
            columns,
            tuple(
                (
                    str(n),
                    _when(task, now),
                    *(() if only else (clients.get(task.client_id or 0, text.NOTHING),)),
                    _what(task, absent, audience),
                )
                for n, task in numbered
            ),
        ),
        buttons=(
            *(Button(f"task:{task.id}", str(n)) for n, task in numbered),
            *_pages(len(rows), first, f":{only}" if only else ""),
        ),
        footer="点序号可完成、改时间或取消；也可以发「完成 1」",
        link=PAGE_OF_ALL if audience is Audience.PRIVATE and not only else "",
    )


def _what(task: Task, absent: Mapping[str, str], audience: Audience) -> str:
    """代 王强 · 交报表"""
    name = absent.get(task.staff, "")
    for_whom = f"代 {name}" if name else ""
    return " · ".join(filter(None, (for_whom, text.quote(task.text, IN_A_LIST, audience))))


def _when(task: Task, now: datetime) -> str:
    return ("到期 " if task.due_at <= now else "") + text.soon(task.due_at, now)


def _pages(count: int, first: int, whose: str) -> tuple[Button, ...]:
    before, after = max(0, first - PAGE), first + PAGE
    return (
        *((Button(f"tasks_page:{after}{whose}", "下一页"),) if after < count else ()),
        *((Button(f"tasks_page:{before}{whose}", "上一页"),) if first else ()),
    )


def when_card(task: Task, choices: Sequence[datetime], now: datetime, audience: Audience) -> Card:
    """Which moment instead: a tap, or a phrase such as 下周三下午三点."""
    what = text.quote(task.text, 30, audience)
    return Card(
        title=" · ".join(filter(None, ("改时间", what))),
        text="点一个时间，或直接回复，例如：下周三下午三点",
        facts=(Fact("原定", text.due(task.due_at, now)),),
        buttons=tuple(
            Button(f"task_move:{task.id}:{int(at.timestamp())}", text.due(at, now))
            for at in choices
        ),
        footer="10 分钟内有效",
    )
