"""Draws the risk board. Imported in the painter's process only: matplotlib is slow to start."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bot.cards.board import Row, degree
from bot.cards.drawing import PAPER, QUIET, RULE, WIDTH, type_of
from bot.cards.text import cut
from risk.levels import Level

BAR, TOP, BOTTOM = 26, 66, 22  # css pixels: one account, the title, the foot
NAMES, AMOUNTS = 168, 120  # the columns at both sides
LONGEST_NAME = 7
LONGEST = 1.5  # degrees beyond it are drawn as long as this
COLOURS = {
    Level.NORMAL: "#8c959f",
    Level.WATCH: "#218bff",
    Level.WARN: "#d4a72c",
    Level.CALL: "#e16f24",
    Level.FORCE: "#cf222e",
    Level.NEGATIVE: "#82071e",
}


def risk_rank(rows: Sequence[Row], title: str) -> bytes:
    """A PNG: one bar an account, its colour the level, the line at 100 %."""
    height = TOP + BAR * len(rows) + BOTTOM
    figure = Figure(figsize=(WIDTH / 100, height / 100), dpi=200, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(22 / WIDTH, 1 - 36 / height, title.replace(" · ", "·"), **type_of(17, "#1f2328"))
    axes = figure.add_axes(
        (
            NAMES / WIDTH,
            BOTTOM / height,
            1 - (NAMES + AMOUNTS) / WIDTH,
            1 - (TOP + BOTTOM) / height,
        )
    )
    axes.set_xlim(0, LONGEST)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axis("off")
    axes.axvline(1.0, color=QUIET, linewidth=0.7, linestyle=(0, (3, 3)))
    axes.annotate(
        "100%", (1.0, -0.5), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom",
        annotation_clip=False, **type_of(10.5),
    )  # fmt: skip
    for place, row in enumerate(rows):
        length = LONGEST if row.risk is None else min(float(row.risk), LONGEST)
        axes.barh(place, LONGEST, height=0.62, color=RULE, linewidth=0)
        axes.barh(place, length, height=0.62, color=COLOURS.get(row.level, QUIET), linewidth=0)
        axes.annotate(
            f"{cut(row.name, LONGEST_NAME)}  {row.account}", (0, place), xytext=(-6, 0),
            textcoords="offset points", ha="right", va="center", annotation_clip=False,
            **type_of(11.5, "#1f2328"),
        )  # fmt: skip
        axes.annotate(
            _said(row), (LONGEST, place), xytext=(6, 0),
            textcoords="offset points", ha="left", va="center", annotation_clip=False,
            **type_of(11.5, "#1f2328"),
        )  # fmt: skip
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=200)
    return out.getvalue()


def _said(row: Row) -> str:
    return degree(row) if row.risk is None else f"{degree(row)}  {row.level.word}"
