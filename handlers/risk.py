"""预警: claiming, calling, silencing, handing on; 追保, 风险榜, 为什么."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import board, notice, text
from bot.cards.alert import notices
from bot.cards.alert.buttons import SILENCE_MINUTES, with_numbers
from bot.cards.alert.case import case_card, handed_card
from bot.cards.alert.group import group_card
from bot.cards.alert.history import why_card
from bot.cards.alert.lists import calls_card
from bot.cards.alert.questions import OUTCOMES, call_question
from bot.cards.alert.words import Reader
from bot.cards.client import shown_name
from bot.chat.message import Audience, Card, Picture
from bot.chat.reply import Question, Reply, say
from bot.outbox import deliveries
from bot.router import Router, Turn
from crm import blobs, people
from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError
from crm.models import Client
from crm.people import Action, Person, Scope
from handlers import whom
from handlers.asking import answer_text, asked_card, list_stays_open
from handlers.clients import not_in_a_branch_group
from handlers.silences import WhichAlert
from risk import cases, episodes, groups, ladder, routing
from risk.groups import is_open
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertGroup, AlertKind

router = Router()

RANKED = 20
NAMED = 5  # clients that an answer names
OF_TODAY = frozenset({"", "今日", "今天", "全部", "列表"})
EVERYTHING = frozenset({"全部", "所有", "都"})
SILENCE = timedelta(minutes=SILENCE_MINUTES)


class NothingSaid(UserError):
    say = "请写一句电话结果，例如：已通知，下午入金 5 万"


class NoAlerts(UserError):
    say = "{name} 没有预警记录"


class NoOpenAlert(UserError):
    say = "没有「{words}」的未解除预警，发「追保」看现在有哪些"


class NoFigures(UserError):
    say = "还没有收到资金数据，暂时排不出风险榜"


# ── what is shown ────────────────────────────────────────────────────────────────────────────


async def _reader(
    session: AsyncSession, person: Person, audience: Audience, at: datetime, ids: Iterable[str]
) -> Reader:
    return Reader(
        audience=audience,
        works=routing.may_work(person),
        staff=await people.names(session, ids),
        at=at,
    )


def _mentioned(alerts: Iterable[Alert], events: Iterable[AlertEvent] = ()) -> set[str]:
    found = {
        staff
        for alert in alerts
        for staff in (alert.manager, alert.claimed_by, alert.silenced_by)
        if staff
    }
    for event in events:
        to = event.facts.get("to", ())
        found |= {event.by, *([to] if isinstance(to, str) else to)}
    return found


@router.view("alert")
async def draw_case(
    session: AsyncSession, person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    alert = await session.get_one(Alert, number, populate_existing=True)
    if not await _in_sight(session, person, audience, [alert]):
        return handed_card(alert)
    events = await episodes.events_of(session, number)
    reader = await _reader(session, person, audience, at, _mentioned([alert], events))
    hears = alert.manager or ""
    absent = await routing.stood_in_for(session, alert.client_id, hears) if is_open(alert) else None
    return case_card(alert, events, reader, absent=absent or "")


@router.view("alerts")
async def draw_group(
    session: AsyncSession, person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    """In the desk's own group everybody there sees all of it; in private what is one's own."""
    group = await session.get_one(AlertGroup, number, populate_existing=True)
    alerts = await groups.members(session, number)
    alerts = await _in_sight(session, person, audience, alerts)
    moved = {}
    if not any(is_open(each) for each in alerts):
        went = await groups.moved_on(session, group)
        moved = {each: went[each] for each in await _in_sight(session, person, audience, went)}
    reader = await _reader(session, person, audience, at, _mentioned(alerts))
    branches = await people.branch_names(session)
    return group_card(group, alerts, branches.get(group.branch, group.branch), reader, moved)


async def _in_sight(
    session: AsyncSession, person: Person, audience: Audience, alerts: Iterable[Alert]
) -> list[Alert]:
    every = list(alerts)
    if audience is Audience.RISK_GROUP:
        return every
    seen = await cases.seen_by(session, person, every)
    return [each for each in every if each.id in seen]


async def reader_of(turn: Turn, session: AsyncSession, ids: Iterable[str] = ()) -> Reader:
    """Whoever this turn's cards are drawn for; ``ids`` are mentioned on them."""
    return await _reader(session, turn.person, turn.audience, turn.at, ids)


