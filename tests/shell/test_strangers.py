"""A stranger's line does nothing, unless it is a code of 绑定 said in private."""

import pytest

from crm import binding, people
from crm.kernel.errors import UnknownPerson
from crm.models import Login
from tests.fakes.broker import Broker
from tests.shell.room import Room, open_room

WRONG = "绑定码不对或已过期"


async def code_of(room: Room, who: str) -> str:
    """A code of somebody whose DingTalk account was taken away."""
    async with room.broker.store.writing() as session:
        await binding.unbind(session, who, "dingtalk", by="cli")
        _, code = await binding.issue(session, room.broker[who])
        return code


async def account_of(room: Room, who: str) -> list[tuple[str, str]]:
    async with room.broker.store.reading() as session:
        return await people.logins(session, who)


@pytest.mark.parametrize("line", ["绑定 {}", "/绑定{}", "綁定：{}", "bind {}"])
async def test_the_line_that_binds_is_then_served_as_the_persons_own(
    broker: Broker, line: str
) -> None:
    async with open_room(broker) as room:
        code = await code_of(room, "limin")
        await room.ears.hear(room.ask("new", line.format(code)))
    assert [turn.person.id for turn in room.router.turns] == ["limin"]
    assert await account_of(room, "limin") == [("dingtalk", "new")]


async def test_a_code_in_a_group_or_beside_a_file_binds_nobody(broker: Broker) -> None:
    async with open_room(broker) as room:
        code = await code_of(room, "limin")
        await room.ears.hear(room.ask("new", f"绑定 {code}", group="g-hz"))
        await room.ears.hear(room.ask("new", f"绑定 {code}", files=["f1"]))
    assert await account_of(room, "limin") == []
    assert await room.texts() == [UnknownPerson().text]


async def test_a_turn_that_fails_leaves_the_account_unbound_and_the_code_good(
    broker: Broker,
) -> None:
    async with open_room(broker) as room:
        code = await code_of(room, "limin")

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        good, room.router.handler = room.router.handler, broken  # type: ignore[assignment]
        await room.ears.hear(room.ask("new", f"绑定 {code}"))
    assert await account_of(room, "limin") == []
    async with open_room(broker) as room:
        room.router.handler = good
        await room.ears.hear(room.ask("new", f"绑定 {code}", key="again"))
    assert await account_of(room, "limin") == [("dingtalk", "new")]


async def test_a_wrong_code_is_counted_though_nothing_else_is_kept(broker: Broker) -> None:
    async with open_room(broker) as room:
        for _ in range(5):
            await room.ears.hear(room.ask("new", "绑定 AAAAAAA2"))
        await room.ears.hear(room.ask("new", "绑定"))
        for talk in ("绑定不上", "绑定dingtalk"):
            await room.ears.hear(room.ask("new", talk))
    texts = await room.texts("new")
    assert [text.startswith(WRONG) for text in texts] == [True] * 4 + [False] * 4
    assert texts[4].startswith("绑定码错误次数太多")
    assert texts[5:] == [UnknownPerson().text] * 3
    assert room.router.turns == []


async def test_the_account_of_somebody_who_left_cannot_be_bound_anew(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await people.disable(session, "zhaolei", by="hejing")
    async with open_room(broker) as room:
        code = await code_of(room, "limin")
        await room.ears.hear(room.ask("zhaolei", f"绑定 {code}"))
    assert await room.texts() == [UnknownPerson().text]
    async with broker.store.reading() as session:
        login = await session.get_one(Login, ("dingtalk", "zhaolei"))
    assert login.staff == "zhaolei"
