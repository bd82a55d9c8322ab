"""Finding clients: probes of what was typed against the search keys, one's own clients first.

Parts, sounds and tails find only what a person may see; an exact name, account or mobile also
tells that somebody else looks after the client, and nothing more. All questions of a line are
asked together: one statement for each tier of certainty, each probe answered from an index.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Result, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.db import now, vault
from crm.models import Client, FundAccount, ViewGrant
from crm.names import OPEN_KINDS, TIERS, How, Probe
from crm.people import Action, Person, Scope

MOST = 50  # clients that one look-up can page through
MOST_TERMS = 200  # of one statement: SQLite takes 500 (its documentation, limits.html)
PERSONAL_KINDS = frozenset({"mobile", "mtail"})
GUESSES = frozenset({"sound", "typo"})

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


@dataclass(frozen=True, slots=True)
class _Row:
    """A search key that matched."""

    kind: str
    key: str
    client_id: int
    visible: bool
    order: tuple[bool, bool, int, int]  # one's own first, then those in reach, then by rank


async def find(session: AsyncSession, person: Person, probes: Sequence[Probe]) -> list[Hit]:
    """What the surest of the probes find that find anything."""
    return (await find_all(session, person, {0: probes}))[0]


async def find_all(
    session: AsyncSession, person: Person, questions: Mapping[Q, Sequence[Probe]]
) -> dict[Q, list[Hit]]:
    """For each question the clients of the surest tier that finds one in reach; a guess only when
    nothing surer was found at all."""
    reach = await _Reach.of(session, person)
    found: dict[Q, dict[int, tuple[_Row, How]]] = {question: {} for question in questions}
    for how in TIERS:
        asked = {
            question: [probe for probe in probes if probe.how == how]
            for question, probes in questions.items()
            if not _settled(found[question], how)
        }
        rows = await _match(session, reach, {p for probes in asked.values() for p in probes})
        for question, probes in asked.items():
            for row in sorted(_rows_of(session, rows, probes), key=lambda row: row.order):
                found[question].setdefault(row.client_id, (row, how))
    return await _hits(session, person, found)


def _settled(found: Mapping[int, tuple[_Row, How]], how: How) -> bool:
    if how in GUESSES:
        return bool(found)
    return any(row.visible for row, _ in found.values())


def _rows_of(
    session: AsyncSession, rows: Mapping[tuple[str, str], list[_Row]], probes: Iterable[Probe]
) -> Iterable[_Row]:
    for probe in probes:
        yield from rows.get((probe.kind, _key(session, probe)), ())


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which search keys a person may see: ``access.visible_to`` in terms of their columns."""

    person: Person
    scope: Scope
    granted: frozenset[int]

    @classmethod
    async def of(cls, session: AsyncSession, person: Person) -> "_Reach":
        granted = await session.scalars(
            select(ViewGrant.client_id).where(
                ViewGrant.staff == person.id, ViewGrant.until > now(session)
            )
        )
        return cls(person, person.scope(Action.LOOK_UP), frozenset(granted))

    def sees(self, client_id: int, owner: str | None, branch: str | None) -> bool:
        match self.scope:
            case Scope.NONE:
                return False
            case Scope.UNOWNED:
                return owner is None
            case Scope.OWN:
                return owner == self.person.id or client_id in self.granted
            case Scope.BRANCH:
                near = owner == self.person.id or owner is None or branch == self.person.branch
                return near or client_id in self.granted
            case Scope.ALL:
                return True

    def conditions(self, kind: str) -> list[str]:
        """Where-clauses whose answers together are what may be told, each served by an index and
        cut off by itself: colleagues' namesakes never crowd out one's own client."""
        seen = self._in_reach()
        return [*seen, "TRUE"] if kind in OPEN_KINDS and "TRUE" not in seen else seen

    def _in_reach(self) -> list[str]:
        granted = f"client_id IN ({', '.join(map(str, sorted(self.granted)))})"
        extra = [granted] if self.granted else []
        match self.scope:
            case Scope.NONE:
                return []
            case Scope.UNOWNED:
                return ["owner IS NULL"]
            case Scope.OWN:
                return ["owner = :me", *extra]
            case Scope.BRANCH:
                return ["owner = :me", "branch = :branch", "owner IS NULL", *extra]
            case Scope.ALL:
                return ["owner = :me", "TRUE"]


async def _match(
    session: AsyncSession, reach: _Reach, probes: set[Probe]
) -> dict[tuple[str, str], list[_Row]]:
    """The keys that match, at most ``MOST`` for each probe and condition, by kind and key."""
    asked = [
        (probe.kind, _key(session, probe), condition)
        for probe in sorted(probes)
        for condition in reach.conditions(probe.kind)
    ]
    found: dict[tuple[str, str], list[_Row]] = {}
    for start in range(0, len(asked), MOST_TERMS):
        for kind, key, client_id, owner, branch, rank in await _rows(
            session, reach, asked[start : start + MOST_TERMS]
        ):
            visible = reach.sees(client_id, owner, branch)
            order = (owner != reach.person.id, not visible, rank, client_id)
            row = _Row(kind, key, client_id, visible, order)
            found.setdefault((kind, key), []).append(row)
    return found


async def _rows(
    session: AsyncSession, reach: _Reach, asked: Sequence[tuple[str, str, str]]
) -> Result[*tuple[Any, ...]]:
    """One statement for many (kind, key, condition)."""
    parts: list[str] = []
    values: dict[str, object] = {}
    for number, (kind, key, condition) in enumerate(asked):
        values[f"kind{number}"], values[f"key{number}"] = kind, key
        if ":me" in condition:
            values["me"] = reach.person.id
        if ":branch" in condition:
            values["branch"] = reach.person.branch or ""
        parts.append(
            f"SELECT * FROM (SELECT kind, key, client_id, owner, branch, rank FROM search_key"  # noqa: S608  names and numbers of ours alone
            f" WHERE kind = :kind{number} AND key = :key{number} AND {condition}"
            f" ORDER BY rank LIMIT {MOST}) AS part"
        )
    return await session.execute(text(" UNION ALL ".join(parts)), values)


def _key(session: AsyncSession, probe: Probe) -> str:
    if probe.kind in PERSONAL_KINDS:
        return sealed_key(session, probe.kind, probe.key)
    return probe.key


def sealed_key(session: AsyncSession, kind: str, key: str) -> str:
    """A personal number as a search key: its blind index."""
    return vault(session).index(f"search.{kind}", key).hex()


async def _hits(
    session: AsyncSession, person: Person, found: Mapping[Q, Mapping[int, tuple[_Row, How]]]
) -> dict[Q, list[Hit]]:
    ids = {client_id for rows in found.values() for client_id in rows}
    clients = await _clients(session, ids) if ids else {}
    return {
        question: [
            Hit(
                client_id=client_id,
                name=clients[client_id][0],
                account=clients[client_id][1] or "",
                owner=clients[client_id][2],
                branch=clients[client_id][3],
                own=clients[client_id][2] == person.id,
                visible=row.visible,
                how=how,
            )
            for client_id, (row, how) in list(rows.items())[:MOST]
            if client_id in clients
        ]
        for question, rows in found.items()
    }


async def _clients(
    session: AsyncSession, ids: Iterable[int]
) -> dict[int, tuple[str, str | None, str | None, str | None]]:
    first_account = (
        select(func.min(FundAccount.account))
        .where(FundAccount.client_id == Client.id)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(Client.id, Client.name, first_account, Client.owner, Client.branch).where(
            Client.id.in_(set(ids))
        )
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}
