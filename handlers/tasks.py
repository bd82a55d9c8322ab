"""待办: listing, adding, finishing, moving."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice, text
from bot.cards import task as draw
from bot.cards.client import shown_name
from bot.cards.notice import NEVER_MIND
from bot.chat.message import Audience, Card
from bot.chat.reply import Question, Reply, say
from bot.router import Router, Turn
from crm import access, clients, people, tasks
from crm.kernel.errors import UserError
from crm.models import Client, Task, TaskState
from crm.people import Action, Person
from crm.tasks import NoSuchTask
from handlers import whom
from handlers.asking import answer_text, asked_card, list_stays_open
from handlers.clients import not_in_a_branch_group
from handlers.moments import choices, coming, from_key, moment_said
from handlers.whom import NobodyInFocus

router = Router()

MOST_LISTED = 200
NO_CLIENT = 0  # stands for «不关联客户» in a button's key


class NoSuchNumber(UserError):
    say = "刚才的列表里没有第 {number} 条；发「待办」看列表"


class NothingToDo(UserError):
    say = "没有写要提醒什么，例如：提醒 明天下午三点 交报表"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A task that waits for its client, its words or its moment."""

    words: str
    at: tuple[datetime, ...] = ()
    client: int | None = None
    recurring: bool = False

    def dump(self) -> str:
        at = [moment.isoformat() for moment in self.at]
        return json.dumps(
            {"words": self.words, "at": at, "client": self.client, "recurring": self.recurring}
        )


def _load(draft: str) -> Plan:
    raw = json.loads(draft)
    at = tuple(datetime.fromisoformat(each) for each in raw["at"])
    return Plan(words=raw["words"], at=at, client=raw["client"], recurring=raw["recurring"])


@router.command("task", action=Action.TASK)
async def task(turn: Turn, session: AsyncSession) -> Reply:
    """Alone it lists; with words it adds, and asks for what is not certain."""
    said = turn.said
    visible = whom.seen(turn)
    if turn.hits and not visible:
        return await whom.colleagues(turn, session, turn.hits)
    if not said.note and not said.action:
        if visible:
            return await whom.of_one(turn, session, "client_tasks", listed_of)
        return await listed(turn, session)
    plan = _plan(turn)
    if len(visible) > 1 or (visible and visible[0].how not in whom.SURE):
        return _which_client(turn, plan)
    if said.asked == "client" and not visible:
        return _of_nobody(turn, plan)
    plan = replace(plan, client=await _client(turn, session))
    if said.verb == "ask:task":
        return await _offer(turn, session, plan)
    return await _next(turn, session, plan)


def _plan(turn: Turn) -> Plan:
    said = turn.said
    certain = said.due.at if said.due.kind in ("date", "dates") else ()
    only_a_moment = bool(certain) and not said.action
    return Plan(
        words="" if only_a_moment else said.action or said.note or "",
        at=certain,
        recurring=said.due.kind == "recurring",
    )


async def _client(turn: Turn, session: AsyncSession) -> int | None:
    """The one named; else the one in focus, unless that was only for a look."""
    if turn.hits:
        return turn.hits[0].client_id
    if not turn.said.in_focus or turn.focus is None:
        return None
    served = await access.may_see(session, turn.person, turn.focus, Action.LOG)
    return turn.focus if served else None


async def _next(turn: Turn, session: AsyncSession, plan: Plan) -> Reply:
    """Asks for what is still missing; adds the task when nothing is."""
    if not plan.words:
        card = Card(title="提醒什么？", text="请直接回复内容，10 分钟内有效", draft=plan.dump())
        return Reply(parts=(card,), question=Question(text_action="task_words"))
    if not plan.at:
        return _which_moment(turn, plan)
    return await _add(turn, session, plan)


