"""Members of staff as admins see and change them: a person's file is a document of the rulebook."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm import people
from crm.binding import PLATFORM_WORDS
from crm.changes import announce
from crm.kernel import audit
from crm.kernel.errors import UserError
from crm.kernel.rulebook import Body
from crm.models import Branch, Client, Login, Role, Staff, StaffRole, Task, TaskState
from crm.people import ADMIN_ROLES, ROLE_WORDS, NoSuchBranch, NoSuchStaff, check_roles
from crm.proposals import Line

KIND = "staff"
FEWEST = 2  # of each admin role: with fewer nobody could confirm anything any more


class Namesakes(UserError):
    say = "有 {count} 位叫「{words}」的员工，请用工号：{ids}"


class TooFewLeft(UserError):
    say = "{role}至少要留 2 位，否则以后没有人能确认更改；请先增加一位再改"


class LoginTaken(UserError):
    say = "平台账号 {user} 已经是 {name} 的"


class NotHisDeputy(UserError):
    say = "代理人要是另一位在职员工；管理员和业务岗不能互相代理"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """How much is in a person's name."""

    clients: int
    tasks: int


async def find(session: AsyncSession, words: str) -> Staff:
    """By id or whole name; of namesakes the one who still works here.

    Raises NoSuchStaff or Namesakes.
    """
    rows = await session.scalars(
        _with_roles().where(or_(Staff.id == words, Staff.name == words)).order_by(Staff.id)
    )
    found = rows.all()
    by_id = [row for row in found if row.id == words]
    here = [row for row in found if row.disabled_at is None]
    for some in (by_id, here, found):
        if len(some) == 1:
            return some[0]
    if not found:
        raise NoSuchStaff(words=words)
    several = here or found
    raise Namesakes(count=len(several), words=words, ids="、".join(row.id for row in several))


def _with_roles() -> Select[Staff]:
    loaded = (selectinload(Staff.roles), selectinload(Staff.logins))
    return select(Staff).options(*loaded).execution_options(populate_existing=True)


async def listing(
    session: AsyncSession, *, role: Role | None = None, branch: str | None = None
) -> Sequence[Staff]:
    """Everybody, those who work here first."""
    query = _with_roles().order_by(
        Staff.disabled_at.is_not(None), Staff.branch.is_(None), Staff.branch, Staff.id
    )
    if role is not None:
        query = query.join(StaffRole, StaffRole.staff == Staff.id).where(StaffRole.role == role)
        query = query.where(Staff.disabled_at.is_(None))
    if branch is not None:
        query = query.where(Staff.branch == branch)
    return (await session.scalars(query)).all()


async def owned(session: AsyncSession, staff_id: str) -> Owned:
    clients = await session.scalar(
        select(func.count()).select_from(Client).where(Client.owner == staff_id)
    )
    tasks = await session.scalar(
        select(func.count())
        .select_from(Task)
        .where(Task.staff == staff_id, Task.state == TaskState.OPEN)
    )
    return Owned(clients=clients or 0, tasks=tasks or 0)


async def branch_of(session: AsyncSession, words: str) -> str:
    """The code of a branch by code, name or the beginning of its name. Raises NoSuchBranch."""
    rows = (await session.execute(select(Branch.code, Branch.name))).all()
    exact = [code for code, name in rows if words.upper() == code.upper() or words == name]
    begun = [code for code, name in rows if name.startswith(words)] if words else []
    found = exact or begun
    if len(found) != 1:
        raise NoSuchBranch(words=words)
    return found[0]


def file_of(staff: Staff) -> Body:
    """What may change about a person."""
    return {
        "name": staff.name,
        "branch": staff.branch,
        "roles": sorted(held.role.value for held in staff.roles),
        "deputy": staff.deputy,
        "active": staff.disabled_at is None,
        "logins": {login.platform: login.user for login in staff.logins},
    }


def roles_of(body: Body) -> frozenset[Role]:
    return frozenset(Role(role) for role in body["roles"])