def shown_on(alert: Alert) -> tuple[str, ...]:
    """The subjects whose cards show it."""
    group = () if alert.group_id is None else (f"alerts:{alert.group_id}",)
    task = () if alert.task_id is None else (f"task:{alert.task_id}",)
    return (f"alert:{alert.id}", *group, *task)


# ── one case ─────────────────────────────────────────────────────────────────────────────────


@router.click("alert", action=Action.SEE_RISK)
async def open_case(turn: Turn, session: AsyncSession) -> Reply:
    return await _show(turn, session, int(turn.args[0]))


async def _show(turn: Turn, session: AsyncSession, alert_id: int) -> Reply:
    not_in_a_branch_group(turn)
    alert = await cases.see(session, turn.person, alert_id)
    cases.looked_at(session, turn.person, alert)
    card = await draw_case(session, turn.person, alert.id, turn.audience, turn.at)
    listed = None if turn.in_words else list_stays_open(turn, "alert")
    if listed is not None or not card.buttons:
        return Reply(parts=(card,), focus=alert.client_id, question=listed)
    keys = tuple(button.key for button in card.buttons)
    said = with_numbers(card)
    return Reply(parts=(said,), focus=alert.client_id, question=Question(options=keys))


@router.click("alert_claim", action=Action.RISK_DESK)
async def claim(turn: Turn, session: AsyncSession) -> Reply:
    alert = await cases.claim(session, turn.person, int(turn.args[0]))
    return await _done(turn, session, alert)


async def _done(turn: Turn, session: AsyncSession, alert: Alert) -> Reply:
    """The card under the finger as it is now, and every other one of the case."""
    await session.flush()
    card = turn.card
    if card is not None and card.subject == f"alert:{alert.id}":
        now = await draw_case(session, turn.person, alert.id, turn.audience, turn.at)
        return Reply(update=now, refresh=shown_on(alert), focus=alert.client_id)
    return Reply(refresh=shown_on(alert), focus=alert.client_id)


@router.click("alert_called", action=Action.SEE_RISK)
async def ask_of_the_call(turn: Turn, session: AsyncSession) -> Reply:
    """What came of it is asked for; nothing is written before the answer."""
    alert = await cases.see(session, turn.person, int(turn.args[0]))
    if not is_open(alert):
        raise cases.AlertOver(when=f"{turn.at.astimezone(SHANGHAI):%H:%M}", word="结束")
    reader = await reader_of(turn, session)
    card = call_question(alert, reader)
    options = tuple(button.key for button in card.buttons)
    question = Question(options=options, text_action=f"alert_call_text:{alert.id}")
    return Reply(parts=(card,), question=question, focus=alert.client_id)


@router.click("alert_call", action=Action.SEE_RISK)
async def called(turn: Turn, session: AsyncSession) -> Reply:
    asked_card(turn)
    return await _called(turn, session, OUTCOMES[int(turn.args[1])])


@router.click("alert_call_text", action=Action.SEE_RISK)
async def called_in_words(turn: Turn, session: AsyncSession) -> Reply:
    asked_card(turn)
    words = answer_text(turn)
    if not words:
        raise NothingSaid
    return await _called(turn, session, words)


async def _called(turn: Turn, session: AsyncSession, note: str) -> Reply:
    alert = await cases.called(session, turn.person, int(turn.args[0]), note, source=turn.source)
    done = notice.done("已记下电话", f"«{text.quote(note, 60, turn.audience)}»")
    return Reply(update=done, refresh=shown_on(alert), focus=alert.client_id)


@router.click("alert_silence", action=Action.RISK_DESK)
async def silence(turn: Turn, session: AsyncSession) -> Reply:
    rules = await ladder.current(session)
    alert = await cases.silence(session, turn.person, int(turn.args[0]), SILENCE, rules)
    return await _done(turn, session, alert)


# ── a group of them ──────────────────────────────────────────────────────────────────────────


@router.click("alerts_claim", action=Action.RISK_DESK)
async def claim_all(turn: Turn, session: AsyncSession) -> Reply:
    group_id = int(turn.args[0])
    claimed = await cases.claim_all(session, turn.person, group_id)
    return await _group_done(turn, session, group_id, claimed)


@router.click("alerts_silence", action=Action.RISK_DESK)
async def silence_all(turn: Turn, session: AsyncSession) -> Reply:
    group_id = int(turn.args[0])
    rules = await ladder.current(session)
    await cases.silence_all(session, turn.person, group_id, SILENCE, rules)
    hushed = [each for each in await groups.members(session, group_id) if is_open(each)]
    return await _group_done(turn, session, group_id, hushed)