async def _offer(turn: Turn, session: AsyncSession, plan: Plan) -> Reply:
    """A plan told without a verb: nothing is written before the person says so."""
    if plan.client is None:
        raise NobodyInFocus
    client = await session.get_one(Client, plan.client)
    key = f"task_for:{plan.client}"
    card = notice.choose(
        f"要记成 {shown_name(client.name, turn.audience)} 的待办吗？",
        [(key, "记下"), (NEVER_MIND, "不用")],
        text=_about(turn, plan),
        draft=plan.dump(),
    )
    return Reply(parts=(card,), question=Question(options=(key, NEVER_MIND)))


def _about(turn: Turn, plan: Plan) -> str:
    """«回访» 11-27（周五）09:00; in a group without the words."""
    when = "、".join(text.due(at, turn.at) for at in plan.at)
    words = text.quote(plan.words, 60, turn.audience)
    return f"«{words}» {when}".strip() if words else when


def _which_client(turn: Turn, plan: Plan) -> Reply:
    return whom.which(
        turn,
        whom.seen(turn),
        "task_for",
        title="是哪一位客户的待办？",
        about=plan.words,
        draft=plan.dump(),
        more=[(f"task_for:{NO_CLIENT}", "不关联客户")],
    )


def _of_nobody(turn: Turn, plan: Plan) -> Reply:
    """A follow-up that names no client, with none in focus. Raises NoSuchClient."""
    if turn.said.query:
        raise whom.nobody(turn)
    key = f"task_for:{NO_CLIENT}"
    card = notice.choose(
        "是哪一位客户的待办？",
        [(key, "不关联客户"), (NEVER_MIND, "不用了")],
        text=f"{_about(turn, plan)}\n要关联客户，请写上姓名再发一遍",
        draft=plan.dump(),
    )
    return Reply(parts=(card,), question=Question(options=(key, NEVER_MIND)))


@router.click("task_for", action=Action.TASK)
async def task_for(turn: Turn, session: AsyncSession) -> Reply:
    plan = _load(asked_card(turn).draft)
    reply = await _next(turn, session, replace(plan, client=int(turn.args[0]) or None))
    return replace(reply, update=notice.done("已建待办" if plan.at and plan.words else "好的"))


@router.click("task_words", action=Action.TASK)
async def task_words(turn: Turn, session: AsyncSession) -> Reply:
    words = answer_text(turn)
    if not words:
        raise NothingToDo
    reply = await _next(turn, session, replace(_load(asked_card(turn).draft), words=words))
    return replace(reply, update=notice.done("已建待办"))


def _which_moment(turn: Turn, plan: Plan) -> Reply:
    readings = turn.reading.due.at if turn.reading else ()
    moments = list(readings) or coming(_spoken(turn, plan), turn)
    options = [(f"task_at:{int(at.timestamp())}", text.due(at, turn.at)) for at in moments[:3]]
    options.append((NEVER_MIND, "不用了"))
    asked = "周期提醒还没有开通，先定下一次" if plan.recurring else "什么时候提醒？"
    what = text.quote(plan.words, 30, turn.audience)
    card = notice.choose(
        " · ".join(filter(None, (asked, what))),
        options,
        text="也可以直接回复时间，例如：下周三下午三点",
        draft=plan.dump(),
    )
    question = Question(options=tuple(key for key, _ in options), text_action="task_at_text")
    return Reply(parts=(card,), question=question)


def _spoken(turn: Turn, plan: Plan) -> str:
    """The whole line, where it is at hand: the moment of 每周五 例会 is not in its words."""
    return turn.reading.note or plan.words if turn.reading else plan.words


@router.click("task_at", action=Action.TASK)
async def task_at(turn: Turn, session: AsyncSession) -> Reply:
    return await _task_at(turn, session, from_key(turn.args[0]))


@router.click("task_at_text", action=Action.TASK)
async def task_at_text(turn: Turn, session: AsyncSession) -> Reply:
    return await _task_at(turn, session, moment_said(turn))


