"""Logging talks in one line, and what can be done to a record afterwards."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import interaction as draw
from bot.cards import notice, text
from bot.cards.client import shown_name
from bot.cards.interaction import Reader
from bot.cards.notice import NEVER_MIND
from bot.chat.message import AskKind, Audience, Card, Text
from bot.chat.reply import Question, Reply, say
from bot.grammar import dates, note
from bot.grammar.normalise import normalise
from bot.router import Router, Turn
from crm import access, clients, interactions, people, tasks
from crm.access import NotYours
from crm.interactions import CHANNELS, NothingToUndo
from crm.kernel.errors import UserError
from crm.models import Channel, Client, Interaction, TaskState
from crm.people import Action, Person
from crm.search import Hit
from handlers import openings, whom
from handlers.asking import answer_text, asked_card
from handlers.clients import not_in_a_branch_group
from handlers.moments import choices, coming, from_key, moment_said
from handlers.whom import NobodyInFocus

router = Router()

FOLLOW_UP = "回访"
MOST_TOGETHER = 3  # clients of one talk
ATTACHED = "（附件）"
UNSURE = frozenset({"ask", "recurring"})  # kinds of a due moment that want a question


class NothingSaid(UserError):
    say = "没有收到内容，请写上要记录或补充的话"


class WhoseFile(UserError):
    say = "还不知道这个文件属于哪位客户：请先查客户，再发一次文件"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A talk that is understood and waits for a client, a text or a word of consent."""

    note: str
    channel: str = ""
    tags: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    due: tuple[str, ...] = ()  # ISO moments: a task each, or the readings of a question
    unsure: str = ""  # "ask" or "recurring": why the moment is asked
    task: str = ""

    def dump(self) -> str:
        return json.dumps(asdict(self))


def _load(text_: str) -> Draft:
    raw = json.loads(text_)
    return Draft(
        note=raw["note"],
        channel=raw["channel"],
        tags=tuple(raw["tags"]),
        files=tuple((blob, name) for blob, name in raw["files"]),
        due=tuple(raw["due"]),
        unsure=raw["unsure"],
        task=raw["task"],
    )


@router.command("log", action=Action.LOG)
async def log(turn: Turn, session: AsyncSession) -> Reply:
    """记 张三 电话 …: written at once when the client is certain, asked otherwise."""
    said = turn.said
    draft = _draft(turn)
    if not said.note and not turn.files:
        if said.channel or said.tags:
            return await whom.of_one(turn, session, "log_words", _ask_text, draft=draft.dump())
        not_in_a_branch_group(turn)
        return await whom.of_one(turn, session, "records", records)
    visible = whom.seen(turn)
    if turn.hits and not visible:
        return await whom.colleagues(turn, session, turn.hits)
    if said.verb == "ask:log":
        return await _offer(turn, session, draft, visible)
    if len(visible) == 1 and visible[0].how in whom.SURE:
        return await write(turn, session, visible[0].client_id, draft)
    if visible:
        return _which(turn, visible, draft)
    if turn.focus is None or not said.in_focus:
        return await whom.still(turn, session, "log_for", about=draft.note, draft=draft.dump())
    return await write(turn, session, turn.focus, draft)


def _draft(turn: Turn) -> Draft:
    said = turn.said
    return Draft(
        note=said.note or ATTACHED,
        channel=said.channel or "",
        tags=tuple(said.tags),
        files=turn.files,
        due=tuple(at.isoformat() for at in said.due.at),
        unsure=said.due.kind if said.due.kind in UNSURE else "",
        task=said.action or "",
    )


