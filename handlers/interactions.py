"""Logging talks in one line, and what can be done to a record afterwards."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import interaction as draw
from bot.cards import notice, text
from bot.chat.message import AskKind, Audience, Card
from bot.chat.reply import Question, Reply, say
from bot.router import OldCard, Router, Turn
from crm import access, clients, interactions, people, tasks
from crm.access import NotYours
from crm.clients import NoSuchClient
from crm.interactions import CHANNELS, UNDO_WINDOW
from crm.kernel.errors import UserError
from crm.models import Channel, Client, Interaction, TaskState
from crm.people import Action, Person
from crm.search import Hit
from handlers.clients import NobodyInFocus, one_client
from handlers.moments import moment_said

router = Router()

MOST_CHOICES = 8
FOLLOW_UP = "回访"


class NothingSaid(UserError):
    say = "没有收到内容，请写上要记录或补充的话"


class QuestionExpired(UserError):
    say = "这个问题已过期，请重新发送"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A talk that is understood and waits for a client or a word of consent."""

    note: str
    channel: str = ""
    tags: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    due: tuple[str, ...] = ()  # ISO moments: a task each, or the readings of a question
    ask_due: bool = False
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
        ask_due=raw["ask_due"],
        task=raw["task"],
    )


@router.command("log", action=Action.LOG)
async def log(turn: Turn, session: AsyncSession) -> Reply:
    """记 张三 电话 …: written at once when the client is certain, asked otherwise."""
    said = turn.said
    if not said.note and not turn.files:
        return await records(turn, session, one_client(turn))
    draft = _draft(turn)
    if said.verb == "ask:log":
        return await _offer(turn, session, draft)
    visible = [hit for hit in turn.hits if hit.visible]
    certain = [hit for hit in visible if hit.how in ("exact", "part")]
    if len(visible) == 1 and certain:
        return await write(turn, session, certain[0].client_id, draft)
    if visible:
        return _which(visible, draft)
    if turn.hits:
        raise NotYours
    if said.query:
        raise NoSuchClient(words=said.query)
    if turn.focus is None:
        raise NobodyInFocus
    return await write(turn, session, turn.focus, draft)


def _draft(turn: Turn) -> Draft:
    said = turn.said
    return Draft(
        note=said.note or "（附件）",
        channel=said.channel or "",
        tags=tuple(said.tags),
        files=turn.files,
        due=tuple(at.isoformat() for at in said.due.at),
        ask_due=said.due.kind == "ask",
        task=said.action or "",
    )


async def _offer(turn: Turn, session: AsyncSession, draft: Draft) -> Reply:
    """A narrated contact: nothing is written before the person says so."""
    visible = [hit for hit in turn.hits if hit.visible]
    if len(visible) > 1:
        return _which(visible, draft)
    client_id = visible[0].client_id if visible else turn.focus
    if client_id is None:
        raise NobodyInFocus
    client = await session.get_one(Client, client_id)
    key = f"log_for:{client_id}"
    card = draw.offer_card(draft.note, client.name, draft.channel, draft.dump(), key)
    return Reply(parts=(card,), question=Question(options=(key, "never_mind")))


def _which(hits: Sequence[Hit], draft: Draft) -> Reply:
    options = [(f"log_for:{h.client_id}", f"{h.name} {h.account}") for h in hits[:MOST_CHOICES]]
    card = notice.choose(
        "记给哪一位？", options, text=f"«{text.cut(draft.note, 60)}»", draft=draft.dump()
    )
    return Reply(parts=(card,), question=Question(options=tuple(key for key, _ in options)))


@router.click("log_for", action=Action.LOG)
async def log_for(turn: Turn, session: AsyncSession) -> Reply:
    """The answer to «记给哪一位？»: written once, the question is closed."""
    card = asked_card(turn)
    client_id = int(turn.args[0])
    reply = await write(turn, session, client_id, _load(card.draft))
    client = await session.get_one(Client, client_id)
    return Reply(
        parts=reply.parts,
        update=notice.done(f"已记给 {client.name}"),
        focus=client_id,
        question=reply.question,
    )


@router.click("never_mind")
async def never_mind(_turn: Turn, _session: AsyncSession) -> Reply:
    return Reply(update=notice.done("好的，没有记录"))


def asked_card(turn: Turn) -> Card:
    """The question that a click answers. Raises QuestionExpired after ten minutes."""
    if turn.card is None or turn.card_at is None:
        raise OldCard
    if turn.at - turn.card_at > UNDO_WINDOW:
        raise QuestionExpired
    return turn.card


