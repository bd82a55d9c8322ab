"""The company's people as DingTalk knows them: calls that cost no quota."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bot.platforms.dingtalk.api import Api
from crm.kernel.errors import OutsideError

USER: Final = "/topapi/v2/user/get"
BY_MOBILE: Final = "/topapi/v2/user/getbymobile"
BY_UNION: Final = "/topapi/user/getbyunionid"
CHILDREN: Final = "/topapi/v2/department/listsub"
MEMBERS: Final = "/topapi/user/listid"
ROOT: Final = 1
MEMBER: Final = "0"  # contact_type; 1 is an external contact (seen in 4)
NOBODY: Final = frozenset({"33012", "60121"})  # no such user id in this company (official doc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """``active`` is False for one who may not act; ``roles`` are DingTalk's role ids."""

    user: str
    union: str
    name: str
    active: bool
    departments: tuple[int, ...]
    roles: tuple[int, ...]
    superior: str


@dataclass(frozen=True, slots=True)
class Department:
    id: int
    name: str
    parent: int


class Contacts:
    """Every verb raises OutsideError."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def user(self, user: str) -> Contact:
        result = await self._result(USER, {"userid": user, "language": "zh_CN"})
        return Contact(
            user=str(result.get("userid", user)),
            union=str(result.get("unionid", "")),
            name=str(result.get("name", "")),
            active=_truth(result.get("active")),
            departments=_numbers(result.get("dept_id_list")),
            roles=tuple(int(role["id"]) for role in _list(result.get("role_list"))),
            superior=str(result.get("manager_userid") or ""),
        )

    async def is_active(self, user: str) -> bool:
        """False for one who left the company or was frozen there."""
        try:
            return (await self.user(user)).active
        except OutsideError as error:
            if error.code in NOBODY:
                return False
            raise

    async def user_of_mobile(self, mobile: str) -> str:
        result = await self._result(BY_MOBILE, {"mobile": mobile})
        return str(result.get("userid", ""))

    async def user_of_union(self, union: str) -> str:
        """The member with this unionid, "" for whoever is none of ours."""
        try:
            result = await self._result(BY_UNION, {"unionid": union})
        except OutsideError as error:
            if error.code in NOBODY:
                return ""
            raise
        is_member = str(result.get("contact_type", MEMBER)) == MEMBER
        return str(result.get("userid") or "") if is_member else ""

    async def departments(self, root: int = ROOT) -> AsyncIterator[Department]:
        """All below ``root``, parents first: no call lists them at once."""
        waiting, seen = [root], {root}
        while waiting:
            answer = await self._api.old(CHILDREN, {"dept_id": waiting.pop(0)})
            for child in _list(answer.get("result")):
                found = Department(
                    int(child["dept_id"]), str(child["name"]), int(child["parent_id"])
                )
                if found.id not in seen:
                    seen.add(found.id)
                    waiting.append(found.id)
                    yield found

    async def members(self, department: int) -> tuple[str, ...]:
        """User ids directly in the department."""
        result = await self._result(MEMBERS, {"dept_id": department})
        return tuple(str(user) for user in _list(result.get("userid_list")))

    async def _result(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        result = (await self._api.old(path, body)).get("result")
        return result if isinstance(result, dict) else {}


def _truth(value: object) -> bool:
    """Samples show ``true`` and ``"true"``."""
    return value is True or value == "true"


def _list(value: object) -> list[Any]:
    """Samples show lists and lists inside strings."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
    return value if isinstance(value, list) else []


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(int(one) for one in _list(value))
