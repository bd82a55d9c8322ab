"""One door to client data: which rows a person may see, and a day's look at somebody else's.

Every query for clients starts from ``visible_to``.
"""

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    exists,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel import audit
from crm.kernel.db import Moment, now
from crm.kernel.errors import UserError
from crm.models import Client, GrantState, Role, ViewGrant
from crm.people import Action, Person, Scope, with_role

GRANT_HOURS = 24


class NotYours(UserError):
    say = "这位客户不在您的范围内；发送客户全名可以申请查看"


class NothingToDecide(UserError):
    say = "这份申请已经由 {by} 处理"


class NoHead(UserError):
    say = "该客户所属营业部没有负责人可以批准，请联系系统管理员"


class OwnRequest(UserError):
    say = "不能批准自己的申请"


ME: BindParameter[str] = bindparam("me")
MY_BRANCH: BindParameter[str | None] = bindparam("my_branch")
AT: BindParameter[datetime] = bindparam("at", type_=Moment())


@cache
def visible_to(scope: Scope, action: Action) -> ColumnElement[bool]:
    """The row rule of ``action`` for whoever has ``scope`` there. Built once, because every look at
    a client asks it; ``reader`` gives the values that it wants."""
    reach: ColumnElement[bool]
    match scope:
        case Scope.NONE:
            return false()
        case Scope.UNOWNED:
            return Client.owner.is_(None)
        case Scope.OWN:
            reach = Client.owner == ME
        case Scope.BRANCH:
            reach = or_(Client.branch == MY_BRANCH, Client.owner == ME, Client.owner.is_(None))
        case Scope.ALL:
            return true()
    granted = exists().where(
        ViewGrant.client_id == Client.id, ViewGrant.staff == ME, ViewGrant.until > AT
    )
    return or_(reach, granted) if action is Action.LOOK_UP else reach


def reader(person: Person, at: datetime) -> dict[str, object]:
    """Who asks, and when: for a statement with ``visible_to`` in it."""
    return {"me": person.id, "my_branch": person.branch, "at": at}


@cache
def _may_see(scope: Scope, action: Action) -> Select[int]:
    """What is written about a client holds the row, so that a handover waits for it or is seen."""
    found = select(Client.id).where(Client.id == bindparam("client"), visible_to(scope, action))
    return found.with_for_update(read=True) if action is Action.LOG else found


async def may_see(session: AsyncSession, person: Person, client_id: int, action: Action) -> bool:
    asked = {"client": client_id, **reader(person, now(session))}
    found = await session.execute(_may_see(person.scope(action), action), asked)
    return found.first() is not None


async def ask(
    session: AsyncSession, person: Person, client: Client
) -> tuple[ViewGrant, list[Person]]:
    """Ask for a look; an open request is not asked twice. Gives those who may decide.

    Raises NoHead.
    """
    heads = [
        head for head in await with_role(session, Role.HEAD, client.branch) if head.id != person.id
    ]
    if not heads:
        raise NoHead
    waiting = await session.scalar(
        select(ViewGrant).where(
            ViewGrant.client_id == client.id,
            ViewGrant.staff == person.id,
            ViewGrant.state == GrantState.ASKED,
        )
    )
    if waiting is not None:
        return waiting, []
    grant = ViewGrant(client_id=client.id, staff=person.id, asked_at=now(session), version=1)
    session.add(grant)
    await session.flush()
    audit.note(session, person.id, "view.ask", f"client:{client.id}", grant=grant.id)
    return grant, heads


async def decide(
    session: AsyncSession, person: Person, grant_id: int, *, granted: bool
) -> ViewGrant:
    """The head's word; the first one counts. Raises NothingToDecide, OwnRequest, NotYours."""
    person.must(Action.GRANT_VIEW)
    grant = await session.get_one(ViewGrant, grant_id, with_for_update=True)
    client = await session.get_one(Client, grant.client_id)
    if grant.state is not GrantState.ASKED:
        raise NothingToDecide(by=grant.decided_by)
    if grant.staff == person.id:
        raise OwnRequest
    if client.branch != person.branch:
        raise NotYours
    at = now(session)
    grant.state = GrantState.GRANTED if granted else GrantState.REFUSED
    grant.decided_by, grant.decided_at = person.id, at
    grant.until = at + timedelta(hours=GRANT_HOURS) if granted else None
    grant.version += 1
    verb = "view.grant" if granted else "view.refuse"
    audit.note(session, person.id, verb, f"client:{client.id}", to=grant.staff, grant=grant.id)
    await session.flush()
    return grant
