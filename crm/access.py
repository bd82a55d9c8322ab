"""One door to client data: which rows a person may see, and a day's look at somebody else's.

Every query for clients starts from ``visible_to``.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel import audit
from crm.kernel.db import now
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


def visible_to(person: Person, action: Action, at: datetime) -> ColumnElement[bool]:
    """The row rule of ``action`` for ``person`` at a moment."""
    granted = exists().where(
        ViewGrant.client_id == Client.id, ViewGrant.staff == person.id, ViewGrant.until > at
    )
    reach: ColumnElement[bool]
    match person.scope(action):
        case Scope.NONE:
            return false()
        case Scope.UNOWNED:
            return Client.owner.is_(None)
        case Scope.OWN:
            reach = Client.owner == person.id
        case Scope.BRANCH:
            own = or_(Client.branch == person.branch, Client.owner == person.id)
            reach = or_(own, Client.owner.is_(None))
        case Scope.ALL:
            return true()
    return or_(reach, granted) if action is Action.LOOK_UP else reach


async def may_see(session: AsyncSession, person: Person, client_id: int, action: Action) -> bool:
    rule = and_(Client.id == client_id, visible_to(person, action, now(session)))
    return await session.scalar(select(Client.id).where(rule)) is not None


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
