"""Staff, their roles, and what they may do and see.

A role grants actions, each with how far it reaches (row scope); personal fields show by level. The
three admin roles exclude each other; of clients they see at most those without an owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from sqlalchemy import exists, select, update
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
    IMPORT = "import"  # 导入
    STAFF = "staff"  # 人员
    ROLES = "roles"  # 角色
    CALENDAR = "calendar"  # 交易日历
    AUDIT = "audit"  # 审计
    SYSTEM = "system"  # 系统


ACTION_WORDS: Mapping[Action, str] = {
    Action.LOOK_UP: "查客户",
    Action.LOG: "记录沟通",
    Action.TASK: "待办",
    Action.REVEAL: "显示个人信息",
    Action.GRANT_VIEW: "批准查看",
    Action.IMPORT: "导入",
    Action.STAFF: "管理人员",
    Action.ROLES: "管理角色",
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
}
_SEES_ALL: Grants = {
    Action.LOOK_UP: Scope.ALL,
    Action.LOG: Scope.ALL,
    Action.TASK: Scope.OWN,
    Action.REVEAL: Scope.ALL,
}

GRANTS: Mapping[Role, Grants] = {
    Role.MANAGER: _SERVES_CLIENTS,
    Role.HEAD: {
        Action.LOOK_UP: Scope.BRANCH,
        Action.LOG: Scope.BRANCH,
        Action.TASK: Scope.OWN,
        Action.REVEAL: Scope.BRANCH,
        Action.GRANT_VIEW: Scope.BRANCH,
    },
    Role.SUITABILITY: _SEES_ALL,
    Role.COMPLIANCE: _SEES_ALL,
    Role.OPENING_DESK: _SEES_ALL,
    Role.RISK: _SEES_ALL,
    Role.RISK_HEAD: _SEES_ALL,
    Role.SYSTEM_ADMIN: {
        Action.LOOK_UP: Scope.UNOWNED,
        Action.STAFF: Scope.ALL,
        Action.CALENDAR: Scope.ALL,
        Action.IMPORT: Scope.ALL,
        Action.SYSTEM: Scope.ALL,
    },
    Role.SECURITY_ADMIN: {Action.ROLES: Scope.ALL},
    Role.AUDIT_ADMIN: {Action.AUDIT: Scope.ALL},
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
    say = "管理员角色互斥：系统、安全、审计管理员各由一人担任，且不能兼任业务角色"


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


async def by_login(session: AsyncSession, platform: str, user: str) -> Person:
    """Who speaks. Raises UnknownPerson for strangers and for the disabled."""
    found = await session.scalar(
        select(Staff)
        .join(Login, Login.staff == Staff.id)
        .where(Login.platform == platform, Login.user == user, Staff.disabled_at.is_(None))
        .options(selectinload(Staff.roles))
    )
    if found is None:
        raise UnknownPerson
    return _person(found)


async def get(session: AsyncSession, staff_id: str) -> Person:
    """Raises NoSuchStaff."""
    found = await session.scalar(
        select(Staff).where(Staff.id == staff_id).options(selectinload(Staff.roles))
    )
    if found is None:
        raise NoSuchStaff(words=staff_id)
    return _person(found)


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
    rows = await session.execute(
        select(Login.platform, Login.user)
        .join(Staff, Staff.id == Login.staff)
        .where(Login.staff == staff_id, Staff.disabled_at.is_(None))
        .order_by(Login.platform)
    )
    return [(platform, user) for platform, user in rows]


async def names(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    rows = await session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(set(ids))))
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
