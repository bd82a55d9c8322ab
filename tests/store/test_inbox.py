"""Messages heard: durable before they are acknowledged, and each once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, select, text

from bot.chat.message import Ask, AskKind, Chat, Click, Place
from bot.chat.raw import Raw, raw_of
from bot.inbox.heard import claim, read, unhandled
from bot.inbox.inbox import Inbox, Stored
from bot.inbox.rows import Told
from bot.models import Heard, HeardState
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from tests.fakes.broker import MONDAY_TEN

MOBILE = "13800138000"
CUT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
CHAT = Chat(platform="dingtalk", place=Place.PRIVATE, id="wangqiang")


def message(key: str, words: str = "张三", app: str = "ding1") -> Raw:
    ask = Ask(
        message_id=key, chat=CHAT, user="wangqiang", at=MONDAY_TEN, kind=AskKind.TEXT, text=words
    )
    return raw_of(app, ask)


class Counted(Inbox):
    """An inbox that says how many commits it made."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database)
        self.batches: list[int] = []

    async def _insert(self, raws: Sequence[Raw]) -> Sequence[Told]:
        self.batches.append(len(raws))
        return await super()._insert(raws)


@pytest.fixture
async def inbox(store: Store) -> AsyncIterator[Counted]:
    async with Counted(store).open() as opened:
        assert isinstance(opened, Counted)
        yield opened


async def store_all(inbox: Inbox, raws: Sequence[Raw]) -> list[Stored]:
    async with asyncio.TaskGroup() as tasks:
        stored = [tasks.create_task(inbox.store(raw)) for raw in raws]
    return [task.result() for task in stored]


async def count(store: Store) -> int:
    async with store.reading() as session:
        return await session.scalar(select(func.count()).select_from(Heard)) or 0


@asynccontextmanager
async def held_up(file: Path | None) -> AsyncIterator[None]:
    """Somebody else writes to an SQLite file meanwhile."""
    if file is None:
        yield
        return
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_two_hundred_at_once_share_a_few_commits(store: Store, inbox: Counted) -> None:
    stored = await store_all(inbox, [message(f"m{n}") for n in range(200)])
    assert all(each.fresh for each in stored)
    assert len({each.id for each in stored}) == 200
    assert await count(store) == 200
    assert sum(inbox.batches) == 200
    assert len(inbox.batches) <= 3


async def test_a_message_that_comes_again_is_stored_once_under_its_number(
    store: Store, inbox: Counted
) -> None:
    twice = [message(f"m{n % 50}", f"第{n}次") for n in range(200)]
    stored = await store_all(inbox, twice)
    again = await inbox.store(message("m7"))
    assert await count(store) == 50
    assert sum(each.fresh for each in stored) == 50
    assert not again.fresh
    numbers = {each.id for each, raw in zip(stored, twice, strict=True) if raw.key == "m7"}
    assert numbers == {again.id}


async def test_the_same_key_of_another_app_is_another_message(inbox: Counted) -> None:
    one, other = await store_all(inbox, [message("m1"), message("m1", app="ding2")])
    assert one.fresh
    assert other.fresh
    assert one.id != other.id


async def test_what_waits_comes_back_as_it_was_said_and_in_order(
    store: Store, inbox: Counted
) -> None:
    said = [message("m1", "记 张三 电话"), message("m2", "好 #套保"), message("m3", "👌")]
    for raw in said:
        await inbox.store(raw)
    async with store.reading() as session:
        waiting = await read(session, await unhandled(session))
    assert [ask for _, _, ask in waiting] == [raw.ask for raw in said]


async def test_a_click_comes_back_with_its_inputs(store: Store, inbox: Counted) -> None:
    click = Click(card="qd1", version=3, action="move:17", inputs={"at": "明天", "to": ("a", "b")})
    ask = Ask(
        message_id="c1", chat=CHAT, user="wangqiang", at=MONDAY_TEN, kind=AskKind.CLICK, click=click
    )
    await inbox.store(raw_of("ding1", ask))
    async with store.reading() as session:
        [(_, _, found)] = await read(session, await unhandled(session))
    assert found == ask


async def test_a_message_is_taken_by_one_alone(store: Store, inbox: Counted) -> None:
    stored = await inbox.store(message("m1"))
    took: list[bool] = []

    async def take() -> None:
        async with store.writing() as session:
            took.append(await claim(session, stored.id))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(take())
    assert sorted(took) == [False] * 4 + [True]


async def test_a_message_taken_in_a_transaction_that_failed_still_waits(
    store: Store, inbox: Counted
) -> None:
    stored = await inbox.store(message("m1"))
    with pytest.raises(LookupError):
        async with store.writing() as session:
            assert await claim(session, stored.id)
            raise LookupError
    async with store.writing() as session:
        assert await unhandled(session) == [stored.id]
        assert await claim(session, stored.id, HeardState.FAILED)
    async with store.reading() as session:
        assert await unhandled(session) == []


async def test_a_failing_database_tells_each_caller_and_keeps_nothing(
    store: Store, inbox: Counted
) -> None:
    await inbox.store(message("before"))
    async with store.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE heard RENAME TO away"))
    told: list[str] = []

    async def try_to(raw: Raw) -> None:
        try:
            await inbox.store(raw)
        except Exception as error:  # noqa: BLE001  each driver has its own
            told.append(type(error).__name__)

    async with asyncio.TaskGroup() as tasks:
        for n in range(50):
            tasks.create_task(try_to(message(f"m{n}")))
    assert len(told) == 50
    async with store.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO heard"))
    assert await count(store) == 1
    assert all(each.fresh for each in await store_all(inbox, [message(f"m{n}") for n in range(50)]))


