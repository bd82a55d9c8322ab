"""The equity curve: its one-line finding, and the picture from a process of its own."""

import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.cards.curve import Painter, finding
from bot.cards.drawdown import drawdown
from risk.sources.base import DayOfFunds

FIRST = date(2026, 8, 31)


def days(*equity: float, paid: dict[int, float] | None = None) -> list[DayOfFunds]:
    flows = paid or {}
    return [
        DayOfFunds(FIRST + timedelta(n), Decimal(str(value)), Decimal(str(flows.get(n, 0))))
        for n, value in enumerate(equity)
    ]


class TestGivenTheFinding:
    def test_it_names_the_days_and_the_largest_fall_from_a_high(self) -> None:
        assert finding(days(100, 120, 90, 118, 110)) == "权益 5 日 · 最大回撤 25.0%"

    def test_a_withdrawal_is_no_drawdown(self) -> None:
        assert finding(days(100, 60, 62, paid={1: -40})) == "权益 3 日 · 没有回撤"

    def test_a_deposit_does_not_hide_one(self) -> None:
        assert finding(days(100, 140, 140, paid={1: 50})) == "权益 3 日 · 最大回撤 10.0%"

    def test_what_would_read_as_nothing_is_none(self) -> None:
        assert drawdown(days(100_000, 99_960)) is None
        assert drawdown(days(100_000, 99_940)) is not None

    def test_an_account_that_was_emptied_counts_anew(self) -> None:
        found = drawdown(days(100, 0, 50, 45, paid={1: -100, 2: 50}))
        assert found is not None
        assert (found.peak, found.trough, found.degree) == (2, 3, Decimal("0.1"))

    def test_an_account_that_lost_everything_lost_everything(self) -> None:
        assert finding(days(100, 50, -5)) == "权益 3 日 · 最大回撤 100.0%"

    @pytest.mark.parametrize("points", [days(), days(100)])
    def test_one_day_has_no_curve(self, points: Sequence[DayOfFunds]) -> None:
        assert finding(points) == "权益 · 不足两个交易日，暂无曲线"


@pytest.fixture
async def painter() -> AsyncIterator[Painter]:
    made = Painter()
    yield made
    await made.close()


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


class TestGivenAPainter:
    async def test_the_picture_is_twice_as_fine_as_720_pixels(self, painter: Painter) -> None:
        png = await painter.equity_curve(days(100, 120, 90, 95, paid={3: 10}))
        assert size(png)[0] == 1440
        assert len(png) < 300_000

    async def test_no_account_is_too_odd_to_draw(self, painter: Painter) -> None:
        for points in (
            days(0, 0),
            days(-5, -7, -3),
            days(10**10, 10**10),
            days(*range(1, 61)),
            days(1, 2, 3, 2, paid={1: 1, 2: 1, 3: -1}),
        ):
            assert size(await painter.equity_curve(points))[0] == 1440

    async def test_red_and_green_can_be_exchanged(self, painter: Painter) -> None:
        rising = days(100, 120)
        one = await painter.equity_curve(rising)
        other = await painter.equity_curve(rising, rise_is_red=False)
        assert one != other
        assert one == await painter.equity_curve(rising)

    async def test_it_paints_again_after_its_process_was_killed(self, painter: Painter) -> None:
        await painter.warm_up()
        os.kill(painter._worker, signal.SIGKILL)
        assert size(await painter.equity_curve(days(1, 2)))[0] == 1440

    async def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_works(self) -> None:
        painter = Painter(limit_seconds=0.001)
        with pytest.raises(TimeoutError):
            await painter.warm_up()
        painter._limit = 60
        assert size(await painter.equity_curve(days(1, 2)))[0] == 1440
        await painter.close()

    async def test_one_point_is_refused(self, painter: Painter) -> None:
        with pytest.raises(ValueError, match="two points"):
            await painter.equity_curve(days(1))

    async def test_closing_twice_or_unused_is_fine(self) -> None:
        painter = Painter()
        await painter.close()
        await painter.close()


def test_the_service_itself_never_loads_the_drawing_library() -> None:
    check = "import sys, bot.cards.curve; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
