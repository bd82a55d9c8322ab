"""The company's people as WeCom shows them to the application: those in its visible range."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from bot.platforms.wecom.api import Api
from bot.platforms.wecom.errors import NOBODY
from crm.kernel.errors import OutsideError

USER: Final = "/cgi-bin/user/get"
MEMBERS: Final = "/cgi-bin/user/simplelist"
DEPARTMENTS: Final = "/cgi-bin/department/list"
BY_MOBILE: Final = "/cgi-bin/user/getuserid"
ACTIVE: Final = 1  # of status: 2 disabled, 4 not activated, 5 left


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """``active`` is False for one who was disabled or left."""

    user: str
    name: str
    active: bool
    departments: tuple[int, ...]
    superiors: tuple[str, ...]


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
        found = await self._api.ask(USER, userid=user)
        return Contact(
            user=str(found.get("userid") or user),
            name=str(found.get("name") or ""),
            active=found.get("status", ACTIVE) == ACTIVE,
            departments=tuple(int(one) for one in _list(found.get("department"))),
            superiors=tuple(str(one) for one in _list(found.get("direct_leader"))),
        )

    async def is_active(self, user: str) -> bool:
        """False for one who left the company or was disabled there."""
        try:
            return (await self.user(user)).active
        except OutsideError as error:
            if error.code in NOBODY:
                return False
            raise

    async def user_of_mobile(self, mobile: str) -> str:
        answer = await self._api.send(BY_MOBILE, {"mobile": mobile}, effect=False)
        return str(answer.get("userid") or "")

    async def departments(self) -> AsyncIterator[Department]:
        """All that the application sees, in WeCom's order."""
        answer = await self._api.ask(DEPARTMENTS)
        for one in _list(answer.get("department")):
            yield Department(int(one["id"]), str(one.get("name") or ""), int(one["parentid"]))

    async def members(self, department: int) -> tuple[str, ...]:
        """User ids directly in the department."""
        answer = await self._api.ask(MEMBERS, department_id=str(department))
        return tuple(str(one["userid"]) for one in _list(answer.get("userlist")))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
