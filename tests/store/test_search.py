"""What clients are found by, in what order, and that it stays true whatever is written."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm import clients, filing, interactions, names, search
from crm.imports import apply
from crm.imports.records import ClientRow
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store, table
from crm.kernel.vault import Vault
from crm.models import Channel, Client, FundAccount, SearchKey
from crm.search import Hit
from tests.conftest import Furnished
from tests.fakes.broker import MONDAY_TEN, Broker, client

FIRM = "江苏恒力石化有限公司"


async def find(broker: Broker, who: str, words: str) -> list[Hit]:
    async with broker.store.reading() as session:
        return await search.find(session, broker[who], names.query_keys(words))


async def found(broker: Broker, who: str, words: str) -> list[str]:
    return [hit.name for hit in await find(broker, who, words)]


async def how(broker: Broker, who: str, words: str) -> dict[str, str]:
    return {hit.name: hit.how for hit in await find(broker, who, words)}


async def test_any_two_neighbours_and_longer_fragments_find(broker: Broker) -> None:
    await broker.add(client(FIRM, "80010050", "wangqiang"))
    await broker.add(client("欧阳修文", "80010051", "wangqiang"))
    for words in ("恒力", "力石", "石化", "有限", "恒力石化", "力石化有", "恒力石化有限公司", FIRM):
        assert FIRM in await found(broker, "wangqiang", words), words
    for words in ("欧阳", "阳修", "修文", "欧阳修", "阳修文"):
        assert await found(broker, "wangqiang", words) == ["欧阳修文"], words


async def test_a_company_is_found_by_a_wrong_character_or_a_wrong_city(broker: Broker) -> None:
    await broker.add(client(FIRM, "80010050", "wangqiang"))
    for words in ("恒利石化", "横力", "江苏恒利石化有限公司"):
        assert await how(broker, "wangqiang", words) == {FIRM: "sound"}, words
    assert await how(broker, "wangqiang", "浙江恒力石化有限公司") == {FIRM: "typo"}


async def test_pinyin_finds_while_it_is_being_typed(broker: Broker) -> None:
    whole = "zhangsiyuan"
    for end in range(2, len(whole)):
        assert "张思远" in await found(broker, "limin", whole[:end]), whole[:end]
    for words in ("zhangsy", "siyuan", "zsy", "sy"):
        assert "张思远" in await found(broker, "limin", words), words


async def test_one_letter_off_is_a_guess(broker: Broker) -> None:
    for words in ("zhangsiyuam", "zhangsiyuuan", "zhngsiyuan", "zhagnsiyuan", "zangsiyuan"):
        assert await how(broker, "limin", words) == {"张思远": "typo"}, words


async def test_what_begins_a_name_comes_before_what_stands_inside(broker: Broker) -> None:
    await broker.add(client("李小陈", "80010061", "limin"), client("陈小李", "80010062", "limin"))
    assert await found(broker, "limin", "陈") == ["陈小李", "李小陈"]
    assert await found(broker, "limin", "李") == ["李小陈", "陈小李"]


async def test_whom_a_person_dealt_with_lately_comes_first(broker: Broker) -> None:
    wang = [client(f"王{name}", f"8002{n:04}", "limin") for n, name in enumerate("一二三四五")]
    ids = await broker.add(*wang)
    assert (await found(broker, "limin", "王"))[0] == "王一"
    async with broker.store.writing() as session:
        await clients.see(session, broker["limin"], ids[3])
    assert (await found(broker, "limin", "王"))[0] == "王四"
    async with broker.store.writing() as session:
        await interactions.log(
            session, broker["chenxi"], ids[4], channel=Channel.CALL, note="好", source="m1"
        )
    assert (await found(broker, "chenxi", "王"))[0] == "王五"
    assert (await found(broker, "limin", "王"))[0] == "王四"


async def test_a_client_lately_seen_who_is_out_of_reach_is_not_shown(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await clients.see(session, broker["limin"], broker.clients["张思远"])
        await clients.move(session, Client.name == "张思远", "zhaolei")
    assert await found(broker, "limin", "zsy") == []


async def test_everybody_who_matches_is_found_by_paging_and_nobody_twice(broker: Broker) -> None:
    crowd = [client("赵小胜", f"9001{n:04}", "limin") for n in range(2 * search.MOST + 3)]
    ids = await broker.add(*crowd)
    async with broker.store.writing() as session:
        await clients.see(session, broker["limin"], ids[-1])
    async with broker.store.reading() as session:
        probes = names.query_keys("小胜")
        told = [page async for page in search.pages(session, broker["limin"], probes)]
    every = [hit.client_id for page in told for hit in page]
    assert every[0] == ids[-1]
    assert sorted(every) == sorted(ids)
    assert await found(broker, "limin", "小胜") == ["赵小胜"] * search.MOST


async def test_paging_goes_on_to_what_is_only_alike(broker: Broker) -> None:
    await broker.add(client("章思远", "80010071", "limin"), client("张司远", "80010072", "limin"))
    async with broker.store.reading() as session:
        probes = names.query_keys("张思远")
        pages = [page async for page in search.pages(session, broker["limin"], probes)]
    assert {hit.name: hit.how for page in pages for hit in page} == {
        "张思远": "exact",
        "章思远": "sound",
        "张司远": "sound",
    }
    assert await found(broker, "limin", "张思远") == ["张思远"]


async def test_many_questions_are_answered_each_by_itself(broker: Broker) -> None:
    words = ("张三", "单晓明", "zhangsan", "80010024", "没有人", "dxm")
    async with broker.store.reading() as session:
        asked = {each: names.query_keys(each) for each in words}
        answers = await search.find_all(session, broker["wangqiang"], asked)
    assert {each: [hit.name for hit in hits] for each, hits in answers.items()} == {
        "张三": ["张三"],
        "单晓明": ["单晓明"],
        "zhangsan": ["张三"],
        "80010024": ["单晓明"],
        "没有人": [],
        "dxm": ["单晓明"],
    }


async def test_more_questions_than_a_statement_holds_are_answered_too(broker: Broker) -> None:
    words = [f"王{one}" for one in "一二三四五六七八九十" * 3] + ["张三"]
    async with broker.store.reading() as session:
        asked = {n: names.query_keys(each) for n, each in enumerate(words * 3)}
        answers = await search.find_all(session, broker["sunfang"], asked)
    named = [number for number, hits in answers.items() if [hit.name for hit in hits] == ["张三"]]
    assert named == [30, 61, 92]


async def keys_of(store: Store) -> list[tuple[object, ...]]:
    query = select(table(SearchKey)).order_by(SearchKey.client_id, SearchKey.key)
    async with store.reading() as session:
        return [tuple(row) for row in await session.execute(query)]


async def filed_anew(store: Store) -> list[tuple[object, ...]]:
    """The keys after all were thrown away and written again."""
    async with store.writing() as session:
        await session.execute(delete(SearchKey))
        await filing.mend(session, list(await session.scalars(select(Client.id))))
    return await keys_of(store)


async def test_what_is_wrong_is_mended_and_what_is_right_is_left(broker: Broker) -> None:
    right = await keys_of(broker.store)
    ids = sorted(broker.clients.values())
    async with broker.store.writing() as session:
        assert await filing.mend(session, ids) == 0
        assert not await filing.wrong(session, ids)
        keys = table(SearchKey)
        await session.execute(delete(keys).where(keys.c.key.like("l%")))
        await session.execute(update(keys).where(keys.c.client_id == ids[0]).values(owner="limin"))
        await session.execute(
            insert(keys).values(client_id=ids[1], key="n没有人", owner=None, branch=None, rank=0)
        )
        assert await filing.wrong(session, ids)
        assert await filing.mend(session, ids) > 0
    assert await keys_of(broker.store) == right


NAMES = ("张三", "曾乐", "單曉明", "欧阳修", FIRM, "阿依古丽·买买提", "ABC贸易有限公司")
OWNERS = ("wangqiang", "limin", "zhaolei")
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(NAMES), st.sampled_from(OWNERS)),
        st.tuples(st.just("name"), st.integers(0, 5), st.sampled_from(NAMES)),
        st.tuples(
            st.just("mobile"), st.integers(0, 5), st.integers(13_000_000_000, 13_000_000_009)
        ),
        st.tuples(st.just("status"), st.integers(0, 5), st.sampled_from(["closed", "dormant"])),
        st.tuples(st.just("manager"), st.integers(0, 5), st.sampled_from(OWNERS)),
        st.tuples(st.just("account"), st.integers(0, 5), st.just("")),
        st.tuples(st.just("hand over"), st.sampled_from(OWNERS), st.sampled_from([*OWNERS, None])),
    ),
    min_size=1,
    max_size=8,
)


class _Writes:
    """The ways in which the program changes clients."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.opened = 0

    async def run(self, writes: Sequence[tuple[str, object, object]]) -> None:
        for verb, one, other in writes:
            async with self.store.writing() as session:
                match verb, one:
                    case "open", str(name):
                        new = client(name, self._account(), str(other))
                        await clients.add_many(session, [new], by="cli")
                    case "hand over", str(owner):
                        to = None if other is None else str(other)
                        await clients.move(session, Client.owner == owner, to)
                    case "account", int(number):
                        await self._add_account(session, number)
                    case _, int(number):
                        await self._import(session, number, verb, str(other))

    def _account(self) -> str:
        self.opened += 1
        return f"9{self.opened:07}"

    async def _import(self, session: AsyncSession, number: int, field: str, value: str) -> None:
        rows = await session.execute(select(FundAccount.account, Client.name).join(Client))
        account, name = sorted(rows.all())[number]
        told = ClientRow(sheet=None, row=1, fund_account=account, name=name)
        await apply.apply(session, [replace(told, **{field: value})], by="cli")  # type: ignore[arg-type]

    async def _add_account(self, session: AsyncSession, number: int) -> None:
        chosen = sorted(await session.scalars(select(Client.id)))[number]
        session.add(FundAccount(account=self._account(), client_id=chosen))
        await clients.reindex(session, chosen)