async def lines(session: AsyncSession, before: Body | None, after: Body) -> tuple[Line, ...]:
    """The diff in words."""
    branches = await people.branch_names(session)
    ids = {body["deputy"] for body in (before, after) if body and body["deputy"]}
    names = await people.names(session, ids)

    def told(body: Body | None) -> Mapping[str, str]:
        if body is None:
            return {}
        return {
            "姓名": body["name"],
            "状态": "在职" if body["active"] else "停用",
            "角色": role_words(roles_of(body)),
            "营业部": branches.get(body["branch"] or "", "无"),
            "代理人": names.get(body["deputy"] or "", "无"),
            "登录账号": login_words(body),
        }

    old, new = told(before), told(after)
    return tuple(
        Line(what, old.get(what, ""), value)
        for what, value in new.items()
        if old.get(what, "") != value and not (before is None and value == "无")
    )


def login_words(body: Body) -> str:
    """钉钉 wangqiang、企业微信 wangqiang"""
    logins = sorted(body["logins"].items())
    return "、".join(f"{PLATFORM_WORDS.get(p, p)} {user}" for p, user in logins) or "无"


def role_words(roles: Iterable[Role]) -> str:
    held = frozenset(roles)
    return "、".join(word for role, word in ROLE_WORDS.items() if role in held) or "无"


async def check(session: AsyncSession, staff_id: str, before: Body | None, after: Body) -> None:
    """Raises ExclusiveRoles, NoSuchBranch, NotHisDeputy, LoginTaken or TooFewLeft."""
    check_roles(roles_of(after))
    if after["branch"] and await session.get(Branch, after["branch"]) is None:
        raise NoSuchBranch(words=after["branch"])
    if after["deputy"]:
        deputy = await session.get(Staff, after["deputy"])
        if deputy is None or deputy.disabled_at is not None or deputy.id == staff_id:
            raise NotHisDeputy
        roles = (await people.get(session, deputy.id)).roles
        if roles.isdisjoint(ADMIN_ROLES) is not roles_of(after).isdisjoint(ADMIN_ROLES):
            raise NotHisDeputy
    if before is None:
        await _logins_are_free(session, after["logins"])
    else:
        await _enough_are_left(session, staff_id, before, after)


async def _logins_are_free(session: AsyncSession, logins: Mapping[str, str]) -> None:
    for platform, user in logins.items():
        taken = await session.get(Login, (platform, user))
        if taken is not None:
            names = await people.names(session, [taken.staff])
            raise LoginTaken(user=user, name=names.get(taken.staff, taken.staff))


async def _enough_are_left(session: AsyncSession, staff_id: str, before: Body, after: Body) -> None:
    had = roles_of(before) if before["active"] else frozenset()
    keeps = roles_of(after) if after["active"] else frozenset()
    for role in (had - keeps) & ADMIN_ROLES:
        others = [each for each in await people.with_role(session, role) if each.id != staff_id]
        if len(others) < FEWEST:
            raise TooFewLeft(role=ROLE_WORDS[role])


async def adopt(
    session: AsyncSession, staff_id: str, before: Body | None, after: Body, *, by: str
) -> None:
    """Make a person's rows follow the file, all but an end of access. Raises like ``check``."""
    await check(session, staff_id, before, after)
    if before is None:
        await people.add(
            session,
            by=by,
            staff_id=staff_id,
            name=after["name"],
            branch=after["branch"],
            roles=roles_of(after),
            logins=after["logins"],
        )
    else:
        await _change(session, staff_id, before, after, by=by)
    await announce(session, "staff")


async def _change(
    session: AsyncSession, staff_id: str, before: Body, after: Body, *, by: str
) -> None:
    staff = (await session.scalars(_with_roles().where(Staff.id == staff_id))).one()
    thing = f"staff:{staff_id}"
    if after["active"] and staff.disabled_at is not None:
        staff.disabled_at = None
        audit.note(session, by, "staff.enable", thing)
    if staff.branch != after["branch"]:
        audit.note(session, by, "staff.branch", thing, before=staff.branch, after=after["branch"])
        staff.branch = after["branch"]
    if staff.deputy != after["deputy"]:
        audit.note(session, by, "staff.deputy", thing, before=staff.deputy, after=after["deputy"])
        staff.deputy = after["deputy"]
    held, wanted = roles_of(before), roles_of(after)
    if held != wanted:
        staff.roles = [held for held in staff.roles if held.role in wanted]
        staff.roles += [StaffRole(role=role) for role in sorted(wanted - held)]
        audit.note(session, by, "staff.roles", thing, before=sorted(held), after=sorted(wanted))
    await session.flush()
