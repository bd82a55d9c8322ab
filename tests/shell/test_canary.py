"""Personal data show up where they belong and nowhere else: not in logs, not in the raw files."""

import asyncio
import gc
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.chat.message import Card, Fact, Text
from bot.chat.reply import Question, Reply
from bot.outbox.dispatch import Dispatcher
from bot.outbox.limits import Limits
from bot.router import Turn
from bot.store.bell import Bell
from crm import blobs, clients, interactions, tasks
from crm.kernel.errors import UserError
from crm.models import Branch, Channel, PersonalKind
from tests.databases import Server
from tests.fakes.broker import Broker, client
from tests.shell.room import Room, open_room

MOBILE = "13977774321"
ID_NUMBER = "330106198811237893"
BANK_CARD = "6217001234567894321"
NAME = "纳兰性德"
NOTE = "想把套保比例降到三成七"
NUMBERS = (MOBILE, ID_NUMBER, BANK_CARD)
LINE = f"记 {NAME} 电话 {MOBILE} 身份证 {ID_NUMBER} 卡 {BANK_CARD} {NOTE}"


class Confused(UserError):
    say = "没有找到客户「{words}」"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged, as the service writes it at its most talkative."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    logs.begin(logging.DEBUG)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def assert_clean(stream: io.StringIO, *, lines: int) -> None:
    """Something was logged, each line is JSON, and none holds a canary."""
    logged = stream.getvalue()
    assert len([json.loads(line) for line in logged.splitlines()]) >= lines
    for canary in (*NUMBERS, NAME, NOTE):
        assert canary not in logged
        assert json.dumps(canary)[1:-1] not in logged


@pytest.fixture
async def room(broker: Broker) -> AsyncIterator[Room]:
    new = client(NAME, "80017777", "wangqiang")
    personal = {
        PersonalKind.MOBILE: [MOBILE],
        PersonalKind.ID_NUMBER: [ID_NUMBER],
        PersonalKind.BANK_CARD: [BANK_CARD],
    }
    async with broker.store.writing() as session:
        [number] = await clients.add_many(session, [new], by="cli")
        for kind, values in personal.items():
            await clients.set_personal(session, number, kind, values)
        await clients.reindex(session, number)
    async with open_room(broker) as opened:
        opened.sender.files["f1"] = LINE.encode()
        yield opened


async def write_down(turn: Turn, session: AsyncSession) -> Reply:
    """Puts what was said wherever a handler may put it."""
    row = await interactions.log(
        session,
        turn.person,
        1,
        channel=Channel.CALL,
        note=turn.ask.text,
        files=[(await blobs.put(session, LINE.encode()), f"{MOBILE}.pdf")],
        source=turn.source,
    )
    await interactions.amend(session, turn.person, row.id, LINE)
    await tasks.add(
        session,
        turn.person,
        text=LINE,
        due_at=turn.at + timedelta(days=1),
        interaction_id=row.id,
        source=turn.source,
    )
    await clients.reveal(session, turn.person, 1, PersonalKind.MOBILE, reason=LINE)
    card = Card(
        title=LINE, text=LINE, facts=(Fact("手机", MOBILE),), draft=LINE, subject="interaction:1"
    )
    return Reply(
        parts=(card, Text(text=LINE)),
        question=Question(options=("undo:1",), text_action="amend:1"),
        tell=(("sunfang", card),),
    )


async def test_the_tables_files_hold_nothing_in_the_clear_of_what_passed_the_desk(
    room: Room, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = room.broker.store
    room.router.handler = write_down
    await room.ears.hear(room.ask("wangqiang", LINE))
    async with asyncio.timeout(10):
        while len(await room.parts()) < 3:
            await asyncio.sleep(0.01)
    room.router.handler = confuse
    await room.ears.hear(room.ask("wangqiang", LINE))
    async with asyncio.timeout(10):
        while len(await room.parts()) < 4:
            await asyncio.sleep(0.01)
    async with store.writing() as session:
        session.add(Branch(code="XX", name="看得见"))
    folder = tmp_path
    if not store.is_sqlite:
        server: Server = request.getfixturevalue("postgres")
        async with store.engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
                text("CHECKPOINT")
            )
        folder = server.home
    found = seen_in(folder, "看得见", *NUMBERS, NOTE)
    assert found == {"看得见"}, "what is written in the clear is found, and nothing else"


