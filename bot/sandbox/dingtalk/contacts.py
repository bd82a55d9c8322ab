"""Contacts: people, departments and roles of the company, as ``topapi`` answers them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bot.sandbox.dingtalk.calls import Call, Calls, Problem
from bot.sandbox.dingtalk.company import DingTalkSettings, union_id
from bot.sandbox.ground import Ground
from bot.sandbox.world import ROLES, Person

ROOT = 1
READ_PEOPLE = "qyapi_get_member"
READ_DEPARTMENTS = "qyapi_get_department_list"
READ_MEMBERS = "qyapi_get_department_member"
LEFT = "CREATE TABLE IF NOT EXISTS dingtalk_left (person TEXT PRIMARY KEY)"


class Contacts:
    def __init__(self, ground: Ground, settings: DingTalkSettings) -> None:
        self._world = ground.world
        self._disk = ground.disk
        self._disk.define(LEFT)
        self._stringly = settings.stringly
        codes = [branch.id for branch in ground.world.branches]
        self._departments = {code: n for n, code in enumerate(codes, ROOT + 1)}
        self._departments[""] = ROOT + 1 + len(self._departments)  # 总部
        self._roles = {role: n for n, role in enumerate(ROLES, 501)}

    def add_routes(self, calls: Calls) -> None:
        by_mobile = "qyapi_get_member_by_mobile"
        calls.oapi("POST", "/topapi/user/getbyunionid", self._by_union, scope=READ_PEOPLE)
        calls.oapi("POST", "/topapi/v2/user/get", self._user, scope=READ_PEOPLE)
        calls.oapi("POST", "/topapi/v2/user/getbymobile", self._by_mobile, scope=by_mobile)
        calls.oapi("POST", "/topapi/user/listid", self._members, scope=READ_MEMBERS)
        below = "/topapi/v2/department/listsub"
        calls.oapi("POST", below, self._below, scope=READ_DEPARTMENTS)
        calls.oapi("POST", "/topapi/role/list", self._role_list, scope=READ_PEOPLE)
        calls.oapi("POST", "/topapi/role/simplelist", self._role_people, scope=READ_PEOPLE)
        calls.oapi("POST", "/topapi/role/getrole", self._role, scope=READ_PEOPLE)

    def leave(self, people: Sequence[str]) -> None:
        """They are no longer of the company."""
        for person in people:
            self._disk.run("INSERT OR IGNORE INTO dingtalk_left VALUES (?)", person)

    def _has_left(self, person: str) -> bool:
        left = "SELECT 1 FROM dingtalk_left WHERE person = ?"
        return self._disk.row(left, person) is not None

    async def _user(self, call: Call) -> dict[str, Any]:
        person = self._world.person(str(call.body.get("userid", "")))
        if person is None or self._has_left(person.id):
            raise Problem(33012, "无效的USERID")
        department = self._departments[person.branch]
        leads = person.role == "head"
        role = {"id": self._roles[person.role], "name": ROLES[person.role], "group_name": "岗位"}
        return {
            "result": {
                "userid": person.id,
                "unionid": union_id(person.id),
                "name": person.name,
                "title": ROLES[person.role],
                "job_number": person.id,
                "active": self._said(True),
                "admin": self._said(person.role == "system_admin"),
                "boss": self._said(False),
                "senior": self._said(False),
                "hide_mobile": self._said(True),
                "dept_id_list": self._said([department]),
                "leader_in_dept": [{"dept_id": department, "leader": self._said(leads)}],
                "role_list": [role],
            }
        }

    async def _by_mobile(self, call: Call) -> dict[str, Any]:
        given = str(call.body.get("mobile", ""))
        if len(given) != 11 or not given.isdecimal():
            raise Problem(40104, "无效的手机号码")
        found = next((one for one in self._world.people if mobile_of(one.id) == given), None)
        if found is None:
            raise Problem(60121, "找不到该用户")
        return {"result": {"userid": found.id}}

    async def _by_union(self, call: Call) -> dict[str, Any]:
        given = str(call.body.get("unionid", ""))
        found = next((one for one in self._world.people if union_id(one.id) == given), None)
        if found is None or self._has_left(found.id):
            raise Problem(60121, "找不到该用户")
        return {"result": {"contact_type": 0, "userid": found.id}}

    async def _members(self, call: Call) -> dict[str, Any]:
        department = self._department(call)
        codes = [code for code, n in self._departments.items() if n == department]
        people = [one.id for one in self._world.people if one.branch in codes]
        return {"result": {"userid_list": people}}

    async def _below(self, call: Call) -> dict[str, Any]:
        if self._department(call) != ROOT:
            return {"result": []}
        names = {branch.id: branch.name for branch in self._world.branches} | {"": "总部"}
        return {
            "result": [
                {
                    "dept_id": n,
                    "name": names[code],
                    "parent_id": ROOT,
                    "auto_add_user": self._said(True),
                    "create_dept_group": self._said(False),
                }
                for code, n in self._departments.items()
            ]
        }

    async def _role_list(self, call: Call) -> dict[str, Any]:
        roles = [{"id": n, "name": ROLES[role]} for role, n in self._roles.items()]
        page, more = paged(roles, call.body, most=200)
        group = {"groupId": 500, "name": "岗位", "roles": page}
        return {"result": {"hasMore": more, "list": [group]}}

    async def _role_people(self, call: Call) -> dict[str, Any]:
        role = self._role_name(call.body.get("role_id"))
        holders = [
            {"userid": one.id, "name": one.name, "manageScopes": []} for one in self._holders(role)
        ]
        page, more = paged(holders, call.body, most=100)
        return {"result": {"hasMore": more, "list": page}}

    async def _role(self, call: Call) -> dict[str, Any]:
        return {"role": {"name": ROLES[self._role_name(call.body.get("roleId"))], "groupId": 500}}

    def _holders(self, role: str) -> Sequence[Person]:
        return [one for one in self._world.people if one.role == role]

    def _role_name(self, given: object) -> str:
        role = next((role for role, n in self._roles.items() if str(n) == str(given)), None)
        if role is None:
            raise Problem(33011, "无效的角色")
        return role

    def _department(self, call: Call) -> int:
        given = str(call.body.get("dept_id", ROOT))
        if not given.isdecimal():
            raise Problem(400002, "无效的参数")
        if int(given) not in (ROOT, *self._departments.values()):
            raise Problem(60003, "部门不存在")
        return int(given)

    def _said(self, value: object) -> object:
        """Some of their samples spell booleans and lists as strings."""
        if not self._stringly:
            return value
        if isinstance(value, bool):
            return str(value).lower()
        return str(value).replace(" ", "") if isinstance(value, list) else value


def paged(
    rows: Sequence[Mapping[str, Any]], body: Mapping[str, Any], *, most: int
) -> tuple[list[Mapping[str, Any]], bool]:
    """The page that ``size`` and ``offset`` ask for, and whether more follows. Raises Problem."""
    size, offset = body.get("size", 20), body.get("offset", 0)
    if not isinstance(size, int) or not 1 <= size <= most:
        raise Problem(40068, "无效的分页大小")
    if not isinstance(offset, int) or offset < 0:
        raise Problem(40069, "无效的偏移")
    return list(rows[offset : offset + size]), offset + size < len(rows)


def mobile_of(person: str) -> str:
    """An invented number in a range that no operator gives out."""
    return f"1000{int(hashlib.sha1(person.encode()).hexdigest(), 16) % 10**7:07d}"  # noqa: S324