async def _task_at(turn: Turn, session: AsyncSession, at: datetime) -> Reply:
    reply = await _add(turn, session, replace(_load(asked_card(turn).draft), at=(at,)))
    return replace(reply, update=notice.done("已建待办"))


async def _add(turn: Turn, session: AsyncSession, plan: Plan) -> Reply:
    if plan.client is not None:
        await whom.must_serve(turn, session, plan.client)
    cards = []
    for at in plan.at:
        row = await tasks.add(
            session,
            turn.person,
            text=plan.words,
            due_at=at,
            client_id=plan.client,
            source=turn.source,
        )
        cards.append(await _card(session, row, turn.audience, turn.at, title="已建待办"))
    return say(*cards, focus=plan.client)


# ── lists ────────────────────────────────────────────────────────────────────────────────────


async def listed(turn: Turn, session: AsyncSession, first: int = 0) -> Reply:
    not_in_a_branch_group(turn)
    rows, total = await tasks.open_of(session, turn.person, MOST_LISTED)
    names = await _names(session, rows[first : first + draw.PAGE])
    absent = await _absent(turn, session, rows)
    card = draw.task_list(rows, total, first, names, turn.at, audience=turn.audience, absent=absent)
    return Reply(parts=(card,), question=_numbers(rows))


async def listed_of(turn: Turn, session: AsyncSession, client_id: int, first: int = 0) -> Reply:
    """One's own open tasks for a client, and those of whom one stands in for."""
    not_in_a_branch_group(turn)
    client = await clients.see(session, turn.person, client_id)
    rows = await tasks.of_client(session, client.id, turn.person, MOST_LISTED)
    card = draw.task_list(
        rows,
        len(rows),
        first,
        {client.id: client.name},
        turn.at,
        audience=turn.audience,
        only=client.id,
        absent=await _absent(turn, session, rows),
    )
    return Reply(parts=(card,), focus=client.id, question=_numbers(rows))


def _numbers(rows: Sequence[Task]) -> Question | None:
    """Every number of the list answers, also of the pages that are not shown."""
    return Question(options=tuple(f"task:{row.id}" for row in rows)) if rows else None


async def _names(session: AsyncSession, rows: Sequence[Task]) -> dict[int, str]:
    ids = {row.client_id for row in rows if row.client_id is not None}
    return {each: (await session.get_one(Client, each)).name for each in ids}


async def _absent(turn: Turn, session: AsyncSession, rows: Sequence[Task]) -> dict[str, str]:
    """Whose tasks these are beside one's own."""
    return await people.names(session, {row.staff for row in rows} - {turn.person.id})


@router.click("tasks_page", action=Action.TASK)
async def turn_page(turn: Turn, session: AsyncSession) -> Reply:
    first = int(turn.args[0])
    if len(turn.args) > 1:
        page = await listed_of(turn, session, int(turn.args[1]), first)
    else:
        page = await listed(turn, session, first)
    card = page.parts[0]
    return replace(page, parts=(), update=card if isinstance(card, Card) else None)


@router.click("client_tasks", action=Action.TASK)
async def of_client(turn: Turn, session: AsyncSession) -> Reply:
    return await listed_of(turn, session, int(turn.args[0]))


@router.click("task", action=Action.TASK)
async def open_task(turn: Turn, session: AsyncSession) -> Reply:
    row = await _mine(turn, session, int(turn.args[0]))
    card = await _card(session, row, turn.audience, turn.at)
    again = list_stays_open(turn, "task")
    return Reply(parts=(card,), focus=row.client_id, question=again)


# ── what becomes of a task ───────────────────────────────────────────────────────────────────


