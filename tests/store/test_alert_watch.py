"""The watch on both databases: told once across restarts and processes, never calm without data."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from bot.chat import codec
from bot.chat.message import Card, Ring
from bot.desk import Desk
from bot.jobs import silent_sources
from bot.jobs.tell_alerts import Teller
from bot.jobs.watch_margin import MarginWatch
from bot.models import Out
from bot.store.bell import Bell
from bot.store.lease import Lease
from crm import people
from crm.access import NotYours
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from crm.models import Staff, Task, TaskState
from handlers import risk as handler
from risk import cases, episodes
from risk.book import LAST, Book
from risk.cases import AlertOver, ClaimedBy, NeverSilenced, NotYourCase, SilenceTooLong
from risk.ladder import RULES
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertGroup, AlertKind, AlertState
from risk.sources.base import AccountFunds, Snapshot
from tests.fakes.broker import Broker
from tests.fakes.sender import FakeSender

ZHANG, SHAN, SIYUAN = "80010023", "80010024", "80010025"
EQUITY = Decimal(100_000)


def funds(account: str, percent: int) -> AccountFunds:
    margin = EQUITY * percent / 100
    return AccountFunds(
        account=account,
        equity=EQUITY,
        margin=margin,
        exchange_margin=margin * 2 / 3,
        available=EQUITY - margin,
    )


class AlwaysMine(Lease):
    """As on a process that nobody competes with."""

    def __init__(self) -> None:
        self.name = "test"

    @property
    def mine(self) -> bool:
        return True


@dataclass
class Desks:
    """A desk of one broker, with as many watches as a test starts."""

    broker: Broker
    book: Book
    clock: StoppedClock
    teller: Teller

    def watch(self) -> MarginWatch:
        calendar = Calendar.shipped()
        store = self.broker.store
        return MarginWatch(store, self.book, lambda: calendar, self.teller, AlwaysMine())

    def tells(self, *, late: timedelta = timedelta(0), **degrees: int) -> None:
        """The counter's word: names of accounts by their last four digits, prefixed with a."""
        self.book.take(
            Snapshot(
                trading_day=date(2026, 11, 23),
                at=self.clock.now() - late,
                complete=True,
                instruments=(),
                accounts=tuple(funds(f"8001{k[1:]}", v) for k, v in degrees.items()),
                positions=(),
            )
        )

    async def alerts(self) -> Sequence[Alert]:
        async with self.broker.store.reading() as session:
            return (await session.scalars(select(Alert).order_by(Alert.id))).all()

    async def steps(self) -> list[tuple[str, str]]:
        async with self.broker.store.reading() as session:
            rows = await session.execute(
                select(Alert.account, AlertEvent.what)
                .join(Alert, Alert.id == AlertEvent.alert_id)
                .order_by(AlertEvent.id)
            )
            return [(account, what) for account, what in rows]

    async def shown(self, chat: str) -> list[object]:
        async with self.broker.store.reading() as session:
            rows = await session.scalars(select(Out).order_by(Out.id))
            outs = [codec.load_outgoing(row.item) for row in rows]
        return [out.part for out in outs if out.chat.id == chat]

    async def count(self) -> int:
        async with self.broker.store.reading() as session:
            return await session.scalar(select(func.count()).select_from(Out)) or 0


@pytest.fixture
def desks(broker: Broker, clock: StoppedClock) -> Desks:
    calendar = Calendar.shipped()
    book, sender = Book(calendar), FakeSender()
    desk = Desk(
        store=broker.store,
        router=handler.router,
        senders={"dingtalk": sender},
        calendar=calendar,
        book=book,
        bell=Bell(broker.store.database),
        risk_chats=frozenset({("dingtalk", "g-risk")}),
    )
    teller = Teller(desk, {"dingtalk": sender}, [("dingtalk", "g-risk")], ["chenxi"])
    return Desks(broker, book, clock, teller)


