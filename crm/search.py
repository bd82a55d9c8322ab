"""Finding clients: probes of what was typed against the search keys, one's own clients first.

Parts, sounds and tails find only what a person may see; an exact name, account or mobile also
tells that somebody else looks after the client, and nothing more.

A person sees clients in circles: whom he dealt with lately, his own, those of his branch, …,
everybody's. Each (probe, circle) is the beginning of one range of an index (``SearchKey``), so
colleagues' namesakes never crowd out one's own client, and the number of clients does not matter.
All ranges of all that a line asks are one statement; slips of a finger are a second one, asked
when the first found nothing.
"""

from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.db import Moment, now, vault
from crm.names import OPEN_KINDS, TIERS, How, Probe
from crm.people import Action, Person, Scope

MOST = 24  # clients of one range: three pages of a list
MOST_RANGES = 200  # of one statement: SQLite takes 500 (its documentation, limits.html)
RECENT = 10  # clients whom a person dealt with last come first
PERSONAL_KINDS = frozenset({"mobile", "mtail"})
SURE = frozenset({"exact", "part"})

LETTERS: Mapping[str, str] = {  # what a stored key begins with, by kind
    "name": "n",
    "surname": "s",
    "gram": "g",
    "pinyin": "p",
    "latin": "l",
    "account": "a",
    "head": "h",
    "tail": "t",
    "mobile": "m",
    "mtail": "e",
}
SEALED_LENGTH = 32  # hexadecimal digits: nobody shares 128 bits by chance