@router.command("done", action=Action.TASK)
async def done_by_number(turn: Turn, session: AsyncSession) -> Reply:
    """完成 2: the second of the list that is on the screen; 完成 张三: the only one of his.

    Without a list on the screen it is shown, and nothing is finished.
    """
    number = "".join(filter(str.isdigit, turn.ask.text))
    visible = whom.seen(turn)
    if visible and len(number) > 2:
        number = ""  # an account, not a place in the list
    if number and list_stays_open(turn, "task"):
        return await _done_in_list(turn, session, int(number))
    if len(visible) == 1 and visible[0].how in whom.SURE:
        rows = await tasks.of_client(session, visible[0].client_id, turn.person)
        if len(rows) == 1:
            return await _end(turn, session, rows[0].id, TaskState.DONE)
        return await listed_of(turn, session, visible[0].client_id)
    return await listed(turn, session)


async def _done_in_list(turn: Turn, session: AsyncSession, number: int) -> Reply:
    """The numbers stay as they were shown, so that 完成 1, 完成 2 finish the first two."""
    if not 1 <= number <= len(turn.listed):
        raise NoSuchNumber(number=number)
    task_id = int(turn.listed[number - 1].partition(":")[2])
    reply = await _end(turn, session, task_id, TaskState.DONE)
    return replace(reply, question=list_stays_open(turn, "task"))


@router.click("task_done", action=Action.TASK)
async def done(turn: Turn, session: AsyncSession) -> Reply:
    return await _end(turn, session, int(turn.args[0]), TaskState.DONE)


@router.click("task_cancel", action=Action.TASK)
async def cancel(turn: Turn, session: AsyncSession) -> Reply:
    return await _end(turn, session, int(turn.args[0]), TaskState.CANCELLED)


async def _end(turn: Turn, session: AsyncSession, task_id: int, how: TaskState) -> Reply:
    row = await tasks.end(session, turn.person, task_id, how)
    card = await _card(session, row, turn.audience, turn.at)
    refresh = _shown_on(row)
    if turn.click is None:
        return Reply(parts=(card,), refresh=refresh)
    return Reply(update=card, refresh=refresh)


def _shown_on(row: Task) -> tuple[str, ...]:
    """The subjects whose cards show this task."""
    record = () if row.interaction_id is None else (f"interaction:{row.interaction_id}",)
    return (f"task:{row.id}", *record)


@router.click("task_when", action=Action.TASK)
async def ask_when(turn: Turn, session: AsyncSession) -> Reply:
    row = await _mine(turn, session, int(turn.args[0]))
    card = draw.when_card(row, choices(turn.at, turn.calendar), turn.at, turn.audience)
    options = tuple(button.key for button in card.buttons)
    question = Question(options=options, text_action=f"task_move_text:{row.id}")
    return Reply(parts=(card,), question=question, focus=row.client_id)


@router.click("task_move", action=Action.TASK)
async def move(turn: Turn, session: AsyncSession) -> Reply:
    return await _move(turn, session, from_key(turn.args[1]))


@router.click("task_move_text", action=Action.TASK)
async def move_text(turn: Turn, session: AsyncSession) -> Reply:
    return await _move(turn, session, moment_said(turn))


async def _move(turn: Turn, session: AsyncSession, at: datetime) -> Reply:
    row = await tasks.move(session, turn.person, int(turn.args[0]), at)
    moved = notice.done(f"已改到 {text.due(at, turn.at)}")
    return Reply(update=moved, refresh=_shown_on(row))


@router.view("task")
async def draw_task(
    session: AsyncSession, _person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    return await _card(session, await session.get_one(Task, number), audience, at)


async def _mine(turn: Turn, session: AsyncSession, task_id: int) -> Task:
    row = await session.get(Task, task_id)
    if row is None or not await tasks.concerns(session, turn.person, row):
        raise NoSuchTask
    return row


async def _card(
    session: AsyncSession, row: Task, audience: Audience, at: datetime, *, title: str = "待办"
) -> Card:
    client = await session.get(Client, row.client_id) if row.client_id else None
    name = shown_name(client.name, audience) if client else ""
    return draw.task_card(row, name, at, title=title, audience=audience)
