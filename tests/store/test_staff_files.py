"""A person's file: found by name, checked before it is changed, adopted whole."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from crm import people, staff
from crm.kernel.audit import AuditRow
from crm.kernel.errors import UserError
from crm.models import Role
from crm.people import ExclusiveRoles, NoSuchBranch, NoSuchStaff
from crm.staff import LoginTaken, Namesakes, NotHisDeputy, TooFewLeft
from tests.fakes.broker import Broker

NEW: Mapping[str, Any] = {
    "name": "李华",
    "branch": "HZ",
    "roles": ["manager"],
    "deputy": None,
    "active": True,
    "logins": {"dingtalk": "lihua"},
}


async def file_of(broker: Broker, staff_id: str) -> dict[str, Any]:
    async with broker.store.reading() as session:
        return dict(staff.file_of(await staff.find(session, staff_id)))


async def adopt(
    broker: Broker, staff_id: str, after: Mapping[str, Any], *, new: bool = False
) -> None:
    before = None if new else await file_of(broker, staff_id)
    async with broker.store.writing() as session:
        await staff.adopt(session, staff_id, before, after, by="hejing")


async def test_a_person_is_found_by_id_or_whole_name(broker: Broker) -> None:
    async with broker.store.reading() as session:
        assert (await staff.find(session, "王强")).id == "wangqiang"
        assert (await staff.find(session, "wangqiang")).name == "王强"
        for words in ("王", "", "强王"):
            with pytest.raises(NoSuchStaff):
                await staff.find(session, words)


async def test_of_namesakes_the_one_who_works_here_is_meant(broker: Broker) -> None:
    await adopt(broker, "wangqiang2", {**NEW, "name": "王强", "logins": {}}, new=True)
    async with broker.store.reading() as session:
        with pytest.raises(Namesakes) as both:
            await staff.find(session, "王强")
    assert "wangqiang、wangqiang2" in both.value.text
    async with broker.store.writing() as session:
        await people.disable(session, "wangqiang", by="cli")
    async with broker.store.reading() as session:
        assert (await staff.find(session, "王强")).id == "wangqiang2"


async def test_a_branch_is_found_by_code_or_by_how_its_name_begins(broker: Broker) -> None:
    async with broker.store.reading() as session:
        for words in ("HZ", "hz", "杭州", "杭州营业部"):
            assert await staff.branch_of(session, words) == "HZ"
        for words in ("", "营业部", "北京"):
            with pytest.raises(NoSuchBranch):
                await staff.branch_of(session, words)


async def test_a_file_is_adopted_whole_and_every_part_is_on_record(broker: Broker) -> None:
    await adopt(broker, "lihua", NEW, new=True)
    changed = {**NEW, "branch": "SH", "deputy": "limin", "roles": ["head", "manager"]}
    await adopt(broker, "lihua", changed)
    assert await file_of(broker, "lihua") == changed
    async with broker.store.reading() as session:
        rows = await session.scalars(
            select(AuditRow.action).where(AuditRow.object == "staff:lihua").order_by(AuditRow.seq)
        )
        assert rows.all() == ["staff.add", "staff.branch", "staff.deputy", "staff.roles"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"roles": ["manager", "audit_admin"]}, ExclusiveRoles),
        ({"branch": "BJ"}, NoSuchBranch),
        ({"deputy": "wangqiang"}, NotHisDeputy),
        ({"deputy": "nobody"}, NotHisDeputy),
    ],
)
async def test_what_cannot_be_changes_nothing(
    broker: Broker, change: dict[str, Any], error: type[UserError]
) -> None:
    before = await file_of(broker, "wangqiang")
    with pytest.raises(error):
        await adopt(broker, "wangqiang", {**before, **change})
    assert await file_of(broker, "wangqiang") == before


async def test_somebody_elses_account_is_not_given_to_a_new_person(broker: Broker) -> None:
    with pytest.raises(LoginTaken) as taken:
        await adopt(broker, "lihua", {**NEW, "logins": {"dingtalk": "limin"}}, new=True)
    assert "李敏" in taken.value.text


@pytest.mark.parametrize("change", [{"active": False}, {"roles": []}])
async def test_two_of_each_admin_role_stay(broker: Broker, change: dict[str, Any]) -> None:
    admins = ("tangyu", "luming", "zhoujie")
    for each in admins:
        new = {**NEW, "roles": [Role.SYSTEM_ADMIN.value], "logins": {}, "name": each}
        async with broker.store.reading() as session:
            before = await file_of(broker, "hejing")
            if each == "zhoujie":
                await staff.check(session, "hejing", before, {**before, **change})
            else:
                with pytest.raises(TooFewLeft):
                    await staff.check(session, "hejing", before, {**before, **change})
        await adopt(broker, each, new, new=True)


async def test_the_diff_is_in_the_words_of_the_trade(broker: Broker) -> None:
    before = await file_of(broker, "wangqiang")
    after = {**before, "branch": "SH", "deputy": "limin", "roles": ["head"], "active": False}
    async with broker.store.reading() as session:
        found = await staff.lines(session, before, after)
    assert {(each.what, each.before, each.after) for each in found} == {
        ("状态", "在职", "停用"),
        ("角色", "客户经理", "营业部负责人"),
        ("营业部", "杭州营业部", "上海营业部"),
        ("代理人", "无", "李敏"),
    }
