"""静默: which alerts are silent, for how long; longer than one may decide alone wants a second."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import text
from bot.chat.message import Audience, Button, Card, Table, Tone
from bot.chat.reply import Reply, say
from bot.router import Router, Turn
from crm import people, proposals
from crm.kernel.errors import UserError
from crm.models import Proposal, Role
from crm.people import Action, Person
from crm.proposals import Line, Plan
from handlers import changes
from handlers.changes import Kind, Outcome, put_forward
from handlers.said import OnlyInPrivate, span_in, span_words, words_of
from risk import cases, ladder
from risk.cases import NeverSilenced
from risk.levels import Level
from risk.models import Alert

router = Router()

KIND = "silence"
DESK = (Role.RISK, Role.RISK_HEAD)
LIFT = frozenset({"解除", "取消", "结束"})
LONGEST = timedelta(days=7)
USUAL = timedelta(minutes=30)


class NothingToSilence(UserError):
    say = "没有「{words}」的未解除预警；例如：/静默 80010023 30分"


class WhichAlert(UserError):
    say = "「{words}」有 {count} 条未解除预警，请用资金账号：{accounts}"


class NotASpan(UserError):
    say = "「{words}」不是一段时间，请写成 30分 或 2小时，最长 7 天"


@router.command("admin:静默", action=Action.RISK_DESK)
async def silences(turn: Turn, session: AsyncSession) -> Reply:
    """/静默; /静默 80010023 30分 原因; /静默 解除 80010023. Raises NothingToSilence, WhichAlert,
    NotASpan, and what ``cases.silence`` and ``put_forward`` do."""
    if turn.audience is Audience.GROUP:
        raise OnlyInPrivate
    words = words_of(turn)
    if not words:
        return say(await _listed(turn, session))
    if words[0] in LIFT:
        alert = await cases.lift(session, turn.person, (await _one(session, words[1:])).id)
        return _done(alert, "已解除静默")
    alert = await _one(session, words[:1])
    span = span_in(words[1]) if len(words) > 1 else USUAL
    if span is None or not timedelta(0) < span <= LONGEST:
        raise NotASpan(words=" ".join(words[1:])[:20])
    rules = await ladder.current(session)
    if span > rules.silence:
        plan = _plan(alert, span, reason=" ".join(words[2:]))
        return await put_forward(turn, session, plan)
    alert = await cases.silence(session, turn.person, alert.id, span, rules)
    return _done(alert, f"已静默 {span_words(span)}")


@router.click("silence_lift", action=Action.RISK_DESK)
async def lift(turn: Turn, session: AsyncSession) -> Reply:
    """Raises what ``cases.lift`` does."""
    alert = await cases.lift(session, turn.person, int(turn.args[0]))
    reply = _done(alert, "已解除静默")
    [card] = [part for part in reply.parts if isinstance(part, Card)]
    return Reply(update=card, refresh=reply.refresh)


async def _one(session: AsyncSession, words: Sequence[str]) -> Alert:
    """Raises NothingToSilence or WhichAlert."""
    named = " ".join(words)
    found = await cases.open_like(session, named)
    if not found:
        raise NothingToSilence(words=named[:20])
    if len(found) > 1:
        accounts = "、".join(alert.account for alert in found[:5])
        raise WhichAlert(words=named, count=len(found), accounts=accounts)
    return found[0]


def _done(alert: Alert, title: str) -> Reply:
    until = f"到 {text.moment(alert.silenced_until)}" if alert.silenced_until else ""
    card = Card(
        title=f"{title} · {alert.name}",
        text="\n".join(filter(None, (until, "等级升高时静默自动结束" if until else ""))),
        buttons=(
            Button(f"alert:{alert.id}", "看预警"),
            *((Button(f"silence_lift:{alert.id}", "解除静默"),) if until else ()),
        ),
    )
    return Reply(parts=(card,), refresh=shown_on(alert))


def shown_on(alert: Alert) -> tuple[str, ...]:
    group = (f"alerts:{alert.group_id}",) if alert.group_id else ()
    return (f"alert:{alert.id}", *group)


def _plan(alert: Alert, span: timedelta, *, reason: str) -> Plan:
    """Raises NeverSilenced before anybody is asked."""
    if alert.level >= Level.FORCE:
        raise NeverSilenced(level=alert.level.word)
    now = f"静默到 {text.moment(alert.silenced_until)}" if alert.silenced_until else "照常提醒"
    what = f"{alert.name} {alert.account} {alert.level.word}"
    return Plan(
        kind=KIND,
        name=str(alert.id),
        base=0,
        body={"alert": alert.id, "seconds": int(span.total_seconds())},
        title=f"静默 {alert.name} {span_words(span)}",
        lines=(Line(what, now, f"静默 {span_words(span)}"),),
        roles=DESK,
        warning="从确认时起算；等级升高时静默自动结束",
        reason=reason,
    )


async def _listed(turn: Turn, session: AsyncSession) -> Card:
    found = await cases.silenced(session)
    if not found:
        return Card(title="没有静默的预警", footer="静默一条发：/静默 80010023 30分")
    names = await people.names(session, {each.silenced_by or "" for each in found})
    return Card(
        title=f"{len(found)} 条预警静默中",
        tone=Tone.AMBER,
        table=Table(
            ("预警", "到", "谁"),
            tuple(
                (
                    f"{each.level.word} {each.name} {each.account}",
                    text.soon(each.silenced_until, turn.at) if each.silenced_until else "",
                    names.get(each.silenced_by or "", text.NOTHING),
                )
                for each in found
            ),
        ),
        footer="解除发：/静默 解除 80010023；强平、穿仓不能静默",
    )


async def _carry(session: AsyncSession, proposal: Proposal, second: Person) -> Outcome:
    """Raises what ``cases.silence`` does: an alert may have risen or ended meanwhile."""
    kept = proposals.body(proposal)
    span = timedelta(seconds=kept["seconds"])
    asker = await people.get(session, proposal.asked_by)
    rules = await ladder.current(session)
    alert = await cases.silence(session, asker, int(kept["alert"]), span, rules, second=second.id)
    until = text.moment(alert.silenced_until) if alert.silenced_until else ""
    said = f"已静默到 {until}；提前结束发：/静默 解除 {alert.account}"
    return Outcome(said=said, refresh=shown_on(alert))


changes.KINDS[KIND] = Kind(carry=_carry)
