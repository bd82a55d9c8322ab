"""A handover: everything in one person's name goes to another, whatever happens meanwhile."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from bot import belongings
from crm import handover, interactions, people, tasks
from crm.access import NotYours, may_see
from crm.handover import CannotTakeOver, NotTwo
from crm.kernel import audit
from crm.kernel.errors import UnknownPerson
from crm.models import Channel, Client, SearchKey, Task, TaskState
from crm.people import Action
from tests.fakes.broker import Broker, client

HOUR = timedelta(hours=1)


async def give(broker: Broker, giver: str, heir: str) -> handover.Moved:
    async with broker.store.writing() as session:
        return await handover.give(session, giver, heir, belongings.ALL, by="hejing")


async def promise(broker: Broker, who: str, client_id: int | None) -> int:
    async with broker.store.writing() as session:
        task = await tasks.add(
            session,
            broker[who],
            text="回访",
            due_at=broker.store.clock.now() + HOUR,
            client_id=client_id,
            source="dingtalk:m1",
        )
        return task.id


async def owners(broker: Broker) -> dict[int, str | None]:
    async with broker.store.reading() as session:
        return dict((await session.execute(select(Client.id, Client.owner))).all())


async def test_clients_and_open_tasks_move_together(broker: Broker) -> None:
    mine = broker.clients["张三"]
    done, open_, own = [await promise(broker, "wangqiang", each) for each in (mine, mine, None)]
    async with broker.store.writing() as session:
        await tasks.end(session, broker["wangqiang"], done, TaskState.DONE)
    moved = await give(broker, "wangqiang", "limin")
    assert sorted(moved["clients"]) == sorted(broker.clients[name] for name in ("张三", "单晓明"))
    assert sorted(moved["tasks"]) == sorted([open_, own])
    async with broker.store.reading() as session:
        found = dict((await session.execute(select(Task.id, Task.staff))).all())
        keys = await session.scalars(
            select(SearchKey.owner).where(SearchKey.client_id == mine).distinct()
        )
        assert keys.all() == ["limin"]
    assert found == {done: "wangqiang", open_: "limin", own: "limin"}


async def test_what_was_moved_can_be_given_back_and_nothing_else(broker: Broker) -> None:
    moved = await give(broker, "wangqiang", "limin")
    async with broker.store.writing() as session:
        back = await handover.give(
            session, "limin", "wangqiang", belongings.ALL, by="hejing", only=moved
        )
    assert sorted(back["clients"]) == sorted(moved["clients"])
    found = await owners(broker)
    assert found[broker.clients["张思远"]] == "limin"
    assert found[broker.clients["张三"]] == "wangqiang"


@pytest.mark.parametrize("heir", ["hejing", "linlan", "gaoyuan"])
async def test_only_who_serves_clients_takes_over(broker: Broker, heir: str) -> None:
    with pytest.raises(CannotTakeOver):
        await give(broker, "wangqiang", heir)
    with pytest.raises(NotTwo):
        await give(broker, "wangqiang", "wangqiang")


async def test_who_is_disabled_gives_but_does_not_take(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await people.disable(session, "wangqiang", by="cli")
    with pytest.raises(CannotTakeOver):
        await give(broker, "limin", "wangqiang")
    assert (await give(broker, "wangqiang", "limin"))["clients"]


async def test_a_handover_waits_for_what_is_being_written_and_takes_it_along(
    broker: Broker,
) -> None:
    mine = broker.clients["张三"]
    async with asyncio.TaskGroup() as group, broker.store.writing() as session:
        assert await may_see(session, broker["wangqiang"], mine, Action.LOG)
        handing = group.create_task(give(broker, "wangqiang", "limin"))
        done, _ = await asyncio.wait({handing}, timeout=0.3)
        assert not done
        task = await tasks.add(
            session,
            broker["wangqiang"],
            text="回访",
            due_at=broker.store.clock.now() + HOUR,
            client_id=mine,
            source="dingtalk:m1",
        )
        number = task.id
    async with broker.store.reading() as session:
        assert (await session.get_one(Task, number)).staff == "limin"
    with pytest.raises(NotYours):
        await promise(broker, "wangqiang", mine)


async def test_who_leaves_while_promising_something_of_his_own_orphans_nothing(
    broker: Broker,
) -> None:
    async def leave() -> None:
        async with broker.store.writing() as session:
            await handover.leave(session, "wangqiang", by="hejing")

    async with asyncio.TaskGroup() as group, broker.store.writing() as session:
        task = await tasks.add(
            session,
            broker["wangqiang"],
            text="交报表",
            due_at=broker.store.clock.now() + HOUR,
            source="dingtalk:m1",
        )
        number = task.id
        leaving = group.create_task(leave())
        done, _ = await asyncio.wait({leaving}, timeout=0.3)
        assert not done
    async with broker.store.reading() as session:
        assert (await session.get_one(Task, number)).staff == "sunfang"
    with pytest.raises(UnknownPerson):
        await promise(broker, "wangqiang", None)


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_orphaned_while_everybody_works_on(
    broker: Broker, head: audit.Head, seed: int
) -> None:
    """Managers log and promise, imports bring clients, and handovers go to and fro."""
    chance = random.Random(seed)
    promised: list[int] = []

    async def work(who: str, client_ids: Sequence[int]) -> None:
        for client_id in client_ids:
            await asyncio.sleep(chance.random() / 200)
            try:
                promised.append(await promise(broker, who, client_id))
                async with broker.store.writing() as session:
                    await interactions.log(
                        session,
                        broker[who],
                        client_id,
                        channel=Channel.CALL,
                        note="聊了",
                        source="dingtalk:m2",
                    )
            except NotYours:
                continue

    async def bring(count: int) -> None:
        for number in range(count):
            await asyncio.sleep(chance.random() / 100)
            owner = chance.choice(["wangqiang", "limin"])
            await broker.add(client(f"新客{seed}{number}", f"8100{seed}{number:03}", owner))

    async def hand(pairs: Sequence[tuple[str, str]]) -> None:
        for giver, heir in pairs:
            await asyncio.sleep(chance.random() / 50)
            try:
                await give(broker, giver, heir)
            except DBAPIError:  # two handovers that cross: one is told to come again
                await give(broker, giver, heir)

    all_clients = [*broker.clients.values()] * 3
    chance.shuffle(all_clients)
    async with asyncio.TaskGroup() as group:
        for who in ("wangqiang", "limin", "sunfang"):
            group.create_task(work(who, all_clients))
        group.create_task(bring(8))
        group.create_task(hand([("wangqiang", "limin"), ("limin", "wangqiang")]))
        group.create_task(hand([("wangqiang", "limin")]))
    await give(broker, "wangqiang", "limin")

    async with broker.store.reading() as session:
        left = await session.scalar(
            select(func.count()).select_from(Client).where(Client.owner == "wangqiang")
        )
        assert left == 0
        kept = dict((await session.execute(select(Task.id, Task.staff))).all())
        assert sorted(kept) == sorted(promised)
        strayed = await session.execute(
            select(Task.id)
            .join(Client, Client.id == Task.client_id)
            .where(Task.staff == "wangqiang")
        )
        assert strayed.all() == []
        wrong = await session.execute(
            select(SearchKey.client_id)
            .join(Client, Client.id == SearchKey.client_id)
            .where(SearchKey.owner.is_distinct_from(Client.owner))
        )
        assert wrong.all() == []
        assert (await audit.verify(session, head)).broken_at is None
