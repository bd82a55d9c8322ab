"""审批: deciding, handing on, asking for another signature, and what everybody is shown then."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases, decisions, flow, seating
from approvals.cases import Dossier, Moved, NoSuchApplication
from approvals.decisions import AlreadyWithdrawn, DecidedAlready, Place
from approvals.documents import PAPER_WORDS
from approvals.flow import VERDICT_WORDS, OldVersion, State, Verdict
from approvals.history import Seen
from approvals.models import Application, Stage
from bot.cards import application as draw
from bot.cards import notice
from bot.cards.notice import NEVER_MIND
from bot.chat import codec
from bot.chat.message import Audience, Card, Document, Part, Picture
from bot.chat.reply import Question, Reply
from bot.outbox import outbox
from bot.router import OldCard, Router, Turn
from crm import names, people
from crm.kernel import audit
from crm.kernel.errors import UserError
from crm.people import Action, Person
from handlers.asking import answer_text, asked_card

router = Router()

PDF = ".pdf"
THEN_YOU = "加签人先给意见，他同意后仍由您审批"
NOT_YOU = "转交后由他审批，您不再审批"
OF_A_CLIENT = frozenset({"approve", "reject", "send_back"})  # a name behind them is a client's


OVER = (DecidedAlready, AlreadyWithdrawn, OldVersion)


class NotInGroups(UserError):
    say = "开户和审批的事请私聊我"


class NothingWaits(UserError):
    say = "现在没有等您审批的申请"


class NoneOfThatName(UserError):
    say = "等您审批的申请里没有「{words}」，发「待审批」看列表"


class OneByOne(UserError):
    say = "一次只处理一份申请，请逐份发，例如：同意 {name}"


class NobodyFits(UserError):
    say = "没有可以{what}的人：须是相应岗位、未参与这份申请、也不是后面环节唯一的审批人"


class NoPapers(UserError):
    say = "这份申请还没有上传材料"


# ── what waits ───────────────────────────────────────────────────────────────────────────────


@router.command("my_approvals", action=Action.APPROVE, asked=cases.is_waited_for)
async def waiting(turn: Turn, session: AsyncSession) -> Reply:
    in_private(turn)
    rows = await cases.waiting_for(session, turn.person)
    return await _listed(session, turn, rows)


async def _listed(
    session: AsyncSession, turn: Turn, rows: Sequence[tuple[Stage, Application]]
) -> Reply:
    named = [
        (stage, row, await _step_words(session, turn.person, stage, row)) for stage, row in rows
    ]
    card = draw.waiting_list(named, turn.at)
    options = tuple(f"case_open:{stage.id}" for stage, _ in rows)
    return Reply(parts=(card,), question=Question(options=options) if options else None)


async def _step_words(session: AsyncSession, person: Person, stage: Stage, row: Application) -> str:
    """As on the card: 加签 or not, and for whom."""
    case = await cases.case_of(session, row)
    absent = await seating.sits_for(session, stage, person.id)
    names = await people.names(session, [absent] if absent else [])
    return draw.step_words(
        case.flow.step(stage.step).title,
        names.get(absent, absent),
        cosigns=person.id in flow.cosigning(case),
    )


@router.click("case_open")
async def open_case(turn: Turn, session: AsyncSession) -> Reply:
    """The card of one step, as this person may see it now; its buttons answer to 1, 2, 3 …"""
    in_private(turn)
    stage = await cases.stage_of(session, int(turn.args[0]))
    found = await cases.dossier(session, stage.application_id)
    if not cases.may_follow(found, turn.person):
        raise NoSuchApplication
    audit.note(session, turn.person.id, "application.see", f"application:{found.row.id}")
    card = draw.approver_card(found, stage, turn.person, turn.at, turn.audience)
    options = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=options) if options else None)


@router.click("case_papers")
async def papers(turn: Turn, session: AsyncSession) -> Reply:
    """The pictures and documents themselves; the look is put on record."""
    in_private(turn)
    stage = await cases.stage_of(session, int(turn.args[0]))
    found = await cases.dossier(session, stage.application_id)
    if not cases.may_follow(found, turn.person):
        raise NoSuchApplication
    shown = tuple(_papers(found))
    if not shown:
        raise NoPapers
    audit.note(session, turn.person.id, "application.papers", f"application:{found.row.id}")
    return Reply(parts=shown)


def _papers(found: Dossier) -> Sequence[Part]:
    return [
        Document(blob=one.blob, name=one.name, caption=PAPER_WORDS[paper])
        if one.name.lower().endswith(PDF)
        else Picture(blob=one.blob, caption=f"{found.row.name} · {PAPER_WORDS[paper]}")
        for paper, one in found.papers.items()
    ]


# ── decisions by click ───────────────────────────────────────────────────────────────────────


@router.click("case_approve")
async def approve(turn: Turn, session: AsyncSession) -> Reply:
    place = _clicked(turn)
    return await _decide(turn, session, place, Verdict.APPROVE, _comment(turn))


@router.click("case_reject")
async def reject(turn: Turn, session: AsyncSession) -> Reply:
    return await _with_reason(turn, session, Verdict.REJECT)


@router.click("case_return")
async def send_back(turn: Turn, session: AsyncSession) -> Reply:
    return await _with_reason(turn, session, Verdict.RETURN)


async def _with_reason(turn: Turn, session: AsyncSession, verdict: Verdict) -> Reply:
    place, comment = _clicked(turn), _comment(turn)
    if comment:
        return await _decide(turn, session, place, verdict, comment)
    return await _ask_reason(session, turn, place, verdict)


def _clicked(turn: Turn) -> Place:
    """What was clicked, with what stood on the card. Raises OldCard."""
    if turn.card is None:
        raise OldCard
    return Place(stage=int(turn.args[0]), version=int(turn.args[1]), seen=_seen(turn.card))


def _seen(card: Card) -> Seen:
    content = codec.dump(card)
    digest = sha256(content).hexdigest()
    return Seen(digest=digest, card=card.id, version=card.version, content=content.decode())


def _comment(turn: Turn) -> str:
    given = turn.click.inputs.get("comment", "") if turn.click else ""
    return given.strip() if isinstance(given, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A verdict that waits for its reason, or a step that waits for a person."""

    place: Place
    verdict: Verdict = Verdict.APPROVE

    def dump(self) -> str:
        place, seen = self.place, self.place.seen
        return json.dumps(
            {
                "stage": place.stage,
                "version": place.version,
                "seen": [seen.digest, seen.card, seen.version, seen.content],
                "verdict": self.verdict,
            }
        )


