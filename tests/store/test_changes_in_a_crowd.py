"""Whatever a crowd of admins does at once: each version has two authors, and none is lost."""

import asyncio
import random

import pytest
from sqlalchemy import func, select

from crm import people, proposals
from crm.kernel import audit, rulebook
from crm.kernel.errors import UserError
from crm.kernel.rulebook import RuleDocument
from crm.models import Proposal, ProposalState, Role
from crm.people import Person
from crm.proposals import Line, Plan
from tests.fakes.broker import Broker

ADMINS = ("hejing", "tangyu", "luming")
DESK = ("fengjun", "chenxi")
DOCUMENTS = ("", "other")


async def crowd(broker: Broker) -> dict[str, Person]:
    async with broker.store.writing() as session:
        for each in ("tangyu", "luming"):
            await people.add(
                session,
                by="cli",
                staff_id=each,
                name=each,
                branch=None,
                roles=frozenset({Role.SYSTEM_ADMIN}),
                logins={},
            )
    async with broker.store.reading() as session:
        return {each: await people.get(session, each) for each in (*ADMINS, *DESK)}


async def ask(broker: Broker, person: Person, name: str, value: int) -> None:
    async with broker.store.writing() as session:
        newest = await rulebook.current(session, "ladder", name)
        plan = Plan(
            kind="ladder",
            name=name,
            base=newest.version if newest else 0,
            body={"value": value},
            title="规则",
            lines=(Line("值", "", str(value)),),
            roles=(Role.RISK_HEAD, Role.RISK, Role.SYSTEM_ADMIN),
        )
        await proposals.propose(session, person, plan)


async def decided(broker: Broker) -> int:
    async with broker.store.reading() as session:
        return await session.scalar(select(func.count()).select_from(RuleDocument)) or 0


async def decide(broker: Broker, person: Person, chance: random.Random) -> None:
    async with broker.store.reading() as session:
        waiting = await proposals.of_interest(session, person)
    if not waiting:
        return
    number = chance.choice(waiting).id
    async with broker.store.writing() as session:
        match chance.choice(["confirm", "confirm", "refuse", "withdraw"]):
            case "withdraw":
                await proposals.withdraw(session, person, number)
            case "refuse":
                await proposals.refuse(session, person, number)
            case _:
                proposal = await proposals.confirm(session, person, number)
                newest = await rulebook.current(session, proposal.kind, proposal.name)
                assert (newest.version if newest else 0) == proposal.base, (
                    "overtaken while it waits"
                )
                document = await rulebook.put(
                    session,
                    proposal.kind,
                    proposal.name,
                    proposals.body(proposal),
                    base=proposal.base,
                    asked_by=proposal.asked_by,
                    asked_at=proposal.asked_at,
                    confirmed_by=person.id,
                )
                proposal.made = document.version


@pytest.mark.parametrize("seed", range(4))
async def test_each_version_has_two_authors_of_one_role_and_one_proposal(
    broker: Broker, head: audit.Head, seed: int
) -> None:
    persons = await crowd(broker)
    chance = random.Random(seed)

    async def work(person: Person) -> None:
        for step in range(12):
            await asyncio.sleep(chance.random() / 100)
            try:
                if chance.random() < 0.4:
                    value = seed * 10_000 + chance.randrange(10_000) * 10 + step % 10
                    await ask(broker, person, chance.choice(DOCUMENTS), value)
                else:
                    await decide(broker, person, chance)
            except UserError:
                continue

    while not await decided(broker):  # until two have agreed
        async with asyncio.TaskGroup() as group:
            for person in persons.values():
                group.create_task(work(person))

    async with broker.store.reading() as session:
        documents = (await session.scalars(select(RuleDocument))).all()
        rows = (await session.scalars(select(Proposal))).all()
        for name in DOCUMENTS:
            versions = sorted(each.version for each in documents if each.name == name)
            assert versions == list(range(1, len(versions) + 1))
        for each in documents:
            assert each.asked_by != each.confirmed_by
            together = {each.asked_by, each.confirmed_by}
            assert together <= set(ADMINS) or together <= set(DESK)
        made = [(each.name, each.made) for each in rows if each.made is not None]
        assert sorted(made) == sorted((each.name, each.version) for each in documents)
        confirmed = [each for each in rows if each.state is ProposalState.CONFIRMED]
        assert len(confirmed) == len(documents)
        waiting = [each.open_key for each in rows if each.state is ProposalState.ASKED]
        assert len(waiting) == len(set(waiting)) <= len(DOCUMENTS)
        assert (await audit.verify(session, head)).broken_at is None
