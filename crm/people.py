"""Staff, their roles, and what they may do and see.

A role grants actions, each with how far it reaches (row scope); personal fields show by level. The
three admin roles exclude each other; of clients they see at most those without an owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm.kernel import audit
from crm.kernel.db import now
from crm.kernel.errors import NotAllowed, UnknownPerson, UserError
from crm.models import Branch, Login, Role, Staff, StaffRole


class Action(StrEnum):
    LOOK_UP = "look_up"  # 查客户
    LOG = "log"  # 记沟通
    TASK = "task"  # 待办
    REVEAL = "reveal"  # 显示一项个人信息
    GRANT_VIEW = "grant_view"  # 批准查看
    OPEN_ACCOUNT = "open_account"  # 发起开户
    APPROVE = "approve"  # 审批
    SEE_RISK = "see_risk"  # 看预警
    RISK_DESK = "risk_desk"  # 处理预警
    IMPORT = "import"  # 导入
    SEE_STAFF = "see_staff"  # 看人员和角色
    STAFF = "staff"  # 人员
    ROLES = "roles"  # 角色
    RULES = "rules"  # 预警规则和配置
    CONFIRM = "confirm"  # 提出和确认更改
    CALENDAR = "calendar"  # 交易日历
    AUDIT = "audit"  # 审计
    SYSTEM = "system"  # 系统


ACTION_WORDS: Mapping[Action, str] = {
    Action.LOOK_UP: "查客户",
    Action.LOG: "记录沟通",
    Action.TASK: "待办",
    Action.REVEAL: "显示个人信息",
    Action.GRANT_VIEW: "批准查看",
    Action.OPEN_ACCOUNT: "发起开户",
    Action.APPROVE: "审批",
    Action.SEE_RISK: "查看预警",
    Action.RISK_DESK: "处理预警",
    Action.IMPORT: "导入",
    Action.SEE_STAFF: "查看人员",
    Action.STAFF: "管理人员",
    Action.ROLES: "管理角色",
    Action.RULES: "修改规则",
    Action.CONFIRM: "确认更改",
    Action.CALENDAR: "维护交易日历",
    Action.AUDIT: "审计",
    Action.SYSTEM: "系统维护",
}


class Scope(IntEnum):
    """How far an action reaches; wider is greater."""

    NONE = 0
    UNOWNED = 1  # clients that nobody looks after
    OWN = 2
    BRANCH = 3  # and those without an owner
    ALL = 4


class FieldLevel(IntEnum):
    """How a personal number is shown on a card; a reveal is an act of its own."""

    HIDDEN = 0
    MASKED = 1
    FULL = 2


Grants = Mapping[Action, Scope]

_SERVES_CLIENTS: Grants = {
    Action.LOOK_UP: Scope.OWN,
    Action.LOG: Scope.OWN,
    Action.TASK: Scope.OWN,
    Action.REVEAL: Scope.OWN,
    Action.SEE_RISK: Scope.OWN,
    Action.OPEN_ACCOUNT: Scope.OWN,
}
_SEES_ALL: Grants = {
    Action.LOOK_UP: Scope.ALL,
    Action.LOG: Scope.ALL,
    Action.TASK: Scope.OWN,
    Action.REVEAL: Scope.ALL,
    Action.APPROVE: Scope.ALL,
}
_RISK_DESK: Grants = {
    **_SEES_ALL,
    Action.SEE_RISK: Scope.ALL,
    Action.RISK_DESK: Scope.ALL,
    Action.RULES: Scope.ALL,
    Action.CONFIRM: Scope.ALL,
}

GRANTS: Mapping[Role, Grants] = {
    Role.MANAGER: _SERVES_CLIENTS,
    Role.HEAD: {
        Action.LOOK_UP: Scope.BRANCH,
        Action.LOG: Scope.BRANCH,
        Action.TASK: Scope.OWN,
        Action.REVEAL: Scope.BRANCH,
        Action.GRANT_VIEW: Scope.BRANCH,
        Action.OPEN_ACCOUNT: Scope.OWN,
        Action.APPROVE: Scope.BRANCH,
        Action.SEE_RISK: Scope.BRANCH,
    },
    Role.SUITABILITY: _SEES_ALL,
    Role.COMPLIANCE: _SEES_ALL,
    Role.OPENING_DESK: _SEES_ALL,
    Role.RISK: _RISK_DESK,
    Role.RISK_HEAD: _RISK_DESK,
    Role.SYSTEM_ADMIN: {
        Action.LOOK_UP: Scope.UNOWNED,
        Action.SEE_STAFF: Scope.ALL,
        Action.STAFF: Scope.ALL,
        Action.CALENDAR: Scope.ALL,
        Action.IMPORT: Scope.ALL,
        Action.SYSTEM: Scope.ALL,
        Action.RULES: Scope.ALL,
        Action.CONFIRM: Scope.ALL,
    },
    Role.SECURITY_ADMIN: {
        Action.SEE_STAFF: Scope.ALL,
        Action.ROLES: Scope.ALL,
        Action.CONFIRM: Scope.ALL,
    },
    Role.AUDIT_ADMIN: {Action.SEE_STAFF: Scope.ALL, Action.AUDIT: Scope.ALL},
}

FIELD_LEVELS: Mapping[Role, FieldLevel] = {
    Role.MANAGER: FieldLevel.MASKED,
    Role.HEAD: FieldLevel.MASKED,
    Role.SUITABILITY: FieldLevel.MASKED,
    Role.COMPLIANCE: FieldLevel.MASKED,
    Role.OPENING_DESK: FieldLevel.FULL,  # compares numbers with papers all day
    Role.RISK: FieldLevel.MASKED,
    Role.RISK_HEAD: FieldLevel.MASKED,
}

ADMIN_ROLES = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})

ROLE_WORDS: Mapping[Role, str] = {
    Role.MANAGER: "客户经理",
    Role.HEAD: "营业部负责人",
    Role.SUITABILITY: "适当性岗",
    Role.COMPLIANCE: "合规岗",
    Role.OPENING_DESK: "开户岗",
    Role.RISK: "风控",
    Role.RISK_HEAD: "风控负责人",
    Role.SYSTEM_ADMIN: "系统管理员",
    Role.SECURITY_ADMIN: "安全管理员",
    Role.AUDIT_ADMIN: "审计管理员",
}


class ExclusiveRoles(UserError):
    say = "管理员角色互斥：系统、安全、审计管理员由不同的人担任，也不兼业务角色；请先收回现有角色"


class AdminExists(UserError):
    say = "已经有系统管理员，其他人员请用 qidesk import staff 导入"


class NoSuchStaff(UserError):
    say = "没有员工「{words}」"


class NoSuchBranch(UserError):
    say = "没有营业部「{words}」"


class StaffExists(UserError):
    say = "员工「{words}」已经存在"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of staff with what the roles add up to."""

    id: str
    name: str
    branch: str | None
    roles: frozenset[Role]

    def scope(self, action: Action) -> Scope:
        return max(
            (GRANTS[role].get(action, Scope.NONE) for role in self.roles), default=Scope.NONE
        )

    @property
    def fields(self) -> FieldLevel:
        """How personal numbers are shown to this person; never so in a group."""
        return max(
            (FIELD_LEVELS.get(role, FieldLevel.HIDDEN) for role in self.roles),
            default=FieldLevel.HIDDEN,
        )

    def may(self, action: Action) -> bool:
        return self.scope(action) > Scope.NONE

    def must(self, action: Action) -> None:
        """Raises NotAllowed."""
        if not self.may(action):
            raise NotAllowed(action=ACTION_WORDS[action])


