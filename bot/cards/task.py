"""Tasks as cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import text
from bot.chat.message import Button, Card, Fact, Style, Table, Tone
from crm.models import Task, TaskState

STATE = {
    TaskState.OPEN: ("待办", Tone.BLUE),
    TaskState.DONE: ("已完成", Tone.GREEN),
    TaskState.CANCELLED: ("已取消", Tone.GREY),
}


def task_card(task: Task, client: str, now: datetime, *, title: str = "待办") -> Card:
    """One task with what can be done about it."""
    word, tone = STATE[task.state]
    late = task.state is TaskState.OPEN and task.due_at <= now
    facts = [Fact("时间", text.due(task.due_at, now))]
    if client:
        facts.insert(0, Fact("客户", client))
    return Card(
        title=f"{title} · {text.cut(task.text, 40)}",
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


def task_list(rows: Sequence[Task], total: int, clients: Mapping[int, str], now: datetime) -> Card:
    """Open tasks by date, numbered; a number opens one."""
    if not rows:
        return Card(
            title="没有待办", text="发「待办 张三 周五 回访」或「提醒 明天下午三点 交报表」新建"
        )
    late = sum(task.due_at <= now for task in rows)
    lines = tuple(
        (
            str(n),
            text.due(task.due_at, now),
            clients.get(task.client_id or 0, ""),
            text.cut(task.text, 24),
        )
        for n, task in enumerate(rows, start=1)
    )
    more = f"，显示前 {len(rows)} 条" if total > len(rows) else ""
    return Card(
        title=f"{total} 条待办{more}",
        status=f"{late} 条到期" if late else "",
        tone=Tone.AMBER if late else Tone.GREY,
        table=Table(("", "时间", "客户", "事项"), lines),
        buttons=tuple(
            Button(f"task:{task.id}", str(n)) for n, task in enumerate(rows[:10], start=1)
        ),
        footer="点序号可完成、改时间或取消",
    )


def when_card(task: Task, choices: Sequence[datetime], now: datetime) -> Card:
    """Which moment instead: a tap, or a phrase such as 下周三下午三点."""
    return Card(
        title=f"改时间 · {text.cut(task.text, 30)}",
        text="点一个时间，或直接回复，例如：下周三下午三点",
        facts=(Fact("现在", text.due(task.due_at, now)),),
        buttons=tuple(
            Button(f"task_move:{task.id}:{int(at.timestamp())}", text.due(at, now))
            for at in choices
        ),
    )
