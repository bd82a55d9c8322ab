"""Draws the pictures. Imported in the painter's process only: matplotlib is slow to start."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from bot.cards.drawdown import Drawdown
from bot.cards.text import percent, short_yuan
from risk.sources.base import DayOfFunds

WIDTH, HEIGHT = 720, 392  # css pixels, drawn twice as fine
LEFT, RIGHT, TOP, BOTTOM = 66, 96, 96, 40  # margins around the plot, css pixels
POINT = 0.72  # of type, in a css pixel
INK, QUIET, RULE, PAPER = "#1f2328", "#656d76", "#eaecef", "#ffffff"
RED, GREEN, FALLING = "#cf222e", "#0a8f7a", "#8c959f"  # apart for every kind of colour vision
ROOM = 0.155  # of the width, for the words at a payment


def equity_curve(
    points: Sequence[DayOfFunds],
    worst: Drawdown | None,
    title: str,
    note: str,
    *,
    rise_is_red: bool,
) -> bytes:
    """A PNG of at least two points. The days stand side by side, without weekends."""
    sketch = _Sketch.of(points)
    earned = _earned(points)
    colour = RED if (earned >= 0) == rise_is_red else GREEN
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=200, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (
            LEFT / WIDTH,
            BOTTOM / HEIGHT,
            1 - (LEFT + RIGHT) / WIDTH,
            1 - (TOP + BOTTOM) / HEIGHT,
        )
    )
    _frame(axes, sketch)
    _headline(figure, points, title, note)
    if worst:
        _fall(axes, sketch, worst)
    axes.fill_between(sketch.x, sketch.y, sketch.floor, color=colour, alpha=0.08, linewidth=0)
    axes.plot(sketch.x, sketch.y, color=colour, linewidth=1.6, solid_joinstyle="round")
    axes.plot(sketch.x[-1:], sketch.y[-1:], "o", color=colour, markersize=4.5, clip_on=False)
    _now(axes, sketch, earned, colour)
    _flows(axes, sketch)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=200)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Sketch:
    points: Sequence[DayOfFunds]
    x: Sequence[int]
    y: Sequence[float]
    floor: float
    ceiling: float

    @classmethod
    def of(cls, points: Sequence[DayOfFunds]) -> "_Sketch":
        values = [float(point.equity) for point in points]
        low, high = min(values), max(values)
        room = (high - low) or abs(high) or 1.0
        return cls(
            points, range(len(points)), values, floor=low - 0.16 * room, ceiling=high + 0.14 * room
        )


def type_of(size: float, colour: str = QUIET) -> dict[str, Any]:
    """Our own type of this many css pixels."""
    return {"fontproperties": _font(size), "color": colour}


def _font(size: float) -> FontProperties:
    path = resources.files("bot.cards").joinpath("fonts/NotoSansCJKsc-qidesk.otf")
    return FontProperties(fname=str(path), size=size * POINT)


def _frame(axes: Axes, sketch: _Sketch) -> None:
    """Thin rules with amounts at the left, the months below, nothing else."""
    axes.set_xlim(0, len(sketch.points) - 1)
    axes.set_ylim(sketch.floor, sketch.ceiling)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0)
    levels = MaxNLocator(4).tick_values(sketch.floor, sketch.ceiling)
    shown = [y for y in levels if sketch.floor <= y <= sketch.ceiling]
    axes.set_yticks(shown, [short_yuan(Decimal(round(y))) for y in shown], **type_of(11.5))
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    places = list(_days_to_name(sketch.points))
    axes.set_xticks(places, [f"{sketch.points[n].day:%m-%d}" for n in places], **type_of(11.5))


def _days_to_name(points: Sequence[DayOfFunds]) -> Iterable[int]:
    """The first, the last, and the first of each month where there is room between."""
    last = len(points) - 1
    named = [0]
    for place in range(1, last):
        new_month = points[place].day.month != points[place - 1].day.month
        if new_month and place - named[-1] > last / 9 and last - place > last / 9:
            named.append(place)
    return [*named, last]


def _headline(figure: Figure, points: Sequence[DayOfFunds], title: str, note: str) -> None:
    figure.text(22 / WIDTH, 1 - 34 / HEIGHT, title.replace(" · ", "·"), **type_of(19, INK))
    span = f"{points[0].day:%Y-%m-%d} 至 {points[-1].day:%m-%d} 每日结算后"
    under = " · ".join(part for part in (note, span) if part)
    figure.text(22 / WIDTH, 1 - 57 / HEIGHT, under, **type_of(12))


def _fall(axes: Axes, sketch: _Sketch, worst: Drawdown) -> None:
    """The stretch of the largest drawdown, with where it began and ended."""
    axes.axvspan(worst.peak, worst.trough, color=FALLING, alpha=0.13, linewidth=0)
    ends: tuple[tuple[int, Literal["bottom", "top"], int], ...] = (
        (worst.peak, "bottom", 7),
        (worst.trough, "top", -7),
    )
    for place, align, shift in ends:
        if place == len(sketch.points) - 1:
            continue  # named at the end of the curve
        axes.plot([place], [sketch.y[place]], "o", color=INK, markersize=3.4, zorder=4)
        side, away = _side(place, len(sketch.points))
        axes.annotate(
            f"{sketch.points[place].day:%m-%d}  {short_yuan(sketch.points[place].equity)}",
            (place, sketch.y[place]),
            xytext=(away, shift * POINT),
            textcoords="offset points",
            ha=side,
            va=align,
            zorder=5,
            **type_of(11.5, INK),
        )
    axes.annotate(
        f"回撤 {percent(worst.degree, 1)}",
        ((worst.peak + worst.trough) / 2, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        **type_of(11.5, INK),
    )


def _side(place: int, count: int) -> tuple[Literal["left", "center", "right"], float]:
    """Labels lean inwards near the edges."""
    if place < count * 0.12:
        return "left", 2.0
    if place > count * 0.88:
        return "right", -2.0
    return "center", 0.0


def _earned(points: Sequence[DayOfFunds]) -> Decimal:
    """Profit over the days, without what was paid in or out."""
    paid_in = sum((point.net_deposit for point in points[1:]), Decimal(0))
    return points[-1].equity - points[0].equity - paid_in


def _now(axes: Axes, sketch: _Sketch, earned: Decimal, colour: str) -> None:
    """The last amount and what was earned on the way, beside the end of the curve."""
    end = (len(sketch.points) - 1, sketch.y[-1])
    amount = short_yuan(sketch.points[-1].equity)
    profit = f"盈亏 {'+' if earned > 0 else ''}{short_yuan(earned)}"
    axes.annotate(
        amount, end, xytext=(7, 1), textcoords="offset points",
        va="bottom", annotation_clip=False, **type_of(14, colour),
    )  # fmt: skip
    axes.annotate(
        profit, end, xytext=(7, -2), textcoords="offset points",
        va="top", annotation_clip=False, **type_of(11, colour),
    )  # fmt: skip


def _flows(axes: Axes, sketch: _Sketch) -> None:
    """Payments in (▲) and out (▼), with the amount at the foot of their day where there is room."""
    count = len(sketch.points)
    paid = [place for place, point in enumerate(sketch.points) if point.net_deposit and place]
    taken: list[float] = []
    for place in sorted(paid, key=lambda each: -abs(sketch.points[each].net_deposit)):
        late = place > count * (1 - ROOM)
        start = place - count * ROOM if late else place
        if any(abs(start - other) < count * ROOM for other in taken):
            _flow_sign(axes, sketch, place)
            continue
        taken.append(start)
        _flow_words(axes, sketch, place, late=late)


def _flow_sign(axes: Axes, sketch: _Sketch, place: int) -> None:
    sign = "▲" if sketch.points[place].net_deposit > 0 else "▼"
    axes.annotate(
        sign, (place, sketch.y[place]), xytext=(0, -5), textcoords="offset points",
        ha="center", va="top", **type_of(9),
    )  # fmt: skip


def _flow_words(axes: Axes, sketch: _Sketch, place: int, *, late: bool) -> None:
    amount = sketch.points[place].net_deposit
    word = f"▲入金 {short_yuan(amount)}" if amount > 0 else f"▼出金 {short_yuan(-amount)}"
    axes.vlines(
        place, sketch.floor, sketch.y[place], color=QUIET, linewidth=0.6, linestyle=(0, (2, 3))
    )
    axes.annotate(
        word, (place, 0), xycoords=("data", "axes fraction"), xytext=(-4 if late else 4, 3),
        textcoords="offset points", ha="right" if late else "left", va="bottom", zorder=5,
        **type_of(10.5),
    )  # fmt: skip