async def confuse(turn: Turn, _: AsyncSession) -> Reply:
    raise Confused(words=LINE)


def seen_in(folder: Path, *canaries: str) -> set[str]:
    """Those that any file below holds as they are, whatever the encoding."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for canary in canaries:
                forms = (
                    canary.encode(),
                    canary.encode("utf-16-le"),
                    json.dumps(canary)[1:-1].encode(),
                )
                if any(form in content for form in forms):
                    found.add(canary)
    return found


async def test_the_log_of_a_broken_handler_holds_no_canary(
    room: Room, written: io.StringIO
) -> None:
    async def break_down(turn: Turn, session: AsyncSession) -> Reply:
        try:
            int(LINE)
        except ValueError as error:
            raise RuntimeError(LINE) from error
        raise AssertionError

    room.router.handler = break_down
    await room.ears.hear(room.ask("wangqiang", LINE))
    async with asyncio.timeout(10):
        while not await room.texts():
            await asyncio.sleep(0.01)
    assert "RuntimeError" in written.getvalue()
    assert_clean(written, lines=1)


async def test_the_log_of_a_refused_row_holds_no_canary(room: Room, written: io.StringIO) -> None:
    async def insert_twice(turn: Turn, session: AsyncSession) -> Reply:
        for _ in range(2):
            await session.execute(
                text("INSERT INTO branch (code, name) VALUES (:code, :name)"),
                {"code": MOBILE, "name": NAME},
            )
        return Reply()

    room.router.handler = insert_twice
    await room.ears.hear(room.ask("wangqiang", LINE))
    async with asyncio.timeout(10):
        while not await room.texts():
            await asyncio.sleep(0.01)
    assert_clean(written, lines=1)


async def test_the_log_of_a_broken_sender_holds_no_canary(room: Room, written: io.StringIO) -> None:
    store = room.broker.store
    room.sender.fail(ValueError(LINE))
    dispatcher = Dispatcher(
        store, {"dingtalk": room.sender}, Limits(store.clock, {}), Bell(store.database)
    )
    run = asyncio.ensure_future(dispatcher.run())
    await room.ears.hear(room.ask("wangqiang", LINE))
    await room.sender.until(lambda sender: len(sender.tried) == 1)
    async with asyncio.timeout(10):
        await dispatcher.drained()
    run.cancel()
    await asyncio.wait({run})
    assert_clean(written, lines=1)


async def test_what_the_event_loop_says_of_a_lost_task_holds_no_canary(
    written: io.StringIO,
) -> None:
    async def lost() -> None:
        raise ValueError(LINE)

    task = asyncio.ensure_future(lost())
    await asyncio.wait({task})
    del task
    gc.collect()
    assert "never retrieved" in written.getvalue()
    assert_clean(written, lines=1)


async def test_what_the_event_loop_says_of_a_broken_callback_holds_no_canary(
    written: io.StringIO,
) -> None:
    def broken(words: str) -> None:
        raise ValueError(words)

    asyncio.get_running_loop().call_soon(broken, MOBILE)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "ValueError" in written.getvalue()
    assert_clean(written, lines=1)


def test_a_number_in_an_event_of_a_library_is_masked(written: io.StringIO) -> None:
    logging.getLogger("library").warning("bad value %s for %s", MOBILE, ID_NUMBER)
    logging.getLogger("bot").info("outbox %s: %s", 17, "dingtalk: busy (retry)")
    assert "outbox 17: dingtalk: busy (retry)" in written.getvalue()
    assert_clean(written, lines=2)
