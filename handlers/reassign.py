"""转交: one alert to a colleague at the desk; in words it may be an application that is meant.

All that somebody has goes to another in ``handover``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases as applications
from approvals.models import Application
from bot.cards import notice, text
from bot.cards.alert.questions import hand_question
from bot.cards.alert.words import degree
from bot.cards.notice import NEVER_MIND
from bot.chat.message import Audience, Card
from bot.chat.reply import Question, Reply
from bot.grammar.reading import Reading
from bot.router import Router, Turn
from crm import people
from crm.kernel.errors import UserError
from crm.people import Action, Person
from handlers import approvals
from handlers.asking import asked_card
from handlers.risk import NoOpenAlert, draw_case, reader_of, shown_on
from handlers.silences import WhichAlert
from risk import cases, routing
from risk.groups import is_open
from risk.models import Alert

router = Router()

MOST_OFFERED = 5
BETWEEN = " ,，:：的给"


class NobodyElse(UserError):
    say = "风控岗没有其他同事可以接手"


class NoSuchColleague(UserError):
    say = "风控岗没有「{words}」；可以转交给：{names}"


class NothingToHand(UserError):
    say = "没有由您处理的预警，也没有等您审批的申请"


class WhichOfYours(UserError):
    say = "由您处理的预警有 {count} 条，请写上客户，例如：转交 {name} {colleague}"


@dataclass(frozen=True, slots=True)
class _Meant:
    """The open alerts of one account that a line names, and its further words."""

    alerts: Sequence[Alert]
    rest: str


# ── by click ─────────────────────────────────────────────────────────────────────────────────


@router.click("alert_hand", action=Action.RISK_DESK)
async def ask_to_whom(turn: Turn, session: AsyncSession) -> Reply:
    return await _ask(turn, session, await cases.see(session, turn.person, int(turn.args[0])))


@router.click("alert_hand_to", action=Action.RISK_DESK)
async def hand_to(turn: Turn, session: AsyncSession) -> Reply:
    asked_card(turn)
    alert = await cases.see(session, turn.person, int(turn.args[0]))
    reply = await _hand(turn, session, [alert], turn.args[1])
    return _answered(reply)


async def _ask(turn: Turn, session: AsyncSession, alert: Alert) -> Reply:
    """Raises NotYourCase or NobodyElse."""
    await cases.must_have(session, turn.person, alert)
    others = [(each.id, each.name) for each in await _colleagues(turn, session)]
    card = hand_question(alert, others, await reader_of(turn, session))
    options = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=options), focus=alert.client_id)


async def _colleagues(turn: Turn, session: AsyncSession) -> list[Person]:
    """Raises NobodyElse."""
    others = [each for each in await routing.desk(session) if each.id != turn.person.id]
    if not others:
        raise NobodyElse
    return others


async def _hand(turn: Turn, session: AsyncSession, alerts: Sequence[Alert], heir: str) -> Reply:
    """Raises what ``cases.hand_on`` does."""
    handed = [await cases.hand_on(session, turn.person, each.id, heir) for each in alerts]
    await session.flush()
    to = await people.get(session, heir)
    tell = [
        (heir, await draw_case(session, to, each.id, Audience.PRIVATE, turn.at)) for each in handed
    ]
    done = notice.done(f"已转交 {to.name}", _named_in_answer(handed, turn))
    refresh = tuple(dict.fromkeys(shown for each in handed for shown in shown_on(each)))
    return Reply(parts=(done,), refresh=refresh, tell=tuple(tell))


def _named_in_answer(handed: Sequence[Alert], turn: Turn) -> str:
    if turn.audience is Audience.GROUP:
        return ""
    return "、".join(f"{each.name} {each.account} {each.level.word}" for each in handed)


def _answered(reply: Reply) -> Reply:
    """The question turns into its answer."""
    [card] = [part for part in reply.parts if isinstance(part, Card)]
    return replace(reply, parts=(), update=card)


# ── in words ─────────────────────────────────────────────────────────────────────────────────


@router.command("hand_on", action=Action.APPROVE, asked=applications.is_waited_for)
async def hand_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """转交 张三 冯军, 转交 冯军 of the case just opened. What may be an application as well as an
    alert is asked. Raises NothingToHand, NoOpenAlert, WhichAlert, WhichOfYours, NoSuchColleague,
    and what handing on does."""
    if not routing.may_work(turn.person) or turn.audience is Audience.GROUP:
        return await approvals.hand_in_words(turn, session)
    words = (turn.said.query or "").strip()
    waiting = await _waiting(turn, session)
    meant = await _meant(turn, session, words)
    if meant is not None:
        same = [row for row in waiting if words.startswith(row.name)]
        return _which(words, meant.alerts, same) if same else await _give(turn, session, meant)
    if any(words.startswith(row.name) for row in waiting) or _case_is_open(turn, "case_"):
        return await approvals.hand_in_words(turn, session)
    return await _without_a_name(turn, session, words, waiting)


async def _waiting(turn: Turn, session: AsyncSession) -> list[Application]:
    if turn.audience is not Audience.PRIVATE:
        return []
    return [row for _, row in await applications.waiting_for(session, turn.person)]


def _case_is_open(turn: Turn, kind: str) -> bool:
    return any(option.startswith(kind) for option in turn.listed)


async def _meant(turn: Turn, session: AsyncSession, words: str) -> _Meant | None:
    """By the name or account in front; one's own first among namesakes. Raises WhichAlert."""
    by_length: dict[str, list[Alert]] = {}
    for alert in await cases.open_at_the_desk(session):
        for known in {alert.account, alert.name}:
            if words.startswith(known):
                by_length.setdefault(known, []).append(alert)
    if not by_length:
        return None
    known = max(by_length, key=len)
    found = by_length[known]
    mine = [each for each in found if each.claimed_by == turn.person.id]
    accounts = sorted({each.account for each in mine or found})
    if len(accounts) > 1:
        raise WhichAlert(words=known, count=len(accounts), accounts="、".join(accounts))
    found = [each for each in found if each.account in accounts]
    return _Meant(found, words.removeprefix(known).strip(BETWEEN))


