"""Who is signed in: a random word in a cookie, its digest in the store.

A session ends by its hour, and at once when the person is disabled or the account is no longer
theirs, because it is asked anew at every page whose account it is.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from bot.models import PageSession
from crm import people
from crm.kernel import audit
from crm.kernel.db import now
from crm.kernel.errors import UnknownPerson
from crm.people import Person

LASTS: Final = timedelta(hours=8)


async def begin(session: AsyncSession, platform: str, user: str) -> str:
    """The word for the cookie. Raises UnknownPerson."""
    person = await people.by_login(session, platform, user)
    word = secrets.token_urlsafe(32)
    at = now(session)
    session.add(
        PageSession(
            digest=_digest(word),
            staff=person.id,
            platform=platform,
            user=user,
            at=at,
            until=at + LASTS,
        )
    )
    audit.note(session, person.id, "page.login", f"staff:{person.id}", platform=platform)
    return word


async def whose(session: AsyncSession, word: str) -> Person:
    """Raises UnknownPerson when nobody is signed in by this word any more."""
    row = await session.get(PageSession, _digest(word)) if word else None
    if row is None or row.until <= now(session):
        raise UnknownPerson
    person = await people.by_login(session, row.platform, row.user)
    if person.id != row.staff:
        raise UnknownPerson
    return person


async def end(session: AsyncSession, word: str) -> None:
    await session.execute(delete(PageSession).where(PageSession.digest == _digest(word)))


async def sweep(session: AsyncSession) -> None:
    """Remove what is over."""
    await session.execute(delete(PageSession).where(PageSession.until <= now(session)))


def _digest(word: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(word.encode("utf-8", "surrogateescape")).hexdigest()