_PERSON = (
    select(Staff.id, Staff.name, Staff.branch, StaffRole.role)
    .select_from(Staff)
    .outerjoin(StaffRole, StaffRole.staff == Staff.id)
)
# Statements of every turn are built once: building one takes longer than running it.
_BY_LOGIN = _PERSON.join(Login, Login.staff == Staff.id).where(
    Login.platform == bindparam("platform"),
    Login.user == bindparam("user"),
    Staff.disabled_at.is_(None),
)
_BY_ID = _PERSON.where(Staff.id == bindparam("id"))
_LOGINS = (
    select(Login.platform, Login.user)
    .join(Staff, Staff.id == Login.staff)
    .where(Login.staff == bindparam("id"), Staff.disabled_at.is_(None))
    .order_by(Login.platform)
)
_NAMES = select(Staff.id, Staff.name).where(Staff.id.in_(bindparam("ids", expanding=True)))


async def by_login(session: AsyncSession, platform: str, user: str) -> Person:
    """Who speaks. Raises UnknownPerson for strangers and for the disabled."""
    found = await session.execute(_BY_LOGIN, {"platform": platform, "user": user})
    person = _one(found.all())
    if person is None:
        raise UnknownPerson
    return person


async def get(session: AsyncSession, staff_id: str) -> Person:
    """Raises NoSuchStaff."""
    found = await session.execute(_BY_ID, {"id": staff_id})
    person = _one(found.all())
    if person is None:
        raise NoSuchStaff(words=staff_id)
    return person


