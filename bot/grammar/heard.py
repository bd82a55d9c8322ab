"""A line with everything that its understanding may use."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from bot.grammar import opening, who
from bot.grammar.normalise import Line
from bot.grammar.opening import FILLER, LOOK_FILLER
from bot.grammar.reading import Asked, Reading
from bot.grammar.who import Found, Hit, Named, Query
from crm.kernel.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Heard:
    line: Line
    at: datetime
    calendar: Calendar
    found: Found
    focus: Hit | None  # the client that this conversation is about

    @property
    def text(self) -> str:
        return self.line.text

    def skip(self, pattern: re.Pattern[str], start: int) -> int:
        return opening.skip(pattern, self.text, start)

    def client_at(self, start: int) -> Named | None:
        """The client named behind ``start``, fillers skipped."""
        places = dict.fromkeys(self.skip(filler, start) for filler in (LOOK_FILLER, FILLER))
        every = [who.expected(self.text, place, self.found) for place in places]
        named = [one for one in every if one]
        return min(named, key=lambda one: one.is_guess, default=None)

    def whole(self, start: int) -> Named | None:
        """The client that all of the line from ``start`` on names, blanks within included."""
        words = self.text[start:]
        hits = self.found.get(Query("word", words), ())
        if not hits or hits[0].how != "exact":
            return None
        return Named(start, len(self.text), words, tuple(hits))

    def pronoun_at(self, start: int) -> int | None:
        """Where 他, 她 or 该客户 at ``start`` ends."""
        match = who.PRONOUN.match(self.text, start)
        return match.end() if match else None

    def is_apart(self, named: Named) -> bool:
        """Whether a blank or mark follows the name."""
        return opening.is_apart(self.text, named.end)

    def about(self, reading: Reading, named: Named | None, *, writes: bool) -> Reading:
        """``reading`` with the one client that is meant, or the question who it is. Nobody named:
        the one in focus."""
        if named is None:
            if self.focus is None:
                return replace(reading, asked="client")
            return replace(reading, clients=(self.focus,), in_focus=True)
        one = named.sure
        asked: Asked | None = None if one and (one.own or not writes) else "client"
        return replace(reading, clients=named.hits, query=named.typed, asked=asked)
