"""开户: an account manager begins, fills in, submits, follows and withdraws applications."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases, checks, drafts, intake
from approvals.cases import Dossier, NoSuchApplication
from approvals.documents import FIELD_WORDS, PAPER_WORDS, Field, Paper, WrongNumber, WrongPaper
from approvals.drafts import NoPlaceFor
from approvals.flow import IN_HAND, OPEN, State
from approvals.models import Application
from bot.cards import application as draw
from bot.cards import notice, text
from bot.cards.notice import NEVER_MIND
from bot.chat.message import Audience, Card
from bot.chat.reply import Question, Reply
from bot.grammar import newcomer
from bot.grammar.normalise import spoken
from bot.grammar.verbs import BY_NAME
from bot.router import Router, Turn
from crm import names
from crm.kernel.errors import UserError
from crm.models import Client
from crm.people import Action, Person
from handlers import seen, whom
from handlers.approvals import in_private, outcome
from handlers.asking import answer_text, asked_card

router = Router()

SUBMIT_WORDS = frozenset({"提交", "提交申请", "提交审批"})
ENDS = " 　。.,，!！~～"
_OTHER_NAME = re.compile(r"[\u4e00-\u9fff]{2,20}(?:[·•・][\u4e00-\u9fff]{1,20})+")
_EDGES = " \t,，:：。.!！?？、/「」“”\"'的"
_NUMBERS = re.compile(  # and whatever follows the first of them
    r"(?:[\s,，、:：](?:身份证|手机|电话|银行卡|卡号|有效)\w*|[\s,，]*\d).*$", re.DOTALL
)
_LEAD = re.compile(r"^(?:@\S+\s+|给|帮|为|请|我要|一下|客户)+")
SEEN_TOO = re.compile(rf"[\s,，、的]*{draw.SEEN}[\s。.!！?？]*$")
NEXT = "清单已更新，以最新的一张为准"


class WhichName(UserError):
    say = "没有看懂客户姓名「{words}」，请写全名，例如：开户 张三"


class NothingRead(UserError):
    say = "没有看到号码、有效期或照片；可以发：{missing}"


class NoneOfThatName(UserError):
    say = "没有您能看的「{words}」的开户申请"


# ── begin and go on ──────────────────────────────────────────────────────────────────────────


@router.command("apply_opening", action=Action.OPEN_ACCOUNT)
async def apply(turn: Turn, session: AsyncSession) -> Reply:
    """开户 张三: begins, or goes on with what was begun; numbers behind the name are taken at once.
    开户 alone lists."""
    in_private(turn)
    name = _name(turn)
    if name is None:
        return await _own_list(turn, session)
    mine = await cases.owned_by(session, turn.person, cases.MOST_LISTED)
    same = [row for row in mine if row.name == name and row.state in OPEN]
    in_hand = [row for row in same if row.state in IN_HAND]
    if same and not in_hand:
        return _another(same[0])
    row = in_hand[0] if in_hand else await _started(turn, session, name)
    said = await _take_numbers(turn, session, row, turn.ask.text)
    return await _show(turn, session, row, said=said)


def _name(turn: Turn) -> str | None:
    """The client's name as it was written, or of the one client that was meant. Raises
    WhichName."""
    written = _written(turn)
    if written:
        return written
    typed = names.simplified(turn.said.query or "").strip()
    if not typed:
        return None
    hits = whom.seen(turn)
    if len(hits) == 1 and hits[0].how in whom.SURE:
        return hits[0].name
    raise WhichName(words=text.cut(typed, 12))


def _written(turn: Turn) -> str:
    """A whole name beside the verb, also where a client is called by its beginning: 陈静怡 is not
    陈静. Empty when what stands there is no name."""
    line = names.simplified(turn.ask.text)
    verb = BY_NAME[turn.said.verb or ""]
    asked = spoken(line).text
    if verb.name == "apply_opening" and (place := newcomer.named(asked)):
        return asked[slice(*place)]
    for word in sorted((*verb.words, *verb.latin), key=len, reverse=True):
        if word in line.lower():
            before, _, behind = re.sub(f"(?i){word}", "\n", line, count=1).partition("\n")
            for part in (behind, before):
                name = _LEAD.sub("", part.strip(_EDGES)).strip(_EDGES)
                alone = _NUMBERS.sub("", name).strip(_EDGES)
                for each in (name, alone):
                    if _is_name(each):
                        return each
            return ""
    return ""


def _is_name(words: str) -> bool:
    if _OTHER_NAME.fullmatch(words) or names.looks_like_name(words):
        return True
    return words.endswith("公司") and " " not in words


async def _started(turn: Turn, session: AsyncSession, name: str) -> Application:
    return await drafts.start(session, turn.person, name, company=name.endswith("公司"))


def _another(row: Application) -> Reply:
    """One of this name is being decided."""
    options = [(f"opening:{row.id}", "看进度"), ("opening_new", "另开一份")]
    card = notice.choose(f"{row.name} 已有一份开户申请在审批", options, draft=row.name)
    return Reply(parts=(card,), question=Question(options=tuple(key for key, _ in options)))


@router.click("opening_new", action=Action.OPEN_ACCOUNT)
async def another(turn: Turn, session: AsyncSession) -> Reply:
    row = await _started(turn, session, asked_card(turn).draft)
    reply = await _show(turn, session, row)
    return replace(reply, update=notice.done("好的，另开一份"))


@router.click("opening")
async def open_one(turn: Turn, session: AsyncSession) -> Reply:
    """From a list, or from the card that says what is wanted."""
    in_private(turn)
    row = await cases.get(session, int(turn.args[0]))
    return await _show(turn, session, row)


async def _own_list(turn: Turn, session: AsyncSession) -> Reply:
    rows = await cases.owned_by(session, turn.person)
    options = tuple(f"opening:{row.id}" for row in rows)
    card = draw.own_list(rows, turn.at)
    return Reply(parts=(card,), question=Question(options=options) if options else None)


async def _show(
    turn: Turn, session: AsyncSession, row: Application, *, said: str = "", file: int = 0
) -> Reply:
    """The card as it is now; a checklist takes the lines and files that follow. Raises
    NoSuchApplication."""
    found = await cases.dossier(session, row.id)
    if not cases.may_follow(found, turn.person):
        raise NoSuchApplication
    card = draw.applicant_card(found, turn.person, turn.at, turn.audience, said=said, file=file)
    question = _question(found) if row.owner == turn.person.id else None
    return Reply(parts=(card,), question=question)


def _question(found: Dossier) -> Question | None:
    row = found.row
    if row.state not in IN_HAND:
        return None
    submit = (f"opening_submit:{row.id}",) if checks.ready(found.checks) else ()
    return Question(options=submit, text_action=f"opening_text:{row.id}")


# ── fill in ──────────────────────────────────────────────────────────────────────────────────


@router.click("opening_text", action=Action.OPEN_ACCOUNT)
async def line_came(turn: Turn, session: AsyncSession) -> Reply:
    """Numbers, an expiry, a photograph, the name of the last one, or 提交."""
    row = await cases.get(session, int(turn.args[0]))
    if turn.files:
        return await _files_came(turn, session, row, turn.files)
    words = answer_text(turn)
    if words.strip(ENDS) in SUBMIT_WORDS:
        return await _submit(turn, session, row.id)
    if said := await _take_numbers(turn, session, row, words):
        return await _next_list(turn, session, row, said)
    return await _paper_named(turn, session, await cases.dossier(session, row.id), words)


async def _take_numbers(turn: Turn, session: AsyncSession, row: Application, words: str) -> str:
    """Keep the numbers of a line; gives what became of each, "" when it has none."""
    found = await cases.dossier(session, row.id)
    said = []
    for each in intake.read(words, [Field(each) for each in found.wanted.fields]):
        try:
            await drafts.fill(session, turn.person, row.id, each.field, each.text)
        except (WrongNumber, NoPlaceFor) as error:
            said.append(f"没有收下：{error.text}")
        else:
            said.append(f"已收到{FIELD_WORDS[each.field]}")
    return "\n".join(said)


async def _paper_named(turn: Turn, session: AsyncSession, found: Dossier, words: str) -> Reply:
    """身份证反面: what the last picture was. Raises NothingRead."""
    paper = intake.paper_named(words, [Paper(each) for each in found.wanted.files])
    last = max((one.number for one in found.papers.values()), default=0)
    if paper is None or not last or len(words) > len(PAPER_WORDS[paper]) + 4:
        missing = [each.what for each in found.checks if each.light is checks.Light.MISSING]
        raise NothingRead(missing="、".join(missing) or "提交")
    return await _rename(turn, session, found.row, last, paper)


async def _files_came(
    turn: Turn, session: AsyncSession, row: Application, files: Sequence[tuple[str, str]]
) -> Reply:
    said, number = [], 0
    found = await cases.dossier(session, row.id)
    wanted, there = [Paper(each) for each in found.wanted.files], set(found.papers)
    renewed = {each for each in found.mended() if isinstance(each, Paper)}
    for blob, name in files:
        named = intake.paper_named(name, wanted) or _sent_back(found, wanted, renewed)
        try:
            paper, number = await drafts.attach(
                session, turn.person, row.id, blob=blob, name=name, paper=named
            )
        except WrongPaper as error:
            said.append(error.text)
        else:
            instead = "，换下原来那张" if paper in there else ""
            said.append(f"这张记为{PAPER_WORDS[paper]}{instead}")
            there.add(paper)
            renewed.add(paper)
    return await _next_list(turn, session, row, "\n".join(said), file=number)


def _sent_back(
    found: Dossier, wanted: Collection[Paper], renewed: Collection[Paper]
) -> Paper | None:
    """The paper that the approver named when he sent it back, until it has come anew."""
    if found.row.state is not State.RETURNED or found.returned is None:
        return None
    return intake.paper_named(
        found.returned.comment, [each for each in wanted if each not in renewed]
    )


async def _next_list(
    turn: Turn, session: AsyncSession, row: Application, said: str, *, file: int = 0
) -> Reply:
    """One checklist is alive at a time: the newest, below what was said."""
    reply = await _show(turn, session, row, said=said, file=file)
    return replace(reply, update=notice.done(NEXT))


@router.click("opening_rename", action=Action.OPEN_ACCOUNT)
async def rename(turn: Turn, session: AsyncSession) -> Reply:
    application, number, paper = turn.args
    row = await cases.get(session, int(application))
    return await _rename(turn, session, row, int(number), Paper(paper))


async def _rename(
    turn: Turn, session: AsyncSession, row: Application, number: int, paper: Paper
) -> Reply:
    await drafts.rename(session, turn.person, row.id, number, paper)
    return await _next_list(turn, session, row, f"这张记为{PAPER_WORDS[paper]}", file=number)


async def file_options(session: AsyncSession, person: Person) -> list[tuple[str, str]]:
    """Where a file may go that nobody asked for: the applications that are being filled in."""
    if not person.may(Action.OPEN_ACCOUNT):
        return []
    rows = await cases.in_hand_of(session, person)
    return [(f"opening_take:{row.id}", f"放进 {row.name} 的开户申请") for row in rows[:3]]


@router.click("opening_take", action=Action.OPEN_ACCOUNT)
async def take_files(turn: Turn, session: AsyncSession) -> Reply:
    """The answer to whose file it is: the draft keeps the files."""
    files = [(blob, name) for blob, name in json.loads(asked_card(turn).draft)["files"]]
    row = await cases.get(session, int(turn.args[0]))
    reply = await _files_came(turn, session, row, files)
    return replace(reply, update=notice.done(f"已放进 {row.name} 的开户申请"))


# ── submit, follow, withdraw ─────────────────────────────────────────────────────────────────


@router.click("opening_submit", action=Action.OPEN_ACCOUNT)
async def submit(turn: Turn, session: AsyncSession) -> Reply:
    return await _submit(turn, session, int(turn.args[0]))


async def submit_in_words(turn: Turn, session: AsyncSession) -> Reply | None:
    """提交, long after the checklist was shown: the one that is filled in, or which; None where
    there is none."""
    if turn.ask.text.strip(ENDS) not in SUBMIT_WORDS or not turn.person.may(Action.OPEN_ACCOUNT):
        return None
    rows = await cases.in_hand_of(session, turn.person)
    if not rows:
        return None
    in_private(turn)
    if len(rows) == 1:
        return await _submit(turn, session, rows[0].id)
    options = [(f"opening_submit:{row.id}", f"提交 {row.name}") for row in rows[:8]]
    card = notice.choose("提交哪一份开户申请？", [*options, (NEVER_MIND, "不提交")])
    keys = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=keys))


async def _submit(turn: Turn, session: AsyncSession, application_id: int) -> Reply:
    moved = await drafts.submit(session, turn.person, application_id, turn.calendar)
    return await _shown_after(turn, session, await outcome(turn, session, moved), application_id)


async def _shown_after(
    turn: Turn, session: AsyncSession, reply: Reply, application_id: int
) -> Reply:
    """The clicked card becomes the application's; below somebody's own words it is shown anew."""
    found = await cases.dossier(session, application_id)
    card = draw.closed_card(found, turn.person)
    if found.row.state in OPEN:
        card = draw.applicant_card(found, turn.person, turn.at, turn.audience)
    said = turn.in_words or turn.click is None
    return replace(reply, parts=(card,) if said else (), update=card)


@router.click("opening_withdraw")
async def withdraw(turn: Turn, session: AsyncSession) -> Reply:
    row = await cases.get(session, int(turn.args[0]))
    moved = await drafts.withdraw(session, turn.person, row.id)
    return await _shown_after(turn, session, await outcome(turn, session, moved), row.id)


@router.command("withdraw", action=Action.OPEN_ACCOUNT)
async def withdraw_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """撤回申请 张三: asked once more. Raises NoneOfThatName."""
    in_private(turn)
    words = names.simplified(turn.said.query or "").strip()
    rows = [r for r in await cases.owned_by(session, turn.person, 50) if r.state in OPEN]
    named = [row for row in rows if not words or row.name == words]
    if not named:
        raise NoneOfThatName(words=text.cut(words, 12) or "进行中")
    options = [(f"opening_withdraw:{row.id}", f"撤回 {row.name}") for row in named[:8]]
    card = notice.choose("撤回哪一份开户申请？", [*options, (NEVER_MIND, "不撤回")])
    keys = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=keys))


async def withdraw_named(turn: Turn, session: AsyncSession) -> Reply | None:
    """撤回 张三, where an application of that name is open; None where a record is meant."""
    words = names.simplified(turn.said.query or "").strip()
    if not words or not turn.person.may(Action.OPEN_ACCOUNT):
        return None
    rows = await cases.owned_by(session, turn.person, cases.MOST_LISTED)
    if any(row.name == words and row.state in OPEN for row in rows):
        return await withdraw_in_words(turn, session)
    return None


async def withdraw_any(turn: Turn, session: AsyncSession) -> Reply | None:
    """撤回 alone, where no record is meant; None where no application is open either."""
    if turn.said.query or not turn.person.may(Action.OPEN_ACCOUNT):
        return None
    rows = await cases.owned_by(session, turn.person, cases.MOST_LISTED)
    if any(row.state in OPEN for row in rows):
        return await withdraw_in_words(turn, session)
    return None


@router.command("progress", action=Action.LOOK_UP)
async def progress(turn: Turn, session: AsyncSession) -> Reply:
    """进度 张三: the whole track; 进度 张三 当时所见: what was decided by. Raises
    NoneOfThatName."""
    in_private(turn)
    if asked := SEEN_TOO.search(turn.ask.text):
        return await _seen(turn, session, turn.ask.text[: asked.start()])
    wanted = await _names_meant(turn, session)
    if not wanted:
        return await _own_list(turn, session)
    rows = [row for name in wanted for row in await cases.named(session, turn.person, name)]
    if not rows:
        raise NoneOfThatName(words=text.cut(wanted[0], 12))
    if len(rows) == 1 or rows[0].state in OPEN:
        return await _track(turn, session, rows[0])
    options = tuple(f"opening_track:{row.id}" for row in rows[:8])
    card = draw.own_list(rows[:8], turn.at)
    return Reply(parts=(card,), question=Question(options=options))


async def _seen(turn: Turn, session: AsyncSession, line: str) -> Reply:
    """The newest of this name that has any. Raises NoneOfThatName or NothingKept."""
    name = _written(replace(turn, ask=replace(turn.ask, text=line)))
    rows = await cases.named(session, turn.person, name) if name else []
    if not rows:
        raise NoneOfThatName(words=text.cut(name, 12) or "这样")
    return await seen.seen_of(turn, session, rows[0].id)


async def _names_meant(turn: Turn, session: AsyncSession) -> list[str]:
    written = _written(turn)
    if written:
        return [written]
    typed = names.simplified(turn.said.query or "").strip()
    found = [typed] if typed else []
    found += [hit.name for hit in whom.seen(turn)]
    if not found and turn.said.in_focus and turn.focus is not None:
        found.append((await session.get_one(Client, turn.focus)).name)
    return list(dict.fromkeys(found))


@router.click("opening_track")
async def track(turn: Turn, session: AsyncSession) -> Reply:
    in_private(turn)
    return await _track(turn, session, await cases.get(session, int(turn.args[0])))


async def _track(turn: Turn, session: AsyncSession, row: Application) -> Reply:
    found = await cases.dossier(session, row.id)
    if not cases.may_follow(found, turn.person):
        raise NoSuchApplication
    card = draw.track_card(found, turn.person, turn.at, whole=True)
    keys = tuple(b.key for b in card.buttons if b.key.startswith("case_seen:"))
    return Reply(parts=(card,), question=Question(options=keys) if keys else None)


@router.view("application")
async def draw_application(
    session: AsyncSession, person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    found = await cases.dossier(session, number)
    if found.row.state not in OPEN:
        return draw.closed_card(found, person)
    if person.id == found.row.owner and found.row.state is not State.RETURNED:
        return draw.applicant_card(found, person, at, audience)
    if person.id == found.row.owner:
        return draw.ended_card(found, person, at)
    return draw.track_card(found, person, at)
