"""绑定: an account on another platform becomes a person's own, proved by a one-time code.

The person asks for a code where he is known and says it from the account that nobody knows yet.
Whoever says a wrong one hears the same whether there is no such code or its time has passed.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from secrets import choice

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm.changes import announce
from crm.kernel import audit
from crm.kernel.db import now, vault
from crm.kernel.errors import UnknownPerson, UserError
from crm.models import BindCode, BindTry, Login, Staff
from crm.people import NoSuchStaff, Person

PLATFORM_WORDS: Mapping[str, str] = {"dingtalk": "钉钉", "wecom": "企业微信"}
SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0 and O, 1 and I
LENGTH = 8
CODE_LIVES = timedelta(minutes=10)
MOST_WRONG = 5
LOCKED_FOR = timedelta(minutes=10)

_BETWEEN = re.compile(r"[\s-]")


class Tried(StrEnum):
    """What came of a code."""

    BOUND = "bound"
    WRONG = "wrong"
    LOCKED = "locked"
    HAS_ANOTHER = "has_another"


class TakenLogin(UserError):
    say = "{platform}账号 {user} 已经属于员工 {staff}"


class NoLogin(UserError):
    say = "没有绑定{platform}账号"


def code_in(words: str) -> str:
    """``words`` as a code, also with small or full-width letters and in two halves."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", words)).upper()


async def issue(session: AsyncSession, person: Person) -> tuple[int, str]:
    """The number of a new code, and the code; an earlier one is void."""
    at = now(session)
    await session.get_one(Staff, person.id, with_for_update=True)  # one new code at a time
    past = or_(BindCode.staff == person.id, BindCode.until <= at)
    await session.execute(delete(BindCode).where(past))
    code = _new_code()
    row = BindCode(staff=person.id, digest=_digest(session, code), until=at + CODE_LIVES)
    session.add(row)
    audit.note(session, person.id, "login.code", f"staff:{person.id}")
    await session.flush()
    return row.id, code


def _new_code() -> str:
    """With a digit in it, so that it is never a word."""
    while (code := "".join(choice(SIGNS) for _ in range(LENGTH))).isalpha():
        pass
    return code


async def redeem(session: AsyncSession, code: str, platform: str, user: str) -> Tried:
    """Bind the account of nobody that says a person's code. Wrong ones are counted, so the
    transaction is to be committed whatever comes of it.

    Raises UnknownPerson for an account that belongs to somebody who has left.
    """
    at = now(session)
    if not user or await session.get(Login, (platform, user)) is not None:
        raise UnknownPerson
    tries = await session.get(BindTry, (platform, user), with_for_update=True)
    if tries is not None and tries.wrong >= MOST_WRONG and tries.until > at:
        return Tried.LOCKED
    found = await session.scalar(
        select(BindCode)
        .join(Staff, Staff.id == BindCode.staff)
        .where(
            BindCode.digest == _digest(session, code),
            BindCode.until > at,
            BindCode.user.is_(None),
            Staff.disabled_at.is_(None),
        )
        .with_for_update(of=BindCode)
    )
    if found is None:
        return await _count_wrong(session, tries, platform, user)
    if await accounts(session, found.staff, platform):
        return Tried.HAS_ANOTHER
    if tries is not None:
        await session.delete(tries)
    found.platform, found.user = platform, user
    await bind(session, found.staff, platform, user, by=found.staff)
    return Tried.BOUND


async def _count_wrong(
    session: AsyncSession, tries: BindTry | None, platform: str, user: str
) -> Tried:
    at = now(session)
    wrong = tries.wrong + 1 if tries is not None and tries.until > at else 1
    await session.merge(BindTry(platform=platform, user=user, wrong=wrong, until=at + LOCKED_FOR))
    await session.flush()
    await session.execute(delete(BindTry).where(BindTry.until <= at))
    if wrong < MOST_WRONG:
        return Tried.WRONG
    audit.note(session, platform, "login.locked", "login", user=user, wrong=wrong)
    return Tried.LOCKED


async def bind(session: AsyncSession, staff_id: str, platform: str, user: str, *, by: str) -> None:
    """The account is this person's from the next message on, in the place of any other on the
    same platform. Raises NoSuchStaff or TakenLogin."""
    staff = await session.get(Staff, staff_id)
    if staff is None:
        raise NoSuchStaff(words=staff_id)
    taken = await session.get(Login, (platform, user))
    if taken is not None and taken.staff != staff_id:
        raise TakenLogin(platform=PLATFORM_WORDS[platform], user=user, staff=taken.staff)
    others = (Login.staff == staff_id, Login.platform == platform, Login.user != user)
    await session.execute(delete(Login).where(*others))
    if taken is None:
        session.add(Login(platform=platform, user=user, staff=staff_id))
        await session.flush()
    audit.note(session, by, "login.bind", f"staff:{staff_id}", platform=platform, user=user)
    await announce(session, "staff")


async def unbind(session: AsyncSession, staff_id: str, platform: str, *, by: str) -> list[str]:
    """Take a person's accounts on a platform away; gives them. Raises NoLogin."""
    gone = list(
        await session.scalars(
            delete(Login)
            .where(Login.staff == staff_id, Login.platform == platform)
            .returning(Login.user)
        )
    )
    if not gone:
        raise NoLogin(platform=PLATFORM_WORDS[platform])
    audit.note(session, by, "login.unbind", f"staff:{staff_id}", platform=platform, users=gone)
    await announce(session, "staff")
    return gone


async def accounts(session: AsyncSession, staff_id: str, platform: str) -> list[str]:
    """A person's user ids on a platform."""
    mine = (Login.staff == staff_id, Login.platform == platform)
    return list(await session.scalars(select(Login.user).where(*mine).order_by(Login.user)))


async def used_by(session: AsyncSession, code: str, platform: str, user: str) -> BindCode | None:
    """The code with which this account was bound, while it is kept."""
    used = (BindCode.digest == _digest(session, code), BindCode.platform == platform)
    found: BindCode | None = await session.scalar(
        select(BindCode).where(*used, BindCode.user == user)
    )
    return found


def _digest(session: AsyncSession, code: str) -> bytes:
    return vault(session).index("bind_code", code)
