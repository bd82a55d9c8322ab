"""Somebody changed in the company's directory: whoever left or may not act loses access at once."""

import logging
from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import select

from bot import leaving
from crm.kernel.db import Store
from crm.models import Login, Staff

log = logging.getLogger(__name__)


class Directory(Protocol):
    """A platform's own list of people."""

    async def is_active(self, user: str) -> bool:
        """False for one who left or was frozen. Raises OutsideError when it cannot be known."""
        ...


async def people_left(
    store: Store, platform: str, directory: Directory, users: Iterable[str]
) -> None:
    """Raises OutsideError when the platform does not answer: the event then comes again."""
    for user in users:
        staff_id = await _staff_of(store, platform, user)
        if staff_id is None or await directory.is_active(user):
            continue
        async with store.writing() as session:
            left = await leaving.leave(session, staff_id, by=platform)
        log.info("staff %s left on %s: %s clients moved", staff_id, platform, left.clients)


async def _staff_of(store: Store, platform: str, user: str) -> str | None:
    async with store.reading() as session:
        found: str | None = await session.scalar(
            select(Login.staff)
            .join(Staff, Staff.id == Login.staff)
            .where(Login.platform == platform, Login.user == user, Staff.disabled_at.is_(None))
        )
    return found
