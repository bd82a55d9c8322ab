"""One account below its line through a night: over midnight, a weekend, holidays, a new day."""

from datetime import date, datetime, timedelta

import pytest

from bot.chat.message import Ring
from bot.jobs import silent_sources
from crm.kernel.calendar import Calendar
from risk.models import AlertState
from risk.sources.base import Snapshot
from tests.clock.almanac import NEXT_OPEN, WITH_NIGHT, at
from tests.store.test_alert_watch import ZHANG, Desks, funds

CALENDAR = Calendar.shipped()
DAY = timedelta(days=1)
EVES = (
    date(2026, 11, 26),  # a Thursday
    date(2026, 11, 27),  # a Friday
    date(2026, 9, 30),  # before eight days of holidays, without a night
    date(2026, 12, 31),  # and the year's last evening
)


def moments(eve: date) -> list[datetime]:
    """From the eve's last minutes, or its night, to the evening of the next trading day."""
    following = NEXT_OPEN[eve]
    if eve in WITH_NIGHT:
        night = [at(eve, 22, 58), at(eve, 23, 59), at(eve + DAY, 0, 1), at(eve + DAY, 2, 29)]
    else:
        night = [at(eve, 15, 13), at(eve, 15, 14)]
    idle = [at(eve + DAY, 5), at(following, 8, 59)]
    return [*night, *idle, at(following, 9, 1), at(following, 14, 59), at(following, 20, 31)]


@pytest.mark.parametrize("eve", EVES, ids=str)
async def test_it_is_one_piece_of_work_from_evening_to_evening(
    desks: Desks, monkeypatch: pytest.MonkeyPatch, eve: date
) -> None:
    monkeypatch.setattr(silent_sources, "SILENT_FOR", 0.0)
    days: set[date] = set()
    for moment in moments(eve):
        desks.clock.step(moment - desks.clock.now())
        days.add(CALENDAR.trading_day(moment))
        desks.book.take(
            Snapshot(
                trading_day=CALENDAR.trading_day(moment),
                at=moment,
                complete=True,
                instruments=(),
                accounts=(funds(ZHANG, 101),),
                positions=(),
            )
        )
        await desks.watch().look()
    assert len(days) == (2 if eve in WITH_NIGHT else 3)
    [alert] = await desks.alerts()
    assert alert.state is AlertState.FIRING
    told = [what for _, what in await desks.steps()]
    assert told[0] == "raised"
    assert told.count("raised") == 1
    assert alert.rung == 2  # each once, and not again on the next day
    assert sum(isinstance(each, Ring) for each in await desks.shown("chenxi")) == 2


@pytest.mark.parametrize("eve", EVES[1:3], ids=str)
async def test_while_the_market_is_closed_silence_is_no_alarm_and_nobody_is_rung(
    desks: Desks, monkeypatch: pytest.MonkeyPatch, eve: date
) -> None:
    monkeypatch.setattr(silent_sources, "SILENT_FOR", 0.0)
    end = at(eve + DAY, 2, 30) if eve in WITH_NIGHT else at(eve, 15, 15)
    desks.clock.step(end - timedelta(seconds=20) - desks.clock.now())
    desks.tells(a0023=101)
    watch = desks.watch()
    await watch.look()
    following = at(NEXT_OPEN[eve], 9)
    for moment in (end, end + (following - end) / 2, following - timedelta(seconds=1)):
        desks.clock.step(moment - desks.clock.now())
        await watch.look()
    assert await desks.steps() == [(ZHANG, "raised")]
    desks.clock.step(timedelta(seconds=12))
    await watch.look()
    assert [what for _, what in await desks.steps()] == ["raised", "raised"]
    assert len(await desks.alerts()) == 2  # the source is one now
