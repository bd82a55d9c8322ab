"""A broker's ledger into the client file, by command, beside a running service."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from bot.commands import bulk
from bot.commands.import_result import Result
from bot.settings import Settings
from crm import clients, names, people, search
from crm.kernel import audit
from crm.kernel.database import sqlite_path
from crm.kernel.db import Store
from crm.models import Change, Client, ClientKind, FundAccount, PersonalKind
from tests.ops.conftest import BANK_CARD, ID_NUMBER, MOBILE, ROW, Sheet


def row(**changes: str) -> list[str]:
    places = ("account", "name", "id_no", "mobile", "card", "branch", "manager", "tags", "remark")
    return [changes.get(place, value) for place, value in zip(places, ROW, strict=True)]


SECOND = row(account="80010002", name="李四光", id_no="", mobile="13900139001", manager="limin")


async def take(settings: Settings, path: Path, *, dry_run: bool = False) -> Result:
    return await bulk.clients(settings, path, dry_run=dry_run, quiet=True)


def counts(result: Result) -> tuple[int, ...]:
    return result.rows, result.taken, result.updated, result.unchanged, result.rejected


async def client_of(desk: Store, account: str) -> Client | None:
    async with desk.reading() as session:
        found: Client | None = await session.scalar(
            select(Client)
            .join(FundAccount)
            .where(FundAccount.account == account)
            .options(selectinload(Client.tags), selectinload(Client.accounts))
        )
    return found


async def personal_of(desk: Store, client: Client, kind: PersonalKind) -> Sequence[str]:
    async with desk.reading() as session:
        return await clients.personal_values(session, client.id, kind)


async def found_by(desk: Store, words: str, staff_id: str = "wangqiang") -> list[str]:
    async with desk.reading() as session:
        person = await people.get(session, staff_id)
        hits = await search.find(session, person, names.query_keys(words))
    return [hit.account for hit in hits if hit.visible]


async def test_a_ledger_is_taken_with_owner_branch_tags_and_numbers(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    result = await take(settings, sheet([ROW, SECOND]))
    assert (counts(result), result.exit_code) == ((2, 2, 0, 0, 0), 0)
    client = await client_of(desk, "80010001")
    assert client is not None
    assert (client.name, client.branch, client.owner) == ("张三丰", "HZ", "wangqiang")
    assert (client.remark, [tag.tag for tag in client.tags]) == ("老客户", ["螺纹"])
    assert client.kind is ClientKind.PERSON
    assert await personal_of(desk, client, PersonalKind.ID_NUMBER) == [ID_NUMBER]
    assert await found_by(desk, "zhangsanfeng") == ["80010001"]


def test_a_branch_is_known_with_and_without_its_tail_and_its_own_name_goes_first() -> None:
    words = bulk.branch_words({"HZ": "杭州", "SH": "上海营业部", "NB": "宁波", "N2": "宁波营业部"})
    assert {words[word] for word in ("杭州", "杭州营业部", "HZ")} == {"HZ"}
    assert {words[word] for word in ("上海", "上海营业部")} == {"SH"}
    assert (words["宁波"], words["宁波营业部"]) == ("NB", "N2")


async def test_the_same_file_again_changes_nothing_and_writes_no_client(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    path = sheet([ROW, SECOND])
    await take(settings, path)
    before = await client_of(desk, "80010001")
    result = await take(settings, path)
    after = await client_of(desk, "80010001")
    assert (counts(result), result.exit_code) == ((2, 0, 0, 2, 0), 0)
    assert before is not None
    assert after is not None
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


async def test_an_update_keeps_what_the_file_does_not_say(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([ROW]))
    changed = row(id_no="", mobile="13900139002", manager="", tags="铁矿", remark="", branch="")
    result = await take(settings, sheet([changed]))
    assert counts(result) == (1, 0, 1, 0, 0)
    client = await client_of(desk, "80010001")
    assert client is not None
    assert (client.owner, client.branch, client.remark) == ("wangqiang", "HZ", "老客户")
    assert sorted(tag.tag for tag in client.tags) == ["螺纹", "铁矿"]
    assert await personal_of(desk, client, PersonalKind.ID_NUMBER) == [ID_NUMBER]
    assert await personal_of(desk, client, PersonalKind.MOBILE) == ["13900139002"]


async def test_a_new_mobile_finds_the_client_and_the_old_one_does_not(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([ROW]))
    await take(settings, sheet([row(mobile="13900139002")]))
    assert await found_by(desk, "13900139002") == ["80010001"]
    assert await found_by(desk, MOBILE) == []


async def test_another_manager_in_the_file_moves_the_client(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([ROW]))
    await take(settings, sheet([row(manager="李敏")]))
    assert await found_by(desk, "张三丰", "limin") == ["80010001"]
    assert await found_by(desk, "张三丰", "wangqiang") == []


async def test_a_manager_nobody_knows_leaves_the_client_unassigned_and_says_so(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    result = await take(settings, sheet([row(manager="何方")]))
    client = await client_of(desk, "80010001")
    assert client is not None
    assert client.owner is None
    assert any("何方" in notice for notice in result.notices)


async def test_dirty_rows_are_rejected_whole_and_the_others_are_taken(
    settings: Settings, desk: Store, sheet: Sheet, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    bad_id = row(account="80010003", id_no="110101199003079973", mobile="13900139003")
    bad_mobile = row(account="80010004", id_no="", mobile="1380013800")
    total = ("合计", "", "", "", "", "", "", "", "")
    path = sheet([ROW, bad_id, bad_mobile, total])
    result = await bulk.clients(settings, path, rejects=rejects, quiet=True)
    assert (counts(result), result.exit_code) == ((3, 1, 0, 0, 2), 3)
    assert [one.row for one in result.rejects] == [3, 4]
    assert await client_of(desk, "80010003") is None
    header, *lines = rejects.read_text(encoding="utf-8").splitlines()
    assert header == "file,row,column,value_masked,reason"
    assert len(lines) == 2
    assert "110101199003079973" not in rejects.read_text(encoding="utf-8")


async def test_an_account_that_belongs_to_somebody_else_is_rejected(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([ROW]))
    other = row(name="王五", id_no="11010519491231002X")
    result = await take(settings, sheet([other]))
    assert (counts(result), result.exit_code) == ((1, 0, 0, 0, 1), 3)
    assert [(one.row, one.code) for one in result.rejects] == [(2, "OTHER_PERSON")]


async def test_a_known_person_with_another_account_stays_one_client(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([ROW]))
    another = row(account="80010009")
    dry = await take(settings, sheet([another]), dry_run=True)
    result = await take(settings, sheet([another]))
    assert counts(dry) == counts(result) == (1, 0, 1, 0, 0)
    first, second = await client_of(desk, "80010001"), await client_of(desk, "80010009")
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert await found_by(desk, "80010009") == ["80010001"]
    assert counts(await take(settings, sheet([another]))) == (1, 0, 0, 1, 0)


async def test_two_accounts_of_one_person_in_one_file_make_one_client(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    both = [ROW, row(account="80010009")]
    dry = await take(settings, sheet(both), dry_run=True)
    result = await take(settings, sheet(both))
    assert counts(dry) == counts(result) == (2, 1, 1, 0, 0)
    client = await client_of(desk, "80010009")
    assert client is not None
    assert [held.account for held in client.accounts] == ["80010001", "80010009"]


async def test_the_same_document_under_another_name_is_not_taken_for_the_same_person(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([ROW]))
    await take(settings, sheet([row(account="80010009", name="李四光")]))
    first, second = await client_of(desk, "80010001"), await client_of(desk, "80010009")
    assert first is not None
    assert second is not None
    assert first.id != second.id


async def test_a_dry_run_counts_and_writes_nothing(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    result = await take(settings, sheet([ROW]), dry_run=True)
    assert counts(result) == (1, 1, 0, 0, 0)
    assert await client_of(desk, "80010001") is None


async def test_nothing_but_totals_is_nothing_read(
    settings: Settings, desk: Store, sheet: Sheet, tmp_path: Path
) -> None:
    totals = await take(settings, sheet([("合计", "", "", "", "", "", "", "", "")]))
    letter = tmp_path / "信.txt"
    letter.write_text("您好")
    no_table = await take(settings, letter)
    missing = await take(settings, tmp_path / "没有.csv")
    assert [one.exit_code for one in (totals, no_table, missing)] == [2, 2, 2]
    assert all(one.why for one in (totals, no_table, missing))


async def test_more_rows_than_a_batch_are_all_taken_and_counted_for_the_service(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    rows = [row(account=str(80020000 + n), id_no="", mobile="") for n in range(bulk.BATCH + 1)]
    result = await take(settings, sheet(rows))
    assert counts(result) == (bulk.BATCH + 1, bulk.BATCH + 1, 0, 0, 0)
    async with desk.reading() as session:
        change = await session.get_one(Change, "clients")
        verdict = await audit.verify(session, audit.Head(settings.head_file))
    assert (change.count, verdict.broken_at) == (2, None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_number_of_a_client_lies_open_in_the_database_file(
    settings: Settings, desk: Store, sheet: Sheet
) -> None:
    await take(settings, sheet([row(card=BANK_CARD)]))
    await take(settings, sheet([row(card=BANK_CARD, mobile="13900139002")]))
    client = await client_of(desk, "80010001")
    assert client is not None
    assert await personal_of(desk, client, PersonalKind.BANK_CARD) == [BANK_CARD]
    file = sqlite_path(settings.store.url)
    assert file is not None
    beside = [path for path in file.parent.glob(f"{file.name}*") if path.is_file()]
    raw = b"".join(path.read_bytes() for path in beside)
    await desk.close()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    raw += file.read_bytes()
    numbers = (MOBILE, "13900139002", ID_NUMBER, BANK_CARD)
    assert "张三丰".encode() in raw
    assert [number for number in numbers if number.encode() in raw] == []
