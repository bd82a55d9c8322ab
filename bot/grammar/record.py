"""``qidesk parse``: one record in, how its line is understood out."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from bot.chat.message import Place
from bot.grammar.dates import Due
from bot.grammar.index import Index
from bot.grammar.reading import Reading
from bot.grammar.understand import read, spans
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI

_MINUTES = "%Y-%m-%dT%H:%M"


def parse_record(
    record: Mapping[str, object], index: Index, calendar: Calendar
) -> dict[str, object]:
    """Understand ``{id, text, at, person, where, mention, client_in_focus}``; all but ``text`` and
    ``at`` may be absent. Raises KeyError or ValueError for a record that cannot be read."""
    text, person = str(record["text"]), str(record.get("person") or "")
    focus = record.get("client_in_focus")
    reading = read(
        text,
        at=moment(record["at"]),
        place=Place(str(record.get("where") or Place.PRIVATE)),
        mentioned=bool(record.get("mention")),
        calendar=calendar,
        found=index.fetch(spans(text), person=person),
        focus=index.client(str(focus), person=person) if focus else None,
    )
    return {"id": record.get("id"), **to_json(reading)}


def moment(value: object) -> datetime:
    """A moment with offset; without one it is Shanghai's time."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def calendar_of(closed: Iterable[date | str], no_night: Iterable[date | str]) -> Calendar:
    """A calendar from dates alone. It reaches a year beyond them on both sides."""
    closed_days, quiet = frozenset(map(_day, closed)), frozenset(map(_day, no_night))
    years = [day.year for day in closed_days | quiet]
    return Calendar(
        closed=closed_days,
        no_night=quiet,
        first=date(min(years, default=2020) - 1, 1, 1),
        last=date(max(years, default=2040) + 1, 12, 31),
        holidays={},
    )


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def to_json(reading: Reading) -> dict[str, object]:
    """The shape of ``qidesk parse --json`` without the ``id``."""
    return {
        "verb": reading.verb,
        "write": reading.write,
        "asked": reading.asked,
        "clients": [hit.account for hit in reading.clients],
        "query": reading.query,
        "channel": reading.channel,
        "note": reading.note,
        "tags": list(reading.tags),
        "amounts": [_yuan(amount) for amount in reading.amounts],
        "products": list(reading.products),
        "contracts": list(reading.contracts),
        "due": _due(reading.due),
    }


def _yuan(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _due(due: Due) -> dict[str, object]:
    moments = [at.astimezone(SHANGHAI).strftime(_MINUTES) for at in due.at]
    match due.kind:
        case "date":
            return {"kind": "date", "at": moments[0]}
        case "dates":
            return {"kind": "dates", "at": moments}
        case "ask":
            return {"kind": "ask", "readings": moments}
        case "none" | "recurring":
            return {"kind": due.kind}
