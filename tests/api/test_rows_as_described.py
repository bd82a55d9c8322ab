"""A row that is as the description says is taken: rows are read one by one, so that nobody else
compares them with it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.api.openapi import document
from risk.sources import wire

Json = dict[str, Any]
SCHEMAS: Json = document()["components"]["schemas"]
NOW = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)
HEAD = {"trading_day": "2026-11-23", "at": "2026-11-23T10:15:00+08:00"}
LISTS = {"Instrument": "instruments", "Account": "accounts", "Position": "positions"}


def said(schema: Json) -> st.SearchStrategy[Any]:
    """Whatever a schema of ours allows."""
    match schema:
        case {"$ref": str(ref)}:
            return said(SCHEMAS[ref.rsplit("/", 1)[-1]])
        case {"anyOf": list(every)}:
            return st.one_of(*map(said, every))
        case {"enum": list(values)}:
            return st.sampled_from(values)
        case {"type": "object", "properties": properties}:
            needed = schema.get("required", [])
            parts = {key: said(each) for key, each in properties.items()}
            must = {key: parts.pop(key) for key in needed}
            return st.fixed_dictionaries(must, optional=parts)
        case {"type": "string", "pattern": str(pattern)}:
            text = st.from_regex(pattern.replace("$", r"\Z"), fullmatch=True)
            return text.filter(lambda found: len(found) <= schema.get("maxLength", 999))
        case {"type": "string"}:
            return st.text(max_size=schema["maxLength"]).filter(str.isprintable)
        case {"type": "integer"}:
            return st.integers(schema["minimum"], schema["maximum"])
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
    raise AssertionError(schema)


def row_of(name: str) -> st.SearchStrategy[Json]:
    found = said(SCHEMAS[name])
    if name == "Position":  # what a schema cannot say, and the description does
        found = found.filter(lambda row: (row.get("today_lots") or 0) <= row["lots"])
    return found


@pytest.mark.parametrize("name", sorted(LISTS))
@settings(max_examples=30)
@given(data=st.data())
def test_a_row_as_described_is_taken(name: str, data: st.DataObject) -> None:
    key, row = LISTS[name], data.draw(row_of(name))
    read, rejected = wire.snapshot({**HEAD, key: [row]})
    assert rejected == ()
    assert len(getattr(read, key)) == 1


@settings(max_examples=30)
@given(row_of("Tick"))
def test_a_tick_as_described_is_taken(row: Json) -> None:
    read, rejected = wire.ticks({"ticks": [row]}, NOW)
    assert (len(read), rejected) == (1, ())


@settings(max_examples=30)
@given(
    said(SCHEMAS["Snapshot"]["properties"]["at"]),
    said(SCHEMAS["Snapshot"]["properties"]["trading_day"]),
)
def test_a_moment_and_a_day_as_described_are_taken(at: str, day: str) -> None:
    wire.snapshot({"trading_day": day, "at": at})