def _load(draft: str) -> _Waiting:
    raw = json.loads(draft)
    digest, card, version, *content = raw["seen"]  # asked by an older release: without it
    return _Waiting(
        place=Place(
            stage=raw["stage"],
            version=raw["version"],
            seen=Seen(digest=digest, card=card, version=version, content="".join(content)),
        ),
        verdict=Verdict(raw["verdict"]),
    )


async def _ask_reason(session: AsyncSession, turn: Turn, place: Place, verdict: Verdict) -> Reply:
    row = await decisions.must_wait(session, turn.person, place)
    word = VERDICT_WORDS[verdict]
    options = [(f"case_reason:{code}", why) for code, why in draw.REASONS[verdict]]
    card = notice.choose(
        f"{word} {row.name} 的开户申请：请写明原因",
        [*options, (NEVER_MIND, "取消")],
        text="点一个原因，或直接回复",
        draft=_Waiting(place=place, verdict=verdict).dump(),
    )
    keys = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=keys, text_action="case_because"))


@router.click("case_reason")
async def reason_chosen(turn: Turn, session: AsyncSession) -> Reply:
    waits = _load(asked_card(turn).draft)
    words = dict(draw.REASONS[waits.verdict])
    return await _because(turn, session, waits, words[turn.args[0]])