def _one(rows: Sequence[tuple[str, str, str | None, Role | None]]) -> Person | None:
    """The person of the rows, one for each role; a role is None where there is none."""
    if not rows:
        return None
    staff_id, name, branch, _ = rows[0]
    roles = frozenset(role for *_, role in rows if role is not None)
    return Person(id=staff_id, name=name, branch=branch, roles=roles)


async def with_role(session: AsyncSession, role: Role, branch: str | None = None) -> list[Person]:
    """Everybody active who holds ``role``, in the branch where one is given."""
    query = (
        select(Staff)
        .join(StaffRole, StaffRole.staff == Staff.id)
        .where(StaffRole.role == role, Staff.disabled_at.is_(None))
        .order_by(Staff.id)
        .options(selectinload(Staff.roles))
    )
    if branch is not None:
        query = query.where(Staff.branch == branch)
    return [_person(staff) for staff in await session.scalars(query)]


async def logins(session: AsyncSession, staff_id: str) -> list[tuple[str, str]]:
    """(platform, user) of an active person, by platform."""
    rows = await session.execute(_LOGINS, {"id": staff_id})
    return [(platform, user) for platform, user in rows]


async def names(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    wanted = set(ids)
    if not wanted:
        return {}
    rows = await session.execute(_NAMES, {"ids": list(wanted)})
    return dict(rows.all())


def _person(staff: Staff) -> Person:
    return Person(
        id=staff.id,
        name=staff.name,
        branch=staff.branch,
        roles=frozenset(held.role for held in staff.roles),
    )


async def add(
    session: AsyncSession,
    *,
    by: str,
    staff_id: str,
    name: str,
    branch: str | None,
    roles: frozenset[Role],
    logins: Mapping[str, str],
) -> None:
    """A new member of staff. Raises StaffExists, NoSuchBranch or ExclusiveRoles."""
    check_roles(roles)
    if await session.get(Staff, staff_id) is not None:
        raise StaffExists(words=staff_id)
    if branch is not None and await session.get(Branch, branch) is None:
        raise NoSuchBranch(words=branch)
    session.add(
        Staff(
            id=staff_id,
            name=name,
            branch=branch,
            created_at=now(session),
            roles=[StaffRole(role=role) for role in sorted(roles)],
            logins=[Login(platform=platform, user=user) for platform, user in logins.items()],
        )
    )
    audit.note(session, by, "staff.add", f"staff:{staff_id}", roles=sorted(roles), branch=branch)
    await session.flush()


async def has_system_admin(session: AsyncSession) -> bool:
    held = exists().where(StaffRole.role == Role.SYSTEM_ADMIN)
    return bool(await session.scalar(select(held)))


async def bootstrap(
    session: AsyncSession, *, staff_id: str, name: str, role: Role, logins: Mapping[str, str]
) -> None:
    """The first admins, from the command line. Raises AdminExists once there is a system admin
    for the role of system admin, and for every other role then too."""
    if await has_system_admin(session):
        raise AdminExists
    await add(
        session,
        by="cli",
        staff_id=staff_id,
        name=name,
        branch=None,
        roles=frozenset({role}),
        logins=logins,
    )


def check_roles(roles: frozenset[Role]) -> None:
    """Raises ExclusiveRoles: an admin role goes with no other role at all."""
    if roles & ADMIN_ROLES and len(roles) > 1:
        raise ExclusiveRoles


async def disable(session: AsyncSession, staff_id: str, *, by: str) -> bool:
    """Take a person's access away from the next message on; False when that was done before."""
    done = await session.execute(
        update(Staff)
        .where(Staff.id == staff_id, Staff.disabled_at.is_(None))
        .values(disabled_at=now(session))
        .returning(Staff.id)
    )
    if done.first() is None:
        return False
    audit.note(session, by, "staff.disable", f"staff:{staff_id}")
    return True


async def branch_names(session: AsyncSession) -> dict[str, str]:
    rows = await session.execute(select(Branch.code, Branch.name))
    return dict(rows.all())
