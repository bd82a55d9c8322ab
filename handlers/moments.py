"""A moment that a person wrote as the answer to a question."""

from datetime import datetime

from bot.grammar import dates, normalise
from bot.router import Turn
from crm.kernel.errors import UserError


class WhichMoment(UserError):
    say = "没有看懂这个时间，请换个说法，例如：下周三下午三点"


def moment_said(turn: Turn) -> datetime:
    """The one moment that the answer names. Raises WhichMoment."""
    said = turn.click.inputs.get("text", "") if turn.click else ""
    line = normalise.normalise(str(said))
    due = dates.due(line.text, at=turn.at, calendar=turn.calendar, promised=True)
    if due.kind != "date" or not due.at:
        raise WhichMoment
    return due.at[0]
