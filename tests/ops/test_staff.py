"""Staff from a table and from the command line, and what leaving takes away."""

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.commands import bulk
from bot.models import LiveCard
from bot.settings import Settings
from crm import access, calendars, clients, names, people, search
from crm.binding import NoLogin, TakenLogin
from crm.clients import NewClient
from crm.kernel.db import Store, now
from crm.kernel.errors import SettingsError, UnknownPerson
from crm.models import Client, Role, Staff, StaffRole, Task, TaskState, ViewGrant

HEAD = ("id", "name", "branch", "branch_name", "roles", "dingtalk", "wecom")


def table(tmp_path: Path, *rows: Sequence[str], head: Sequence[str] = HEAD) -> Path:
    path = tmp_path / "staff.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


async def roles_of(desk: Store, staff_id: str) -> frozenset[Role]:
    async with desk.reading() as session:
        return (await people.get(session, staff_id)).roles


async def test_staff_and_a_new_branch_come_from_one_table(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    new = ("chenyi", "陈一", "BJ", "北京营业部", "manager,head", "dt-chenyi", "wx-chenyi")
    path = table(tmp_path, new)
    result = await bulk.staff(settings, path)
    assert (result.taken, result.rejected, result.exit_code) == (1, 0, 0)
    async with desk.reading() as session:
        person = await people.by_login(session, "wecom", "wx-chenyi")
        branches = await people.branch_names(session)
    assert (person.id, person.branch) == ("chenyi", "BJ")
    assert person.roles == {Role.MANAGER, Role.HEAD}
    assert branches["BJ"] == "北京营业部"
    again = await bulk.staff(settings, path)
    assert (again.taken, again.updated, again.unchanged) == (0, 0, 1)


async def test_chinese_headings_and_roles_are_understood_and_gaps_keep_what_is_known(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    head = ("工号", "姓名", "营业部", "角色", "钉钉")
    moved = ("wangqiang", "王强", "上海营业部", "", "")
    risk = ("chenxi", "陈曦", "", "风控", "chenxi")
    result = await bulk.staff(settings, table(tmp_path, moved, risk, head=head))
    assert (result.taken, result.updated, result.rejected) == (1, 1, 0)
    async with desk.reading() as session:
        person = await people.by_login(session, "dingtalk", "wangqiang")
    assert person.branch == "SH"
    assert person.roles == {Role.MANAGER}
    assert await roles_of(desk, "chenxi") == {Role.RISK}


async def test_rows_that_do_not_fit_are_rejected_and_the_others_taken(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    path = table(
        tmp_path,
        ("good", "好", "HZ", "", "manager", "", ""),
        ("bad role", "错", "HZ", "", "manager", "", ""),
        ("r1", "错", "HZ", "", "emperor", "", ""),
        ("r2", "错", "XX", "", "manager", "", ""),
        ("r3", "错", "HZ", "", "manager", "limin", ""),
        ("r5", "错", "", "", "manager audit_admin", "", ""),
        ("good", "好", "HZ", "", "manager", "", ""),
    )
    result = await bulk.staff(settings, path)
    assert [(one.row, one.column) for one in result.rejects] == [
        (3, "id"),
        (4, "roles"),
        (5, "branch"),
        (6, "dingtalk"),
        (7, "roles"),
        (8, "id"),
    ]
    assert (result.taken, result.exit_code) == (1, 3)


async def test_who_is_to_be_an_admin_comes_without_a_role_and_keeps_the_one_he_is_given(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    path = table(tmp_path, ("newone", "新来", "HZ", "", "", "newone", ""))
    first = await bulk.staff(settings, path)
    assert (first.taken, first.rejected) == (1, 0)
    assert "第 2 行没有写角色" in first.notices[0]
    assert await roles_of(desk, "newone") == frozenset()
    async with desk.writing() as session:
        session.add(StaffRole(staff="newone", role=Role.SYSTEM_ADMIN))
    again = await bulk.staff(settings, path)
    assert (again.unchanged, again.rejected, again.notices) == (1, 0, [])
    assert await roles_of(desk, "newone") == {Role.SYSTEM_ADMIN}


async def test_once_there_is_a_system_admin_no_table_gives_or_takes_admin_roles(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    path = table(
        tmp_path,
        ("limin", "李敏", "", "", "system_admin", "", ""),
        ("hejing", "何静", "", "", "manager", "", ""),
    )
    result = await bulk.staff(settings, path)
    assert (result.rejected, result.updated) == (2, 0)
    assert await roles_of(desk, "limin") == {Role.MANAGER}
    assert await roles_of(desk, "hejing") == {Role.SYSTEM_ADMIN}


async def test_the_first_admins_are_made_until_there_is_a_system_admin(
    settings: Settings,
) -> None:
    assert "安全管理员" in await bulk.first_admin(settings, "gaoyuan", "高远", "security_admin", {})
    await bulk.first_admin(settings, "tangyu", "唐宇", "system_admin", {"dingtalk": "tangyu"})
    with pytest.raises(people.AdminExists):
        await bulk.first_admin(settings, "linlan", "林岚", "audit_admin", {})
    with pytest.raises(SettingsError, match="audit_admin"):
        await bulk.first_admin(settings, "linlan", "林岚", "auditor", {})


async def give_client(desk: Store, owner: str) -> int:
    new = NewClient(name="张三丰", accounts=[("80010001", "CNY")], branch="HZ", owner=owner)
    async with desk.writing() as session:
        [client_id] = await clients.add_many(session, [new], by="test")
        at = now(session)
        task = Task(staff=owner, client_id=client_id, text="回电", due_at=at, created_at=at)
        session.add(task)
    return client_id


async def test_a_disabled_person_is_unknown_at_once_and_the_head_has_clients_and_tasks(
    settings: Settings, desk: Store
) -> None:
    await give_client(desk, "wangqiang")
    said = await bulk.disable(settings, "wangqiang")
    assert "1 位客户转给 孙芳" in said
    async with desk.reading() as session:
        with pytest.raises(UnknownPerson):
            await people.by_login(session, "dingtalk", "wangqiang")
        head = await people.get(session, "sunfang")
        [hit] = await search.find(session, head, names.query_keys("张三丰"))
        [task] = (await session.scalars(select(Task))).all()
    assert (hit.owner, task.staff, task.state) == ("sunfang", "sunfang", TaskState.OPEN)


async def test_what_was_on_the_screen_and_what_was_lent_ends_too(
    settings: Settings, desk: Store
) -> None:
    client_id = await give_client(desk, "limin")
    async with desk.writing() as session:
        at = now(session)
        session.add(
            ViewGrant(
                client_id=client_id, staff="wangqiang", asked_at=at, until=at + timedelta(hours=9)
            )
        )
        for receiver in ("wangqiang", "limin"):
            session.add(
                LiveCard(
                    id=receiver,
                    subject="task:1",
                    receiver=receiver,
                    drawn_for=receiver,
                    platform="dingtalk",
                    place="private",
                    chat=receiver,
                    version=1,
                    content="{}",
                    at=at,
                )
            )
        staff = await session.get_one(Staff, "limin")
        staff.deputy = "wangqiang"
    await bulk.disable(settings, "wangqiang")
    async with desk.reading() as session:
        cards = list(await session.scalars(select(LiveCard.receiver)))
        wang = await people.get(session, "wangqiang")
        sees = await access.may_see(session, wang, client_id, people.Action.LOOK_UP)
        staff = await session.get_one(Staff, "limin")
    assert (cards, sees, staff.deputy) == (["limin"], False, None)


async def test_without_another_head_the_clients_wait_for_somebody(
    settings: Settings, desk: Store
) -> None:
    client_id = await give_client(desk, "zhaolei")
    assert "待分配" in await bulk.disable(settings, "zhaolei")
    async with desk.reading() as session:
        client = await session.get_one(Client, client_id)
        [task] = (await session.scalars(select(Task))).all()
    assert (client.owner, task.staff, task.state) == (None, "zhaolei", TaskState.OPEN)
    assert "早已停用" in await bulk.disable(settings, "zhaolei")
    with pytest.raises(people.NoSuchStaff):
        await bulk.disable(settings, "nobody")


async def card_on(desk: Store, user: str) -> None:
    """王强 has a card on his screen."""
    async with desk.writing() as session:
        session.add(
            LiveCard(
                id=user,
                subject="",
                receiver="wangqiang",
                drawn_for="wangqiang",
                platform="dingtalk",
                place="private",
                chat=user,
                version=1,
                content="{}",
                at=now(session),
            )
        )


async def test_an_account_that_a_table_replaces_loses_access_and_its_cards(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    await card_on(desk, "wangqiang")
    row = ("wangqiang", "王强", "", "", "", "dt-new", "wx-new")
    assert (await bulk.staff(settings, table(tmp_path, row))).updated == 1
    async with desk.reading() as session:
        logins = await people.logins(session, "wangqiang")
        assert list(await session.scalars(select(LiveCard.id))) == []
        with pytest.raises(UnknownPerson):
            await people.by_login(session, "dingtalk", "wangqiang")
    assert logins == [("dingtalk", "dt-new"), ("wecom", "wx-new")]


async def test_one_account_is_bound_and_taken_off_by_hand(settings: Settings, desk: Store) -> None:
    await card_on(desk, "wangqiang")
    logins = {"dingtalk": "dt-new", "wecom": "wx-new"}
    said = await bulk.bind(settings, "wangqiang", logins)
    assert said == "王强（wangqiang）已绑定钉钉 dt-new，企业微信 wx-new"
    async with desk.reading() as session:
        assert dict(await people.logins(session, "wangqiang")) == logins
        assert list(await session.scalars(select(LiveCard.id))) == []
    with pytest.raises(TakenLogin, match="TakenLogin"):
        await bulk.bind(settings, "limin", {"wecom": "wx-new"})
    said = await bulk.unbind(settings, "wangqiang", ["wecom"])
    assert said == "王强（wangqiang）已解除企业微信 wx-new"
    assert "wx-new" in await bulk.bind(settings, "limin", {"wecom": "wx-new"})
    with pytest.raises(NoLogin):
        await bulk.unbind(settings, "wangqiang", ["wecom"])
    with pytest.raises(people.NoSuchStaff):
        await bulk.bind(settings, "nobody", {"wecom": "wx-2"})


async def test_a_new_year_of_the_calendar_keeps_the_years_before(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    path = tmp_path / "calendar.csv"
    path.write_text("date,kind,holiday\n2026-12-31,no_night,元旦\n2027-01-01,closed,元旦\n")
    said = await bulk.calendar(settings, path)
    assert "2027-12-31" in said
    async with desk.reading() as session:
        calendar = await calendars.load(session)
        until = await calendars.announced_until(session)
    assert not calendar.is_trading(date(2026, 10, 1))
    assert calendar.has_night(date(2026, 11, 23))
    assert not calendar.has_night(date(2026, 9, 30))
    assert not calendar.has_night(date(2026, 12, 31))
    assert calendar.is_trading(date(2027, 10, 1))  # what was only expected is gone
    assert until == date(2027, 12, 31)
    path.write_bytes("date,kind,holiday\n2027-01-01,closed,元旦\n".encode("gb18030"))
    with pytest.raises(SettingsError, match="UTF-8"):
        await bulk.calendar(settings, path)
