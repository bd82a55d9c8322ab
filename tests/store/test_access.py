"""Who sees whom: one door to client data, for files and for the search alike."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm import access, clients, names, people, search
from crm.access import NothingToDecide, NotYours, OwnRequest, reader, visible_to
from crm.clients import NothingToReveal, ReasonNeeded, TooManyReveals
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.clock import StoppedClock
from crm.kernel.db import now
from crm.kernel.errors import NotAllowed, UnknownPerson
from crm.models import Client, ClientStatus, PersonalKind, Role
from crm.people import ADMIN_ROLES, Action, ExclusiveRoles, Person, StaffExists
from crm.search import Hit
from tests.fakes.broker import BANK_CARD, MOBILE, Broker, client

EVERYBODY = {"张三", "单晓明", "张思远", "赵胜", "钱多多", "周无主"}
UNOWNED = {"钱多多", "周无主"}
SEES = {
    "wangqiang": {"张三", "单晓明"},
    "limin": {"张思远"},
    "zhaolei": {"赵胜"},
    "sunfang": {"张三", "单晓明", "张思远"} | UNOWNED,
    "qianwei": {"赵胜"} | UNOWNED,
    "zhouting": EVERYBODY,
    "wuhao": EVERYBODY,
    "zhengli": EVERYBODY,
    "fengjun": EVERYBODY,
    "chenxi": EVERYBODY,
    "hejing": UNOWNED,
    "gaoyuan": set(),
    "linlan": set(),
}


async def visible(broker: Broker, who: str, action: Action = Action.LOOK_UP) -> set[str]:
    async with broker.store.reading() as session:
        return await in_reach(session, broker[who], action)


async def in_reach(session: AsyncSession, person: Person, action: Action) -> set[str]:
    query = select(Client.name).where(visible_to(person.scope(action), action))
    return set(await session.scalars(query, reader(person, now(session))))


async def find(broker: Broker, who: str, words: str) -> list[Hit]:
    async with broker.store.reading() as session:
        return await search.find(session, broker[who], names.query_keys(words))


async def found(broker: Broker, who: str, words: str) -> set[str]:
    """The clients that a search shows in full."""
    return {hit.name for hit in await find(broker, who, words) if hit.visible}


async def test_each_role_sees_its_rows(broker: Broker) -> None:
    assert {who: await visible(broker, who) for who in SEES} == SEES


async def test_the_search_shows_exactly_the_rows_that_the_door_lets_through(
    broker: Broker,
) -> None:
    for who, seen in SEES.items():
        hits = [hit for name in EVERYBODY for hit in await find(broker, who, name)]
        assert {hit.name for hit in hits if hit.visible} == seen, who
        assert {hit.name for hit in hits if hit.own} <= seen, who


async def test_what_a_role_may_not_do_reaches_nothing(broker: Broker) -> None:
    for action in (Action.LOG, Action.REVEAL):
        assert await visible(broker, "hejing", action) == set()
        assert await visible(broker, "linlan", action) == set()
        assert await visible(broker, "wangqiang", action) == SEES["wangqiang"]
    assert await visible(broker, "fengjun", Action.TASK) == set()


async def test_a_full_name_account_or_mobile_tells_that_a_colleague_has_the_client(
    broker: Broker,
) -> None:
    for words in ("张思远", "80010025", "13912346688"):
        [hit] = await find(broker, "wangqiang", words)
        assert (hit.name, hit.owner, hit.own, hit.visible) == ("张思远", "limin", False, False)


async def test_a_part_a_sound_or_a_tail_never_lists_a_colleagues_client(broker: Broker) -> None:
    parts = ("张思", "思远", "zsy", "zhangsiyuan", "6688", "0025", "8001002", "章思远")
    for words in (*parts, "zhangsiyuam"):
        assert "张思远" not in {hit.name for hit in await find(broker, "wangqiang", words)}, words
        assert "张思远" in await found(broker, "limin", words), words


async def test_a_manager_finds_his_own_client_by_any_of_its_forms(broker: Broker) -> None:
    names_of_it = ("张三", "张", "三", "zhangsan", "zs", "zhangs")
    for words in (*names_of_it, "80010023", "8001", "0023", MOBILE, "8000"):
        assert "张三" in await found(broker, "wangqiang", words), words


async def test_a_surname_of_two_readings_is_found_by_both_and_in_old_characters(
    broker: Broker,
) -> None:
    for words in ("shanxiaoming", "danxiaoming", "sxm", "單曉明", "单晓明", "山晓明"):
        assert await found(broker, "wangqiang", words) == {"单晓明"}, words


async def test_a_client_filed_in_old_characters_is_found_in_new_ones(broker: Broker) -> None:
    await broker.add(client("陳國華", "80010099", "wangqiang"))
    for words in ("陈国华", "陳國華", "chenguohua", "国华"):
        assert await found(broker, "wangqiang", words) == {"陳國華"}


async def test_ones_own_client_comes_first_among_namesakes(broker: Broker) -> None:
    await broker.add(client("赵胜", "80010030", "limin"), client("赵胜", "80010031", "sunfang"))
    [first, *others] = await find(broker, "limin", "赵胜")
    assert (first.account, first.own, first.visible) == ("80010030", True, True)
    assert {(hit.account, hit.visible) for hit in others} == {
        ("80010026", False),
        ("80010031", False),
    }


async def test_ones_own_client_is_found_however_many_namesakes_colleagues_have(
    broker: Broker,
) -> None:
    crowd = [client("赵胜", f"9001{n:04}", "limin") for n in range(search.MOST + 10)]
    await broker.add(*crowd)
    [first, *_] = await find(broker, "zhaolei", "赵胜")
    assert (first.account, first.own) == ("80010026", True)


async def test_a_number_moves_with_the_client_who_changed_it(broker: Broker) -> None:
    async with broker.store.writing() as session:
        client_id = broker.clients["张三"]
        await clients.set_personal(session, client_id, PersonalKind.MOBILE, ["13700001111"])
        await clients.reindex(session, client_id)
    assert await found(broker, "wangqiang", "13700001111") == {"张三"}
    assert await found(broker, "wangqiang", MOBILE) == set()


async def test_a_client_who_is_given_away_is_the_other_managers_at_once(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await clients.move(session, Client.owner == "wangqiang", "limin")
    assert await visible(broker, "wangqiang") == set()
    assert await found(broker, "wangqiang", "zs") == set()
    assert {"张三", "单晓明"} <= await visible(broker, "limin")
    assert "张三" in await found(broker, "limin", "zs")


async def ask_for(broker: Broker, who: str, name: str) -> tuple[int, list[str]]:
    async with broker.store.writing() as session:
        wanted = await session.get_one(Client, broker.clients[name])
        grant, heads = await access.ask(session, broker[who], wanted)
        return grant.id, [head.id for head in heads]


async def decide(broker: Broker, who: str, grant: int, *, granted: bool = True) -> None:
    async with broker.store.writing() as session:
        await access.decide(session, broker[who], grant, granted=granted)


async def test_a_granted_look_lasts_a_day(broker: Broker, clock: StoppedClock) -> None:
    grant, heads = await ask_for(broker, "limin", "张三")
    assert heads == ["sunfang"]
    assert "张三" not in await visible(broker, "limin")
    await decide(broker, "sunfang", grant)
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert "张三" in await visible(broker, "limin")
    assert await found(broker, "limin", "zs") >= {"张三"}
    assert "张三" not in await visible(broker, "limin", Action.REVEAL)
    assert "张三" not in await visible(broker, "limin", Action.LOG)
    clock.advance(timedelta(seconds=1))
    assert "张三" not in await visible(broker, "limin")
    assert "张三" not in await found(broker, "limin", "zs")


async def test_a_look_that_was_refused_shows_nothing(broker: Broker) -> None:
    grant, _ = await ask_for(broker, "limin", "张三")
    await decide(broker, "sunfang", grant, granted=False)
    assert "张三" not in await visible(broker, "limin")


async def test_an_open_request_is_not_asked_twice(broker: Broker) -> None:
    grant, _ = await ask_for(broker, "limin", "张三")
    assert await ask_for(broker, "limin", "张三") == (grant, [])


async def test_the_first_word_on_a_request_counts(broker: Broker) -> None:
    grant, _ = await ask_for(broker, "limin", "张三")
    await decide(broker, "sunfang", grant, granted=False)
    with pytest.raises(NothingToDecide):
        await decide(broker, "sunfang", grant)
    assert "张三" not in await visible(broker, "limin")


async def test_two_words_at_once_are_one_decision(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await people.add(
            session,
            by="cli",
            staff_id="second",
            name="副总",
            branch="HZ",
            roles=frozenset({Role.HEAD}),
            logins={},
        )
    async with broker.store.reading() as session:
        second = await people.get(session, "second")
    grant, _ = await ask_for(broker, "limin", "张三")
    refused: list[str] = []

    async def try_to(who: people.Person) -> None:
        try:
            async with broker.store.writing() as session:
                await access.decide(session, who, grant, granted=True)
        except NothingToDecide:
            refused.append(who.id)

    async with asyncio.TaskGroup() as tasks:
        for head in (broker["sunfang"], second):
            tasks.create_task(try_to(head))
    assert len(refused) == 1


async def test_only_the_head_of_the_clients_branch_decides(broker: Broker) -> None:
    grant, _ = await ask_for(broker, "limin", "张三")
    with pytest.raises(NotYours):
        await decide(broker, "qianwei", grant)
    for who in ("wangqiang", "limin", "fengjun", "hejing"):
        with pytest.raises(NotAllowed):
            await decide(broker, who, grant)


async def test_nobody_decides_his_own_request(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await session.merge(Client(id=broker.clients["张三"], branch="SH"))
    grant, heads = await ask_for(broker, "qianwei", "张思远")
    assert heads == ["sunfang"]
    async with broker.store.writing() as session:
        await session.merge(Client(id=broker.clients["张思远"], branch="SH"))
    with pytest.raises(OwnRequest):
        await decide(broker, "qianwei", grant)


async def reveal(
    broker: Broker,
    who: str = "wangqiang",
    name: str = "张三",
    kind: PersonalKind = PersonalKind.MOBILE,
    reason: str = "核对",
) -> str:
    async with broker.store.writing() as session:
        return await clients.reveal(session, broker[who], broker.clients[name], kind, reason=reason)


async def test_a_reveal_shows_one_number_and_is_on_record(broker: Broker) -> None:
    assert await reveal(broker) == MOBILE
    assert await reveal(broker, kind=PersonalKind.BANK_CARD) == BANK_CARD
    async with broker.store.reading() as session:
        rows = (
            await session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(2))
        ).all()
    assert [(row.actor, row.action) for row in rows] == [("wangqiang", "client.reveal")] * 2
    assert rows[1].object == f"client:{broker.clients['张三']}"
    assert "核对" in rows[1].detail
    assert MOBILE not in rows[1].detail


async def test_a_person_reveals_twenty_a_day_of_shanghais(
    broker: Broker, clock: StoppedClock
) -> None:
    for _ in range(clients.REVEALS_A_DAY):
        await reveal(broker)
    with pytest.raises(TooManyReveals):
        await reveal(broker)
    assert await reveal(broker, "sunfang") == MOBILE
    clock.advance(timedelta(hours=13, minutes=59))  # 23:59
    with pytest.raises(TooManyReveals):
        await reveal(broker)
    clock.advance(timedelta(minutes=1))
    assert await reveal(broker) == MOBILE


async def test_a_reveal_needs_a_reason_the_right_and_something_to_show(broker: Broker) -> None:
    with pytest.raises(ReasonNeeded):
        await reveal(broker, reason="  ")
    with pytest.raises(NotYours):
        await reveal(broker, "limin")
    with pytest.raises(NotAllowed):
        await reveal(broker, "hejing", "钱多多")
    with pytest.raises(NothingToReveal):
        await reveal(broker, kind=PersonalKind.ADDRESS)


async def test_a_look_at_a_file_is_on_record(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await clients.see(session, broker["wangqiang"], broker.clients["张三"])
    with pytest.raises(NotYours):
        async with broker.store.writing() as session:
            await clients.see(session, broker["limin"], broker.clients["张三"])
    async with broker.store.reading() as session:
        seen = select(AuditRow.actor).where(AuditRow.action == "client.see")
        assert list(await session.scalars(seen)) == ["wangqiang"]


@pytest.mark.parametrize("role", sorted(ADMIN_ROLES))
@pytest.mark.parametrize("other", sorted(set(Role)))
def test_an_admin_role_goes_with_no_other_role(role: Role, other: Role) -> None:
    if role == other:
        people.check_roles(frozenset({role}))
        return
    with pytest.raises(ExclusiveRoles):
        people.check_roles(frozenset({role, other}))


def test_business_roles_may_be_one_persons() -> None:
    people.check_roles(frozenset({Role.MANAGER, Role.HEAD}))


async def test_two_roles_reach_as_far_as_the_wider_one(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await people.add(
            session,
            by="cli",
            staff_id="both",
            name="双岗",
            branch="SH",
            roles=frozenset({Role.MANAGER, Role.HEAD}),
            logins={},
        )
    async with broker.store.reading() as session:
        both = await people.get(session, "both")
        assert await in_reach(session, both, Action.LOOK_UP) == SEES["qianwei"]


async def test_a_person_who_was_disabled_is_a_stranger_at_once(broker: Broker) -> None:
    async with broker.store.writing() as session:
        assert (await people.by_login(session, "dingtalk", "limin")).id == "limin"
        assert await people.disable(session, "limin", by="hejing")
        with pytest.raises(UnknownPerson):
            await people.by_login(session, "dingtalk", "limin")
        assert await people.logins(session, "limin") == []
        assert not await people.disable(session, "limin", by="hejing")


async def test_a_user_of_another_platform_is_a_stranger(broker: Broker) -> None:
    async with broker.store.reading() as session:
        with pytest.raises(UnknownPerson):
            await people.by_login(session, "wecom", "limin")


async def test_nobody_is_hired_twice(broker: Broker) -> None:
    with pytest.raises(StaffExists):
        async with broker.store.writing() as session:
            await people.add(
                session,
                by="cli",
                staff_id="limin",
                name="李敏",
                branch="HZ",
                roles=frozenset({Role.MANAGER}),
                logins={},
            )


async def test_a_closed_client_comes_last_and_an_empty_batch_is_no_trouble(broker: Broker) -> None:
    await broker.add(
        client("吴一", "80010041", "wangqiang", status=ClientStatus.CLOSED),
        client("吴二", "80010042", "wangqiang"),
    )
    assert [hit.name for hit in await find(broker, "wangqiang", "吴")] == ["吴二", "吴一"]
    assert await broker.add() == []


async def test_the_first_admins_come_from_the_command_line_and_no_later_ones(
    broker: Broker,
) -> None:
    with pytest.raises(people.AdminExists):
        async with broker.store.writing() as session:
            await people.bootstrap(
                session, staff_id="me", name="我", role=Role.SYSTEM_ADMIN, logins={}
            )


async def test_everything_that_was_done_is_one_sound_chain(
    broker: Broker, head: audit.Head
) -> None:
    await reveal(broker)
    async with broker.store.reading() as session:
        assert (await audit.verify(session, head)).broken_at is None
