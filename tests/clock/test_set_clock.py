"""Somebody sets the machine's time, an hour or a day, forward or back, while the service runs."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from bot.chat.message import Ring
from bot.jobs import silent_sources
from bot.jobs.nudge import remind
from bot.platforms.dingtalk.tokens import Tokens as DingTalkTokens
from bot.platforms.wecom.pace import Pace
from bot.platforms.wecom.tokens import Tokens as WeComTokens
from crm import interactions, names, search, tasks
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import OutsideError
from crm.models import Channel
from risk import cases
from risk.ladder import RULES
from risk.models import AlertState
from tests.fakes.broker import Broker
from tests.kill.lives import SOAK
from tests.shell.test_focus import answer, focus_of
from tests.store.test_alert_watch import ZHANG, Desks
from tests.store.test_approvals import at_step, chase

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = (-DAY, -HOUR, HOUR, DAY) if SOAK else (-DAY, HOUR)
Fetch = Callable[[], Awaitable[tuple[str, float]]]


@pytest.fixture(params=STEPS, ids=lambda step: f"{step / HOUR:+.0f} h")
def step(request: pytest.FixtureRequest) -> timedelta:
    found: timedelta = request.param
    return found


@pytest.fixture
def tuesday(clock: StoppedClock) -> StoppedClock:
    """A trading day behind a trading day."""
    clock.advance(DAY)
    return clock


@pytest.mark.parametrize("make", [DingTalkTokens, WeComTokens])
async def test_a_token_is_believed_for_as_long_as_its_platform_says(
    make: Callable[[Fetch, StoppedClock], DingTalkTokens | WeComTokens],
    clock: StoppedClock,
    step: timedelta,
) -> None:
    fetched: list[str] = []

    async def fetch() -> tuple[str, float]:
        fetched.append(f"t{len(fetched)}")
        return fetched[-1], 7200

    tokens = make(fetch, clock)
    assert await tokens.get() == "t0"
    clock.step(step)
    assert await tokens.get() == "t0"
    clock.advance(2 * HOUR)
    assert await tokens.get() == "t1"


async def test_what_the_last_process_sent_a_day_ahead_of_us_counts_as_just_now() -> None:
    passed = 0.0
    pace = Pace({60.0: 1}, lambda: passed)
    pace.remember("wangqiang", -DAY.total_seconds())
    with pytest.raises(OutsideError) as caught, pace.sending("wangqiang"):
        pass
    assert caught.value.wait_seconds == 60.0
    passed = 60.0
    with pace.sending("wangqiang"):
        pass


async def test_a_reminder_comes_once(broker: Broker, desks: Desks, step: timedelta) -> None:
    clock = desks.clock
    async with broker.store.writing() as session:
        due = clock.now() + 2 * HOUR
        await tasks.add(session, broker["wangqiang"], text="回访", due_at=due, source="test")
    for by in (step, -step, step):
        clock.step(by)
        await remind(broker.store, desks.teller._desk)
    clock.advance(DAY + 2 * HOUR)
    for by in (timedelta(0), step, -step):
        clock.step(by)
        await remind(broker.store, desks.teller._desk)
    assert len(await desks.shown("wangqiang")) == 1


async def test_a_late_step_of_an_approval_is_chased_once_for_each_limit(
    broker: Broker, tuesday: StoppedClock, step: timedelta
) -> None:
    await at_step(broker, "suitability")
    levels = []
    for by in (step, -step, timedelta(0), step, -step):
        tuesday.step(by)
        levels += [each.level for each in await chase(broker)]
        tuesday.advance(timedelta(minutes=15))
    assert levels == sorted(set(levels))
    tuesday.advance(2 * DAY)
    levels += [each.level for each in await chase(broker)]
    assert levels == sorted(set(levels))
    assert levels[-1] == 3


async def test_the_trail_is_in_the_order_of_what_was_done_and_verifies(
    broker: Broker, clock: StoppedClock, head: audit.Head, step: timedelta
) -> None:
    for number, by in enumerate((timedelta(0), step, -step)):
        clock.step(by)
        async with broker.store.writing() as session:
            audit.note(session, "wangqiang", f"step.{number}", "clock:1")
    async with broker.store.reading() as session:
        verdict = await audit.verify(session, head)
        done = await session.scalars(
            select(AuditRow.action).where(AuditRow.object == "clock:1").order_by(AuditRow.seq)
        )
        assert list(done) == ["step.0", "step.1", "step.2"]
    assert verdict.broken_at is None


class TestTheClientInFocus:
    async def test_is_forgotten_when_nobody_can_know_how_long_ago_it_was(
        self, broker: Broker, clock: StoppedClock, step: timedelta
    ) -> None:
        from tests.shell.room import open_room

        async with open_room(broker) as room:
            room.router.handler = answer
            await focus_of(room, "张三")
            clock.step(step)
            near = abs(step) <= 4 * HOUR
            assert await focus_of(room, "你好") == (1 if near else None)


async def test_whoever_was_dealt_with_last_is_still_found(
    broker: Broker, clock: StoppedClock, step: timedelta
) -> None:
    wang, zhang = broker["wangqiang"], broker.clients["张三"]
    for by in (timedelta(0), step, -step):
        clock.step(by)
        async with broker.store.writing() as session:
            await interactions.log(
                session, wang, zhang, channel=Channel.CALL, note="问价", source="test"
            )
    async with broker.store.reading() as session:
        found = await search.find(session, wang, names.query_keys("张三"))
    assert [hit.client_id for hit in found][:1] == [zhang]


class TestASource:
    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(silent_sources, "SILENT_FOR", 0.0)

    async def test_that_falls_silent_is_an_alarm_after_its_limit_and_not_a_day_later(
        self, desks: Desks, tuesday: StoppedClock, step: timedelta
    ) -> None:
        watch = desks.watch()
        desks.tells(a0023=50)
        tuesday.step(step)
        desks.tells(a0023=50)
        await watch.look()
        assert await desks.steps() == []
        tuesday.advance(timedelta(seconds=31))
        await watch.look()
        assert [what for _, what in await desks.steps()] == ["raised"]

    async def test_that_is_silent_when_the_clock_is_set_back_does_not_look_fresh(
        self, desks: Desks, tuesday: StoppedClock
    ) -> None:
        watch = desks.watch()
        desks.tells(a0023=50)
        tuesday.step(-HOUR)
        await watch.look()
        tuesday.advance(timedelta(seconds=31))
        await watch.look()
        assert [what for _, what in await desks.steps()] == ["raised"]


class TestAnAlert:
    async def look(self, desks: Desks, percent: int, *, later: timedelta = timedelta(0)) -> None:
        desks.clock.advance(later)
        desks.tells(a0023=percent)
        await desks.watch().look()

    async def rings(self, desks: Desks) -> int:
        return sum(isinstance(each, Ring) for each in await desks.shown("chenxi"))

    async def test_that_nobody_claims_is_rung_through_in_time(
        self, desks: Desks, tuesday: StoppedClock, step: timedelta
    ) -> None:
        await self.look(desks, 101)
        tuesday.step(step)
        await self.look(desks, 101)
        for _ in range(11):
            await self.look(desks, 101, later=timedelta(minutes=1))
        steps = [what for _, what in await desks.steps()]
        assert steps[0] == "raised"
        assert steps.count("raised") == 1
        assert await self.rings(desks) == 2
        assert (await desks.alerts())[0].rung == 2

    async def test_is_told_once_however_often_the_clock_goes_to_and_fro(
        self, desks: Desks, tuesday: StoppedClock, step: timedelta
    ) -> None:
        await self.look(desks, 101)
        for by in (step, -step, step, -step):
            tuesday.step(by)
            await self.look(desks, 101)
        assert [what for _, what in await desks.steps()].count("raised") == 1
        assert len(await desks.alerts()) == 1

    async def test_of_an_account_that_recovered_is_resolved_after_its_minute(
        self, desks: Desks, tuesday: StoppedClock, step: timedelta
    ) -> None:
        await self.look(desks, 101)
        await self.look(desks, 50)
        tuesday.step(step)
        await self.look(desks, 50)
        await self.look(desks, 50, later=timedelta(seconds=61))
        [alert] = await desks.alerts()
        assert alert.state is AlertState.RESOLVED

    async def test_that_was_silenced_speaks_again_within_the_span(
        self, desks: Desks, tuesday: StoppedClock
    ) -> None:
        await self.look(desks, 101)
        async with desks.broker.store.writing() as session:
            [alert] = await cases.open_like(session, ZHANG)
            await cases.silence(session, desks.broker["fengjun"], alert.id, RULES.silence, RULES)
        tuesday.step(-HOUR)
        await self.look(desks, 101)
        await self.look(desks, 101, later=RULES.silence - timedelta(minutes=1))
        assert (await desks.alerts())[0].state is AlertState.SILENCED
        await self.look(desks, 101, later=timedelta(minutes=1))
        assert (await desks.alerts())[0].state is AlertState.FIRING

    async def test_that_rises_is_told_at_once(
        self, desks: Desks, tuesday: StoppedClock, step: timedelta
    ) -> None:
        await self.look(desks, 101)
        tuesday.step(step)
        await self.look(desks, 125)
        told = await desks.steps()
        assert (ZHANG, "rose") in told
        assert (await desks.alerts())[0].risk == Decimal("1.25")
