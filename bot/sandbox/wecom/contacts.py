"""Contacts: people, departments and tags of the company, as a newly made app may see them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from bot.sandbox.ground import Ground
from bot.sandbox.wecom.calls import Call, Calls, Problem
from bot.sandbox.wecom.company import open_id
from bot.sandbox.world import ROLES, Person

ROOT = 1
LEFT = "CREATE TABLE IF NOT EXISTS wecom_left (person TEXT PRIMARY KEY)"


class Contacts:
    def __init__(self, ground: Ground) -> None:
        self._world = ground.world
        self._disk = ground.disk
        self._disk.define(LEFT)
        self._by_id = {one.id.lower(): one for one in ground.world.people}
        codes = [branch.id for branch in ground.world.branches]
        self._departments = {code: n for n, code in enumerate(codes, ROOT + 1)}
        self._departments[""] = ROOT + 1 + len(self._departments)  # 总部
        self._tags = {role: n for n, role in enumerate(ROLES, 1)}

    def add_routes(self, calls: Calls) -> None:
        calls.api("GET", "/cgi-bin/user/get", self._user)
        calls.api("GET", "/cgi-bin/user/simplelist", self._simple_list)
        calls.api("GET", "/cgi-bin/user/list", self._list)
        calls.api("POST", "/cgi-bin/user/list_id", self._ids)
        calls.api("POST", "/cgi-bin/user/getuserid", self._by_mobile)
        calls.api("GET", "/cgi-bin/department/list", self._department_list)
        calls.api("GET", "/cgi-bin/department/simplelist", self._department_ids)
        calls.api("GET", "/cgi-bin/tag/list", self._tag_list)
        calls.api("GET", "/cgi-bin/tag/get", self._tag)

    def find(self, user: str) -> Person | None:
        """Upper or lower case; None for whoever is unknown or has left."""
        person = self._by_id.get(user.lower())
        return person if person and not self._has_left(person.id) else None

    def everybody(self) -> list[str]:
        return [one.id for one in self._world.people if not self._has_left(one.id)]

    def of_party(self, id_: str) -> list[str] | None:
        """The people in a department and below it, None when there is no such department."""
        number = int(id_) if id_.isdecimal() and len(id_) < 10 else 0
        if number == ROOT:
            return self.everybody()
        codes = [code for code, n in self._departments.items() if n == number]
        if not codes:
            return None
        return [one for one in self.everybody() if self._by_id[one.lower()].branch in codes]

    def of_tag(self, id_: str) -> list[str] | None:
        role = next((role for role, n in self._tags.items() if str(n) == id_), None)
        if role is None:
            return None
        return [one for one in self.everybody() if self._by_id[one.lower()].role == role]

    def leave(self, people: Sequence[str]) -> None:
        """They are no longer of the company."""
        for person in people:
            self._disk.run("INSERT OR IGNORE INTO wecom_left VALUES (?)", person)

    def _has_left(self, person: str) -> bool:
        return self._disk.row("SELECT 1 FROM wecom_left WHERE person = ?", person) is not None

    async def _user(self, call: Call) -> dict[str, Any]:
        return self._record(self._known(call.query("userid")))

    async def _simple_list(self, call: Call) -> dict[str, Any]:
        people = [self._by_id[one.lower()] for one in self._members(call)]
        return {
            "userlist": [
                {
                    "userid": one.id,
                    "name": one.name,
                    "department": [self._departments[one.branch]],
                    "open_userid": open_id(one.id),
                }
                for one in people
            ]
        }

    async def _list(self, call: Call) -> dict[str, Any]:
        return {"userlist": [self._record(self._by_id[one.lower()]) for one in self._members(call)]}

    async def _ids(self, call: Call) -> dict[str, Any]:
        limit, cursor = call.body.get("limit", 10_000), str(call.body.get("cursor") or "0")
        if not isinstance(limit, int) or not 1 <= limit <= 10_000 or not cursor.isdecimal():
            raise Problem(40035)
        rows = [
            {"userid": one, "department": self._departments[self._by_id[one.lower()].branch]}
            for one in self.everybody()
        ]
        start = int(cursor[:9])
        more = start + limit < len(rows)
        return {
            "next_cursor": str(start + limit) if more else "",
            "dept_user": rows[start : start + limit],
        }

    async def _by_mobile(self, call: Call) -> dict[str, Any]:
        given = call.text("mobile", 40035)
        found = next((one for one in self._world.people if mobile_of(one.id) == given), None)
        if found is None or self._has_left(found.id):
            raise Problem(46004, "user not exist")
        return {"userid": found.id}

    async def _department_list(self, call: Call) -> dict[str, Any]:
        return {
            "department": [
                {
                    "id": n,
                    "name": name,
                    "name_en": "",
                    "department_leader": self._heads(n),
                    "parentid": parent,
                    "order": 1000 - n,
                }
                for n, name, parent in self._below(call.query("id"))
            ]
        }

    async def _department_ids(self, call: Call) -> dict[str, Any]:
        rows = self._below(call.query("id"))
        found = [{"id": n, "parentid": parent, "order": 1000 - n} for n, _, parent in rows]
        return {"department_id": found}

    async def _tag_list(self, _call: Call) -> dict[str, Any]:
        return {"taglist": [{"tagid": n, "tagname": ROLES[role]} for role, n in self._tags.items()]}

    async def _tag(self, call: Call) -> dict[str, Any]:
        people = self.of_tag(call.query("tagid"))
        if people is None:
            raise Problem(40068, "invalid tagid")
        role = next(role for role, n in self._tags.items() if str(n) == call.query("tagid"))
        users = [{"userid": one, "name": self._by_id[one.lower()].name} for one in people]
        return {"tagname": ROLES[role], "userlist": users, "partylist": []}

    def _members(self, call: Call) -> list[str]:
        people = self.of_party(call.query("department_id"))
        if people is None:
            raise Problem(60003)
        return people

    def _below(self, id_: str) -> list[tuple[int, str, int]]:
        """Number, name and parent of a department and those below it. Raises Problem."""
        names = {branch.id: branch.name for branch in self._world.branches} | {"": "总部"}
        rows = [(ROOT, "期货公司", 0)]
        rows += [(n, names[code], ROOT) for code, n in self._departments.items()]
        if id_ in ("", str(ROOT)):
            return rows
        found = [row for row in rows if str(row[0]) == id_]
        if not found:
            raise Problem(60003)
        return found

    def _heads(self, department: int) -> list[str]:
        codes = [code for code, n in self._departments.items() if n == department]
        return [one.id for one in self._world.people if one.role == "head" and one.branch in codes]

    def _known(self, user: str) -> Person:
        person = self.find(user)
        if person is None:
            raise Problem(60111)
        return person

    def _record(self, person: Person) -> dict[str, Any]:
        """Without mobile, mail and picture: apps made since 2022 do not get them."""
        department = self._departments[person.branch]
        leads = int(person.role == "head")
        return {
            "userid": person.id,
            "name": person.name,
            "department": [department],
            "order": [0],
            "position": ROLES[person.role],
            "is_leader_in_dept": [leads],
            "direct_leader": [one for one in self._heads(department) if one != person.id],
            "main_department": department,
            "status": 1,
            "isleader": leads,
            "enable": 1,
            "alias": "",
        }


def mobile_of(person: str) -> str:
    """An invented number in a range that no operator gives out."""
    return f"1000{int(hashlib.sha1(person.encode()).hexdigest(), 16) % 10**7:07d}"  # noqa: S324