async def _offer(turn: Turn, session: AsyncSession, draft: Draft, visible: Sequence[Hit]) -> Reply:
    """A narrated contact: nothing is written before the person says so."""
    if len(visible) > 1:
        return _which(turn, visible, draft)
    client_id = visible[0].client_id if visible else turn.focus
    if client_id is None:
        raise NobodyInFocus
    client = await session.get_one(Client, client_id)
    key = f"log_for:{client_id}"
    due = [text.due(at, turn.at) for at in turn.said.due.at if not draft.unsure]
    card = draw.offer_card(
        draft.note,
        shown_name(client.name, turn.audience),
        draft.channel,
        "、".join(due),
        key,
        audience=turn.audience,
        draft=draft.dump(),
    )
    return Reply(parts=(card,), question=Question(options=(key, NEVER_MIND)))


def _which(turn: Turn, hits: Sequence[Hit], draft: Draft) -> Reply:
    together = len(hits) <= MOST_TOGETHER and all(hit.name in turn.ask.text for hit in hits)
    several = len({hit.name for hit in hits}) == len(hits) > 1
    every = "log_for:" + ":".join(str(hit.client_id) for hit in hits)
    return whom.which(
        turn,
        hits,
        "log_for",
        title="记给哪一位？",
        about=draft.note,
        draft=draft.dump(),
        more=[(every, "都记")] if together and several else [],
    )


@router.click("log_for", action=Action.LOG)
async def log_for(turn: Turn, session: AsyncSession) -> Reply:
    """The answer to «记给哪一位？»: written once, the question is closed."""
    draft = _load(asked_card(turn).draft)
    replies = [await write(turn, session, int(client_id), draft) for client_id in turn.args]
    names = [(await session.get_one(Client, int(each))).name for each in turn.args]
    shown = "、".join(shown_name(name, turn.audience) for name in names)
    return Reply(
        parts=tuple(part for reply in replies for part in reply.parts),
        update=notice.done(f"已记给 {shown}"),
        focus=int(turn.args[-1]),
        question=replies[-1].question,
    )