async def _without_a_name(
    turn: Turn, session: AsyncSession, words: str, waiting: Sequence[Application]
) -> Reply:
    """A colleague alone, or nobody: the case just opened, else the only one there is."""
    opened = await _opened(turn, session)
    held = [opened] if opened else await cases.held_by(session, turn.person)
    if waiting and not held:
        return await approvals.hand_in_words(turn, session)
    first, *more = words.split() or [""]
    if first and (more or not held):  # somebody is named of whom there is nothing
        raise NoOpenAlert(words=text.echo(first, 20, turn.audience))
    if not held:
        raise NothingToHand
    if waiting and not opened:
        return _which(words, held, waiting)
    if len({each.account for each in held}) > 1:
        colleague = (await _colleagues(turn, session))[0].name
        raise WhichOfYours(count=len(held), name=held[0].name, colleague=colleague)
    return await _give(turn, session, _Meant(held, words.strip(BETWEEN)))


async def _opened(turn: Turn, session: AsyncSession) -> Alert | None:
    """Whose card can be answered by number just now."""
    for option in turn.listed:
        action, _, number = option.partition(":")
        if action == "alert_hand":
            alert = await cases.see(session, turn.person, int(number))
            return alert if is_open(alert) else None
    return None


async def _give(turn: Turn, session: AsyncSession, meant: _Meant) -> Reply:
    """Raises NoSuchColleague, NobodyElse, and what handing on does."""
    if not meant.rest:
        return await _ask(turn, session, meant.alerts[0])
    for alert in meant.alerts:
        await cases.must_have(session, turn.person, alert)
    others = await _colleagues(turn, session)
    for each in others:
        if meant.rest in (each.name, each.id):
            return await _hand(turn, session, meant.alerts, each.id)
    names = "、".join(each.name for each in others)
    raise NoSuchColleague(words=text.echo(meant.rest, 20, turn.audience), names=names)


def _which(words: str, alerts: Sequence[Alert], waiting: Sequence[Application]) -> Reply:
    options = [(f"hand_alert:{each.id}", _option(each)) for each in alerts[:MOST_OFFERED]]
    names = list(dict.fromkeys(row.name for row in waiting))[:MOST_OFFERED]
    options += [(f"hand_application:{n}", f"{name} 的开户申请") for n, name in enumerate(names)]
    draft = "\n".join((words, *names))
    card = notice.choose("转交哪一个？", [*options, (NEVER_MIND, "取消")], draft=draft)
    keys = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=keys))


def _option(alert: Alert) -> str:
    return f"{alert.name} 的预警 {alert.level.word} {degree(alert)}"


@router.click("hand_alert", action=Action.RISK_DESK)
async def chose_alert(turn: Turn, session: AsyncSession) -> Reply:
    words = asked_card(turn).draft.split("\n")[0]
    alert = await cases.see(session, turn.person, int(turn.args[0]))
    rest = words.removeprefix(alert.account).removeprefix(alert.name).strip(BETWEEN)
    reply = await _give(turn, session, _Meant([alert], rest))
    if rest:
        return _answered(reply)
    return replace(reply, update=notice.done(f"转交 {alert.name} 的预警"))


@router.click("hand_application")
async def chose_application(turn: Turn, session: AsyncSession) -> Reply:
    """The line again, about the application."""
    words, *names = asked_card(turn).draft.split("\n")
    name = names[int(turn.args[0])]
    rest = words.removeprefix(name).strip(BETWEEN)
    said = Reading(verb="hand_on", query=f"{name} {rest}".strip(), write=True)
    reply = await approvals.hand_in_words(replace(turn, reading=said), session)
    return reply if reply.update else replace(reply, update=notice.done(f"转交 {name} 的开户申请"))
