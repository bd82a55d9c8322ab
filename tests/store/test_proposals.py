"""Four eyes: one asks, another of the same role confirms, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from crm import people, proposals
from crm.kernel import rulebook
from crm.kernel.audit import AuditRow
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import NotAllowed, UserError
from crm.kernel.rulebook import Document, Superseded
from crm.models import ProposalState, Role
from crm.people import Person
from crm.proposals import (
    AlreadyProposed,
    AskerGone,
    Line,
    NobodyToConfirm,
    NoSuchProposal,
    NothingChanges,
    NotYourProposal,
    NotYourRole,
    OwnProposal,
    Plan,
    ProposalEnded,
    ProposalLapsed,
)
from tests.fakes.broker import Broker

HOUR = timedelta(hours=1)


@pytest.fixture
async def admins(broker: Broker) -> AsyncIterator[dict[str, Person]]:
    """Two system admins and two of the risk desk."""
    async with broker.store.writing() as session:
        for each in ("tangyu", "luming"):
            await people.add(
                session,
                by="cli",
                staff_id=each,
                name=each,
                branch=None,
                roles=frozenset({Role.SYSTEM_ADMIN}),
                logins={"dingtalk": each},
            )
    async with broker.store.reading() as session:
        ids = ("hejing", "tangyu", "luming", "fengjun", "chenxi", "wangqiang", "gaoyuan")
        yield {each: await people.get(session, each) for each in ids}


def plan(name: str = "", call: str = "1.05", *roles: Role) -> Plan:
    return Plan(
        kind="ladder",
        name=name,
        base=0,
        body={"call": call},
        title="预警规则",
        lines=(Line("追保线", "100%", "105%"),),
        roles=roles or (Role.RISK, Role.RISK_HEAD, Role.SYSTEM_ADMIN),
    )


async def ask(broker: Broker, person: Person, what: Plan | None = None) -> int:
    async with broker.store.writing() as session:
        proposal, _ = await proposals.propose(session, person, what or plan())
        return proposal.id


async def confirm(broker: Broker, person: Person, number: int) -> None:
    async with broker.store.writing() as session:
        proposal = await proposals.confirm(session, person, number)
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


async def in_force(broker: Broker, name: str = "") -> Document | None:
    async with broker.store.reading() as session:
        return await rulebook.current(session, "ladder", name)


async def test_the_second_person_of_the_same_role_puts_it_in_force(
    broker: Broker, admins: dict[str, Person]
) -> None:
    async with broker.store.writing() as session:
        proposal, seconds = await proposals.propose(session, admins["hejing"], plan())
        assert [each.id for each in seconds] == ["luming", "tangyu"]
        number = proposal.id
    assert await in_force(broker) is None
    await confirm(broker, admins["tangyu"], number)
    found = await in_force(broker)
    assert found is not None
    assert (found.version, found.body) == (1, {"call": "1.05"})
    assert (found.asked_by, found.confirmed_by) == ("hejing", "tangyu")


async def test_the_head_of_the_risk_desk_is_one_of_the_desk(
    broker: Broker, admins: dict[str, Person]
) -> None:
    await confirm(broker, admins["chenxi"], await ask(broker, admins["fengjun"]))
    assert await in_force(broker) is not None


@pytest.mark.parametrize(
    ("who", "error"),
    [("hejing", OwnProposal), ("fengjun", NotYourRole), ("gaoyuan", NotYourRole)],
)
async def test_nobody_else_confirms_or_refuses(
    broker: Broker, admins: dict[str, Person], who: str, error: type[UserError]
) -> None:
    number = await ask(broker, admins["hejing"])
    with pytest.raises(error):
        await confirm(broker, admins[who], number)
    with pytest.raises(error):
        async with broker.store.writing() as session:
            await proposals.refuse(session, admins[who], number)
    assert await in_force(broker) is None


async def test_only_the_asker_takes_it_back_and_then_it_is_over(
    broker: Broker, admins: dict[str, Person]
) -> None:
    number = await ask(broker, admins["hejing"])
    async with broker.store.writing() as session:
        with pytest.raises(NotYourProposal):
            await proposals.withdraw(session, admins["tangyu"], number)
        await proposals.withdraw(session, admins["hejing"], number)
    with pytest.raises(ProposalEnded, match="by, when"):
        await confirm(broker, admins["tangyu"], number)
    await ask(broker, admins["tangyu"])  # there is room for another


async def test_of_two_who_confirm_at_once_one_is_told_who_was_first(
    broker: Broker, admins: dict[str, Person]
) -> None:
    number = await ask(broker, admins["hejing"])
    ended: list[str] = []

    async def one(who: str) -> None:
        try:
            await confirm(broker, admins[who], number)
        except ProposalEnded as error:
            ended.append(error.text)

    async with asyncio.TaskGroup() as group:
        group.create_task(one("tangyu"))
        group.create_task(one("luming"))
    assert len(ended) == 1
    assert "已确认生效" in ended[0]
    found = await in_force(broker)
    assert found is not None
    assert found.version == 1


async def test_the_same_thing_waits_only_once(broker: Broker, admins: dict[str, Person]) -> None:
    refused: list[str] = []

    async def one(who: str) -> None:
        try:
            await ask(broker, admins[who])
        except AlreadyProposed as error:
            refused.append(error.text)

    async with asyncio.TaskGroup() as group:
        for who in ("hejing", "tangyu", "fengjun"):
            group.create_task(one(who))
    assert len(refused) == 2
    await ask(broker, admins["hejing"], plan("another"))


async def test_after_a_day_it_is_void_and_makes_room(
    broker: Broker, admins: dict[str, Person], clock: StoppedClock
) -> None:
    number = await ask(broker, admins["hejing"])
    clock.advance(24 * HOUR + timedelta(seconds=1))
    with pytest.raises(ProposalLapsed):
        await confirm(broker, admins["tangyu"], number)
    async with broker.store.reading() as session:
        assert await proposals.of_interest(session, admins["tangyu"]) == []
    await ask(broker, admins["tangyu"])


async def test_what_somebody_asked_who_has_left_is_void(
    broker: Broker, admins: dict[str, Person]
) -> None:
    number = await ask(broker, admins["hejing"])
    async with broker.store.writing() as session:
        await people.disable(session, "hejing", by="cli")
    with pytest.raises(AskerGone):
        await confirm(broker, admins["tangyu"], number)


async def test_what_is_built_on_an_older_version_is_refused_whole(
    broker: Broker, admins: dict[str, Person]
) -> None:
    number = await ask(broker, admins["hejing"])
    async with broker.store.writing() as session:
        await rulebook.put(
            session,
            "ladder",
            "",
            {"call": "1.1"},
            base=0,
            asked_by="system",
            asked_at=broker.store.clock.now(),
            confirmed_by="system",
        )
    with pytest.raises(Superseded):
        await confirm(broker, admins["tangyu"], number)
    async with broker.store.reading() as session:
        assert (await proposals.get(session, number)).state is ProposalState.ASKED


async def test_who_may_not_or_has_nobody_beside_him_cannot_ask(
    broker: Broker, admins: dict[str, Person]
) -> None:
    with pytest.raises(NotAllowed):
        await ask(broker, admins["wangqiang"])
    with pytest.raises(NobodyToConfirm) as alone:
        await ask(broker, admins["gaoyuan"], plan("x", "1", Role.SECURITY_ADMIN))
    assert "安全管理员" in alone.value.text
    with pytest.raises(NothingChanges):
        nothing = Plan(
            kind="ladder",
            name="",
            base=0,
            body={},
            title="",
            lines=(),
            roles=(Role.SYSTEM_ADMIN,),
        )
        await ask(broker, admins["hejing"], nothing)
    async with broker.store.writing() as session:
        with pytest.raises(NoSuchProposal):
            await proposals.confirm(session, admins["hejing"], 4711)


async def test_every_step_is_on_record_without_the_reason_in_the_clear(
    broker: Broker, admins: dict[str, Person]
) -> None:
    number = await ask(broker, admins["hejing"])
    await confirm(broker, admins["tangyu"], number)
    async with broker.store.reading() as session:
        rows = (await session.scalars(select(AuditRow).order_by(AuditRow.seq))).all()
    told = [(row.actor, row.action) for row in rows if row.object == f"change:{number}"]
    assert told == [("hejing", "change.ask"), ("tangyu", "change.confirm")]