Q = TypeVar("Q", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A client that was found. ``own`` is False for a colleague's; ``visible`` is False when only
    the name, the branch and the owner may be told."""

    client_id: int
    name: str
    account: str
    owner: str | None
    branch: str | None
    own: bool
    visible: bool
    how: How


def stored_key(session: AsyncSession, kind: str, key: str) -> str:
    """A key as it stands in the table; of a personal number its blind index."""
    if kind in PERSONAL_KINDS:
        key = vault(session).index(f"search.{kind}", key).hex()[:SEALED_LENGTH]
    return LETTERS[kind] + key


class _Circle(NamedTuple):
    """Clients at some distance from a person: search keys that ``where`` holds for, of a few
    clients alone where ``few`` lists them."""

    where: str
    few: str = ""
    visible: bool = True


_LATELY = "SELECT client_id FROM recent_client WHERE staff = :me ORDER BY at DESC LIMIT :lately"
_LENT = "SELECT client_id FROM view_grant WHERE staff = :me AND until > :now"
_OWN = _Circle("owner = :me")
_BRANCHS = _Circle("branch = :branch")
_UNOWNED = _Circle("owner IS NULL")
_GRANTED = _Circle("TRUE", few=_LENT)
_ALL = _Circle("TRUE")
_COLLEAGUES = _Circle("TRUE", visible=False)


def _lately(where: str) -> _Circle:
    return _Circle(f"({where})", few=_LATELY)


CIRCLES: Mapping[Scope, tuple[_Circle, ...]] = {  # ``access.visible_to`` in terms of the keys
    Scope.NONE: (),
    Scope.UNOWNED: (_lately("owner IS NULL"), _UNOWNED),
    Scope.OWN: (_lately("owner = :me"), _OWN, _GRANTED),
    Scope.BRANCH: (
        _lately("owner = :me OR branch = :branch OR owner IS NULL"),
        _OWN,
        _BRANCHS,
        _UNOWNED,
        _GRANTED,
    ),
    Scope.ALL: (_lately("TRUE"), _OWN, _ALL),
}


@dataclass(frozen=True, slots=True)
class _Sought(Generic[Q]):
    """A probe as it is asked: any of ``keys`` and all of ``also``, in some circles."""

    tier: int
    question: Q
    keys: tuple[str, ...]
    also: tuple[str, ...]
    circles: tuple[_Circle, ...]


class _Shape(NamedTuple):
    """What the words of a range depend on: which probe it is for, with how many keys."""

    circle: _Circle
    number: int
    keys: int
    also: int


async def find(session: AsyncSession, person: Person, probes: Sequence[Probe]) -> list[Hit]:
    """What the surest of the probes find that find anything."""
    return (await find_all(session, person, {0: probes}))[0]


async def find_all(
    session: AsyncSession, person: Person, questions: Mapping[Q, Sequence[Probe]]
) -> dict[Q, list[Hit]]:
    """For each question the clients of the surest tier that finds one in reach; a guess only when
    nothing surer was found at all."""
    found = await _ask(session, person, questions, lambda probe: not probe.late)
    unknown = {question: probes for question, probes in questions.items() if not found[question]}
    if any(probe.late for probes in unknown.values() for probe in probes):
        found |= await _ask(session, person, unknown, lambda probe: probe.late)
    return {
        question: [_hit(person, one) for one in _surest(rows)[:MOST]]
        for question, rows in found.items()
    }


async def pages(
    session: AsyncSession, person: Person, probes: Sequence[Probe], *, most: int = MOST
) -> AsyncGenerator[list[Hit], None]:
    """Everybody whom the probes find, the surest first, guesses last, nobody twice; about
    ``most`` at a time."""
    told: set[int] = set()
    for tiers in (SURE, {"sound"}, {"typo"}):
        some = [probe for probe in probes if probe.how in tiers]
        skip = 0
        while found := (await _ask(session, person, {0: some}, most=most, skip=skip))[0]:
            fresh = [one for one in _each_once(found) if one.client_id not in told]
            if fresh:
                yield [_hit(person, one) for one in fresh]
            told |= {one.client_id for one in fresh}
            skip += most


class _Found(NamedTuple):
    """A row of the answer, with what asked for it."""

    client_id: int
    name: str
    owner: str | None
    branch: str | None
    account: str | None
    how: How
    visible: bool


def _each_once(found: Iterable[_Found]) -> list[_Found]:
    first: dict[int, _Found] = {}
    for one in found:
        first.setdefault(one.client_id, one)
    return list(first.values())


def _surest(found: Sequence[_Found]) -> list[_Found]:
    """Those up to the first tier that shows a client; guesses only where nothing is sure."""
    sure = [one for one in found if one.how in SURE]
    of_interest = sure or found
    last = next((one.how for one in of_interest if one.visible), None)
    return [
        one
        for one in _each_once(of_interest)
        if last is None or TIERS.index(one.how) <= TIERS.index(last)
    ]


def _hit(person: Person, found: _Found) -> Hit:
    return Hit(
        client_id=found.client_id,
        name=found.name,
        account=found.account or "",
        owner=found.owner,
        branch=found.branch,
        own=found.owner == person.id,
        visible=found.visible,
        how=found.how,
    )


async def _ask(
    session: AsyncSession,
    person: Person,
    questions: Mapping[Q, Sequence[Probe]],
    wanted: Callable[[Probe], bool] = lambda _: True,
    *,
    most: int = MOST,
    skip: int = 0,
) -> dict[Q, list[_Found]]:
    """The rows of each question, by tier, circle and rank."""
    sought = list(_all_sought(session, person, questions, wanted))
    ranges = sorted(
        (each.tier, far, number)
        for number, each in enumerate(sought)
        for far in range(len(each.circles))
    )
    found: dict[Q, list[_Found]] = {question: [] for question in questions}
    for start in range(0, len(ranges), MOST_RANGES):
        part = ranges[start : start + MOST_RANGES]
        asked = [(sought[number], sought[number].circles[far]) for _, far, number in part]
        shapes = tuple(
            [
                _Shape(circle, part[n][2], len(each.keys), len(each.also))
                for n, (each, circle) in enumerate(asked)
            ]
        )
        values = _values(session, person, sought) | {"most": most, "skip": skip}
        rows = (await session.execute(_statement(shapes), values)).all()
        for place, _, client_id, name, owner, branch, account in sorted(rows, key=_PLACE_AND_RANK):
            each, circle = asked[place]
            how = TIERS[each.tier]
            one = _Found(client_id, name, owner, branch, account, how, circle.visible)
            found[each.question].append(one)
    return found


_PLACE_AND_RANK = itemgetter(0, 1, 2)


def _all_sought(
    session: AsyncSession,
    person: Person,
    questions: Mapping[Q, Sequence[Probe]],
    wanted: Callable[[Probe], bool],
) -> Iterable[_Sought[Q]]:
    scope = person.scope(Action.LOOK_UP)
    for question, probes in questions.items():
        for probe in probes:
            if not wanted(probe) or not (keys := probe.sought()):
                continue
            circles = CIRCLES[scope]
            if probe.kind in OPEN_KINDS and scope is not Scope.ALL:
                circles = (*circles, _COLLEAGUES)
            yield _Sought(
                TIERS.index(probe.how),
                question,
                _padded([stored_key(session, probe.kind, key) for key in keys]),
                _padded([stored_key(session, probe.kind, key) for key in probe.also]),
                circles,
            )


def _padded(keys: list[str]) -> tuple[str, ...]:
    """As many as the next power of two: few different statements, so that they are kept ready."""
    missing = (1 << (len(keys) - 1).bit_length()) - len(keys) if keys else 0
    return (*keys, *keys[-1:] * missing)


def _values(
    session: AsyncSession, person: Person, sought: Sequence[_Sought[Q]]
) -> dict[str, object]:
    values: dict[str, object] = {
        "me": person.id,
        "branch": person.branch or "",
        "now": now(session),
        "lately": RECENT,
    }
    for number, each in enumerate(sought):
        values |= {f"key{number}_{n}": key for n, key in enumerate(each.keys)}
        values |= {f"also{number}_{n}": key for n, key in enumerate(each.also)}
        values[f"all{number}"] = len(set(each.also))
    return values


@lru_cache(maxsize=1024)
def _statement(shapes: tuple[_Shape, ...]) -> TextClause:
    """(place of the range, rank, client, name, owner, branch, account), at most ``most`` of each
    range after the first ``skip``. CROSS JOIN keeps SQLite from beginning with all clients."""
    ranges = " UNION ALL ".join(
        f"SELECT * FROM ({_range(place, shape)}) AS range{place}"  # noqa: S608  words of ours alone
        for place, shape in enumerate(shapes)
    )
    statement = text(
        "SELECT found.place, found.rank, client.id, client.name, client.owner, client.branch,"  # noqa: S608
        " (SELECT min(account) FROM fund_account WHERE client_id = found.client_id)"
        f" FROM ({ranges}) AS found CROSS JOIN client WHERE client.id = found.client_id"
    )
    return statement.bindparams(bindparam("now", type_=Moment())) if ":now" in ranges else statement


def _range(place: int, shape: _Shape) -> str:
    source = "search_key"
    keys = ", ".join(f":key{shape.number}_{n}" for n in range(shape.keys))
    where = [shape.circle.where, f"search_key.key IN ({keys})"]
    if shape.circle.few:
        source = f"({shape.circle.few}) AS few CROSS JOIN search_key"
        where.append("search_key.client_id = few.client_id")
    if shape.also:  # counted, where EXISTS would have PostgreSQL read all who have a common one
        others = ", ".join(f":also{shape.number}_{n}" for n in range(shape.also))
        where.append(
            "(SELECT count(*) FROM search_key AS other WHERE other.client_id = search_key.client_id"  # noqa: S608
            f" AND other.key IN ({others})) = :all{shape.number}"
        )
    return (
        f"SELECT {place} AS place, rank, search_key.client_id FROM {source}"  # noqa: S608
        f" WHERE {' AND '.join(where)}"
        " ORDER BY rank, search_key.client_id LIMIT :most OFFSET :skip"
    )