@given(WRITES)
@settings(max_examples=40)
def test_whatever_was_written_the_keys_are_those_of_a_rebuild(
    sqlite_furnished: Furnished, keys: Path, writes: Sequence[tuple[str, object, object]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(sqlite_furnished.database, f"{folder}/qidesk.db")
        shutil.copy(keys, f"{folder}/qidesk.keys")
        vault = Vault(Path(folder) / "qidesk.keys")
        asyncio.run(_stays_true(f"sqlite+aiosqlite:///{folder}/qidesk.db", vault, writes))


async def _stays_true(url: str, vault: Vault, writes: Sequence[tuple[str, object, object]]) -> None:
    store = open_store(url, vault, StoppedClock(MONDAY_TEN))
    try:
        await _Writes(store).run(writes)
        assert await keys_of(store) == await filed_anew(store)
    finally:
        await store.close()


async def test_on_both_databases_the_keys_follow_each_kind_of_write(broker: Broker) -> None:
    writes = [
        ("open", FIRM, "limin"),
        ("name", 0, "曾乐"),
        ("mobile", 1, "13000000001"),
        ("status", 2, "closed"),
        ("manager", 3, "limin"),
        ("account", 0, ""),
        ("hand over", "limin", None),
    ]
    before = await keys_of(broker.store)
    await _Writes(broker.store).run(writes)
    after = await keys_of(broker.store)
    assert after != before
    assert after == await filed_anew(broker.store)
