"""Staff and branches from a table: ``id,name,branch,branch_name,roles,dingtalk,wecom``.

What a row leaves empty stays as it is. Once there is a system admin, a table neither gives nor
takes admin roles: that is the security admin's.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm import people
from crm.imports import cleaning, sheets
from crm.imports.rejects import Reject
from crm.imports.table import Row, is_blank
from crm.kernel import audit
from crm.kernel.errors import UserError
from crm.models import Branch, Login, Role, Staff, StaffRole

FIELDS = ("id", "name", "branch", "branch_name", "roles", "dingtalk", "wecom")
PLATFORMS = ("dingtalk", "wecom")
HEADINGS: Mapping[str, str] = {
    **{name: name for name in FIELDS},
    "工号": "id",
    "姓名": "name",
    "营业部代码": "branch",
    "营业部": "branch_name",
    "角色": "roles",
    "钉钉": "dingtalk",
    "企业微信": "wecom",
}
ROLES: Mapping[str, Role] = {
    **{role.value: role for role in Role},
    **{word: role for role, word in people.ROLE_WORDS.items()},
}
ID = re.compile(r"[\w.@-]{1,64}")
BRANCH = re.compile(r"[\w-]{1,16}")
BETWEEN_ROLES = re.compile(r"[\s,;|/、，；]+")


class NoStaffHeadings(UserError):
    say = "没有找到标题行：第一行应为 id,name,branch,branch_name,roles,dingtalk,wecom"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRow:
    """A member of staff as a row tells it; empty where it does not say."""

    row: int
    id: str
    name: str
    branch: str
    branch_name: str
    roles: frozenset[Role]
    logins: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A table as read."""

    rows: Sequence[StaffRow]
    rejects: Sequence[Reject]
    headings_not_recognised: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Taken:
    """What became of the rows."""

    taken: int = 0
    updated: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)  # (platform, user) of nobody now


class _Bad(Exception):
    def __init__(self, column: str, value: str, why: str) -> None:
        super().__init__(column)
        self.column, self.value, self.why = column, value, why

    def of(self, row: int) -> Reject:
        return Reject(
            sheet=None,
            row=row,
            column=self.column,
            code="STAFF",
            value_masked=self.value[:60],
            reason=self.why,
        )


def read(path: Path) -> Roster:
    """Blocks, so call it in a thread. Raises NoStaffHeadings or what ``sheets.read`` raises."""
    sheet = next((one for one in sheets.read(path).sheets if one.rows), None)
    if sheet is None:
        raise NoStaffHeadings
    words = [cleaning.plain(cell) for cell in sheet.rows[0].cells]
    columns = {
        HEADINGS[word.lower()]: n for n, word in enumerate(words) if word.lower() in HEADINGS
    }
    if not {"id", "name"} <= columns.keys():
        raise NoStaffHeadings
    rows: list[StaffRow] = []
    rejects: list[Reject] = []
    for row in sheet.rows[1:]:
        try:
            rows.append(_read_row(row, columns))
        except _Bad as bad:
            rejects.append(bad.of(row.number))
    unknown = [word for word in words if word and word.lower() not in HEADINGS]
    return Roster(rows=rows, rejects=rejects, headings_not_recognised=unknown)


def _read_row(row: Row, columns: Mapping[str, int]) -> StaffRow:
    told = dict.fromkeys(FIELDS, "")
    for name, index in columns.items():
        if index < len(row.cells) and not is_blank(row.cells[index]):
            told[name] = cleaning.plain(row.cells[index])
    if not ID.fullmatch(told["id"]):
        raise _Bad("id", told["id"], "id 为空或含有不该出现的字符")
    if not 0 < len(told["name"]) <= 64:
        raise _Bad("name", told["name"], "name 为空或太长")
    if told["branch"] and not BRANCH.fullmatch(told["branch"]):
        raise _Bad("branch", told["branch"], "营业部代码最多 16 个字母、数字")
    return StaffRow(
        row=row.number,
        id=told["id"],
        name=told["name"],
        branch=told["branch"],
        branch_name=told["branch_name"],
        roles=_roles(told["roles"]),
        logins={platform: told[platform] for platform in PLATFORMS if told[platform]},
    )


def _roles(text: str) -> frozenset[Role]:
    words = [word for word in BETWEEN_ROLES.split(text) if word]
    unknown = [word for word in words if word not in ROLES]
    if unknown:
        known = " ".join(role.value for role in Role)
        raise _Bad("roles", text, f"没有角色「{unknown[0]}」，可选：{known}")
    roles = frozenset(ROLES[word] for word in words)
    try:
        people.check_roles(roles)
    except people.ExclusiveRoles as error:
        raise _Bad("roles", text, error.text) from error
    return roles