@router.click("case_because")
async def reason_written(turn: Turn, session: AsyncSession) -> Reply:
    return await _because(turn, session, _load(asked_card(turn).draft), answer_text(turn))


async def _because(turn: Turn, session: AsyncSession, waits: _Waiting, reason: str) -> Reply:
    try:
        reply = await _decide(turn, session, waits.place, waits.verdict, reason)
    except OVER as error:  # the question is over too
        return Reply(update=notice.done(error.text))
    stage = await cases.stage_of(session, waits.place.stage)
    row = await cases.get(session, stage.application_id)
    said = f"已{VERDICT_WORDS[waits.verdict]} {row.name} 的开户申请"
    return replace(reply, update=notice.done(said))


async def _decide(
    turn: Turn, session: AsyncSession, place: Place, verdict: Verdict, comment: str
) -> Reply:
    moved = await decisions.decide(session, turn.person, place, verdict, comment, turn.calendar)
    return await outcome(turn, session, moved, place.stage)


# ── somebody else's word ─────────────────────────────────────────────────────────────────────


@router.click("case_hand")
async def ask_whom_to_hand(turn: Turn, session: AsyncSession) -> Reply:
    return await _ask_whom(turn, session, _clicked(turn), cosign=False)


@router.click("case_cosign")
async def ask_whom_to_cosign(turn: Turn, session: AsyncSession) -> Reply:
    return await _ask_whom(turn, session, _clicked(turn), cosign=True)


async def _ask_whom(turn: Turn, session: AsyncSession, place: Place, *, cosign: bool) -> Reply:
    row = await decisions.must_wait(session, turn.person, place)
    fitting = await seating.may_be_asked(session, row, turn.person.id, cosign=cosign)
    what = "加签" if cosign else "转交"
    if not fitting:
        raise NobodyFits(what=what)
    action = "case_cosign_to" if cosign else "case_hand_to"
    card = notice.choose(
        f"{row.name} 的开户申请{what}给谁？",
        [*((f"{action}:{each.id}", each.name) for each in fitting), (NEVER_MIND, "取消")],
        text=THEN_YOU if cosign else NOT_YOU,
        draft=_Waiting(place=place).dump(),
    )
    keys = tuple(button.key for button in card.buttons)
    question = Question(options=keys, text_action=f"{action}_named")
    return Reply(parts=(card,), question=question)


@router.click("case_hand_to")
async def hand_to(turn: Turn, session: AsyncSession) -> Reply:
    return await _give(
        turn, session, _load(asked_card(turn).draft).place, turn.args[0], cosign=False
    )


@router.click("case_cosign_to")
async def cosign_to(turn: Turn, session: AsyncSession) -> Reply:
    return await _give(
        turn, session, _load(asked_card(turn).draft).place, turn.args[0], cosign=True
    )


@router.click("case_hand_to_named")
async def hand_to_named(turn: Turn, session: AsyncSession) -> Reply:
    return await _give_named(turn, session, cosign=False)


@router.click("case_cosign_to_named")
async def cosign_to_named(turn: Turn, session: AsyncSession) -> Reply:
    return await _give_named(turn, session, cosign=True)


async def _give_named(turn: Turn, session: AsyncSession, *, cosign: bool) -> Reply:
    place = _load(asked_card(turn).draft).place
    row = await decisions.must_wait(session, turn.person, place)
    to = await _person_named(session, turn, row, answer_text(turn), cosign=cosign)
    return await _give(turn, session, place, to.id, cosign=cosign)


async def _person_named(
    session: AsyncSession, turn: Turn, row: Application, words: str, *, cosign: bool
) -> Person:
    """Raises NobodyFits."""
    for each in await seating.may_be_asked(session, row, turn.person.id, cosign=cosign):
        if words in (each.name, each.id):
            return each
    raise NobodyFits(what="加签" if cosign else "转交")


