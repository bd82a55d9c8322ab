"""Shows people what became of alerts: the risk group, whoever is on duty, the manager."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards.alert.lists import warned_card
from bot.cards.alert.spoken import ring_words, short_words, task_words
from bot.cards.alert.words import Reader
from bot.chat.message import Audience, Bell, Card, Chat, Part, Place, Ring, Text
from bot.chat.ports import Sender
from bot.desk import Desk
from bot.models import LiveCard
from bot.outbox import outbox
from bot.outbox.outbox import Envelope, Priority
from crm import people, tasks
from crm.kernel.db import now
from crm.people import Person
from handlers.risk import draw_case, draw_group
from risk import cases, episodes, groups, routing
from risk.alerts import TELLING, What
from risk.episodes import Change
from risk.groups import is_open
from risk.ladder import Rules
from risk.levels import Level
from risk.models import Alert, AlertGroup, AlertKind, AlertNotice

TASK_WITHIN = timedelta(minutes=30)
FRESH = frozenset({What.RAISED, What.ROSE})


class Teller:
    """``risk_chats`` are (platform, chat id); ``on_duty`` staff ids, everybody of the desk where
    empty. Everything happens in the caller's transaction."""

    def __init__(
        self,
        desk: Desk,
        senders: Mapping[str, Sender],
        risk_chats: Collection[tuple[str, str]],
        on_duty: Sequence[str] = (),
    ) -> None:
        self._desk = desk
        self._senders = senders
        self._chats = tuple(
            Chat(platform=platform, place=Place.GROUP, id=chat)
            for platform, chat in sorted(risk_chats)
            if platform in senders
        )
        self._on_duty = on_duty

    async def tell(
        self,
        session: AsyncSession,
        changes: Sequence[Change],
        doubts: Sequence[Alert],
        over: Sequence[Alert],
        rules: Rules,
    ) -> None:
        """``doubts`` began, ``over`` ended, beside what the ladder changed."""
        gone = [*over, *(change.gone for change in changes if change.gone)]
        here = [change.alert for change in changes if change.alert]
        touched = {each.group_id for each in (*gone, *here, *doubts)}
        touched |= {change.left for change in changes}
        known = sorted(each for each in touched if each is not None)
        await groups.settle(session, known)
        await self._tasks(session, changes, gone)
        for alert in (*gone, *here):
            await self._desk.refresh(session, f"alert:{alert.id}", why="alert")
        new = [c.alert for c in changes if c.alert and _calls(c)] + list(doubts)
        for group_id in known:
            group = await session.get_one(AlertGroup, group_id)
            ringing = [alert for alert in new if alert.group_id == group_id]
            await self._show_group(session, group, ringing, rules)
        fresh = [c.alert for c in changes if c.alert and c.event.what in FRESH]
        await self._managers(session, fresh)

    # The risk group, and who is on duty

    async def _show_group(
        self, session: AsyncSession, group: AlertGroup, ringing: Sequence[Alert], rules: Rules
    ) -> None:
        """Shown once, then changed in place; put out anew when it is long since and somebody came.
        Where nothing can be changed in place it waits for ``say_owed``."""
        at = now(session)
        if group.ended_at is not None:
            await self._desk.refresh(session, f"alerts:{group.id}", why="alert")
            return
        first = group.said_at is None
        long_since = group.said_at is not None and at - group.said_at >= rules.remind
        await self._desk.refresh(
            session, f"alerts:{group.id}", why="alert", only=self._changes_in_place
        )
        group.painted_at = at
        if first:
            await self._put_anew(session, group, self._chats, ringing)
            await self._to_duty(session, group, ringing)
            group.said_at = at
        elif ringing:
            group.owing = True
            if long_since:
                living = [chat for chat in self._chats if self._in_place(chat)]
                await self._put_anew(session, group, living, ringing)

    def _in_place(self, chat: Chat) -> bool:
        can = self._senders[chat.platform].capabilities
        return can.update_in_place and (chat.place is not Place.GROUP or can.group_update)

    def _changes_in_place(self, live: LiveCard) -> bool:
        """An application's private card keeps its one update for how it ends."""
        can = self._senders[live.platform].capabilities
        return can.update_in_place and can.group_update

    async def _put_anew(
        self,
        session: AsyncSession,
        group: AlertGroup,
        chats: Iterable[Chat],
        about: Sequence[Alert],
    ) -> None:
        viewer = await self._viewer(session)
        if viewer is None:
            return
        for chat in chats:
            audience = Audience.RISK_GROUP
            card = await draw_group(session, viewer, group.id, audience, now(session))
            envelope = Envelope(
                chat=chat, why="alert", priority=priority(group.level), asker=viewer.id
            )
            await self._put(session, envelope, card, about)

    async def _viewer(self, session: AsyncSession) -> Person | None:
        """Whose rights the card in the group shows: the desk's."""
        desk = await routing.on_duty(session, self._on_duty)
        return desk[0] if desk else None

    async def _to_duty(
        self, session: AsyncSession, group: AlertGroup, about: Sequence[Alert]
    ) -> None:
        """A card that stays alive, one to one, where a group's cannot, or where there is none."""
        platforms = [p for p in self._senders if self._needs_private(p)]
        for person in await routing.on_duty(session, self._on_duty):
            card = await draw_group(session, person, group.id, Audience.PRIVATE, now(session))
            await self._private(session, person.id, card, about, group.level, platforms)

    def _needs_private(self, platform: str) -> bool:
        has_group = any(chat.platform == platform for chat in self._chats)
        return not (has_group and self._senders[platform].capabilities.group_update)

    async def say_owed(
        self, session: AsyncSession, owing: Sequence[AlertGroup], rung: Collection[int]
    ) -> None:
        """One short message about all of them, the gravest first, where the card on the screen is
        an old one. Whoever is on duty has just been shown those that were ``rung`` for."""
        branches = await people.branch_names(session)
        lines: list[str] = []
        about: list[Alert] = []
        for group in sorted(owing, key=lambda each: -each.level):
            still = [alert for alert in await groups.members(session, group.id) if is_open(alert)]
            if still:
                branch = branches.get(group.branch, group.branch)
                lines.append(short_words(group, still, branch))
                about += still
                if group.id not in rung:
                    await self._to_duty(session, group, still)
            group.owing, group.said_at = False, now(session)
        if not lines:
            return
        level = max(group.level for group in owing)
        for chat in self._chats:
            if not self._in_place(chat):
                envelope = Envelope(chat=chat, why="alert", priority=priority(level))
                await self._put(session, envelope, Text(text="\n".join(lines)), about)

    async def repaint(self, session: AsyncSession, group: AlertGroup) -> None:
        """Newer figures on the cards that can be changed at any time."""
        await self._desk.refresh(
            session, f"alerts:{group.id}", why="alert", only=self._changes_in_place
        )
        group.painted_at = now(session)

    async def calls_again(self, session: AsyncSession, alerts: Sequence[Alert]) -> None:
        """A silence is over, or whoever had claimed it is gone."""
        await session.flush()
        for subject in {f"alerts:{each.group_id}" for each in alerts if each.group_id}:
            await self._desk.refresh(session, subject, why="alert")
        for alert in alerts:
            await self._desk.refresh(session, f"alert:{alert.id}", why="alert")

    # The manager

    async def _managers(self, session: AsyncSession, fresh: Iterable[Alert]) -> None:
        """One card for one case; several at once are listed on one."""
        by: defaultdict[tuple[str, int | None], list[Alert]] = defaultdict(list)
        for alert in fresh:
            if alert.manager:
                by[alert.manager, alert.group_id].append(alert)
        for (manager, group_id), alerts in by.items():
            if not await people.logins(session, manager):
                continue
            person = await people.get(session, manager)
            card = await self._manager_card(session, person, group_id, alerts)
            level = max(alert.level for alert in alerts)
            await self._private(session, manager, card, alerts, level, tuple(self._senders))

    @staticmethod
    async def _manager_card(
        session: AsyncSession, person: Person, group_id: int | None, alerts: Sequence[Alert]
    ) -> Card:
        at = now(session)
        if len(alerts) == 1:
            return await draw_case(session, person, alerts[0].id, Audience.PRIVATE, at)
        if group_id is not None:
            return await draw_group(session, person, group_id, Audience.PRIVATE, at)
        staff = await people.names(session, [person.id])
        reader = Reader(audience=Audience.PRIVATE, works=False, staff=staff, at=at)
        return warned_card(alerts, reader)

    async def _tasks(
        self, session: AsyncSession, changes: Sequence[Change], gone: Sequence[Alert]
    ) -> None:
        """The manager's task lasts as long as the desk's case."""
        for alert in gone:
            if alert.task_id is not None:
                await tasks.no_longer(session, alert.task_id)
                await self._desk.refresh(session, f"task:{alert.task_id}", why="alert")
        for alert in (change.alert for change in changes if change.alert):
            if alert.manager and alert.task_id is None and _is_work(alert):
                task = await tasks.give(
                    session,
                    alert.manager,
                    text=task_words(alert),
                    due_at=now(session) + TASK_WITHIN,
                    client_id=alert.client_id,
                    source=f"alert:{alert.id}",
                )
                alert.task_id = task.id

    # Nobody claims it

    async def ring_duty(
        self, session: AsyncSession, late: Sequence[Alert], waited: timedelta
    ) -> None:
        for person in await routing.on_duty(session, self._on_duty):
            await self._ring(session, person, late, waited)

    async def ring_heads(
        self, session: AsyncSession, late: Sequence[Alert], waited: timedelta
    ) -> None:
        """Each hears of what is in reach."""
        for person in await routing.heads(session, [alert.branch for alert in late]):
            mine = [alert for alert in late if cases.in_reach(person, alert)]
            if mine:
                await self._ring(session, person, mine, waited)

    async def _ring(
        self, session: AsyncSession, person: Person, late: Sequence[Alert], waited: timedelta
    ) -> None:
        """The bell, and beneath it the cards to act on."""
        everywhere = tuple(self._senders)
        worst = max(late, key=_urgency)
        names = await people.branch_names(session)
        branches = sorted({alert.branch for alert in late} - {""})
        levels = [alert.level for alert in late]
        words = ring_words(
            levels,
            [names.get(each, each) for each in branches],
            waited,
            works=routing.may_work(person),
        )
        ring = Ring(text=words, bell=Bell.PHONE)
        await self._private(session, person.id, ring, late, worst.level, everywhere)
        for group_id in sorted({alert.group_id for alert in late if alert.group_id is not None}):
            within = [alert for alert in late if alert.group_id == group_id]
            at = now(session)
            card = await draw_group(session, person, group_id, Audience.PRIVATE, at)
            await self._private(session, person.id, card, within, worst.level, everywhere)
        for alert in late:
            episodes.note(session, alert, "escalated", more={"to": [person.id]})

    # Putting out, with a note of who was told

    async def _private(
        self,
        session: AsyncSession,
        staff_id: str,
        part: Part,
        about: Sequence[Alert],
        level: Level,
        platforms: Collection[str],
    ) -> None:
        for platform, user in await people.logins(session, staff_id):
            if platform in platforms and platform in self._senders:
                chat = Chat(platform=platform, place=Place.PRIVATE, id=user)
                envelope = Envelope(
                    chat=chat, why="alert", priority=priority(level), receiver=staff_id
                )
                await self._put(session, envelope, part, about)

    @staticmethod
    async def _put(
        session: AsyncSession, envelope: Envelope, part: Part, about: Sequence[Alert]
    ) -> None:
        await outbox.put(session, envelope, part)
        out_id = outbox.newest(session).id
        for alert in about:
            session.add(_notice(alert, envelope, part, out_id, now(session)))


def _notice(alert: Alert, envelope: Envelope, part: Part, out_id: int, at: datetime) -> AlertNotice:
    return AlertNotice(
        alert_id=alert.id,
        out_id=out_id,
        at=at,
        why=part.bell.value if isinstance(part, Ring) else part.type,
        platform=envelope.chat.platform,
        place=envelope.chat.place.value,
        receiver=envelope.receiver or envelope.chat.id,
    )


def _urgency(alert: Alert) -> tuple[bool, Level]:
    """Money before data."""
    return alert.kind is AlertKind.MARGIN, alert.level


def _calls(change: Change) -> bool:
    return change.event.what in TELLING


def _is_work(alert: Alert) -> bool:
    return alert.kind is AlertKind.MARGIN and is_open(alert)


def priority(level: Level) -> Priority:
    if level in (Level.FORCE, Level.NEGATIVE):
        return Priority.FORCED
    return Priority.URGENT if level >= Level.CALL else Priority.ANSWER
