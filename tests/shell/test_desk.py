"""One turn is one transaction: everything it does stands, or nothing but a sentence."""

import asyncio
import logging

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import desk as desk_module
from bot.chat.message import Audience, Card, Chat, Click, Place, Text
from bot.chat.reply import Reply, say
from bot.desk import FILE_LOST, FILE_TOO_LARGE, CardChanged
from bot.inbox.inbox import Inbox
from bot.models import HeardState, LiveCard, Out
from bot.outbox.outbox import CLICK_GRACE, Priority
from bot.router import OldCard, Turn
from crm import blobs, interactions, people
from crm.kernel.audit import AuditRow
from crm.kernel.errors import Outcome, OutsideError, UnknownPerson, UserError
from crm.models import Blob, Channel, Interaction
from tests.fakes.broker import Broker
from tests.shell.room import RISK_GROUP, Room, open_room, press


class Sorry(UserError):
    say = "这样不行，请{what}"


async def log_it(turn: Turn, session: AsyncSession) -> Reply:
    """Writes a record of a client, and tells the head."""
    row = await interactions.log(
        session,
        turn.person,
        1,
        channel=Channel.CALL,
        note=turn.ask.text,
        source=turn.source,
    )
    card = Card(title="已记录", subject=f"interaction:{row.id}")
    return Reply(parts=(card, Text(text="好")), tell=(("sunfang", Card(title="有新记录")),))


async def kept(room: Room) -> tuple[int, list[str], int]:
    """How many records, what the trail says since the broker opened, and how much waits."""
    async with room.broker.store.reading() as session:
        records = await session.scalar(select(func.count()).select_from(Interaction))
        actions = await session.scalars(
            select(AuditRow.action).where(AuditRow.actor != "cli").order_by(AuditRow.seq)
        )
        waiting = await session.scalar(select(func.count()).select_from(Out))
    return records or 0, list(actions), waiting or 0


async def test_a_turns_rows_trail_and_answers_stand_together(broker: Broker) -> None:
    async with open_room(broker) as room:
        room.router.handler = log_it
        assert await room.ears.hear(room.ask("wangqiang", "聊了套保"))
    assert await kept(room) == (1, ["interaction.log"], 3)
    assert await room.heard() == [HeardState.DONE]
    [card, text, told] = await room.outgoing()
    assert (card.reply_to, text.reply_to, told.reply_to) == ("m1", "m1", "")
    assert told.chat == Chat(platform="dingtalk", place=Place.PRIVATE, id="sunfang")
    async with broker.store.reading() as session:
        rows = (await session.scalars(select(Out))).all()
        [trail] = await session.scalars(select(AuditRow).where(AuditRow.actor == "wangqiang"))
        traces = {row.trace for row in rows} | {trail.trace}
        lives = {live.receiver: live.subject for live in await session.scalars(select(LiveCard))}
    assert traces == {"1"}
    assert lives == {"wangqiang": "interaction:1", "sunfang": ""}


async def test_a_commit_that_fails_keeps_nothing_and_is_tried_again(broker: Broker) -> None:
    trouble = [OSError("disk full")]

    async def fail(_: AsyncSession) -> None:
        if trouble:
            raise trouble.pop()

    async with open_room(broker) as room:
        room.router.handler = log_it
        broker.store.before_commit.append(fail)
        await room.ears.hear(room.ask("wangqiang", "聊了套保"))
    assert not trouble
    assert await kept(room) == (1, ["interaction.log"], 3)


async def test_what_the_person_can_mend_leaves_nothing_but_the_sentence(broker: Broker) -> None:
    async def refuse(turn: Turn, session: AsyncSession) -> Reply:
        await log_it(turn, session)
        raise Sorry(what="换个说法")

    async with open_room(broker) as room:
        room.router.handler = refuse
        await room.ears.hear(room.ask("wangqiang", "聊了套保"))
    assert await kept(room) == (0, [], 1)
    [out] = await room.outgoing()
    assert out.part == Text(text="这样不行，请换个说法")
    assert (out.chat.id, out.reply_to) == ("wangqiang", "m1")
    assert await room.heard() == [HeardState.DONE]