async def _give(turn: Turn, session: AsyncSession, place: Place, to: str, *, cosign: bool) -> Reply:
    act = decisions.cosign if cosign else decisions.hand
    asked = turn.card is not None and turn.card.subject != f"approval:{place.stage}"
    try:
        moved = await act(session, turn.person, place, to)
    except OVER as error:
        if not asked:
            raise
        return Reply(update=notice.done(error.text))
    reply = await outcome(turn, session, moved, place.stage)
    if asked:
        named = await people.names(session, [to])
        word = "已请" if cosign else "已转交"
        tail = " 加签" if cosign else ""
        return replace(reply, update=notice.done(f"{word} {named.get(to, to)}{tail}"))
    return reply


# ── decisions in words ───────────────────────────────────────────────────────────────────────


@router.command("approve", action=Action.APPROVE, asked=cases.is_waited_for)
async def approve_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """同意, 同意 张三"""
    rows, words = await _meant(turn, session)
    if len(rows) != 1:
        return await _which(turn, session, rows)
    place = await _place_of(session, turn, *rows[0])
    return await _decide(turn, session, place, Verdict.APPROVE, words)


@router.command("reject", action=Action.APPROVE, asked=cases.is_waited_for)
async def reject_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """驳回 张三 身份核验不通过"""
    return await _verdict_in_words(turn, session, Verdict.REJECT)


@router.command("send_back", action=Action.APPROVE, asked=cases.is_waited_for)
async def send_back_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """退回 张三 身份证反面不清晰"""
    return await _verdict_in_words(turn, session, Verdict.RETURN)


async def _verdict_in_words(turn: Turn, session: AsyncSession, verdict: Verdict) -> Reply:
    rows, words = await _meant(turn, session)
    if len(rows) != 1:
        return await _which(turn, session, rows)
    place = await _place_of(session, turn, *rows[0])
    if not words:
        return await _ask_reason(session, turn, place, verdict)
    return await _decide(turn, session, place, verdict, words)


async def hand_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """转交 钱伟, 转交 张三 钱伟"""
    return await _give_in_words(turn, session, cosign=False)


@router.command("cosign", action=Action.APPROVE, asked=cases.is_waited_for)
async def cosign_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """加签 冯军, 加签 张三 冯军"""
    return await _give_in_words(turn, session, cosign=True)


async def _give_in_words(turn: Turn, session: AsyncSession, *, cosign: bool) -> Reply:
    rows, words = await _meant(turn, session)
    if len(rows) != 1:
        return await _which(turn, session, rows)
    place = await _place_of(session, turn, *rows[0])
    if not words:
        return await _ask_whom(turn, session, place, cosign=cosign)
    to = await _person_named(session, turn, rows[0][1], words, cosign=cosign)
    return await _give(turn, session, place, to.id, cosign=cosign)


async def _meant(turn: Turn, session: AsyncSession) -> tuple[list[tuple[Stage, Application]], str]:
    """The applications that a line may mean, and its further words; the one whose card was just
    opened first. Raises NothingWaits, OneByOne or NoneOfThatName."""
    in_private(turn)
    rows = await cases.waiting_for(session, turn.person)
    if not rows:
        raise NothingWaits
    words = (turn.said.query or "").strip()
    named = [(stage, row) for stage, row in rows if words.startswith(row.name)]
    if named:
        longest = max((row.name for _, row in named), key=len)
        behind = words.removeprefix(longest)
        others = {row.name for _, row in rows} - {longest}
        if turn.said.verb == "approve" and any(name in behind for name in others):
            raise OneByOne(name=longest)
        named = [(stage, row) for stage, row in named if row.name == longest]
        return named, words.removeprefix(longest).strip(" ,，:：的")
    key = "case_approve:{}:{}".format
    opened = [pair for pair in rows if key(pair[0].id, pair[1].version) in turn.listed]
    first = words.split()[0] if words else ""
    if not opened and turn.said.verb in OF_A_CLIENT and names.looks_like_name(first):
        raise NoneOfThatName(words=first)  # who is not there: nobody else's is decided instead
    return opened or rows, words


