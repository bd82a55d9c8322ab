"""The alert ladder as data: thresholds, how a level is left again, and who waits how long.

One document of the broker's rulebook, ``ladder``; what it leaves out is as here. Ratios are
fractions (1 = 100 %), the conditions those of the typical broker (reference: trading data 3.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel import rulebook
from risk.levels import LADDER, Ladder

KIND = "ladder"  # of the rulebook's document
DEGREES = tuple(each.name for each in fields(Ladder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Times are trading time, but for ``settle`` and ``wait``."""

    version: str = "0"  # of the document; the program's own values are 0
    ladder: Ladder = LADDER
    below: Decimal = Decimal("0.02")  # under a threshold by more than this before it is left
    settle: timedelta = timedelta(seconds=60)  # and for so long
    step: Decimal = Decimal("0.1")  # told again for each such rise inside a level
    remind: timedelta = timedelta(minutes=10)  # told again while nobody has claimed it
    to_duty: timedelta = timedelta(minutes=5)  # unclaimed: rung through to whoever is on duty
    to_head: timedelta = timedelta(minutes=10)  # then to the head
    wait: timedelta = timedelta(seconds=60)  # between two messages to one chat about one group
    repaint: timedelta = timedelta(minutes=5)  # between two updates for figures alone
    silence: timedelta = timedelta(minutes=30)  # the longest that one person may silence alone

    @property
    def lowered(self) -> Ladder:
        """What an account must stay under to leave a level."""
        return Ladder(**{name: getattr(self.ladder, name) - self.below for name in DEGREES})


RULES = Rules()

_SECONDS = {
    "settle_seconds": "settle",
    "remind_seconds": "remind",
    "to_duty_seconds": "to_duty",
    "to_head_seconds": "to_head",
    "wait_seconds": "wait",
    "silence_seconds": "silence",
}
_RATIOS = ("below", "step")


async def current(session: AsyncSession) -> Rules:
    """The rules in force."""
    document = await rulebook.current(session, KIND)
    return RULES if document is None else read(document.body, str(document.version))


def read(document: Mapping[str, Any], version: str) -> Rules:
    """The rules of a document, whose ratios are decimal strings and whose times are seconds.

    Raises ValueError for what cannot be a ladder.
    """
    known = {*DEGREES, *_RATIOS, *_SECONDS}
    if strange := sorted(document.keys() - known):
        raise ValueError(f"not of a ladder: {' '.join(strange)}")
    degrees = {name: _ratio(document[name]) for name in DEGREES if name in document}
    ladder = Ladder(**degrees)
    if not ladder.watch < ladder.warn < ladder.call < ladder.force:
        raise ValueError("the degrees do not rise")
    more: dict[str, Any] = {name: _ratio(document[name]) for name in _RATIOS if name in document}
    for key, name in _SECONDS.items():
        if key in document:
            more[name] = _span(document[key])
    return Rules(version=version, ladder=ladder, **more)


def write(rules: Rules) -> dict[str, Any]:
    """The document that ``read`` makes these rules of."""
    degrees = {name: str(getattr(rules.ladder, name)) for name in DEGREES}
    ratios = {name: str(getattr(rules, name)) for name in _RATIOS}
    spans = {key: int(getattr(rules, name).total_seconds()) for key, name in _SECONDS.items()}
    return {**degrees, **ratios, **spans}


def _ratio(value: object) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("a ratio is a number") from None
    if not found.is_finite() or found <= 0:
        raise ValueError("a ratio is a positive number")
    return found


def _span(value: object) -> timedelta:
    seconds = float(str(value))
    if not 0 <= seconds <= 86_400:
        raise ValueError("a time is between nothing and a day")
    return timedelta(seconds=seconds)
