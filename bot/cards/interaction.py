"""Logged talks as cards."""

from collections.abc import Sequence
from datetime import datetime

from bot.cards import text
from bot.chat.message import Audience, Button, Card, Fact, Section, Style, Tone
from crm.interactions import CHANNEL_WORDS, UNDO_WINDOW
from crm.kernel import masks
from crm.models import Client, Interaction, Task, TaskState


def logged_card(
    row: Interaction,
    client: Client,
    tasks: Sequence[Task],
    audience: Audience,
    now: datetime,
) -> Card:
    """The card of J2. After undoing it says so and has no buttons."""
    in_group = audience is Audience.GROUP
    name = masks.name(client.name) if in_group else client.name
    undone = row.undone_at is not None
    return Card(
        title=f"{'已撤销' if undone else '已记录'} · {name} · {CHANNEL_WORDS[row.channel]}",
        status="已撤销" if undone else "",
        tone=Tone.GREY,
        text="" if in_group else f"«{row.texts[0].note}»",
        sections=() if in_group else _amendments(row),
        facts=tuple(_facts(row, tasks, now)),
        buttons=() if undone else _buttons(row, tasks, now),
        footer=text.moment(row.at),
        subject=f"interaction:{row.id}",
    )


def _facts(row: Interaction, tasks: Sequence[Task], now: datetime) -> Sequence[Fact]:
    facts = []
    if row.tags:
        facts.append(Fact("标签", " ".join(tag.tag for tag in row.tags)))
    if row.files:
        facts.append(Fact("附件", f"{len(row.files)} 个"))
    for task in tasks:
        if task.state is not TaskState.CANCELLED:
            done = "（已完成）" if task.state is TaskState.DONE else ""
            facts.append(Fact("待办", f"{text.due(task.due_at, now)} {task.text}{done}"))
    return facts


def _amendments(row: Interaction) -> tuple[Section, ...]:
    return tuple(
        Section(title=f"补充 {text.moment(extra.at)}", text=extra.note) for extra in row.texts[1:]
    )


def _buttons(row: Interaction, tasks: Sequence[Task], now: datetime) -> tuple[Button, ...]:
    buttons = []
    still_open = [task for task in tasks if task.state is TaskState.OPEN]
    if still_open:
        buttons.append(Button(f"task_when:{still_open[0].id}", "改时间"))
    if now - row.at <= UNDO_WINDOW:
        buttons.append(Button(f"undo:{row.id}", "撤销", Style.DANGER))
    buttons.append(Button(f"amend:{row.id}", "补充"))
    return tuple(buttons)


def records_card(client: Client, rows: Sequence[Interaction], staff: dict[str, str]) -> Card:
    """The last talks, newest first."""
    if not rows:
        return Card(
            title=f"{client.name} · 沟通记录", text="还没有记录。发「记 电话 内容」即可记录"
        )
    return Card(
        title=f"{client.name} · 最近 {len(rows)} 条记录",
        sections=tuple(
            Section(
                title=f"{text.moment(row.at)} {CHANNEL_WORDS[row.channel]} "
                f"{staff.get(row.staff, row.staff)}",
                text="；".join(part.note for part in row.texts)
                + "".join(f" #{tag.tag}" for tag in row.tags),
            )
            for row in rows
        ),
    )


def amend_question(row: Interaction) -> Card:
    return Card(
        title="补充记录",
        text="请直接回复要补充的内容，10 分钟内有效。原来的文字会保留。",
        footer=f"记录于 {text.moment(row.at)}",
    )


def offer_card(reading_note: str, client: str, channel: str, draft: str, key: str) -> Card:
    """A narrated contact without a verb: offered, not written."""
    return Card(
        title="要记下来吗？",
        facts=(Fact("客户", client), Fact("方式", channel or "其他")),
        text=f"«{reading_note}»",
        buttons=(Button(key, "记录", Style.PRIMARY), Button("never_mind", "不用")),
        draft=draft,
    )
