"""What people do with an alert: see it, claim it, call the client, silence it, hand it on."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm import access, interactions, people
from crm.access import NotYours
from crm.kernel import audit
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now
from crm.kernel.errors import UserError
from crm.models import Channel, Client, Staff
from crm.people import Action, Person, Scope
from risk import episodes, groups, routing
from risk.ladder import Rules
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertGroup, AlertKind, AlertNotice, AlertState

TAG = "追保"
MOST_OF_A_DAY = 20
A_DAY = timedelta(days=1)


class NoSuchAlert(UserError):
    say = "没有这条预警"


class AlertOver(UserError):
    say = "这条预警已在 {when} {word}，不用再处理"


class ClaimedBy(UserError):
    say = "已由 {by} 在 {when} 认领"


class NothingToClaim(UserError):
    say = "这里没有待认领的预警了"


class NeverSilenced(UserError):
    say = "{level} 不能静默"


class SilenceTooLong(UserError):
    say = "一个人最多静默 {minutes} 分钟；更长要用 /静默，并由第二人确认"


class NotSilenced(UserError):
    say = "这条预警没有静默"


class NotOnTheDesk(UserError):
    say = "{name} 不在风控岗，不能接手预警"


class NotYourCase(UserError):
    say = "这条预警由 {by} 处理，请由本人转交"


OVER_WORDS = {AlertState.RESOLVED: "解除", AlertState.CLOSED: "升级"}


def visible_to(person: Person) -> ColumnElement[bool]:
    """One's own, also while a deputy hears of them, one's branch's, or all."""
    by_deputy = exists().where(
        Client.id == Alert.client_id,
        Client.owner == person.id,
        Staff.id == person.id,
        Staff.deputy == Alert.manager,
    )
    mine = or_(Alert.manager == person.id, Alert.claimed_by == person.id, by_deputy)
    match person.scope(Action.SEE_RISK):
        case Scope.ALL:
            return Alert.id.is_not(None)
        case Scope.BRANCH:
            return or_(Alert.branch == person.branch, mine)
        case _:
            return mine


async def seen_by(session: AsyncSession, person: Person, alerts: Iterable[Alert]) -> frozenset[int]:
    """The numbers of those of ``alerts`` that are visible to him."""
    numbers = [each.id for each in alerts]
    found = await session.scalars(select(Alert.id).where(Alert.id.in_(numbers), visible_to(person)))
    return frozenset(found)


def in_reach(person: Person, alert: Alert) -> bool:
    """``visible_to`` for an alert in hand."""
    mine = person.id in (alert.manager, alert.claimed_by)
    match person.scope(Action.SEE_RISK):
        case Scope.ALL:
            return True
        case Scope.BRANCH:
            return mine or alert.branch == person.branch
        case _:
            return mine


async def see(session: AsyncSession, person: Person, alert_id: int) -> Alert:
    """Raises NoSuchAlert or NotYours."""
    alert = await session.get(Alert, alert_id, populate_existing=True)
    if alert is None:
        raise NoSuchAlert
    found = await session.scalar(select(Alert.id).where(Alert.id == alert_id, visible_to(person)))
    if found is None:
        raise NotYours
    return alert


async def _locked(session: AsyncSession, alert_id: int) -> Alert:
    """Open still. Raises NoSuchAlert or AlertOver."""
    alert = await session.get(Alert, alert_id, with_for_update=True, populate_existing=True)
    if alert is None:
        raise NoSuchAlert
    if not groups.is_open(alert):
        ended = alert.ended_at or now(session)
        raise AlertOver(when=_clock(ended), word=OVER_WORDS[alert.state])
    return alert


def _clock(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}"


async def claim(session: AsyncSession, person: Person, alert_id: int) -> Alert:
    """The first one has it. Raises NotAllowed, NoSuchAlert, AlertOver or ClaimedBy."""
    person.must(Action.RISK_DESK)
    alert = await _locked(session, alert_id)
    if alert.claimed_by == person.id:
        return alert
    if alert.claimed_by is not None:
        raise await _taken(session, alert)
    _give(session, alert, person.id)
    episodes.note(session, alert, "claimed", by=person.id)
    await session.flush()
    return alert


async def _taken(session: AsyncSession, alert: Alert) -> ClaimedBy:
    names = await people.names(session, [alert.claimed_by] if alert.claimed_by else [])
    by = names.get(alert.claimed_by or "", alert.claimed_by or "")
    return ClaimedBy(by=by, when=_clock(alert.claimed_at or now(session)))


def _give(session: AsyncSession, alert: Alert, staff_id: str) -> None:
    alert.claimed_by, alert.claimed_at = staff_id, now(session)
    if alert.state in (AlertState.PENDING, AlertState.FIRING):
        alert.state = AlertState.CLAIMED