async def _group_done(
    turn: Turn, session: AsyncSession, group_id: int, touched: Iterable[Alert]
) -> Reply:
    refresh = (f"alerts:{group_id}", *(f"alert:{alert.id}" for alert in touched))
    card = turn.card
    if card is None or card.subject != f"alerts:{group_id}":
        return Reply(refresh=refresh)
    now = await draw_group(session, turn.person, group_id, turn.audience, turn.at)
    return Reply(update=now, refresh=refresh)


# ── in words ─────────────────────────────────────────────────────────────────────────────────


@router.command("calls", action=Action.SEE_RISK)
async def calls(turn: Turn, session: AsyncSession) -> Reply:
    """追保, 追保 今日: what is open and what is over today; with a name, that client's case."""
    not_in_a_branch_group(turn)
    visible = whom.seen(turn)
    if visible and visible[0].how in whom.SURE:
        return await _of_client(turn, session, visible[0].client_id)
    if visible:
        return whom.which(turn, visible, "calls_of")
    words = (turn.said.query or "").strip()
    if words not in OF_TODAY:
        named = await cases.newest_named(session, turn.person, words)
        if named is None:
            raise whom.nobody(turn)
        return await _show(turn, session, named.id)
    midnight = datetime.combine(turn.at.astimezone(SHANGHAI).date(), time(0), SHANGHAI)
    found = await cases.since(session, turn.person, midnight)
    reader = await reader_of(turn, session, _mentioned(found))
    own = turn.person.scope(Action.SEE_RISK) is Scope.OWN
    silent = turn.book.stale_sources(turn.at)
    card = calls_card(found, reader, owner=own, silent=silent)
    options = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=options) if options else None)


@router.click("calls_of", action=Action.SEE_RISK)
async def calls_of(turn: Turn, session: AsyncSession) -> Reply:
    return await _of_client(turn, session, int(turn.args[0]))