async def test_a_bug_of_ours_is_told_by_a_number_that_is_in_the_log(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down(turn: Turn, session: AsyncSession) -> Reply:
        await log_it(turn, session)
        raise KeyError("13800138000")

    async with open_room(broker) as room:
        room.router.handler = break_down
        with caplog.at_level(logging.ERROR):
            await room.ears.hear(room.ask("wangqiang", "聊了套保"))
    assert await kept(room) == (0, [], 1)
    assert "编号 1。" in (await room.texts("wangqiang"))[0]
    assert "message 1 broke" in caplog.text
    assert await room.heard() == [HeardState.FAILED]


async def test_after_a_bug_the_desk_goes_on(broker: Broker) -> None:
    async def once(turn: Turn, session: AsyncSession) -> Reply:
        if turn.ask.text == "坏":
            raise ZeroDivisionError
        return say(Text(text="好"))

    async with open_room(broker) as room:
        room.router.handler = once
        for words in ("坏", "好"):
            await room.ears.hear(room.ask("wangqiang", words))
    assert (await room.texts())[1] == "好"


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, Exception("database is locked")),
        ConnectionRefusedError("no server"),
    ],
)
async def test_a_database_that_fails_for_a_moment_is_tried_again(
    broker: Broker, error: Exception
) -> None:
    trouble = [error]

    async def shaky(turn: Turn, session: AsyncSession) -> Reply:
        reply = await log_it(turn, session)
        if trouble:
            raise trouble.pop()
        return reply

    async with open_room(broker) as room:
        room.router.handler = shaky
        await room.ears.hear(room.ask("wangqiang", "聊了套保"))
    assert len(room.router.turns) == 2
    assert await kept(room) == (1, ["interaction.log"], 3)
    assert await room.heard() == [HeardState.DONE]


async def test_a_database_that_stays_away_leaves_the_message_for_later(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "DATABASE_TRIES", 1)
    away = [True]

    async def shaky(turn: Turn, session: AsyncSession) -> Reply:
        if away:
            raise ConnectionRefusedError
        return say(Text(text="好"))

    async with open_room(broker) as room:
        room.router.handler = shaky
        await room.ears.hear(room.ask("wangqiang", "在吗"))
        async with asyncio.timeout(10):
            while not room.router.turns or room.desk._in_hand:
                await asyncio.sleep(0.01)
        assert await room.heard() == [HeardState.NEW]
        away.clear()
        await room.desk.take_up()
    assert await room.texts() == ["好"]
    assert await room.heard() == [HeardState.DONE]


async def test_who_is_stopped_while_it_is_in_doubt_who_leads_leaves_the_message_for_later(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "DOUBT_SECONDS", 0.05)

    class InDoubt:
        async def ours(self) -> bool:
            await asyncio.Event().wait()
            return True

    async with asyncio.timeout(10), open_room(broker, InDoubt()) as room:
        await room.ears.hear(room.ask("wangqiang", "在吗"))
        await room.desk.rest()
    assert await room.heard() == [HeardState.NEW]
    assert await room.texts() == []