async def claim_all(session: AsyncSession, person: Person, group_id: int) -> list[Alert]:
    """Whatever nobody has yet. Raises NotAllowed or NothingToClaim."""
    person.must(Action.RISK_DESK)
    rows = await session.scalars(
        select(Alert)
        .where(Alert.group_id == group_id, Alert.state.in_(groups.OPEN))
        .where(Alert.claimed_by.is_(None))
        .order_by(Alert.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    free = list(rows)
    if not free:
        raise NothingToClaim
    for alert in free:
        _give(session, alert, person.id)
        episodes.note(session, alert, "claimed", by=person.id)
    await session.flush()
    return free


async def called(
    session: AsyncSession, person: Person, alert_id: int, note: str, *, source: str
) -> Alert:
    """The client was told by telephone: a step of the case, and a talk in the client's file.

    Whoever of the desk calls has claimed it thereby. Raises NotYours, NoSuchAlert or AlertOver.
    """
    await see(session, person, alert_id)
    alert = await _locked(session, alert_id)
    if alert.claimed_by is None and routing.may_work(person):
        _give(session, alert, person.id)
        episodes.note(session, alert, "claimed", by=person.id)
    talk = None
    client = alert.client_id
    if client is not None and await access.may_see(session, person, client, Action.LOG):
        row = await interactions.log(
            session, person, client, channel=Channel.CALL, note=note, tags=(TAG,), source=source
        )
        talk = row.id
    episodes.note(session, alert, "called", by=person.id, text=note, more={"interaction": talk})
    await session.flush()
    return alert


async def silence(
    session: AsyncSession,
    person: Person,
    alert_id: int,
    span: timedelta,
    rules: Rules,
    *,
    second: str = "",
) -> Alert:
    """No reminders for a while; a rise of the level ends it. ``second``: the staff id of whoever
    has confirmed a longer one.

    Raises NotAllowed, NeverSilenced, SilenceTooLong, NoSuchAlert or AlertOver.
    """
    person.must(Action.RISK_DESK)
    if span > rules.silence and second in ("", person.id):
        raise SilenceTooLong(minutes=int(rules.silence.total_seconds() // 60))
    alert = await _locked(session, alert_id)
    _hush(session, alert, person, span, second)
    await session.flush()
    return alert


def _hush(
    session: AsyncSession, alert: Alert, person: Person, span: timedelta, second: str = ""
) -> None:
    if alert.kind is AlertKind.MARGIN and alert.level >= Level.FORCE:
        raise NeverSilenced(level=alert.level.word)
    alert.silenced_by, alert.silenced_until = person.id, now(session) + span
    if alert.claimed_by is None:
        alert.state = AlertState.SILENCED
    minutes = int(span.total_seconds() // 60)
    episodes.note(
        session, alert, "silenced", by=person.id, more={"minutes": minutes, "second": second}
    )


async def silence_all(
    session: AsyncSession, person: Person, group_id: int, span: timedelta, rules: Rules
) -> AlertGroup:
    """Raises as ``silence`` does."""
    person.must(Action.RISK_DESK)
    if span > rules.silence:
        raise SilenceTooLong(minutes=int(rules.silence.total_seconds() // 60))
    group = await session.get(AlertGroup, group_id)
    if group is None:
        raise NoSuchAlert
    for alert in await groups.members(session, group_id):
        if groups.is_open(alert):
            _hush(session, alert, person, span)
    await session.flush()
    return group


async def lift(session: AsyncSession, person: Person, alert_id: int) -> Alert:
    """Reminders again, before the silence is over. Raises NotAllowed, NotSilenced, NoSuchAlert or
    AlertOver."""
    person.must(Action.RISK_DESK)
    alert = await _locked(session, alert_id)
    if alert.silenced_until is None:
        raise NotSilenced
    alert.silenced_until = alert.silenced_by = None
    if alert.state is AlertState.SILENCED:
        alert.state = AlertState.FIRING
    alert.told_at = now(session)
    episodes.note(session, alert, "unsilenced", by=person.id)
    await session.flush()
    return alert


async def open_like(session: AsyncSession, words: str) -> Sequence[Alert]:
    """Open margin alerts by account, whole name or number."""
    numbered = [Alert.id == int(words)] if words.isascii() and words.isdecimal() else []
    return await _open(
        session, (AlertKind.MARGIN,), or_(_named(words), *numbered[: len(words) < 8])
    )


async def open_named(session: AsyncSession, words: str) -> Sequence[Alert]:
    """What the desk has open, data in doubt too, by account or whole name."""
    return await _open(session, groups.FOR_THE_DESK, _named(words))


async def open_of_clients(session: AsyncSession, clients: Collection[int]) -> Sequence[Alert]:
    return await _open(session, groups.FOR_THE_DESK, Alert.client_id.in_(clients))


async def open_at_the_desk(session: AsyncSession) -> Sequence[Alert]:
    return await _open(session, groups.FOR_THE_DESK, Alert.id.is_not(None))


async def held_by(session: AsyncSession, person: Person) -> Sequence[Alert]:
    """What this person has claimed and is not over."""
    return await _open(session, groups.FOR_THE_DESK, Alert.claimed_by == person.id)


async def unclaimed(session: AsyncSession) -> Sequence[Alert]:
    """Everything at the desk that nobody has yet."""
    return await _open(session, groups.FOR_THE_DESK, Alert.claimed_by.is_(None))


def _named(words: str) -> ColumnElement[bool]:
    return or_(Alert.account == words, Alert.name == words)


async def _open(
    session: AsyncSession, kinds: Collection[AlertKind], which: ColumnElement[bool]
) -> Sequence[Alert]:
    rows = await session.scalars(
        select(Alert)
        .where(Alert.open_key.is_not(None), Alert.kind.in_(kinds), which)
        .order_by(Alert.id)
    )
    return rows.all()


async def silenced(session: AsyncSession) -> Sequence[Alert]:
    """What is silent now, the first to speak again first."""
    rows = await session.scalars(
        select(Alert)
        .where(Alert.open_key.is_not(None), Alert.silenced_until > now(session))
        .order_by(Alert.silenced_until)
    )
    return rows.all()


async def hand_on(session: AsyncSession, person: Person, alert_id: int, to: str) -> Alert:
    """To a colleague at the desk. Raises NotAllowed, NotOnTheDesk, NotYourCase, NoSuchAlert or
    AlertOver."""
    person.must(Action.RISK_DESK)
    heir = await people.get(session, to)
    if heir.id not in {each.id for each in await routing.desk(session)}:
        raise NotOnTheDesk(name=heir.name)
    alert = await _locked(session, alert_id)
    await must_have(session, person, alert)
    _give(session, alert, heir.id)
    episodes.note(session, alert, "handed_on", by=person.id, more={"to": heir.id})
    await session.flush()
    return alert


async def must_have(session: AsyncSession, person: Person, alert: Alert) -> None:
    """Raises NotYourCase for what a colleague has claimed."""
    if alert.claimed_by not in (None, person.id):
        names = await people.names(session, [alert.claimed_by or ""])
        raise NotYourCase(by=names.get(alert.claimed_by or "", ""))


async def set_free(session: AsyncSession, staff: str) -> list[Alert]:
    """What somebody who has gone had claimed waits to be claimed again, from now on."""
    rows = await session.scalars(
        select(Alert)
        .where(Alert.open_key.is_not(None), Alert.claimed_by == staff)
        .order_by(Alert.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    free = list(rows)
    for alert in free:
        alert.claimed_by = alert.claimed_at = None
        if alert.state is AlertState.CLAIMED:
            alert.state, alert.rung = AlertState.FIRING, 0
            alert.raised_at = alert.told_at = now(session)
        episodes.note(session, alert, "handed_on", more={"to": ""})
    await session.flush()
    return free


async def left_alone(session: AsyncSession) -> list[str]:
    """Whoever has claimed something that is open and has no access any more."""
    rows = await session.scalars(
        select(Alert.claimed_by)
        .join(Staff, Staff.id == Alert.claimed_by)
        .where(Alert.open_key.is_not(None), Staff.disabled_at.is_not(None))
        .distinct()
    )
    return [staff for staff in rows if staff is not None]


async def since(
    session: AsyncSession, person: Person, moment: datetime, limit: int = 50
) -> Sequence[Alert]:
    """Alerts of the desk open since or ended after a moment, the open and worst first."""
    rows = await session.scalars(
        select(Alert)
        .where(
            visible_to(person),
            Alert.kind == AlertKind.MARGIN,
            or_(Alert.open_key.is_not(None), Alert.opened_at >= moment),
        )
        .order_by(Alert.open_key.is_(None), Alert.level.desc(), Alert.risk.desc(), Alert.id.desc())
        .limit(limit)
    )
    return rows.all()


async def newest_of(session: AsyncSession, person: Person, client_id: int) -> Alert | None:
    """The alert of a client that ``person`` will mean: the open one, else the gravest of the day on
    which he last had one. What a recovering account passes through on its way down is not it."""
    rows = await session.scalars(
        select(Alert)
        .where(Alert.client_id == client_id, visible_to(person))
        .order_by(Alert.id.desc())
        .limit(MOST_OF_A_DAY)
    )
    found = rows.all()
    if not found:
        return None
    last = found[0].opened_at
    lately = [alert for alert in found if last - alert.opened_at < A_DAY]
    return max(lately, key=lambda alert: (alert.open_key is not None, alert.peak, alert.id))


async def newest_named(session: AsyncSession, person: Person, words: str) -> Alert | None:
    """The open, else the newest margin alert of an account, or of somebody who is no client."""
    return await session.scalar(
        select(Alert)
        .where(_named(words), Alert.kind == AlertKind.MARGIN, visible_to(person))
        .order_by(Alert.open_key.is_(None), Alert.id.desc())
        .limit(1)
    )


async def newest_of_source(session: AsyncSession, person: Person, name: str) -> Alert | None:
    """The open, else the newest alert about the silence of a source."""
    return await session.scalar(
        select(Alert)
        .where(Alert.account == name, Alert.kind == AlertKind.SOURCE, visible_to(person))
        .order_by(Alert.open_key.is_(None), Alert.id.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An alert with all that became of it and everybody who was told."""

    alert: Alert
    events: Sequence[AlertEvent]
    notices: Sequence[AlertNotice]


async def read(
    session: AsyncSession, *, since: datetime | None = None, account: str = "", limit: int = 500
) -> list[Episode]:
    """For machines: what changed from ``since`` on, of one account where one is given, in the
    order of change."""
    query = select(Alert).order_by(Alert.changed_at, Alert.id).limit(limit)
    if since is not None:
        query = query.where(Alert.changed_at >= since)
    if account:
        query = query.where(Alert.account == account)
    alerts = (await session.scalars(query)).all()
    return [await episode(session, alert) for alert in alerts]


async def episode(session: AsyncSession, alert: Alert) -> Episode:
    notices = await session.scalars(
        select(AlertNotice).where(AlertNotice.alert_id == alert.id).order_by(AlertNotice.id)
    )
    return Episode(
        alert=alert,
        events=await episodes.events_of(session, alert.id),
        notices=notices.all(),
    )


def looked_at(session: AsyncSession, person: Person, alert: Alert) -> None:
    """On record: whose case was opened by whom."""
    audit.note(session, person.id, "alert.look", f"alert:{alert.id}")


async def open_of(session: AsyncSession, staff_id: str) -> Sequence[Alert]:
    """Every open alert of somebody's clients, and every one that he has claimed."""
    rows = await session.scalars(
        select(Alert).where(*_open_of(staff_id)).order_by(Alert.level.desc(), Alert.id)
    )
    return rows.all()


def _open_of(staff_id: str) -> tuple[ColumnElement[bool], ...]:
    his = or_(Alert.manager == staff_id, Alert.claimed_by == staff_id)
    return Alert.open_key.is_not(None), his


async def move(
    session: AsyncSession,
    staff_id: str,
    to: str,
    *,
    by: str,
    only: Collection[int] | None = None,
) -> list[int]:
    """交接: another hears of the open alerts, all or ``only`` these; gives their numbers. What was
    claimed goes to whoever works at the desk, or waits to be claimed again."""
    query = select(Alert).where(*_open_of(staff_id)).order_by(Alert.id)
    if only is not None:
        query = query.where(Alert.id.in_(only))
    rows = (await session.scalars(query.with_for_update())).all()
    heir_works = to in {each.id for each in await routing.desk(session)}
    for alert in rows:
        if alert.manager == staff_id:
            alert.manager = to
        if alert.claimed_by == staff_id:
            alert.claimed_by = to if heir_works else None
            if not heir_works and alert.state is AlertState.CLAIMED:
                alert.state = AlertState.FIRING
        episodes.note(session, alert, "handed_over", by=by, more={"to": to})
    await session.flush()
    return [alert.id for alert in rows]


async def pass_on(
    session: AsyncSession, owner: str, hears: str, to: str, *, by: str
) -> Sequence[Alert]:
    """代理 begins or ends: of the open alerts of ``owner``'s clients that ``hears`` heard of until
    now ``to`` hears; gives them, the gravest first."""
    theirs = select(Client.id).where(Client.owner == owner)
    rows = await session.scalars(
        select(Alert)
        .where(Alert.open_key.is_not(None), Alert.manager == hears, Alert.client_id.in_(theirs))
        .order_by(Alert.level.desc(), Alert.id)
        .with_for_update()
    )
    found = rows.all()
    for alert in found:
        alert.manager = to
        episodes.note(session, alert, "handed_over", by=by, more={"to": to})
    await session.flush()
    return found