async def _which(
    turn: Turn, session: AsyncSession, rows: Sequence[tuple[Stage, Application]]
) -> Reply:
    reply = await _listed(session, turn, rows)
    hint = notice.sentence("有几份申请在等您", "请写上客户姓名，例如：同意 张三")
    return replace(reply, parts=(hint, *reply.parts))


async def _place_of(session: AsyncSession, turn: Turn, stage: Stage, row: Application) -> Place:
    """What the person has on his screen now: each change redraws the cards of a step."""
    shown = await outbox.live_cards(session, f"approval:{stage.id}")
    mine = [live for live in shown if live.receiver == turn.person.id]
    here = [live for live in mine if live.platform == turn.ask.chat.platform] or mine
    if here:
        card = codec.load_card(here[-1].content)
    else:
        found = await cases.dossier(session, row.id)
        card = draw.approver_card(found, stage, turn.person, turn.at, turn.audience)
    return Place(stage=stage.id, version=row.version, seen=_seen(card))


# ── what everybody is shown then ─────────────────────────────────────────────────────────────


async def outcome(
    turn: Turn, session: AsyncSession, moved: Moved, stage_id: int | None = None
) -> Reply:
    """The clicker's card, the next ones' cards, and the applicant's, after a move."""
    found = await cases.dossier(session, moved.row.id)
    changed = [stage for stage in (moved.ended, moved.stays) if stage is not None]
    refresh = [f"application:{moved.row.id}"]
    refresh += [f"{what}:{stage.id}" for stage in changed for what in ("approval", "reminder")]
    tell = [*await _cards_for_news(session, found, moved, turn.at)]
    tell += await _card_for_owner(session, found, turn)
    update = None
    if stage_id is not None:
        stage = await cases.stage_of(session, stage_id)
        update = draw.approver_card(found, stage, turn.person, turn.at, turn.audience)
    if turn.click is not None:
        return Reply(update=update, refresh=tuple(refresh), tell=tuple(tell), urgent=True)
    parts = (update,) if update else ()
    return Reply(parts=parts, refresh=tuple(refresh), tell=tuple(tell), urgent=True)


async def _cards_for_news(
    session: AsyncSession, found: Dossier, moved: Moved, at: datetime
) -> list[tuple[str, Card]]:
    """Whoever may decide from now on gets a card."""
    stage = moved.next or moved.stays
    if stage is None:
        return []
    return [(staff, await card_for(session, found, stage, staff, at)) for staff in moved.news]


async def card_for(
    session: AsyncSession, found: Dossier, stage: Stage, staff: str, at: datetime
) -> Card:
    person = await people.get(session, staff)
    return draw.approver_card(found, stage, person, at, Audience.PRIVATE)


async def _card_for_owner(
    session: AsyncSession, found: Dossier, turn: Turn
) -> list[tuple[str, Card]]:
    """Who looks after it hears how it ended, or that it came back; steps between only show."""
    row = found.row
    if row.owner == turn.person.id or row.state in (State.RUNNING, State.DRAFT):
        return []
    owner = await people.get(session, row.owner)
    return [(owner.id, draw.ended_card(found, owner, turn.at))]


@router.view("approval")
async def draw_stage(
    session: AsyncSession, person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    stage = await cases.stage_of(session, number)
    found = await cases.dossier(session, stage.application_id)
    return draw.approver_card(found, stage, person, at, audience)


@router.view("reminder")
async def draw_reminder(
    session: AsyncSession,
    person: Person,
    number: int,
    audience: Audience,  # noqa: ARG001  nothing on it is masked
    at: datetime,
) -> Card:
    stage = await cases.stage_of(session, number)
    found = await cases.dossier(session, stage.application_id)
    return draw.reminder(found, stage, person, at)


def in_private(turn: Turn) -> None:
    """Raises NotInGroups: applications are nobody's business in a group."""
    if turn.audience is not Audience.PRIVATE:
        raise NotInGroups
