"""Who must hear of an alert: the manager or the deputy, the desk, whoever is on duty, the head."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm import access, people
from crm.kernel.db import now
from crm.models import Client, FundAccount, Role, Staff
from crm.people import Action, Person

DESK_ROLES = (Role.RISK, Role.RISK_HEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose account it is. ``manager`` hears of it: the owner, the deputy of one who is away, the
    head where nobody looks after the client."""

    client_id: int | None
    name: str
    branch: str
    manager: str | None


async def whose(session: AsyncSession, accounts: Collection[str]) -> Mapping[str, Whose]:
    """By account; those that no client has are left out."""
    if not accounts:
        return {}
    rows = await session.execute(
        select(FundAccount.account, Client.id, Client.name, Client.branch, Client.owner)
        .join(Client, Client.id == FundAccount.client_id)
        .where(FundAccount.account.in_(accounts))
    )
    found = rows.all()
    hearing = await _hearing(session, {owner for *_, owner in found if owner})
    branches = {branch for *_, branch, owner in found if branch and owner not in hearing}
    heads = {branch: await _head(session, branch) for branch in sorted(branches)}
    return {
        account: Whose(
            client_id=client_id,
            name=name,
            branch=branch or "",
            manager=hearing.get(owner or "") or heads.get(branch or ""),
        )
        for account, client_id, name, branch, owner in found
    }


async def stood_in_for(session: AsyncSession, client_id: int | None, hears: str) -> str | None:
    """The name of the client's own manager, where ``hears`` hears of it as the deputy."""
    if client_id is None:
        return None
    return await session.scalar(
        select(Staff.name)
        .join(Client, Client.owner == Staff.id)
        .where(Client.id == client_id, Staff.deputy == hears)
    )


async def _hearing(session: AsyncSession, owners: Collection[str]) -> Mapping[str, str]:
    """By owner: himself or the deputy; nobody for one whose access has ended."""
    if not owners:
        return {}
    rows = await session.execute(
        select(Staff.id, Staff.deputy).where(Staff.id.in_(owners), Staff.disabled_at.is_(None))
    )
    return {owner: deputy or owner for owner, deputy in rows}


async def _head(session: AsyncSession, branch: str) -> str | None:
    heads = await people.with_role(session, Role.HEAD, branch)
    return heads[0].id if heads else None


async def desk(session: AsyncSession) -> list[Person]:
    """Everybody who works at the risk desk."""
    found: dict[str, Person] = {}
    for role in DESK_ROLES:
        found |= {person.id: person for person in await people.with_role(session, role)}
    return [found[each] for each in sorted(found)]


async def on_duty(session: AsyncSession, named: Sequence[str]) -> list[Person]:
    """Those named who still work at the desk; the whole desk where nobody of them does."""
    everybody = await desk(session)
    return [person for person in everybody if person.id in named] or everybody


async def heads(session: AsyncSession, branches: Iterable[str]) -> list[Person]:
    """Whom an alert goes to that nobody claims: the desk's head, else those of the branches."""
    found = await people.with_role(session, Role.RISK_HEAD)
    if found:
        return found
    return [
        head
        for branch in sorted(set(branches) - {""})
        for head in await people.with_role(session, Role.HEAD, branch)
    ]


async def accounts_in_reach(session: AsyncSession, person: Person) -> frozenset[str]:
    """The accounts of clients whom this person may look up."""
    at = now(session)
    rows = await session.scalars(
        select(FundAccount.account)
        .join(Client, Client.id == FundAccount.client_id)
        .where(access.visible_to(person.scope(Action.LOOK_UP), Action.LOOK_UP)),
        access.reader(person, at),
    )
    return frozenset(rows)


def may_work(person: Person) -> bool:
    return person.may(Action.RISK_DESK)