async def _ask_text(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    """A channel or a tag alone: what was said?"""
    return await _question_of_text(turn, session, client_id, _draft(turn))


@router.click("log_words", action=Action.LOG)
async def ask_words(turn: Turn, session: AsyncSession) -> Reply:
    draft = _load(asked_card(turn).draft)
    asked = await _question_of_text(turn, session, int(turn.args[0]), draft)
    return replace(asked, update=notice.done("好的"))


async def _question_of_text(
    turn: Turn, session: AsyncSession, client_id: int, draft: Draft
) -> Reply:
    await whom.must_serve(turn, session, client_id)
    client = await session.get_one(Client, client_id)
    name = shown_name(client.name, turn.audience)
    card = draw.text_question(name, draft.channel or "沟通", draft.dump())
    question = Question(text_action=f"log_text:{client_id}")
    return Reply(parts=(card,), focus=client_id, question=question)


@router.click("log_text", action=Action.LOG)
async def log_text(turn: Turn, session: AsyncSession) -> Reply:
    said = answer_text(turn)
    if not said:
        raise NothingSaid
    draft = _load(asked_card(turn).draft)
    line = normalise(said).text
    due = dates.due(line, at=turn.at, calendar=turn.calendar, promised=False)
    draft = replace(
        draft,
        note=said,
        tags=(*draft.tags, *note.tags(line)),
        due=tuple(at.isoformat() for at in due.at),
        unsure=due.kind if due.kind in UNSURE else "",
    )
    reply = await write(turn, session, int(turn.args[0]), draft)
    return replace(reply, update=notice.done("已记录"))


@router.click(NEVER_MIND)
async def never_mind(_turn: Turn, _session: AsyncSession) -> Reply:
    return Reply(update=notice.done("好的，这个问题已取消"))


async def write(turn: Turn, session: AsyncSession, client_id: int, draft: Draft) -> Reply:
    """Log the talk, and its follow-up where the day is certain; ask for the day otherwise."""
    await whom.must_serve(turn, session, client_id)
    row = await interactions.log(
        session,
        turn.person,
        client_id,
        channel=CHANNELS.get(draft.channel, Channel.OTHER),
        note=draft.note,
        tags=draft.tags,
        files=draft.files,
        source=turn.source,
    )
    for due in () if draft.unsure else draft.due:
        await tasks.add(
            session,
            turn.person,
            text=draft.task or FOLLOW_UP,
            due_at=datetime.fromisoformat(due),
            client_id=client_id,
            interaction_id=row.id,
            source=turn.source,
        )
    card = await _card(session, row, _reader(turn))
    if not draft.unsure:
        return say(card, focus=client_id)
    question = _which_day(turn, row, draft)
    options = tuple(button.key for button in question.buttons)
    return Reply(
        parts=(card, question),
        focus=client_id,
        question=Question(options=options, text_action=f"follow_text:{row.id}"),
    )


def _which_day(turn: Turn, row: Interaction, draft: Draft) -> Card:
    recurring = draft.unsure == "recurring"
    moments = [datetime.fromisoformat(at) for at in draft.due]
    if not moments:
        moments = coming(draft.note, turn) if recurring else choices(turn.at, turn.calendar)
    options = [(f"follow:{row.id}:{int(at.timestamp())}", text.due(at, turn.at)) for at in moments]
    return notice.choose(
        "周期提醒还没有开通，先定下一次？" if recurring else "哪一天跟进？",
        [*options, (NEVER_MIND, "不用提醒")],
        text="也可以直接回复时间，例如：下周三下午三点",
        draft=draft.dump(),
    )


@router.click("follow", action=Action.TASK)
async def follow(turn: Turn, session: AsyncSession) -> Reply:
    return await _follow(turn, session, from_key(turn.args[1]))


async def _follow(turn: Turn, session: AsyncSession, at: datetime) -> Reply:
    card = asked_card(turn)
    row = await interactions.get(session, int(turn.args[0]))
    if row.staff != turn.person.id:
        raise NotYours
    await tasks.add(
        session,
        turn.person,
        text=_load(card.draft).task or FOLLOW_UP,
        due_at=at,
        client_id=row.client_id,
        interaction_id=row.id,
        source=turn.source,
    )
    done = notice.done(f"将于 {text.due(at, turn.at)} 提醒")
    return Reply(update=done, refresh=(f"interaction:{row.id}",))


@router.click("follow_text", action=Action.TASK)
async def follow_text(turn: Turn, session: AsyncSession) -> Reply:
    return await _follow(turn, session, moment_said(turn))


async def records(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    """The last ten talks of a client in reach."""
    not_in_a_branch_group(turn)
    client = await clients.see(session, turn.person, client_id)
    rows = await interactions.recent(session, client_id)
    staff = await people.names(session, {row.staff for row in rows})
    may_log = turn.person.may(Action.LOG)
    card = draw.records_card(client, rows, staff, _reader(turn), may_log=may_log)
    question = Question(options=tuple(button.key for button in card.buttons)) if rows else None
    return Reply(parts=(card,), focus=client_id, question=question)


@router.click("records", action=Action.LOOK_UP)
async def click_records(turn: Turn, session: AsyncSession) -> Reply:
    return await records(turn, session, int(turn.args[0]))


@router.click("record", action=Action.LOOK_UP)
async def one_record(turn: Turn, session: AsyncSession) -> Reply:
    not_in_a_branch_group(turn)
    row = await interactions.get(session, int(turn.args[0]))
    client = await clients.see(session, turn.person, row.client_id)
    return say(await _card(session, row, _reader(turn)), focus=client.id)


@router.click("whole", action=Action.LOOK_UP)
async def whole_note(turn: Turn, session: AsyncSession) -> Reply:
    not_in_a_branch_group(turn)
    row = await interactions.get(session, int(turn.args[0]))
    client = await clients.see(session, turn.person, row.client_id)
    words = _reader(turn).may_read(row.texts[0].note, row.staff)
    return say(Text(text=f"{client.name} · {text.moment(row.at)}\n{words}"), focus=client.id)


@router.command("undo", action=Action.LOG)
async def undo_last(turn: Turn, session: AsyncSession) -> Reply:
    withdrawn = await openings.withdraw_named(turn, session)
    if withdrawn is not None:
        return withdrawn
    try:
        last = await interactions.last_of(session, turn.person)
    except NothingToUndo:
        asked = await openings.withdraw_any(turn, session)
        if asked is None:
            raise
        return asked
    row = await _undo(turn, session, last)
    card = await _card(session, row, _reader(turn))
    return Reply(parts=(notice.done(card.title, text.cut(card.text, 60)),), refresh=(card.subject,))


@router.click("undo", action=Action.LOG)
async def undo(turn: Turn, session: AsyncSession) -> Reply:
    row = await _undo(turn, session, int(turn.args[0]))
    card = await _card(session, row, _reader(turn))
    return Reply(update=card, refresh=(card.subject,))


async def _undo(turn: Turn, session: AsyncSession, row_id: int) -> Interaction:
    """The record and the follow-up that came with it."""
    row = await interactions.undo(session, turn.person, row_id)
    for task in await tasks.of_interaction(session, row_id):
        if task.state is TaskState.OPEN:
            await tasks.end(session, turn.person, task.id, TaskState.CANCELLED)
    return row


@router.click("amend", action=Action.LOG)
async def ask_amend(turn: Turn, session: AsyncSession) -> Reply:
    row = await interactions.get(session, int(turn.args[0]))
    return Reply(
        parts=(draw.amend_question(row),), question=Question(text_action=f"amend_text:{row.id}")
    )


@router.click("amend_text", action=Action.LOG)
async def amend(turn: Turn, session: AsyncSession) -> Reply:
    asked_card(turn)
    said = answer_text(turn)
    if not said:
        raise NothingSaid
    row = await interactions.amend(session, turn.person, int(turn.args[0]), said)
    return Reply(update=notice.done("已补充"), refresh=(f"interaction:{row.id}",))


@router.command("file", action=Action.LOG)
async def file_came(turn: Turn, session: AsyncSession) -> Reply:
    """A picture or file without words: offered to the client in focus, and to applications."""
    more = await openings.file_options(session, turn.person)
    more = more if turn.audience is Audience.PRIVATE else []
    served = turn.focus is not None and await access.may_see(
        session, turn.person, turn.focus, Action.LOG
    )
    if turn.focus is None or not served:
        return _to_an_application(turn, more)
    client = await session.get_one(Client, turn.focus)
    kind = "图片" if turn.ask.kind is AskKind.PICTURE else "文件"
    name = turn.files[0][1] if turn.files else ""
    draft = Draft(note=f"收到{kind} {name}".strip(), files=turn.files)
    key = f"log_for:{client.id}"
    card = notice.choose(
        f"把{kind}记到 {shown_name(client.name, turn.audience)} 名下？",
        [(key, "记录"), *more, (NEVER_MIND, "不用")],
        text=name,
        draft=draft.dump(),
    )
    return Reply(parts=(card,), question=Question(options=tuple(b.key for b in card.buttons)))


def _to_an_application(turn: Turn, options: Sequence[tuple[str, str]]) -> Reply:
    """Nobody is in focus. Raises WhoseFile where nothing is being filled in."""
    if not options:
        raise WhoseFile
    draft = Draft(note=ATTACHED, files=turn.files)
    card = notice.choose("这个文件放到哪里？", [*options, (NEVER_MIND, "不用")], draft=draft.dump())
    return Reply(parts=(card,), question=Question(options=tuple(b.key for b in card.buttons)))


@router.view("interaction")
async def draw_interaction(
    session: AsyncSession, person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    row = await interactions.get(session, number)
    return await _card(session, row, Reader(staff=person.id, audience=audience, at=at))


def _reader(turn: Turn) -> Reader:
    return Reader(staff=turn.person.id, audience=turn.audience, at=turn.at)


async def _card(session: AsyncSession, row: Interaction, reader: Reader) -> Card:
    client = await session.get_one(Client, row.client_id)
    follow_ups = await tasks.of_interaction(session, row.id)
    return draw.logged_card(row, client, follow_ups, reader)