async def test_one_bad_row_takes_its_batch_along_and_nothing_of_it_is_kept(
    store: Store, inbox: Counted
) -> None:
    """A row that the database refuses: half a batch would be acknowledged and lost."""
    if store.is_sqlite:
        rule = (
            "CREATE TRIGGER no_bad BEFORE INSERT ON heard WHEN NEW.key = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'bad'); END"
        )
    else:
        rule = "ALTER TABLE heard ADD CONSTRAINT no_bad CHECK (key <> 'bad')"
    async with store.engine.begin() as connection:
        await connection.execute(text(rule))
    told: list[str] = []

    async def try_to(raw: Raw) -> None:
        try:
            await inbox.store(raw)
        except Exception:  # noqa: BLE001  each driver has its own
            told.append(raw.key)

    async with asyncio.TaskGroup() as tasks:
        for key in ("first", *(f"m{n}" for n in range(10)), "bad", "last"):
            tasks.create_task(try_to(message(key)))
    async with store.reading() as session:
        kept = set(await session.scalars(select(Heard.key)))
    assert "bad" in told
    assert kept.isdisjoint(told)
    assert len(kept) + len(told) == 13
    undo = "DROP TRIGGER no_bad" if store.is_sqlite else "ALTER TABLE heard DROP CONSTRAINT no_bad"
    async with store.engine.begin() as connection:
        await connection.execute(text(undo))


async def test_after_the_connection_was_cut_the_next_message_is_stored(
    postgres_url: str, vault: Vault, clock: StoppedClock
) -> None:
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    store = open_store(postgres_url, vault, clock)
    async with Inbox(store.database).open() as inbox:
        await inbox.store(message("m1"))
        async with store.engine.connect() as connection:
            await connection.execute(text(cut))
        with suppress(*CUT):
            await inbox.store(message("m2"))  # who notices that it was cut is told so
        assert (await inbox.store(message("m3"))).fresh
    await store.close()


async def test_one_whose_connection_gives_up_does_not_disturb_the_others(
    store: Store, inbox: Counted
) -> None:
    async with asyncio.TaskGroup() as tasks:
        for round_number in range(20):
            hasty = tasks.create_task(inbox.store(message(f"hasty{round_number}")))
            patient = [
                tasks.create_task(inbox.store(message(f"p{round_number}.{n}"))) for n in range(3)
            ]
            for _ in range(round_number % 5):
                await asyncio.sleep(0)
            hasty.cancel()
            for task in patient:
                assert (await task).fresh
    async with store.reading() as session:
        keys = set(await session.scalars(select(Heard.key)))
    assert {f"p{r}.{n}" for r in range(20) for n in range(3)} <= keys


async def test_who_is_cancelled_again_and_again_leaves_no_answer_for_the_next(
    store: Store, inbox: Counted
) -> None:
    """What he is told is of his own message, which is stored by then."""
    async with held_up(store.database.file):
        hasty = asyncio.create_task(inbox.store(message("m1")))
        for _ in range(3):
            await asyncio.sleep(0.02)
            hasty.cancel()
        next_one = asyncio.create_task(inbox.store(message("m2")))
        await asyncio.sleep(0.02)
    told = await next_one
    async with store.reading() as session:
        assert await session.scalar(select(Heard.id).where(Heard.key == "m2")) == told.id


async def test_the_table_shows_nothing_of_what_was_said(store: Store, inbox: Counted) -> None:
    await inbox.store(message("m1", f"张三 手机 {MOBILE}"))
    async with store.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM heard"))).all()
    raw = b"".join(bytes(row.body) for row in rows)
    assert MOBILE.encode() not in raw
    assert "张三".encode() not in raw


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 129, 300])
async def test_numbers_are_told_to_the_message_they_belong_to(
    store: Store, inbox: Counted, count: int
) -> None:
    raws = [message(f"m{n}") for n in range(2 * count)]
    first = await inbox.store_all(raws[:count])
    mixed = await inbox.store_all(raws)
    async with store.reading() as session:
        rows = await session.execute(select(Heard.key, Heard.id))
        numbers = {row.key: row.id for row in rows}
    assert len(numbers) == 2 * count
    assert [number for number, _ in (*first, *mixed)] == [
        numbers[raw.key] for raw in (*raws[:count], *raws)
    ]
    assert [fresh for _, fresh in first] == [True] * count
    assert [fresh for _, fresh in mixed] == [False] * count + [True] * count
    order = sorted(numbers, key=lambda key: numbers[key])
    assert order == [f"m{n}" for n in range(2 * count)]


async def test_one_that_is_twice_in_a_batch_is_new_once(store: Store, inbox: Counted) -> None:
    told = await inbox.store_all([message("a"), message("b"), message("a"), message("b")])
    numbers, fresh = zip(*told, strict=True)
    assert fresh == (True, True, False, False)
    assert numbers[:2] == numbers[2:]
    assert await count(store) == 2


async def test_what_came_together_is_stored_in_one_commit(store: Store, inbox: Counted) -> None:
    await inbox.store_all([message(f"m{n}") for n in range(40)])
    assert inbox.batches == [40]
