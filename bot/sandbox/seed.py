"""The invented broker as rows of an empty store."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.sandbox import broker as invented
from bot.sandbox.broker import Broker
from crm import clients, filing, people
from crm.clients import NewClient
from crm.kernel.db import Store
from crm.models import Branch, ClientKind, ClientStatus, PersonalKind, Role, Staff

BATCH = 500
PLATFORMS = ("dingtalk", "wecom")
GROUPS = ("商品", "原油", "股指", "期权")


async def seed(store: Store, number: int, count: int) -> bool:
    """Fill an empty store; False when somebody is in it already."""
    async with store.reading() as session:
        if await session.scalar(select(Staff.id).limit(1)) is not None:
            return False
    broker = invented.invent(number, count)
    async with store.writing() as session:
        await _add_people(session, broker)
        async with filing.at_once(session):
            for start in range(0, len(broker.clients), BATCH):
                batch = [_client(client) for client in broker.clients[start : start + BATCH]]
                await clients.add_many(session, batch, by="sandbox")
    return True


async def _add_people(session: AsyncSession, broker: Broker) -> None:
    session.add_all(Branch(code=branch.id, name=branch.name) for branch in broker.branches)
    await session.flush()
    for person in broker.people:
        await people.add(
            session,
            by="sandbox",
            staff_id=person.id,
            name=person.name,
            branch=person.branch or None,
            roles=frozenset({Role(person.role)}),
            logins=dict.fromkeys(PLATFORMS, person.id),
        )


def _client(client: invented.Client) -> NewClient:
    granted: dict[str, date | None] = {
        permission.kind: permission.until for permission in client.permissions
    }
    return NewClient(
        name=client.name.text,
        accounts=[(account.account, account.currency) for account in client.accounts],
        kind=ClientKind.COMPANY if client.is_company else ClientKind.PERSON,
        branch=client.branch,
        owner=client.owner or None,
        tier=client.tier,
        status=ClientStatus(client.status),
        risk_level=client.risk,
        opened_on=client.opened,
        permissions=[(group, group in granted, granted.get(group)) for group in GROUPS],
        personal=_personal(client),
    )


def _personal(client: invented.Client) -> dict[PersonalKind, list[str]]:
    found = {
        PersonalKind.ID_NUMBER: [client.id_number],
        PersonalKind.MOBILE: [client.mobile],
        PersonalKind.BANK_CARD: [client.bank_card],
        PersonalKind.ADDRESS: [client.address],
    }
    if client.birthday is not None:
        found[PersonalKind.BIRTHDAY] = [client.birthday.isoformat()]
    return found