async def _of_client(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    found = await cases.newest_of(session, turn.person, client_id)
    if found is None:
        raise await _no_alerts(turn, session, client_id)
    return await _show(turn, session, found.id)


async def _no_alerts(turn: Turn, session: AsyncSession, client_id: int) -> NoAlerts:
    client = await session.get_one(Client, client_id)
    return NoAlerts(name=shown_name(client.name, turn.audience))


@router.command("claim", action=Action.RISK_DESK)
async def claim_in_words(turn: Turn, session: AsyncSession) -> Reply:
    """认领 张三, 认领 80010023, 认领 全部, 认领 2 of the list just shown; alone it lists. Raises
    NothingToClaim, WhichAlert, and what ``cases.claim`` does."""
    not_in_a_branch_group(turn)
    words = (turn.said.query or "").strip()
    if not words:
        return await calls(turn, session)
    if words in EVERYTHING:
        mine = [each.id for each in await cases.unclaimed(session)]
        if not mine:
            raise cases.NothingToClaim
    else:
        mine = await _meant(turn, session, words)
    claimed = [await cases.claim(session, turn.person, each) for each in mine]
    await session.flush()
    refresh = tuple(dict.fromkeys(shown for alert in claimed for shown in shown_on(alert)))
    if len(claimed) == 1:
        return replace(await _shown(turn, session, claimed[0]), refresh=refresh)
    accounts = "、".join(f"{each.name} {each.account}" for each in claimed[:NAMED])
    rest = f" 等，发「追保」看全部 {len(claimed)} 户" if len(claimed) > NAMED else ""
    return Reply(
        parts=(notice.done(f"已认领 {len(claimed)} 户", accounts + rest),), refresh=refresh
    )


async def _shown(turn: Turn, session: AsyncSession, alert: Alert) -> Reply:
    """Its case; of a silent source, which is nobody's account, the card that tells of it."""
    if alert.kind is AlertKind.SOURCE and alert.group_id is not None:
        number = alert.group_id
        return say(await draw_group(session, turn.person, number, turn.audience, turn.at))
    return await _show(turn, session, alert.id)


async def _meant(turn: Turn, session: AsyncSession, words: str) -> list[int]:
    """The alerts of one account. Raises NoOpenAlert or WhichAlert."""
    if words.isdecimal() and 1 <= int(words) <= len(turn.listed):
        kind, _, number = turn.listed[int(words) - 1].partition(":")
        if kind == "alert":
            return [int(number)]
    found = await cases.open_named(session, words)
    if not found:
        sure = {hit.client_id for hit in whom.seen(turn) if hit.how in whom.SURE}
        found = await cases.open_of_clients(session, sure)
    accounts = sorted({alert.account for alert in found})
    if not accounts:
        raise NoOpenAlert(words=text.echo(words, 20, turn.audience))
    if len(accounts) > 1:
        said = text.echo(words, 20, turn.audience)
        raise WhichAlert(words=said, count=len(accounts), accounts="、".join(accounts[:5]))
    return [alert.id for alert in found]


@router.command("admin:为什么", action=Action.SEE_RISK)
async def why(turn: Turn, session: AsyncSession) -> Reply:
    """From the ledger: by the number of an alert, or the latest of a client or a source."""
    not_in_a_branch_group(turn)
    words = (turn.said.query or "").strip()
    source = await cases.newest_of_source(session, turn.person, words) if words else None
    if source is not None:
        return await _why(turn, session, source.id)
    visible = whom.seen(turn)
    if visible and visible[0].how in whom.SURE:
        return await _why_client(turn, session, visible[0].client_id)
    named = await cases.newest_named(session, turn.person, words) if words else None
    if named is not None:
        return await _why(turn, session, named.id)
    if words.isdecimal() and len(words) < 10:
        return await _why(turn, session, int(words))
    if visible:
        return whom.which(turn, visible, "alert_why_of")
    if turn.focus is not None and not words:
        return await _why_client(turn, session, turn.focus)
    raise whom.nobody(turn)


@router.click("alert_why_of", action=Action.SEE_RISK)
async def why_of(turn: Turn, session: AsyncSession) -> Reply:
    return await _why_client(turn, session, int(turn.args[0]))


async def _why_client(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    found = await cases.newest_of(session, turn.person, client_id)
    if found is None:
        raise await _no_alerts(turn, session, client_id)
    return await _why(turn, session, found.id)


async def _why(turn: Turn, session: AsyncSession, alert_id: int) -> Reply:
    alert = await cases.see(session, turn.person, alert_id)
    whole = await cases.episode(session, alert)
    cases.looked_at(session, turn.person, alert)
    ids = _mentioned([alert], whole.events) | {each.receiver for each in whole.notices}
    reader = await reader_of(turn, session, ids)
    delivered = await deliveries.of(session, {each.out_id for each in whole.notices})
    told = notices.lines(whole.notices, delivered, reader.staff)
    return say(why_card(alert, whole.events, told, reader), focus=alert.client_id)


@router.command("risk_rank", action=Action.SEE_RISK)
async def rank(turn: Turn, session: AsyncSession) -> Reply:
    """The twenty most endangered that this person may see, as a table and a picture."""
    not_in_a_branch_group(turn)
    if turn.book.as_of is None:
        raise NoFigures
    mine = await _accounts_of(turn, session)
    top = turn.book.top(RANKED, turn.at, mine)
    found = [each for each in top if each.risk or each.level is Level.NEGATIVE]
    reader_names = await routing.whose(session, [each.account for each in found])
    rows = [
        board.Row(
            account=each.account,
            name=reader_names[each.account].name if each.account in reader_names else each.name,
            level=each.level,
            risk=each.risk,
            call_amount=each.call_amount,
        )
        for each in found
    ]
    stale = turn.book.is_stale(turn.at)
    silent = turn.book.stale_sources(turn.at)
    card = board.rank_card(rows, turn.book.as_of, stale=stale, now=turn.at, silent=silent)
    clients = [
        reader_names[each.account].client_id
        for each in found[: board.NUMBERED]
        if each.account in reader_names
    ]
    options = tuple(f"positions:{each}" for each in clients if each is not None)
    if not rows:
        return say(card)
    blob = await blobs.put(session, json.dumps(board.dump(rows)).encode())
    picture = Picture(blob=f"{board.KIND}:{blob}", caption=board.finding(rows))
    question = Question(options=options) if len(options) == min(len(rows), board.NUMBERED) else None
    return Reply(parts=(picture, card), question=question)


async def _accounts_of(turn: Turn, session: AsyncSession) -> frozenset[str] | None:
    """None where all may be seen."""
    if turn.person.scope(Action.SEE_RISK) is Scope.ALL:
        return None
    return await routing.accounts_in_reach(session, turn.person)
