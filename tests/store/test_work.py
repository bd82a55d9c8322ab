"""What was said with a client, and what was promised."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bot.store import schema
from crm import interactions, tasks
from crm.access import NotYours
from crm.interactions import AlreadyUndone, NothingToUndo, NotYourRecord, UndoTooLate
from crm.kernel.audit import AuditRow
from crm.kernel.clock import SHANGHAI, StoppedClock
from crm.models import Channel, Interaction, Task, TaskState
from crm.tasks import InThePast, NoSuchTask, NotYourTask, TaskEnded
from tests.fakes.broker import Broker

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def log(broker: Broker, who: str = "wangqiang", note: str = "聊了套保", *tags: str) -> int:
    async with broker.store.writing() as session:
        row = await interactions.log(
            session,
            broker[who],
            broker.clients["张三"],
            channel=Channel.CALL,
            note=note,
            tags=tags,
            source="dingtalk:m1",
        )
        return row.id


async def undo(broker: Broker, number: int, who: str = "wangqiang") -> None:
    async with broker.store.writing() as session:
        await interactions.undo(session, broker[who], number)


async def amend(broker: Broker, number: int, text: str, who: str = "wangqiang") -> None:
    async with broker.store.writing() as session:
        await interactions.amend(session, broker[who], number, text)


async def record(broker: Broker, number: int) -> Interaction:
    async with broker.store.reading() as session:
        return await interactions.get(session, number)


async def test_a_record_keeps_what_was_said_once_per_tag(broker: Broker) -> None:
    row = await record(broker, await log(broker, "wangqiang", "聊了套保", "套保", "套保", "螺纹"))
    assert [text.note for text in row.texts] == ["聊了套保"]
    assert {tag.tag for tag in row.tags} == {"套保", "螺纹"}
    assert row.undone_at is None


async def test_only_who_reaches_the_client_may_log(broker: Broker) -> None:
    for stranger in ("limin", "qianwei", "hejing", "linlan"):
        with pytest.raises(NotYours):
            await log(broker, stranger)
    await log(broker, "sunfang")
    await log(broker, "fengjun")


async def test_a_record_can_be_undone_for_ten_minutes(broker: Broker, clock: StoppedClock) -> None:
    early, late = await log(broker), await log(broker)
    clock.advance(interactions.UNDO_WINDOW)
    await undo(broker, early)
    clock.advance(SECOND)
    with pytest.raises(UndoTooLate):
        await undo(broker, late)
    assert (await record(broker, early)).undone_at == clock.now() - SECOND
    assert (await record(broker, late)).undone_at is None


async def test_an_undone_record_stays_but_is_not_shown(broker: Broker) -> None:
    number = await log(broker)
    await undo(broker, number)
    with pytest.raises(AlreadyUndone):
        await undo(broker, number)
    with pytest.raises(AlreadyUndone):
        await amend(broker, number, "更正")
    async with broker.store.reading() as session:
        assert await interactions.recent(session, broker.clients["张三"]) == []
        assert await interactions.last_talk(session, broker.clients["张三"]) is None


async def test_an_amendment_keeps_the_first_text(broker: Broker, clock: StoppedClock) -> None:
    number = await log(broker, note="第一句")
    clock.advance(timedelta(days=3))
    await amend(broker, number, "第二句")
    await amend(broker, number, "第三句")
    row = await record(broker, number)
    assert [(text.number, text.note) for text in row.texts] == [
        (1, "第一句"),
        (2, "第二句"),
        (3, "第三句"),
    ]
    assert row.version == 3


async def test_nobody_changes_a_colleagues_record(broker: Broker) -> None:
    number = await log(broker)
    with pytest.raises(NotYourRecord):
        await undo(broker, number, "sunfang")
    with pytest.raises(NotYourRecord):
        await amend(broker, number, "更正", "sunfang")


async def test_the_newest_record_that_can_be_undone_is_ones_own(
    broker: Broker, clock: StoppedClock
) -> None:
    mine = await log(broker)
    await log(broker, "sunfang")
    async with broker.store.reading() as session:
        assert await interactions.last_of(session, broker["wangqiang"]) == mine
    clock.advance(interactions.UNDO_WINDOW + SECOND)
    async with broker.store.reading() as session:
        with pytest.raises(NothingToUndo):
            await interactions.last_of(session, broker["wangqiang"])


async def test_what_was_done_with_records_and_tasks_is_on_record(broker: Broker) -> None:
    number = await log(broker)
    await amend(broker, number, "更正")
    await undo(broker, number)
    task = await promise(broker, HOUR)
    await move(broker, task, 2 * HOUR)
    await end(broker, task)
    async with broker.store.reading() as session:
        rows = (await session.scalars(select(AuditRow).order_by(AuditRow.seq))).all()
    assert [row.action for row in rows][-6:] == [
        "interaction.log",
        "interaction.amend",
        "interaction.undo",
        "task.add",
        "task.move",
        "task.done",
    ]
    assert "聊了套保" not in "".join(row.detail for row in rows)


async def promise(
    broker: Broker, after: timedelta, who: str = "wangqiang", name: str | None = "张三"
) -> int:
    async with broker.store.writing() as session:
        task = await tasks.add(
            session,
            broker[who],
            text="回访",
            due_at=broker.store.clock.now() + after,
            client_id=broker.clients[name] if name else None,
            source="dingtalk:m1",
        )
        return task.id


async def move(broker: Broker, task: int, after: timedelta, who: str = "wangqiang") -> None:
    async with broker.store.writing() as session:
        await tasks.move(session, broker[who], task, broker.store.clock.now() + after)


async def end(
    broker: Broker, task: int, how: TaskState = TaskState.DONE, who: str = "wangqiang"
) -> None:
    async with broker.store.writing() as session:
        await tasks.end(session, broker[who], task, how)


async def due(broker: Broker) -> list[int]:
    async with broker.store.writing() as session:
        return [task.id for task in await tasks.due(session)]


async def test_a_task_is_due_once_at_its_moment(broker: Broker, clock: StoppedClock) -> None:
    later, sooner = await promise(broker, 2 * HOUR), await promise(broker, HOUR)
    clock.advance(HOUR - SECOND)
    assert await due(broker) == []
    clock.advance(SECOND)
    assert await due(broker) == [sooner]
    assert await due(broker) == []
    clock.advance(24 * HOUR)
    assert await due(broker) == [later]


async def test_two_who_remind_at_once_never_take_the_same_task(
    broker: Broker, clock: StoppedClock
) -> None:
    wanted = [await promise(broker, HOUR) for _ in range(10)]
    clock.advance(HOUR)
    taken: list[int] = []

    async def remind() -> None:
        taken.extend(await due(broker))

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(remind())
    assert sorted(taken) == wanted


async def test_a_task_that_was_moved_is_due_again(broker: Broker, clock: StoppedClock) -> None:
    task = await promise(broker, HOUR)
    clock.advance(HOUR)
    assert await due(broker) == [task]
    await move(broker, task, HOUR)
    assert await due(broker) == []
    clock.advance(HOUR)
    assert await due(broker) == [task]


async def test_an_ended_task_is_never_due(broker: Broker, clock: StoppedClock) -> None:
    done, cancelled = await promise(broker, HOUR), await promise(broker, HOUR)
    await end(broker, done)
    await end(broker, cancelled, TaskState.CANCELLED)
    clock.advance(2 * HOUR)
    assert await due(broker) == []
    for task in (done, cancelled):
        with pytest.raises(TaskEnded):
            await end(broker, task)
        with pytest.raises(TaskEnded):
            await move(broker, task, HOUR)


async def test_a_task_that_nobody_need_do_is_not_said_to_be_done(broker: Broker) -> None:
    task = await promise(broker, HOUR)
    for _ in range(2):
        async with broker.store.writing() as session:
            await tasks.no_longer(session, task)
    with pytest.raises(TaskEnded) as trouble:
        await end(broker, task)
    assert trouble.value.text == "这条待办已经解除，无需处理"
    async with broker.store.reading() as session:
        noted = select(AuditRow.action).where(AuditRow.object == f"task:{task}")
        assert list(await session.scalars(noted)) == ["task.add", "task.moot"]


async def test_to_the_program_of_before_a_task_that_nobody_need_do_is_done(
    broker: Broker,
) -> None:
    task = await promise(broker, HOUR)
    async with broker.store.writing() as session:
        await tasks.no_longer(session, task)
    await schema.downgrade(broker.store, "0015")
    async with broker.store.reading() as session:
        assert (await session.get_one(Task, task)).state is TaskState.DONE


@pytest.mark.parametrize("after", [timedelta(0), -SECOND, -24 * HOUR])
async def test_nobody_is_reminded_in_the_past(broker: Broker, after: timedelta) -> None:
    with pytest.raises(InThePast) as trouble:
        await promise(broker, after)
    local = (broker.store.clock.now() + after).astimezone(SHANGHAI)
    assert f"{local:%m-%d %H:%M}" in trouble.value.text
    task = await promise(broker, HOUR)
    with pytest.raises(InThePast):
        await move(broker, task, after)


async def test_a_task_is_its_owners(broker: Broker) -> None:
    task = await promise(broker, HOUR)
    with pytest.raises(NotYourTask):
        await end(broker, task, who="sunfang")
    with pytest.raises(NotYourTask):
        await move(broker, task, HOUR, who="sunfang")
    with pytest.raises(NoSuchTask):
        await end(broker, task + 1)
    with pytest.raises(NotYours):
        await promise(broker, HOUR, who="limin")
    assert await promise(broker, HOUR, who="limin", name=None) == task + 1


async def open_tasks(broker: Broker, who: str = "wangqiang") -> tuple[Sequence[Task], int]:
    async with broker.store.reading() as session:
        return await tasks.open_of(session, broker[who], limit=2)


async def test_open_tasks_come_by_their_moment_with_how_many_there_are(broker: Broker) -> None:
    last, first, second = [await promise(broker, n * HOUR) for n in (9, 1, 2)]
    await promise(broker, HOUR, who="sunfang")
    listed, count = await open_tasks(broker)
    assert ([task.id for task in listed], count) == ([first, second], 3)
    await end(broker, first)
    await end(broker, second)
    listed, count = await open_tasks(broker)
    assert ([task.id for task in listed], count) == ([last], 1)


async def test_moments_are_stored_whatever_zone_says_them(broker: Broker) -> None:
    at = datetime.fromisoformat("2026-12-02T09:00:00+08:00")
    task = await promise(broker, at - broker.store.clock.now())
    async with broker.store.reading() as session:
        stored = await session.get_one(Task, task)
    assert stored.due_at == at
    assert stored.due_at.utcoffset() == timedelta(0)
