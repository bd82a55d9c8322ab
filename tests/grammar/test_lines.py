"""The labelled lines: every convention of the grammar from several angles.

A row is {rule, text, want} and where it matters {at, focus, where, mention}; ``want`` is the part
of the record that the rule is about, ``why`` argues a label. Without ``at`` it is Monday
2026-11-23 14:35. ``second.jsonl`` was labelled from the design alone, before its grammar was read.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from bot.grammar.index import Index
from bot.grammar.record import calendar_of, parse_record
from crm.kernel.calendar import Calendar


def rows(name: str) -> list[dict[str, object]]:
    text = (Path(__file__).parent / name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


LINES, SECOND = rows("lines.jsonl"), rows("second.jsonl")
RULES = (
    "1 before reading",
    "2 verbs: words, pinyin, English, slash",
    "2 resolving: prefix, several, slips",
    "2 order of parts is free",
    "2 talk is not a command",
    "3 who is meant",
    "4 what is in the note",
    "5 weeks",
    "5 days counted from today",
    "5 times of day",
    "5 sessions",
    "5 months, quarters, years",
    "5 dates by number",
    "5 holidays",
    "5 asked, not set, recurring",
    "5 what makes no task",
)


def understood(row: dict[str, object], index: Index, calendar: Calendar) -> dict[str, object]:
    record = {
        "id": "1",
        "text": row["text"],
        "at": f"{row.get('at', '2026-11-23T14:35')}:00+08:00",
        "person": "wangqiang",
        "where": row.get("where", "private"),
        "mention": row.get("mention", False),
        "client_in_focus": row.get("focus"),
    }
    got = parse_record(record, index, calendar)
    want = row["want"]
    assert isinstance(want, dict)
    shown = {key: got[key] for key in want}
    if "due" in want and "readings" not in want["due"] and isinstance(shown["due"], dict):
        shown["due"] = {key: value for key, value in shown["due"].items() if key in want["due"]}
    return shown


@pytest.mark.parametrize(
    "row", [*LINES, *SECOND], ids=lambda row: f"{row['rule'][:1]}:{row['text'][:24]}"
)
def test_a_line_is_understood_as_labelled(
    row: dict[str, object], index: Index, calendar: Calendar
) -> None:
    assert understood(row, index, calendar) == row["want"]


def test_every_rule_has_lines() -> None:
    for labelled in (LINES, SECOND):
        counted = Counter(row["rule"] for row in labelled)
        assert set(counted) == set(RULES)
        assert min(counted.values()) >= 10


def test_a_calendar_of_dates_alone_reads_holidays_the_same(index: Index) -> None:
    shipped = Calendar.shipped()
    bare = calendar_of(shipped.closed, shipped.no_night)
    for row in [*LINES, *SECOND]:
        if row["rule"] in {"5 holidays", "5 sessions"}:
            assert understood(row, index, bare) == row["want"], row["text"]
