"""待办: listing, adding, finishing, moving."""

import json
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice, text
from bot.cards import task as draw
from bot.chat.message import Audience, Card
from bot.chat.reply import Question, Reply, say
from bot.router import Router, Turn
from crm import tasks
from crm.clients import NoSuchClient
from crm.kernel import masks
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError
from crm.models import Client, Task, TaskState
from crm.people import Action, Person
from crm.tasks import NoSuchTask
from handlers.clients import NobodyInFocus
from handlers.interactions import asked_card
from handlers.moments import moment_said

router = Router()

LISTED = 20
MORNING = time(9)


class WhichTask(UserError):
    say = "请写上序号，例如：完成 2；发「待办」看列表"


@router.command("task", action=Action.TASK)
async def task(turn: Turn, session: AsyncSession) -> Reply:
    """Alone it lists; with words it adds, and asks for the moment when none is certain."""
    said = turn.said
    if not said.note and not said.action:
        return await listed(turn, session)
    visible = [hit for hit in turn.hits if hit.visible]
    if turn.hits and not visible:
        raise NoSuchClient(words=said.query or "")
    if len(visible) > 1:
        return _which_client(turn)
    if said.asked == "client" and not visible:
        raise NobodyInFocus
    client_id = visible[0].client_id if visible else turn.focus if said.in_focus else None
    words = said.action or said.note or ""
    if said.verb == "ask:task":
        return await _offer(turn, session, words, client_id)
    if said.due.kind in ("date", "dates"):
        return await _add(turn, session, words, said.due.at, client_id)
    return _which_moment(turn, words, client_id)


async def _offer(turn: Turn, session: AsyncSession, words: str, client_id: int | None) -> Reply:
    """A plan told without a verb: nothing is written before the person says so."""
    if client_id is None:
        raise NobodyInFocus
    client = await session.get_one(Client, client_id)
    moments = [at.isoformat() for at in turn.said.due.at] if turn.said.due.kind != "ask" else []
    key = f"task_for:{client_id}"
    card = notice.choose(
        f"要记成 {_shown(client, turn.audience)} 的待办吗？",
        [(key, "记下"), ("never_mind", "不用")],
        text=f"«{text.cut(words, 60)}»",
        draft=json.dumps({"text": words, "at": moments}),
    )
    return Reply(parts=(card,), question=Question(options=(key, "never_mind")))


def _which_client(turn: Turn) -> Reply:
    said = turn.said
    draft = json.dumps(
        {
            "text": said.action or said.note or "",
            "at": [at.isoformat() for at in said.due.at] if said.due.kind != "ask" else [],
        }
    )
    hits = [hit for hit in turn.hits if hit.visible][:8]
    options = [(f"task_for:{hit.client_id}", f"{hit.name} {hit.account}") for hit in hits]
    card = notice.choose("是哪一位客户的待办？", options, draft=draft)
    return Reply(parts=(card,), question=Question(options=tuple(key for key, _ in options)))


@router.click("task_for", action=Action.TASK)
async def task_for(turn: Turn, session: AsyncSession) -> Reply:
    draft = json.loads(asked_card(turn).draft)
    client_id = int(turn.args[0])
    if not draft["at"]:
        return _which_moment(turn, draft["text"], client_id)
    moments = [datetime.fromisoformat(at) for at in draft["at"]]
    reply = await _add(turn, session, draft["text"], moments, client_id)
    return Reply(parts=reply.parts, update=notice.done("已建待办"), focus=client_id)


def _which_moment(turn: Turn, words: str, client_id: int | None) -> Reply:
    readings = turn.reading.due.at if turn.reading else ()
    moments = list(readings) or choices(turn.at, turn.calendar)
    draft = json.dumps({"text": words, "client": client_id})
    options = [(f"task_at:{int(at.timestamp())}", text.due(at, turn.at)) for at in moments[:3]]
    card = notice.choose(
        f"什么时候提醒？ · {text.cut(words, 30)}",
        options,
        text="也可以直接回复时间，例如：下周三下午三点",
        draft=draft,
    )
    question = Question(options=tuple(key for key, _ in options), text_action="task_at_text")
    return Reply(parts=(card,), question=question)


@router.click("task_at", action=Action.TASK)
async def task_at(turn: Turn, session: AsyncSession) -> Reply:
    return await _task_at(turn, session, _moment(turn.args[0]))


@router.click("task_at_text", action=Action.TASK)
async def task_at_text(turn: Turn, session: AsyncSession) -> Reply:
    return await _task_at(turn, session, moment_said(turn))


async def _task_at(turn: Turn, session: AsyncSession, at: datetime) -> Reply:
    draft = json.loads(asked_card(turn).draft)
    reply = await _add(turn, session, draft["text"], [at], draft["client"])
    return Reply(parts=reply.parts, update=notice.done("已建待办"), focus=reply.focus)


async def _add(
    turn: Turn,
    session: AsyncSession,
    words: str,
    moments: Sequence[datetime],
    client_id: int | None,
) -> Reply:
    cards = []
    for at in moments:
        row = await tasks.add(
            session, turn.person, text=words, due_at=at, client_id=client_id, source=turn.source
        )
        cards.append(await _card(session, row, turn.audience, turn.at, title="已建待办"))
    return say(*cards, focus=client_id)


