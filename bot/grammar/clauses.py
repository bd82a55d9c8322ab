"""Where a clause begins and ends."""

import re

CLAUSE_END = re.compile(r"[;。!?]|(?<!\d),|,(?!\d)")


def clause(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a span in its clause."""
    head = 0
    for stop in CLAUSE_END.finditer(text, 0, start):
        head = stop.end()
    following = CLAUSE_END.search(text, end)
    return text[head:start], text[end : following.start() if following else len(text)]


def bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the clause of a span begins and ends."""
    before, after = clause(text, start, end)
    return start - len(before), end + len(after)


def following(text: str, end: int) -> str | None:
    """The clause behind the one that ``end`` stands in."""
    stop = CLAUSE_END.search(text, end)
    return None if stop is None else clause(text, stop.end(), stop.end())[1]


def preceding(text: str, start: int) -> str | None:
    """The clause in front of the one that ``start`` stands in."""
    stops = list(CLAUSE_END.finditer(text, 0, start))
    return clause(text, stops[-1].start(), stops[-1].start())[0] if stops else None