async def apply(session: AsyncSession, rows: Iterable[StaffRow], *, by: str) -> Taken:
    """Add and update staff; a row that does not fit is left out whole."""
    room = _Room(session, by, admins_are_set=await people.has_system_admin(session))
    await room.load()
    done = Taken()
    for row in rows:
        try:
            await room.take(row, done)
        except _Bad as bad:
            done.rejects.append(bad.of(row.row))
    await session.flush()
    return done


class _Room:
    """Everybody who is there, as the rows come in."""

    def __init__(self, session: AsyncSession, by: str, *, admins_are_set: bool) -> None:
        self._session = session
        self._by = by
        self._admins_are_set = admins_are_set
        self._seen: set[str] = set()

    async def load(self) -> None:
        staff = await self._session.scalars(
            select(Staff).options(selectinload(Staff.roles), selectinload(Staff.logins))
        )
        self._staff = {one.id: one for one in staff}
        self._branches = await people.branch_names(self._session)
        self._logins = {
            (login.platform, login.user): one.id
            for one in self._staff.values()
            for login in one.logins
        }

    async def take(self, row: StaffRow, done: Taken) -> None:
        known = self._staff.get(row.id)
        self._check(row, known)
        branch = await self._branch(row)
        if not row.roles and not (known and known.roles):
            done.notices.append(f"第 {row.row} 行没有写角色，授予角色之前什么也做不了")
        self._seen.add(row.id)
        self._logins.update(dict.fromkeys(row.logins.items(), row.id))
        if known is None:
            await people.add(
                self._session,
                by=self._by,
                staff_id=row.id,
                name=row.name,
                branch=branch,
                roles=row.roles,
                logins=row.logins,
            )
            done.taken += 1
            return
        if known.disabled_at is not None:
            done.notices.append(f"第 {row.row} 行的员工已停用，仍保持停用")
        if await self._update(known, row, branch, done):
            done.updated += 1
        else:
            done.unchanged += 1

    def _check(self, row: StaffRow, known: Staff | None) -> None:
        if row.id in self._seen:
            raise _Bad("id", row.id, "同一 id 在文件里出现了两次")
        for platform, user in row.logins.items():
            if self._logins.get((platform, user), row.id) != row.id:
                raise _Bad(platform, user, "这个账号已经属于另一名员工")
        before = frozenset(held.role for held in known.roles) if known else frozenset()
        changed = (before ^ row.roles) & people.ADMIN_ROLES if row.roles else frozenset()
        if changed and self._admins_are_set:
            raise _Bad(
                "roles",
                " ".join(sorted(changed)),
                "已经有系统管理员，管理员角色请由安全管理员在对话里调整",
            )

    async def _branch(self, row: StaffRow) -> str | None:
        """The code, of a branch made here where it is new."""
        by_name = {name: code for code, name in self._branches.items()}
        code = row.branch or by_name.get(row.branch_name)
        if code is None:
            if row.branch_name:
                raise _Bad("branch", row.branch_name, "没有这个营业部，新营业部请写明代码")
            return None
        if code not in self._branches:
            if not row.branch_name:
                raise _Bad("branch", code, "没有这个营业部，新营业部请写明 branch_name")
            if row.branch_name in by_name:
                raise _Bad("branch_name", row.branch_name, "这个名称已属于另一个营业部代码")
            self._session.add(Branch(code=code, name=row.branch_name))
            await self._session.flush()
            self._branches[code] = row.branch_name
            audit.note(
                self._session, self._by, "branch.add", f"branch:{code}", name=row.branch_name
            )
        return code

    async def _update(self, known: Staff, row: StaffRow, branch: str | None, done: Taken) -> bool:
        changed: dict[str, object] = {}
        if known.name != row.name:
            known.name = row.name
            changed["name"] = row.name
        if branch and known.branch != branch:
            known.branch = branch
            changed["branch"] = branch
        before = {held.role for held in known.roles}
        if row.roles and before != row.roles:
            known.roles = [one for one in known.roles if one.role in row.roles]
            known.roles += [StaffRole(role=role) for role in sorted(row.roles - before)]
            changed["roles"] = {"before": sorted(before), "after": sorted(row.roles)}
        for platform, user in row.logins.items():
            users = {one.user for one in known.logins if one.platform == platform}
            if user not in users:
                done.replaced += [(platform, old) for old in users]
                known.logins = [one for one in known.logins if one.platform != platform]
                known.logins.append(Login(platform=platform, user=user))
                changed[platform] = "changed"
        if not changed:
            return False
        audit.note(self._session, self._by, "staff.import", f"staff:{known.id}", changed=changed)
        await self._session.flush()
        return True