async def listed(turn: Turn, session: AsyncSession) -> Reply:
    rows, total = await tasks.open_of(session, turn.person, LISTED)
    names = await _names(session, rows, turn.audience)
    card = draw.task_list(rows, total, names, turn.at)
    return Reply(parts=(card,), question=Question(options=tuple(b.key for b in card.buttons)))


async def _names(session: AsyncSession, rows: list[Task], audience: Audience) -> dict[int, str]:
    found = {}
    for client_id in {row.client_id for row in rows if row.client_id is not None}:
        client = await session.get_one(Client, client_id)
        found[client_id] = _shown(client, audience)
    return found


def _shown(client: Client, audience: Audience) -> str:
    return masks.name(client.name) if audience is Audience.GROUP else client.name


@router.click("task", action=Action.TASK)
async def open_task(turn: Turn, session: AsyncSession) -> Reply:
    row = await _mine(turn, session, int(turn.args[0]))
    return say(await _card(session, row, turn.audience, turn.at), focus=row.client_id)


@router.click("client_tasks", action=Action.TASK)
async def of_client(turn: Turn, session: AsyncSession) -> Reply:
    client = await session.get_one(Client, int(turn.args[0]))
    rows = await tasks.of_client(session, client.id, turn.person)
    card = draw.task_list(rows, len(rows), {client.id: _shown(client, turn.audience)}, turn.at)
    return Reply(
        parts=(card,),
        focus=client.id,
        question=Question(options=tuple(b.key for b in card.buttons)),
    )


@router.command("done", action=Action.TASK)
async def done_by_number(turn: Turn, session: AsyncSession) -> Reply:
    """完成 2: the second of the list as 待办 shows it; 完成 张三: the only one of that client."""
    rows, _ = await tasks.open_of(session, turn.person, LISTED)
    number = "".join(filter(str.isdigit, turn.ask.text))
    named = {hit.client_id for hit in turn.hits if hit.visible}
    if number and len(number) < 3:
        chosen = rows[int(number) - 1 : int(number)] if int(number) else []
    else:
        chosen = [row for row in rows if row.client_id in named]
    if len(chosen) != 1:
        raise WhichTask
    return await _end(turn, session, chosen[0].id, TaskState.DONE)


@router.click("task_done", action=Action.TASK)
async def done(turn: Turn, session: AsyncSession) -> Reply:
    return await _end(turn, session, int(turn.args[0]), TaskState.DONE)


@router.click("task_cancel", action=Action.TASK)
async def cancel(turn: Turn, session: AsyncSession) -> Reply:
    return await _end(turn, session, int(turn.args[0]), TaskState.CANCELLED)


async def _end(turn: Turn, session: AsyncSession, task_id: int, how: TaskState) -> Reply:
    row = await tasks.end(session, turn.person, task_id, how)
    card = await _card(session, row, turn.audience, turn.at)
    refresh = [card.subject]
    if row.interaction_id is not None:
        refresh.append(f"interaction:{row.interaction_id}")
    if turn.click is None:
        return Reply(parts=(card,), refresh=tuple(refresh))
    return Reply(update=card, refresh=tuple(refresh))


@router.click("task_when", action=Action.TASK)
async def ask_when(turn: Turn, session: AsyncSession) -> Reply:
    row = await _mine(turn, session, int(turn.args[0]))
    card = draw.when_card(row, choices(turn.at, turn.calendar), turn.at)
    options = tuple(button.key for button in card.buttons)
    question = Question(options=options, text_action=f"task_move_text:{row.id}")
    return Reply(parts=(card,), question=question, focus=row.client_id)


@router.click("task_move", action=Action.TASK)
async def move(turn: Turn, session: AsyncSession) -> Reply:
    return await _move(turn, session, _moment(turn.args[1]))


@router.click("task_move_text", action=Action.TASK)
async def move_text(turn: Turn, session: AsyncSession) -> Reply:
    return await _move(turn, session, moment_said(turn))


async def _move(turn: Turn, session: AsyncSession, at: datetime) -> Reply:
    row = await tasks.move(session, turn.person, int(turn.args[0]), at)
    refresh = [f"task:{row.id}"]
    if row.interaction_id is not None:
        refresh.append(f"interaction:{row.interaction_id}")
    return Reply(update=notice.done(f"已改到 {text.due(at, turn.at)}"), refresh=tuple(refresh))


@router.view("task")
async def draw_task(
    session: AsyncSession, _person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    return await _card(session, await session.get_one(Task, number), audience, at)


async def _mine(turn: Turn, session: AsyncSession, task_id: int) -> Task:
    row = await session.get(Task, task_id)
    if row is None or row.staff != turn.person.id:
        raise NoSuchTask
    return row


async def _card(
    session: AsyncSession, row: Task, audience: Audience, at: datetime, *, title: str = "待办"
) -> Card:
    client = await session.get(Client, row.client_id) if row.client_id else None
    return draw.task_card(row, _shown(client, audience) if client else "", at, title=title)


def choices(now: datetime, calendar: Calendar) -> list[datetime]:
    """Moments that people mostly mean: tomorrow, the next trading day but two, next Monday."""
    today = now.astimezone(SHANGHAI).date()
    monday = today + timedelta(days=7 - today.weekday())
    days = (today + timedelta(days=1), calendar.shift(today, 3), monday)
    return [datetime.combine(day, MORNING, SHANGHAI) for day in dict.fromkeys(sorted(days))]


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=SHANGHAI)