async def test_a_stranger_reads_one_sentence_in_private_and_nothing_in_a_group(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        await room.ears.hear(room.ask("stranger", "张三"))
        await room.ears.hear(room.ask("stranger", "80010023"))
        await room.ears.hear(room.ask("stranger", "张三", group="g-hz"))
        await room.ears.hear(room.ask("", "张三", group="g-hz"))
    assert room.router.turns == []
    assert await room.texts("stranger") == [UnknownPerson().text] * 2
    assert await room.parts("g-hz") == []
    assert await room.heard() == [HeardState.DONE] * 4


async def test_a_person_who_was_disabled_is_a_stranger_from_the_next_message_on(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        await room.ears.hear(room.ask("limin", "一"))
        async with asyncio.timeout(10):
            while not await room.texts():
                await asyncio.sleep(0.005)
        async with broker.store.writing() as session:
            await people.disable(session, "limin", by="hejing")
        await room.ears.hear(room.ask("limin", "二"))
    assert await room.texts("limin") == ["听到 一", UnknownPerson().text]


async def test_a_line_in_a_group_that_is_not_for_the_bot_is_passed_over(broker: Broker) -> None:
    async with open_room(broker) as room:
        await room.ears.hear(room.ask("wangqiang", "吃饭去", group="g-hz", mention=False))
    assert room.router.turns == []
    assert await room.parts() == []
    assert await room.heard() == [HeardState.DONE]


async def test_who_reads_an_answer_follows_from_its_chat(broker: Broker) -> None:
    async with open_room(broker) as room:
        for group in ("", "g-hz", RISK_GROUP):
            await room.ears.hear(room.ask("wangqiang", "张三", group=group))
    assert [turn.audience for turn in room.router.turns] == [
        Audience.PRIVATE,
        Audience.GROUP,
        Audience.RISK_GROUP,
    ]
    async with broker.store.reading() as session:
        assert await session.scalar(select(func.count()).select_from(LiveCard)) == 0


async def test_a_message_that_comes_again_is_answered_once(broker: Broker) -> None:
    async with open_room(broker) as room:
        assert await room.ears.hear(room.ask("wangqiang", "在吗", key="m1"))
        assert not await room.ears.hear(room.ask("wangqiang", "在吗", key="m1"))
    assert await room.texts() == ["听到 在吗"]


async def test_of_what_came_together_each_is_answered_once_and_in_order(broker: Broker) -> None:
    async with open_room(broker) as room:
        said = [room.ask("wangqiang", text, key=key) for text, key in (("一", "m1"), ("二", "m2"))]
        await room.ears.hear_all([*said, said[0]])
        await room.ears.hear_all(said)
    assert await room.texts() == ["听到 一", "听到 二"]


async def test_a_person_is_answered_in_the_order_of_speaking(broker: Broker) -> None:
    async with open_room(broker) as room:
        room.sender.files["slow"] = b"%PDF"
        room.sender.gates["slow"].clear()
        await room.ears.hear(room.ask("wangqiang", files=["slow"]))
        for n in range(5):
            await room.ears.hear(room.ask("wangqiang", f"{n}"))
        await room.ears.hear(room.ask("limin", "先来"))
        async with asyncio.timeout(10):
            while not await room.texts("limin"):
                await asyncio.sleep(0.005)
        assert await room.texts("wangqiang") == []
        room.sender.gates["slow"].set()
    assert await room.texts("wangqiang") == ["听到 ", *(f"听到 {n}" for n in range(5))]


async def test_one_person_speaks_in_order_across_chats(broker: Broker) -> None:
    async with open_room(broker) as room:
        room.sender.files["slow"] = b"%PDF"
        room.sender.gates["slow"].clear()
        await room.ears.hear(room.ask("wangqiang", files=["slow"]))
        await room.ears.hear(room.ask("wangqiang", "群里", group="g-hz"))
        await room.sender.until(lambda sender: sender.fetched == ["slow"])
        assert room.router.turns == []
        room.sender.gates["slow"].set()
    assert [turn.ask.text for turn in room.router.turns] == ["", "群里"]


async def test_what_the_last_process_left_is_answered_at_start_in_order(broker: Broker) -> None:
    async with open_room(broker) as room:
        left = [room.ask("wangqiang", f"{n}") for n in range(5)]
    async with Inbox(broker.store.database).open() as inbox:
        for raw in left:
            await inbox.store(raw)
    async with open_room(broker) as room:
        pass
    assert await room.texts() == [f"听到 {n}" for n in range(5)]
    async with open_room(broker) as again:
        pass
    assert again.router.turns == []


async def test_files_are_kept_sealed_and_handed_to_the_handler(broker: Broker) -> None:
    async with open_room(broker) as room:
        room.sender.files["f1"] = b"%PDF-1.7 110101199003079972"
        await room.ears.hear(room.ask("wangqiang", files=["f1"]))
    [turn] = room.router.turns
    [(name, title)] = turn.files
    assert title == "f1.pdf"
    async with broker.store.reading() as session:
        assert await blobs.read(session, name) == b"%PDF-1.7 110101199003079972"
        raw = (await session.connection()).exec_driver_sql("SELECT content FROM blob")
        assert b"110101199003079972" not in bytes((await raw).scalar_one())


@pytest.mark.parametrize(
    ("trouble", "answer"),
    [
        (OutsideError("dingtalk", "gone", Outcome.REFUSED), FILE_LOST),
        (OutsideError("file download", "file.tooLarge", Outcome.REFUSED), FILE_TOO_LARGE),
        (TimeoutError(), FILE_LOST),
    ],
)
async def test_a_file_that_cannot_be_fetched_is_said_so(
    broker: Broker, trouble: Exception, answer: str
) -> None:
    async with open_room(broker) as room:
        room.sender.files["f1"] = trouble
        await room.ears.hear(room.ask("wangqiang", files=["f1"]))
    assert await room.texts() == [answer]
    assert await room.heard() == [HeardState.DONE]


async def test_nobody_fetches_the_file_of_a_stranger_or_one_that_is_not_for_the_bot(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        room.sender.files["f1"] = b"%PDF"
        await room.ears.hear(room.ask("stranger", files=["f1"]))
        await room.ears.hear(room.ask("wangqiang", files=["f1"], group="g-hz", mention=False))
    assert room.sender.fetched == []
    async with broker.store.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Blob)) == 0
    assert await room.texts() == [UnknownPerson().text]


async def shown_card(
    room: Room, who: str = "wangqiang", group: str = "", subject: str = ""
) -> Card:
    """A card on somebody's screen."""

    async def show(turn: Turn, _: AsyncSession) -> Reply:
        return say(Card(title="卡", subject=subject))

    handler, room.router.handler = room.router.handler, show
    before = len(await room.parts())
    await room.ears.hear(room.ask(who, "看", group=group))
    async with asyncio.timeout(10):
        while len(await room.parts()) == before:
            await asyncio.sleep(0.005)
    room.router.handler = handler
    [card] = [part for part in (await room.parts())[before:] if isinstance(part, Card)]
    return card


async def done(turn: Turn, _: AsyncSession) -> Reply:
    """Shows on the card that it was clicked."""
    return Reply(update=Card(title="卡", status="完成", subject="task:1"))


async def test_a_click_is_answered_with_the_card_as_it_then_is(broker: Broker) -> None:
    async with open_room(broker) as room:
        card = await shown_card(room)
        room.router.handler = done
        answer = await room.ears.hear_click(
            room.ask("wangqiang", click=press(card, "done:17:x", note="好"))
        )
    turn = room.router.turns[-1]
    assert (turn.args, turn.card, turn.click) == (
        ("17", "x"),
        card,
        Click(card=card.id, version=1, action="done:17:x", inputs={"note": "好"}),
    )
    assert answer is not None
    assert (answer.id, answer.version, answer.status) == (card.id, 2, "完成")
    update = (await room.outgoing())[-1]
    assert (update.update, update.part) == (True, answer)
    async with broker.store.reading() as session:
        last = (await session.scalars(select(Out).order_by(Out.id.desc()).limit(1))).one()
    assert last.not_before == broker.store.clock.now() + CLICK_GRACE


async def test_a_click_on_an_older_version_changes_nothing_and_shows_the_present(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        card = await shown_card(room)
        room.router.handler = done
        await room.ears.hear_click(room.ask("wangqiang", click=press(card, "done")))
        turns = len(room.router.turns)
        answer = await room.ears.hear_click(room.ask("wangqiang", click=press(card, "done")))
    assert len(room.router.turns) == turns
    assert answer is not None
    assert answer.version == 2
    assert await room.texts("wangqiang") == [CardChanged().text]


async def test_a_click_that_comes_again_acts_once_and_gets_the_same_answer(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        card = await shown_card(room)
        room.router.handler = done
        click = room.ask("wangqiang", click=press(card, "done"), key="c1")
        answers = [await room.ears.hear_click(click) for _ in range(2)]
    assert answers[0] == answers[1] != None  # noqa: E711
    assert len(room.router.turns) == 2
    assert await room.texts() == []


async def test_two_who_click_at_once_are_one_who_acts_and_one_who_reads_why(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        card = await shown_card(room, group="g-hz")
        room.router.handler = done
        async with asyncio.TaskGroup() as tasks:
            for who in ("wangqiang", "limin", "sunfang"):
                click = room.ask(who, group="g-hz", click=press(card, "done"))
                tasks.create_task(room.ears.hear_click(click))
    assert (await room.card(card.id)).version == 2
    assert await room.texts() == [CardChanged().text] * 2
    assert await room.texts("g-hz") == [], "who came too late reads it in private"


async def test_a_click_on_a_card_that_nobody_knows_is_said_so(broker: Broker) -> None:
    async with open_room(broker) as room:
        click = Click(card="qd-gone", version=1, action="done")
        assert await room.ears.hear_click(room.ask("wangqiang", click=click)) is None
    assert await room.texts() == [OldCard().text]


async def test_a_stranger_who_clicks_reads_the_sentence_and_nothing_happens(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        card = await shown_card(room)
        room.router.handler = done
        await room.ears.hear_click(room.ask("stranger", click=press(card, "done")))
    assert (await room.card(card.id)).version == 1
    assert await room.texts("stranger") == [UnknownPerson().text]


async def test_nobody_clicks_a_colleagues_private_card(broker: Broker) -> None:
    async with open_room(broker) as room:
        card = await shown_card(room)
        turns = len(room.router.turns)
        room.router.handler = done
        await room.ears.hear_click(room.ask("limin", click=press(card, "done")))
    assert len(room.router.turns) == turns
    assert (await room.card(card.id)).version == 1
    assert len(await room.texts("limin")) == 1


async def test_a_click_that_takes_long_is_shown_when_it_is_done(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "CLICK_BUDGET", 0.01)
    go_on = asyncio.Event()

    async def slowly(turn: Turn, session: AsyncSession) -> Reply:
        await go_on.wait()
        return await done(turn, session)

    async with open_room(broker) as room:
        card = await shown_card(room)
        room.router.handler = slowly
        answer = await room.ears.hear_click(room.ask("wangqiang", click=press(card, "done")))
        assert answer is None
        go_on.set()
    last = (await room.outgoing())[-1].part
    assert isinstance(last, Card)
    assert last.status == "完成"
    async with broker.store.reading() as session:
        rows = (await session.scalars(select(Out).order_by(Out.id.desc()).limit(1))).one()
    assert rows.not_before == broker.store.clock.now(), "nobody's answer carries it"


async def test_every_screen_that_shows_a_subject_is_drawn_again(broker: Broker) -> None:
    async def change(turn: Turn, _: AsyncSession) -> Reply:
        return Reply(parts=(Text(text="改好了"),), refresh=("task:1",))

    async with open_room(broker) as room:
        mine = await shown_card(room, "wangqiang", subject="task:1")
        heads = await shown_card(room, "sunfang", subject="task:1")
        other = await shown_card(room, "limin", subject="task:2")
        room.router.handler = change
        await room.ears.hear(room.ask("limin", "改"))
    assert (await room.card(mine.id)).text == "wangqiang private"
    assert (await room.card(heads.id)).text == "sunfang private"
    assert (await room.card(other.id)).version == 1


async def test_a_card_in_a_group_does_not_keep_its_subject_from_changing(broker: Broker) -> None:
    async def change(turn: Turn, _: AsyncSession) -> Reply:
        return Reply(parts=(Text(text="改好了"),), refresh=("task:1",))

    async with open_room(broker) as room:
        await shown_card(room, "wangqiang", group="g-hz", subject="task:1")
        mine = await shown_card(room, "wangqiang", subject="task:1")
        room.router.handler = change
        await room.ears.hear(room.ask("limin", "改"))
    assert await room.texts("limin") == ["改好了"]
    assert (await room.card(mine.id)).version == 2


async def test_a_card_of_one_who_left_is_not_drawn_again(broker: Broker) -> None:
    async def change(turn: Turn, _: AsyncSession) -> Reply:
        return Reply(parts=(Text(text="改好了"),), refresh=("task:1",))

    async with open_room(broker) as room:
        his = await shown_card(room, "wangqiang", subject="task:1")
        async with broker.store.writing() as session:
            await people.disable(session, "wangqiang", by="hejing")
        room.router.handler = change
        await room.ears.hear(room.ask("limin", "改"))
    assert await room.texts("limin") == ["改好了"]
    assert (await room.card(his.id)).version == 1


async def test_many_who_change_the_same_subject_at_once_all_succeed(broker: Broker) -> None:
    async def change(turn: Turn, _: AsyncSession) -> Reply:
        return Reply(parts=(Text(text="改好了"),), refresh=("task:1",))

    everyone = ("wangqiang", "limin", "zhaolei", "sunfang", "qianwei", "fengjun")
    async with open_room(broker) as room:
        cards = [await shown_card(room, who, subject="task:1") for who in everyone[:3]]
        room.router.handler = change
        async with asyncio.TaskGroup() as tasks:
            for who in everyone:
                tasks.create_task(room.ears.hear(room.ask(who, "改")))
    assert await room.texts() == ["改好了"] * len(everyone)
    assert [(await room.card(card.id)).version for card in cards] == [1 + len(everyone)] * 3


async def test_whoever_is_told_something_reads_it_where_he_is_connected(broker: Broker) -> None:
    async with open_room(broker) as room, broker.store.writing() as session:
        await room.desk.tell(
            session, "sunfang", Text(text="请看"), why="test", priority=Priority.URGENT
        )
        await room.desk.tell(session, "nobody", Text(text="请看"), why="test")
    [out] = await room.outgoing()
    assert (out.chat.id, out.part) == ("sunfang", Text(text="请看"))
