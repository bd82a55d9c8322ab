"""A market that moves by a score: one beat after the other, for somebody to watch and work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from risk.sources.base import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """``fallen`` is the share of the way from the settlement down to the limit that is reached at
    once; the beat then lasts for so many ``steps`` of the market, a second each."""

    fallen: Decimal
    steps: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """``name`` is the scene's; only these products play."""

    name: str
    products: frozenset[str]
    beats: Sequence[Beat]


class Play:
    """A score and how far it is. Steps are counted, so a market that stands still waits."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._beat = -1
        self._left = 0  # steps of this beat

    def step(self, instruments: Mapping[str, Instrument]) -> dict[str, Decimal]:
        """One second on: the prices to set where a new beat begins, else none."""
        if self._left:
            self._left -= 1
            return {}
        self._beat += 1
        if self.over:
            return {}
        beat = self._score.beats[self._beat]
        self._left = beat.steps - 1
        players = [each for each in instruments.values() if each.product in self._score.products]
        return dict(found for each in players if (found := _price(each, beat.fallen)))

    @property
    def over(self) -> bool:
        return self._beat >= len(self._score.beats)

    def told(self) -> dict[str, object]:
        """For ``GET /sandbox/market``: which scene, the beat from 1, and what happens in it."""
        beats = self._score.beats
        return {
            "name": self._score.name,
            "beat": self._beat + 1,
            "beats": len(beats),
            "seconds_left": self._left,
            "says": beats[self._beat].says,
        }


def _price(each: Instrument, fallen: Decimal) -> tuple[str, Decimal] | None:
    """Options follow their underlying and have no price of their own here."""
    settled, limit = each.prev_settle, each.lower_limit
    if each.option or settled is None or limit is None:
        return None
    return each.id, settled - (settled - limit) * fallen
