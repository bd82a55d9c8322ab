"""Logged talks as cards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.cards import text
from bot.cards.client import shown_name
from bot.cards.notice import NEVER_MIND
from bot.chat.message import Audience, Button, Card, Fact, Section, Style, Tone
from crm.interactions import CHANNEL_WORDS, UNDO_WINDOW
from crm.kernel import masks
from crm.models import Client, Interaction, Task, TaskState

LONGEST_NOTE = 300  # characters on a card; the rest is one tap away
IN_A_LIST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a record, where and when: decides what of a note is told."""

    staff: str
    audience: Audience
    at: datetime

    def may_read(self, note: str, writer: str) -> str:
        """``note`` for this reader: numbers of persons are the writer's alone, and in private."""
        own = self.audience is Audience.PRIVATE and writer == self.staff
        return note if own else masks.numbers(note)


def logged_card(row: Interaction, client: Client, tasks: Sequence[Task], reader: Reader) -> Card:
    """The card of J2. After undoing it says so and has no buttons; in a group no word of the note
    is repeated."""
    in_group = reader.audience is Audience.GROUP
    undone = row.undone_at is not None
    word = "已撤销" if undone else "已记录"
    return Card(
        title=f"{word} · {shown_name(client.name, reader.audience)} · {CHANNEL_WORDS[row.channel]}",
        status="已撤销" if undone else "",
        tone=Tone.GREY,
        text="" if in_group else _note(row, reader),
        sections=() if in_group else _amendments(row, reader),
        facts=tuple(_facts(row, tasks, reader)),
        buttons=() if undone else _buttons(row, tasks, reader),
        footer=text.moment(row.at),
        subject=f"interaction:{row.id}",
    )


def _note(row: Interaction, reader: Reader) -> str:
    note = reader.may_read(row.texts[0].note, row.staff)
    if len(note) <= LONGEST_NOTE:
        return f"«{note}»"
    return f"«{note[:LONGEST_NOTE]}…»\n全文 {len(note)} 字，已完整保存"


def _facts(row: Interaction, tasks: Sequence[Task], reader: Reader) -> Sequence[Fact]:
    facts = []
    if row.tags:
        facts.append(Fact("标签", " ".join(tag.tag for tag in row.tags)))
    if row.files:
        facts.append(Fact("附件", f"{len(row.files)} 个"))
    for task in tasks:
        if task.state is not TaskState.CANCELLED:
            what = text.quote(task.text, 40, reader.audience)
            done = "（已完成）" if task.state is TaskState.DONE else ""
            facts.append(Fact("待办", f"{text.due(task.due_at, reader.at)} {what}{done}".strip()))
    return facts


def _amendments(row: Interaction, reader: Reader) -> tuple[Section, ...]:
    return tuple(
        Section(title=f"补充 {text.moment(extra.at)}", text=reader.may_read(extra.note, row.staff))
        for extra in row.texts[1:]
    )


def _buttons(row: Interaction, tasks: Sequence[Task], reader: Reader) -> tuple[Button, ...]:
    buttons = []
    in_group = reader.audience is Audience.GROUP
    if len(row.texts[0].note) > LONGEST_NOTE and not in_group:
        buttons.append(Button(f"whole:{row.id}", "全文"))
    if reader.staff and row.staff != reader.staff:
        return tuple(buttons)
    still_open = [task for task in tasks if task.state is TaskState.OPEN]
    if still_open:
        buttons.append(Button(f"task_when:{still_open[0].id}", "改时间"))
    if reader.at - row.at <= UNDO_WINDOW:
        buttons.append(Button(f"undo:{row.id}", "撤销", Style.DANGER))
    buttons.append(Button(f"amend:{row.id}", "补充"))
    return tuple(buttons)


def records_card(
    client: Client,
    rows: Sequence[Interaction],
    staff: Mapping[str, str],
    reader: Reader,
    *,
    may_log: bool,
) -> Card:
    """The last talks, newest first; a number opens one."""
    if not rows:
        how = "。发「记 电话 内容」即可记录" if may_log else ""
        return Card(title=f"{client.name} · 沟通记录", text=f"还没有记录{how}")
    return Card(
        title=f"{client.name} · 最近 {len(rows)} 条记录",
        sections=tuple(
            Section(
                title=f"{n}. {text.moment(row.at)} {CHANNEL_WORDS[row.channel]} "
                f"{staff.get(row.staff, row.staff)}",
                text=_in_a_list(row, reader),
            )
            for n, row in enumerate(rows, start=1)
        ),
        buttons=tuple(Button(f"record:{row.id}", str(n)) for n, row in enumerate(rows, start=1)),
        footer="点序号看全文",
    )


def _in_a_list(row: Interaction, reader: Reader) -> str:
    said = reader.may_read("；".join(part.note for part in row.texts), row.staff)
    tags = "".join(f" #{tag.tag}" for tag in row.tags if f"#{tag.tag}" not in said)
    return text.cut(said, IN_A_LIST) + tags


def amend_question(row: Interaction) -> Card:
    return Card(
        title="补充记录",
        text="请直接回复要补充的内容，10 分钟内有效。原来的文字会保留。",
        footer=f"记录于 {text.moment(row.at)}",
    )


def text_question(client: str, channel: str, draft: str) -> Card:
    """A channel without a word of what was said."""
    return Card(
        title=f"{client} · {channel}，聊了什么？",
        text="请直接回复内容，10 分钟内有效",
        draft=draft,
    )


def offer_card(
    note: str, client: str, channel: str, due: str, key: str, *, audience: Audience, draft: str
) -> Card:
    """A narrated contact without a verb: offered, not written."""
    said = text.quote(note, LONGEST_NOTE, audience)
    facts = [Fact("客户", client), Fact("方式", channel or "其他")]
    if due:
        facts.append(Fact("待办", due))
    return Card(
        title="要记下来吗？",
        facts=tuple(facts),
        text=f"«{said}»" if said else "",
        buttons=(Button(key, "记录", Style.PRIMARY), Button(NEVER_MIND, "不用")),
        footer="10 分钟内有效",
        draft=draft,
    )