class TestGivenAnAccountThatIsCalled:
    async def test_when_it_is_seen_often_and_after_restarts_then_it_is_told_once(
        self, desks: Desks
    ) -> None:
        desks.tells(a0023=101, a0024=50)
        for _ in range(3):
            await desks.watch().look()
        assert await desks.steps() == [(ZHANG, "raised")]
        [alert] = await desks.alerts()
        assert (alert.level, alert.state) == (Level.CALL, AlertState.FIRING)
        assert alert.manager == "wangqiang"
        [card] = await desks.shown("g-risk")
        assert isinstance(card, Card)
        assert "张三 80010023" in str(card.table)

    async def test_when_two_processes_look_at_once_then_it_is_told_once(self, desks: Desks) -> None:
        desks.tells(a0023=101)
        async with asyncio.TaskGroup() as both:
            for _ in range(4):
                both.create_task(desks.watch().look())
        await desks.watch().look()
        assert await desks.steps() == [(ZHANG, "raised")]
        assert len(await desks.shown("g-risk")) == 1

    async def test_when_telling_breaks_off_then_nothing_is_kept_and_the_next_look_tells_all(
        self, desks: Desks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desks.tells(a0023=101)

        class Torn(Exception):
            pass

        async def torn(*_: object) -> None:
            raise Torn

        with monkeypatch.context() as patched:
            patched.setattr(desks.teller, "tell", torn)
            await desks.watch().look()
        assert await desks.alerts() == []
        assert await desks.count() == 0
        await desks.watch().look()
        assert await desks.steps() == [(ZHANG, "raised")]
        assert len(await desks.shown("g-risk")) == 1

    async def test_when_it_is_well_below_for_a_minute_then_it_is_resolved_once(
        self, desks: Desks
    ) -> None:
        desks.tells(a0023=101)
        await desks.watch().look()
        desks.tells(a0023=80)
        await desks.watch().look()
        desks.clock.advance(timedelta(seconds=20))
        desks.tells(a0023=80)
        await desks.watch().look()
        assert await desks.steps() == [(ZHANG, "raised")]
        desks.clock.advance(timedelta(seconds=40))
        desks.tells(a0023=80)
        for _ in range(3):
            await desks.watch().look()
        assert await desks.steps() == [(ZHANG, "raised"), (ZHANG, "resolved")]
        *_, last = await desks.shown("g-risk")
        assert isinstance(last, Card)
        assert last.title == "【追保】杭州营业部 · 1 户已解除"
        async with desks.broker.store.reading() as session:
            [task] = await session.scalars(select(Task))
            group = await session.scalar(select(AlertGroup))
        assert task.state is TaskState.MOOT
        assert group is not None
        assert group.ended_at is not None

    async def test_when_some_recover_and_one_rises_then_the_card_says_exactly_that(
        self, desks: Desks
    ) -> None:
        desks.tells(a0023=101, a0024=101)
        await desks.watch().look()
        for _ in range(2):
            desks.tells(a0023=50, a0024=160)
            await desks.watch().look()
            desks.clock.advance(timedelta(seconds=61))
        desks.tells(a0023=50, a0024=160)
        await desks.watch().look()
        titles = [each.title for each in await desks.shown("g-risk") if isinstance(each, Card)]
        assert "【追保】杭州营业部 · 1 户已解除，1 户升级" in titles
        assert not any("2 户已解除" in title for title in titles)

    async def test_when_it_recovered_by_steps_then_the_call_is_what_it_is_asked_about(
        self, desks: Desks
    ) -> None:
        for degree in (101, 93, 50):
            desks.tells(a0023=degree)
            for _ in range(3):
                await desks.watch().look()
                desks.clock.advance(timedelta(seconds=61))
                desks.tells(a0023=degree)
        peaks = [alert.peak for alert in await desks.alerts()]
        assert peaks == [Level.CALL, Level.WARN]
        async with desks.broker.store.reading() as session:
            wang = await people.get(session, "wangqiang")
            asked = await cases.newest_of(session, wang, desks.broker.clients["张三"])
        assert asked is not None
        assert asked.peak is Level.CALL

    async def test_when_it_rises_then_it_goes_to_the_other_card(self, desks: Desks) -> None:
        desks.tells(a0023=95)
        await desks.watch().look()
        assert await desks.shown("g-risk") == []
        for percent in (101, 125):
            desks.tells(a0023=percent)
            await desks.watch().look()
        steps = [what for _, what in await desks.steps()]
        assert steps == ["raised", "inhibited", "rose", "rose"]
        first, *_ = [each for each in await desks.alerts() if each.kind is AlertKind.WARN]
        assert first.state is AlertState.CLOSED
        titles = [each.title for each in await desks.shown("g-risk") if isinstance(each, Card)]
        assert titles[0].startswith("【追保】")
        assert titles[-1].startswith("【强平】")

    async def test_when_the_manager_is_away_then_the_deputy_has_the_card_and_the_task(
        self, desks: Desks
    ) -> None:
        async with desks.broker.store.writing() as session:
            (await session.get_one(Staff, "wangqiang")).deputy = "limin"
        desks.tells(a0023=101)
        await desks.watch().look()
        assert await desks.shown("wangqiang") == []
        [card] = await desks.shown("limin")
        assert isinstance(card, Card)
        async with desks.broker.store.reading() as session:
            [task] = await session.scalars(select(Task))
        assert task.staff == "limin"

    async def test_when_nobody_claims_it_then_duty_and_head_are_rung_once_each(
        self, desks: Desks
    ) -> None:
        desks.tells(a0023=101)
        await desks.watch().look()
        for minutes in (4, 1, 1, 4, 3):
            desks.clock.advance(timedelta(minutes=minutes))
            desks.tells(a0023=101)
            await desks.watch().look()
            await desks.watch().look()
        rings = [each for each in await desks.shown("chenxi") if isinstance(each, Ring)]
        assert len(rings) == 2  # on duty, and head of the desk
        assert (await desks.alerts())[0].rung == 2

    async def test_when_the_market_sleeps_then_nobody_is_rung(self, desks: Desks) -> None:
        desks.clock.advance(timedelta(hours=1, minutes=28))  # 11:28
        desks.tells(a0023=101)
        await desks.watch().look()
        desks.clock.advance(timedelta(hours=1))
        await desks.watch().look()
        assert [each for each in await desks.shown("chenxi") if isinstance(each, Ring)] == []


class TestGivenDataInDoubt:
    async def test_when_an_account_vanishes_then_it_is_doubted_and_its_call_stays(
        self, desks: Desks
    ) -> None:
        desks.tells(a0023=101, a0024=50)
        await desks.watch().look()
        desks.tells(a0024=50)
        await desks.watch().look()
        desks.clock.advance(timedelta(minutes=5))
        desks.tells(a0024=50)
        await desks.watch().look()
        call, doubt = await desks.alerts()
        assert (call.kind, call.state) == (AlertKind.MARGIN, AlertState.FIRING)
        assert (doubt.kind, doubt.level) == (AlertKind.DATA, Level.UNSURE)
        desks.tells(a0023=101, a0024=50)
        await desks.watch().look()
        call, doubt = await desks.alerts()
        assert call.state is AlertState.FIRING
        assert doubt.state is AlertState.RESOLVED

    async def test_when_the_source_is_silent_then_that_is_an_alert_and_nothing_is_calm(
        self, desks: Desks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(silent_sources, "SILENT_FOR", 0.0)
        desks.tells(a0023=101)
        watch = desks.watch()
        await watch.look()
        desks.tells(a0023=50)
        desks.clock.advance(timedelta(minutes=3))
        await watch.look()
        await watch.look()
        call, silent = await desks.alerts()
        assert call.state is AlertState.FIRING
        assert (silent.kind, silent.state) == (AlertKind.SOURCE, AlertState.FIRING)
        desks.tells(a0023=101)
        await watch.look()
        await watch.look()
        call, silent = await desks.alerts()
        assert call.state is AlertState.FIRING
        assert silent.state is AlertState.RESOLVED

    async def test_when_what_comes_then_is_old_then_the_reason_says_so_and_nobody_is_rung_again(
        self, desks: Desks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for limit in ("SILENT_FOR", "NEVER_HEARD_FOR"):
            monkeypatch.setattr(silent_sources, limit, 0.0)
        desks.book.expect(LAST)
        watch = desks.watch()
        await watch.look()
        assert await self._reason(desks) == "启动后还没有收到数据"
        told = await desks.count()
        for _ in range(3):
            desks.tells(late=timedelta(days=3), a0023=101)
            await watch.look()
        assert await self._reason(desks) == "收到的是 11-20 的数据，不是现在的，不能用来判断"
        *_, card = await desks.shown("g-risk")
        assert isinstance(card, Card)
        assert "收到的是 11-20 的数据" in card.text
        assert await desks.count() == told + 1  # the card, changed once
        assert await desks.steps() == [(LAST, "raised"), (LAST, "doubted_anew")]
        await desks.watch().look()  # a process that was started just now knows less
        assert "11-20" in await self._reason(desks)
        desks.tells(a0023=101)
        await watch.look()
        [silent, call] = await desks.alerts()
        assert (silent.state, call.state) == (AlertState.RESOLVED, AlertState.FIRING)

    @staticmethod
    async def _reason(desks: Desks) -> str:
        [alert] = await desks.alerts()
        return str(alert.advice["why"])


class TestGivenACase:
    @pytest.fixture
    async def case(self, desks: Desks) -> int:
        desks.tells(a0023=101)
        await desks.watch().look()
        return (await desks.alerts())[0].id

    async def test_when_many_claim_then_one_has_it(self, desks: Desks, case: int) -> None:
        won: list[str] = []
        lost: list[str] = []

        async def claim(staff: str) -> None:
            try:
                async with desks.broker.store.writing() as session:
                    await cases.claim(session, desks.broker[staff], case)
                won.append(staff)
            except ClaimedBy as refused:
                lost.append(refused.text)

        async with asyncio.TaskGroup() as race:
            for staff in ("fengjun", "chenxi"):
                race.create_task(claim(staff))
        assert len(won) == 1
        assert "认领" in lost[0]
        [alert] = await desks.alerts()
        assert alert.claimed_by == won[0]

    async def test_when_it_is_silenced_then_for_half_an_hour_at_most(
        self, desks: Desks, case: int
    ) -> None:
        boss = desks.broker["chenxi"]
        async with desks.broker.store.writing() as session:
            with pytest.raises(SilenceTooLong):
                await cases.silence(session, boss, case, timedelta(minutes=31), RULES)
            await cases.silence(session, boss, case, timedelta(minutes=30), RULES)
        desks.clock.advance(timedelta(minutes=29))
        desks.tells(a0023=101)
        await desks.watch().look()
        assert [what for _, what in await desks.steps()] == ["raised", "silenced"]
        desks.clock.advance(timedelta(minutes=1))
        desks.tells(a0023=101)
        await desks.watch().look()
        assert [what for _, what in await desks.steps()][-1] == "unsilenced"
        assert (await desks.alerts())[0].state is AlertState.FIRING

    async def test_when_it_is_forced_closing_then_it_is_never_silenced(
        self, desks: Desks, case: int
    ) -> None:
        desks.tells(a0023=125)
        await desks.watch().look()
        async with desks.broker.store.writing() as session:
            with pytest.raises(NeverSilenced, match=r".+"):
                await cases.silence(
                    session, desks.broker["chenxi"], case, timedelta(minutes=5), RULES
                )

    async def test_when_a_colleague_has_it_then_only_he_hands_it_on(
        self, desks: Desks, case: int
    ) -> None:
        feng, chen = desks.broker["fengjun"], desks.broker["chenxi"]
        async with desks.broker.store.writing() as session:
            await cases.claim(session, feng, case)
            with pytest.raises(NotYourCase):
                await cases.hand_on(session, chen, case, "chenxi")
            await cases.hand_on(session, feng, case, "chenxi")
        assert (await desks.alerts())[0].claimed_by == "chenxi"

    async def test_when_it_is_over_then_nobody_claims_it(self, desks: Desks, case: int) -> None:
        async with desks.broker.store.writing() as session:
            alert = await session.get_one(Alert, case)
            await episodes.end(session, alert, AlertState.RESOLVED, "resolved", RULES)
            with pytest.raises(AlertOver):
                await cases.claim(session, desks.broker["fengjun"], case)

    async def test_when_whoever_has_it_leaves_then_it_waits_for_another(
        self, desks: Desks, case: int
    ) -> None:
        async with desks.broker.store.writing() as session:
            await cases.claim(session, desks.broker["fengjun"], case)
            await people.disable(session, "fengjun", by="cli")
        desks.tells(a0023=101)
        await desks.watch().look()
        [alert] = await desks.alerts()
        assert (alert.claimed_by, alert.state) == (None, AlertState.FIRING)

    async def test_when_the_manager_hands_over_then_the_heir_sees_it(
        self, desks: Desks, case: int
    ) -> None:
        async with desks.broker.store.writing() as session:
            await cases.move(session, "wangqiang", "limin", by="sunfang")
            assert (await cases.see(session, desks.broker["limin"], case)).id == case
            with pytest.raises(NotYours):
                await cases.see(session, desks.broker["wangqiang"], case)

    async def test_when_machines_read_then_events_and_notices_come_along(
        self, desks: Desks, case: int
    ) -> None:
        async with desks.broker.store.reading() as session:
            [whole] = await cases.read(session, account=ZHANG)
            assert await cases.read(session, account=SHAN) == []
            later = desks.clock.now() + timedelta(seconds=1)
            assert await cases.read(session, since=later) == []
        assert [event.what for event in whole.events] == ["raised"]
        assert {notice.receiver for notice in whole.notices} == {"g-risk", "wangqiang"}
        assert whole.alert.id == case
        assert replace(RULES, version="1").version == "1"
