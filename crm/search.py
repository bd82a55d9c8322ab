"""Finding clients: probes of what was typed against the search keys, one's own clients first.

Parts, sounds and tails find only what a person may see; an exact name, account or mobile also
tells that somebody else looks after the client, and nothing more (``others``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.db import now, vault
from crm.models import Client, FundAccount, SearchKey, ViewGrant
from crm.names import OPEN_KINDS, TIERS, How, Probe
from crm.people import Action, Person, Scope

MOST = 50  # clients that one look-up can page through
PERSONAL_KINDS = frozenset({"mobile", "mtail"})


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


async def find(session: AsyncSession, person: Person, probes: Sequence[Probe]) -> list[Hit]:
    """What the surest probes find that find anything; one's own first, then by rank."""
    order = TIERS.index
    ranked = sorted(probes, key=lambda probe: order(probe.how))
    for how, group in groupby(ranked, key=lambda probe: probe.how):
        tier = list(group)
        ids = await _visible(session, person, tier)
        others = await _others(session, tier, ids) if how == "exact" else []
        if ids or others:
            return await _hits(session, person, ids, others, how)
    return []


async def _visible(session: AsyncSession, person: Person, probes: Sequence[Probe]) -> list[int]:
    reach = await _reach(session, person)
    if reach is None:
        return []
    mine = case((SearchKey.owner == person.id, 0), else_=1)
    rows = await session.execute(
        select(SearchKey.client_id)
        .where(_matches(session, probes), reach)
        .group_by(SearchKey.client_id)
        .order_by(func.min(mine), func.min(SearchKey.rank), SearchKey.client_id)
        .limit(MOST)
    )
    return [client_id for (client_id,) in rows]


async def _others(session: AsyncSession, probes: Sequence[Probe], seen: Iterable[int]) -> list[int]:
    """Clients out of reach that an exact name, account or mobile names."""
    exact = [probe for probe in probes if probe.kind in OPEN_KINDS]
    if not exact:
        return []
    rows = await session.scalars(
        select(SearchKey.client_id)
        .where(_matches(session, exact), SearchKey.client_id.not_in(set(seen)))
        .distinct()
        .order_by(SearchKey.client_id)
        .limit(MOST)
    )
    return list(rows)


async def _reach(session: AsyncSession, person: Person) -> ColumnElement[bool] | None:
    """The row rule on search keys: the same as ``access.visible_to`` on clients."""
    granted = SearchKey.client_id.in_(
        select(ViewGrant.client_id).where(
            ViewGrant.staff == person.id, ViewGrant.until > now(session)
        )
    )
    match person.scope(Action.LOOK_UP):
        case Scope.NONE:
            return None
        case Scope.UNOWNED:
            return SearchKey.owner.is_(None)
        case Scope.OWN:
            return or_(SearchKey.owner == person.id, granted)
        case Scope.BRANCH:
            near = or_(SearchKey.branch == person.branch, SearchKey.owner == person.id)
            return or_(near, SearchKey.owner.is_(None), granted)
        case Scope.ALL:
            return true()


def _matches(session: AsyncSession, probes: Sequence[Probe]) -> ColumnElement[bool]:
    by_kind: dict[str, list[str]] = {}
    for probe in probes:
        by_kind.setdefault(probe.kind, []).append(_key(session, probe))
    return or_(
        *(and_(SearchKey.kind == kind, SearchKey.key.in_(keys)) for kind, keys in by_kind.items())
    )


def _key(session: AsyncSession, probe: Probe) -> str:
    if probe.kind in PERSONAL_KINDS:
        return sealed_key(session, probe.kind, probe.key)
    return probe.key


def sealed_key(session: AsyncSession, kind: str, key: str) -> str:
    """A personal number as a search key: its blind index."""
    return vault(session).index(f"search.{kind}", key).hex()


async def _hits(
    session: AsyncSession, person: Person, ids: Sequence[int], others: Sequence[int], how: How
) -> list[Hit]:
    first_account = (
        select(func.min(FundAccount.account))
        .where(FundAccount.client_id == Client.id)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(Client.id, Client.name, first_account, Client.owner, Client.branch).where(
            Client.id.in_([*ids, *others])
        )
    )
    found = {
        client_id: Hit(
            client_id=client_id,
            name=name,
            account=account or "",
            owner=owner,
            branch=branch,
            own=owner == person.id,
            visible=client_id not in others,
            how=how,
        )
        for client_id, name, account, owner, branch in rows
    }
    return [found[client_id] for client_id in (*ids, *others) if client_id in found]