async def write(turn: Turn, session: AsyncSession, client_id: int, draft: Draft) -> Reply:
    """Log the talk, and its follow-up where the day is certain; ask for the day otherwise."""
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
    for due in () if draft.ask_due else draft.due:
        await tasks.add(
            session,
            turn.person,
            text=draft.task or FOLLOW_UP,
            due_at=datetime.fromisoformat(due),
            client_id=client_id,
            interaction_id=row.id,
            source=turn.source,
        )
    card = await _card(session, row.id, turn.audience, turn.at)
    if not draft.ask_due:
        return say(card, focus=client_id)
    question = _which_day(row, draft, turn.at)
    options = tuple(button.key for button in question.buttons)
    return Reply(
        parts=(card, question),
        focus=client_id,
        question=Question(options=options, text_action=f"follow_text:{row.id}"),
    )


def _which_day(row: Interaction, draft: Draft, now: datetime) -> Card:
    moments = [datetime.fromisoformat(at) for at in draft.due]
    options = [(f"follow:{row.id}:{int(at.timestamp())}", text.due(at, now)) for at in moments]
    return notice.choose(
        "哪一天跟进？",
        [*options, ("never_mind", "不用提醒")],
        text="也可以直接回复时间，例如：下周三下午三点",
        draft=draft.dump(),
    )


@router.click("follow", action=Action.TASK)
async def follow(turn: Turn, session: AsyncSession) -> Reply:
    at = datetime.fromtimestamp(int(turn.args[1]), tz=turn.at.tzinfo)
    return await _follow(turn, session, at)


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
    client = await clients.see(session, turn.person, client_id)
    rows = await interactions.recent(session, client_id)
    staff = await people.names(session, {row.staff for row in rows})
    return say(draw.records_card(client, rows, staff), focus=client_id)


@router.click("records", action=Action.LOOK_UP)
async def click_records(turn: Turn, session: AsyncSession) -> Reply:
    return await records(turn, session, int(turn.args[0]))


@router.command("undo", action=Action.LOG)
async def undo_last(turn: Turn, session: AsyncSession) -> Reply:
    row_id = await interactions.last_of(session, turn.person)
    await _undo(turn, session, row_id)
    subject = f"interaction:{row_id}"
    card = await _card(session, row_id, turn.audience, turn.at)
    return Reply(parts=(notice.done("已撤销", card.title),), refresh=(subject,))


@router.click("undo", action=Action.LOG)
async def undo(turn: Turn, session: AsyncSession) -> Reply:
    row_id = int(turn.args[0])
    await _undo(turn, session, row_id)
    card = await _card(session, row_id, turn.audience, turn.at)
    return Reply(update=card, refresh=(card.subject,))


async def _undo(turn: Turn, session: AsyncSession, row_id: int) -> None:
    """The record and the follow-up that came with it."""
    await interactions.undo(session, turn.person, row_id)
    for task in await tasks.of_interaction(session, row_id):
        if task.state is TaskState.OPEN:
            await tasks.end(session, turn.person, task.id, TaskState.CANCELLED)


@router.click("amend", action=Action.LOG)
async def ask_amend(turn: Turn, session: AsyncSession) -> Reply:
    row = await interactions.get(session, int(turn.args[0]))
    return Reply(
        parts=(draw.amend_question(row),), question=Question(text_action=f"amend_text:{row.id}")
    )


@router.click("amend_text", action=Action.LOG)
async def amend(turn: Turn, session: AsyncSession) -> Reply:
    asked_card(turn)
    said = turn.click.inputs.get("text", "") if turn.click else ""
    if not isinstance(said, str) or not said.strip():
        raise NothingSaid
    row = await interactions.amend(session, turn.person, int(turn.args[0]), said.strip())
    return Reply(update=notice.done("已补充"), refresh=(f"interaction:{row.id}",))


@router.command("file", action=Action.LOG)
async def file_came(turn: Turn, session: AsyncSession) -> Reply:
    """A picture or file without words: offered to the record or the client in focus."""
    if turn.focus is None or not await access.may_see(session, turn.person, turn.focus, Action.LOG):
        raise NobodyInFocus
    client = await session.get_one(Client, turn.focus)
    kind = "图片" if turn.ask.kind is AskKind.PICTURE else "文件"
    name = turn.files[0][1] if turn.files else ""
    draft = Draft(note=f"收到{kind} {name}".strip(), files=turn.files)
    key = f"log_for:{client.id}"
    card = notice.choose(
        f"把{kind}记到 {client.name} 名下？",
        [(key, "记录"), ("never_mind", "不用")],
        text=name,
        draft=draft.dump(),
    )
    return Reply(parts=(card,), question=Question(options=(key, "never_mind")))


@router.view("interaction")
async def draw_interaction(
    session: AsyncSession, _person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    return await _card(session, number, audience, at)


async def _card(session: AsyncSession, row_id: int, audience: Audience, at: datetime) -> Card:
    row = await interactions.get(session, row_id)
    client = await session.get_one(Client, row.client_id)
    follow_ups = await tasks.of_interaction(session, row_id)
    return draw.logged_card(row, client, follow_ups, audience, at)
