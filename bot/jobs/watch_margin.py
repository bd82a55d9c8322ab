"""Source → book → ladder → alerts → people, on the one process that leads."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint
from bot.jobs.silent_sources import NEVER_HEARD, SilentSources
from bot.jobs.tell_alerts import Teller
from bot.store.failure import will_pass
from bot.store.lease import Lease
from crm.kernel.calendar import Calendar
from crm.kernel.db import Store
from risk import advice, alerts, cases, episodes, groups, ladder, routing, setback
from risk.advice import Close
from risk.alerts import Event, State
from risk.book import Book
from risk.episodes import Change, Sight
from risk.figures import Figures
from risk.groups import is_open
from risk.ladder import Rules
from risk.levels import Level
from risk.models import Alert, AlertGroup, AlertKind, AlertState
from risk.routing import Whose
from risk.sessions import is_open as market_is_open
from risk.sessions import open_time
from risk.suggest import with_degree
from risk.told import Account

log = logging.getLogger(__name__)

BEAT = 1.0  # seconds without news after which the clocks of alerts are looked at
GAP = 0.2  # seconds between two looks: a burst of prices is one look
WORTH_PAINTING = Decimal("0.005")  # a change of the degree that is worth an update


@dataclass(frozen=True, slots=True)
class Look:
    """One account at one look, and what the ladder makes of it."""

    alert: Alert | None
    figures: Figures
    after: State
    event: Event | None


@dataclass(slots=True)
class Findings:
    """What a look found worth writing down."""

    looks: list[Look] = field(default_factory=list)
    doubted: dict[str, str] = field(default_factory=dict)  # account -> why
    sure: list[str] = field(default_factory=list)
    due: bool = False  # a silence, a message or an escalation whose time has come

    def __bool__(self) -> bool:
        return bool(self.looks or self.doubted or self.sure or self.due)


class MarginWatch:
    def __init__(
        self,
        store: Store,
        book: Book,
        calendar: Callable[[], Calendar],
        teller: Teller,
        lease: Lease,
    ) -> None:
        self._store = store
        self._book = book
        self._calendar = calendar
        self._teller = teller
        self._lease = lease
        self._turn = asyncio.Lock()
        self._silent = SilentSources(book)

    async def run(self) -> None:
        """For ever."""
        while True:
            seen = self._book.version
            await self.look()
            await asyncio.sleep(GAP)
            try:
                async with asyncio.timeout(BEAT):
                    await self._book.changed(seen)
            except TimeoutError:
                continue

    async def follow_rules(self) -> None:
        """Figures are judged by the ladder in force."""
        async with self._store.reading(brief=True) as session:
            rules = await ladder.current(session)
        terms = self._book.terms
        if terms.ladder != rules.ladder:
            self._book.terms = replace(terms, ladder=rules.ladder)

    async def look(self) -> None:
        """One look at everything; what cannot be written now is found again by the next. None while
        it is in doubt whether this process leads."""
        if not self._lease.mine:
            return
        async with self._turn:
            try:
                await self._look()
            except IntegrityError:  # the key of an open alert is there once
                log.info("another process has opened the same alert")
            except Exception as error:
                if not will_pass(error):
                    log.exception("a look at the margins broke")  # one bug is not an outage
                    return
                log.warning("margins: the database does not answer: %s", type(error).__name__)

    async def _look(self) -> None:
        now = self._store.clock.now()
        figures = self._endangered(now)
        self._silent.look(now, self._calendar())
        async with self._store.reading(brief=True) as session:
            rules = await ladder.current(session)
            found = await self._find(session, figures, now, rules)
            told = await episodes.of_sources(session)
        if found or self._news_of_sources(told):
            await self._write(figures, now, rules)

    # What is to be done

    def _endangered(self, now: datetime) -> dict[str, Figures]:
        """Exactly, of every account that may be worth a word."""
        suspects = self._book.levels(alerts.LOWEST)
        found = ((account, self._book.figures_of(account, now)) for account in suspects)
        return {account: each for account, each in found if each is not None}

    async def _find(
        self,
        session: AsyncSession,
        figures: Mapping[str, Figures],
        now: datetime,
        rules: Rules,
        *,
        lock: bool = False,
    ) -> Findings:
        by_ladder, in_doubt = await episodes.open_by_account(session, lock=lock)
        sources = await episodes.of_sources(session)
        waiting = [*by_ladder.values(), *in_doubt.values(), *sources.values()]
        shown = await groups.open_ones(session)
        found = Findings()
        known: list[Alert | AlertGroup] = [*waiting, *shown]
        for row in known:
            if setback.is_ahead(row, now):
                found.due = True
                if lock:
                    setback.catch_up(row, now)
        if self._book.as_of is not None:
            for account in sorted(figures.keys() | by_ladder.keys() | in_doubt.keys()):
                self._judge(account, figures, by_ladder, in_doubt, now, rules, found)
        found.due = found.due or await self._is_due(session, waiting, shown, now, rules)
        return found

    def _judge(
        self,
        account: str,
        figures: Mapping[str, Figures],
        by_ladder: Mapping[str, Alert],
        in_doubt: Mapping[str, Alert],
        now: datetime,
        rules: Rules,
        found: Findings,
    ) -> None:
        seen = figures.get(account) or self._book.figures_of(account, now)
        if seen is None or seen.level is Level.UNSURE:
            if account not in in_doubt and self._may_doubt(seen):
                missing = seen.missing if seen else ("最新数据中没有这个账户",)
                found.doubted[account] = "；".join(missing)
            return
        if account in in_doubt and not seen.stale:
            found.sure.append(account)
        alert = by_ladder.get(account)
        before = episodes.state_of(alert)
        unheard = self._age(before.told_at, now, alert) if before.told_at else timedelta(0)
        if seen.stale and self._book.source_of(account) not in self._silent.known:
            return  # perhaps only the clock was moved
        judged = alerts.IN_DOUBT if seen.stale else alerts.seen(seen, rules)
        after, event = alerts.step(before, judged, now, unheard, rules)
        if event is not None or after != before or (alert and _moved(alert, seen)):
            found.looks.append(Look(alert, seen, after, event))

    def _may_doubt(self, seen: Figures | None) -> bool:
        """Not of a source that is silent, nor before every source has spoken."""
        if seen is None:
            return all(told.as_of is not None for told in self._book.told.values())
        return not seen.stale

    async def _is_due(
        self,
        session: AsyncSession,
        waiting: Iterable[Alert],
        shown: Iterable[AlertGroup],
        now: datetime,
        rules: Rules,
    ) -> bool:
        for alert in waiting:
            if alert.silenced_until is not None and alert.silenced_until <= now:
                return True
            if self._steps_due(alert, now, rules):
                return True
        if await cases.left_alone(session):
            return True
        return bool(_owing(shown, now, rules))

    def _steps_due(self, alert: Alert, now: datetime, rules: Rules) -> int:
        """How many steps of the escalation are due in all, when one is."""
        if alert.kind is AlertKind.WARN or alert.state is not AlertState.FIRING:
            return 0
        waited = self._age(alert.raised_at, now, alert)
        due = sum(waited >= limit for limit in (rules.to_duty, rules.to_head))
        return due if due > alert.rung else 0

    def _age(self, since: datetime, now: datetime, alert: Alert | None) -> timedelta:
        """In trading time; plainly for what was raised by a market that moved outside of it."""
        if alert is not None and alert.off_hours:
            return now - since
        return open_time(self._calendar(), since, now)

    # Doing it

    async def _write(
        self,
        figures: Mapping[str, Figures],
        now: datetime,
        rules: Rules,
    ) -> None:
        """Everything is found again under lock, written, and told in one transaction."""
        async with self._store.writing(brief=True) as session:
            found = await self._find(session, figures, now, rules, lock=True)
            new = {look.figures.account for look in found.looks} | found.doubted.keys()
            whose = await routing.whose(session, new)
            changes = [
                change
                for look in found.looks
                if (change := await self._apply(session, look, whose, rules, now))
            ]
            doubts = [
                await episodes.doubt(
                    session, AlertKind.DATA, account, self._whose(account, whose), why, rules
                )
                for account, why in found.doubted.items()
            ]
            over = await self._clear(session, found.sure, rules)
            await self._sources_changed(session, doubts, over, rules)
            await session.flush()
            await self._teller.tell(session, changes, doubts, over, rules)
            await self._by_the_clock(session, now, rules)
            crashpoint.here("watch.before_commit")
        crashpoint.here("watch.after_commit")

    async def _apply(
        self,
        session: AsyncSession,
        look: Look,
        whose: Mapping[str, Whose],
        rules: Rules,
        now: datetime,
    ) -> Change | None:
        account = look.figures.account
        told = self._book.account(account)
        called = look.after.level >= alerts.DESK
        closing, after = _closing(told, look.figures) if told and called else ((), None)
        outside = not market_is_open(self._calendar(), now)
        sight = Sight(
            figures=look.figures,
            advice=advice.of(look.figures, closing, after),
            whose=self._whose(account, whose, look.figures),
            off_hours=outside and told is not None and _prices_moved(told),
        )
        if look.event is not None:
            return await episodes.move(session, look.alert, look.event, look.after, sight, rules)
        if look.alert is not None:
            episodes.remember(look.alert, look.after)
            if _moved(look.alert, look.figures):
                episodes.figure(look.alert, sight)
        return None

    def _whose(
        self, account: str, known: Mapping[str, Whose], seen: Figures | None = None
    ) -> Whose:
        """An account that no client has goes by what its source said of it."""
        if account in known:
            return known[account]
        name = seen.name if seen else ""
        branch = seen.branch if seen else ""
        return Whose(client_id=None, name=name or account, branch=branch, manager=None)

    async def _clear(
        self, session: AsyncSession, accounts: Iterable[str], rules: Rules
    ) -> list[Alert]:
        _, in_doubt = await episodes.open_by_account(session)
        over = [in_doubt[account] for account in accounts if account in in_doubt]
        for alert in over:
            await episodes.end(session, alert, AlertState.RESOLVED, "resolved", rules)
        return over

    async def _by_the_clock(self, session: AsyncSession, now: datetime, rules: Rules) -> None:
        by_ladder, in_doubt = await episodes.open_by_account(session)
        sources = await episodes.of_sources(session)
        waiting = [*by_ladder.values(), *in_doubt.values(), *sources.values()]
        again = await episodes.unsilence(session, waiting, now)
        for staff in await cases.left_alone(session):
            again += await cases.set_free(session, staff)
        await self._teller.calls_again(session, again)
        rung = await self._escalate(session, waiting, now, rules)
        shown = await groups.open_ones(session)
        if owing := _owing(shown, now, rules):
            await self._teller.say_owed(session, owing, rung)
        for group in shown:
            if group.painted_at is not None and now - group.painted_at >= rules.repaint:
                await self._teller.repaint(session, group)

    async def _escalate(
        self, session: AsyncSession, waiting: Iterable[Alert], now: datetime, rules: Rules
    ) -> set[int]:
        """One call a person for all that waits; gives the groups of which whoever is on duty has a
        new card thereby."""
        rung: set[int] = set()
        for step, ring in enumerate((self._teller.ring_duty, self._teller.ring_heads)):
            late = [
                alert
                for alert in waiting
                if alert.rung == step < self._steps_due(alert, now, rules)
            ]
            if late:
                waited = max(self._age(alert.raised_at, now, alert) for alert in late)
                await ring(session, late, waited)
            for alert in late:
                alert.rung = step + 1
            if step == 0:
                rung |= {alert.group_id for alert in late if alert.group_id is not None}
        return rung

    # The sources themselves

    def _news_of_sources(self, told: Mapping[str, Alert]) -> bool:
        well = any(self._silent.is_well(name) for name in told)
        return well or any(
            name not in told or self._is_another_reason(told[name]) for name in self._silent.known
        )

    def _is_another_reason(self, alert: Alert) -> bool:
        """A process that was started since knows less than what was said."""
        why = self._silent.known.get(alert.account, NEVER_HEARD)
        return why not in (NEVER_HEARD, alert.advice.get("why"))

    async def _sources_changed(
        self,
        session: AsyncSession,
        doubts: list[Alert],
        over: list[Alert],
        rules: Rules,
    ) -> None:
        told = await episodes.of_sources(session)
        for name, why in self._silent.known.items():
            if name not in told:
                whose = Whose(client_id=None, name=name, branch="", manager=None)
                doubts.append(
                    await episodes.doubt(session, AlertKind.SOURCE, name, whose, why, rules)
                )
        for name, alert in told.items():
            if self._is_another_reason(alert):
                await self._say_why_anew(session, alert, self._silent.known[name], rules)
            if self._silent.is_well(name):
                await episodes.end(session, alert, AlertState.RESOLVED, "resolved", rules)
                over.append(alert)

    async def _say_why_anew(
        self, session: AsyncSession, alert: Alert, why: str, rules: Rules
    ) -> None:
        episodes.doubted_anew(session, alert, why, rules)
        if alert.group_id is not None:
            await session.flush()
            group = await session.get_one(AlertGroup, alert.group_id)
            await self._teller.repaint(session, group)


def _closing(told: Account, seen: Figures) -> tuple[tuple[Close, ...], Decimal | None]:
    """What to close and where it leads; nothing where that cannot be worked out."""
    try:
        return with_degree(told, seen)
    except Exception:  # an advice that cannot be had holds up no alert
        log.exception("no suggestion for an account")
        return (), None


def _prices_moved(told: Account) -> bool:
    """Whether a market, not a new statement, brought the account where it is."""
    then = told.instruments
    return any(name in then and then[name].last != last for name, last in told.ticks.items())


def _moved(alert: Alert, seen: Figures) -> bool:
    """Whether the figures on its cards are worth an update."""
    if not is_open(alert) or alert.risk is None or seen.risk is None:
        return alert.risk is not seen.risk and alert.risk != seen.risk
    return abs(alert.risk - seen.risk) >= WORTH_PAINTING


def _owing(shown: Iterable[AlertGroup], now: datetime, rules: Rules) -> list[AlertGroup]:
    """The groups that are to be told of in words; none so shortly after anything was told."""
    shown = list(shown)
    last = max((group.said_at for group in shown if group.said_at is not None), default=None)
    if last is not None and now - last < rules.wait:
        return []
    return [group for group in shown if group.owing]
