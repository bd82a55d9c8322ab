"""Somebody changed in the company's directory: whoever left or may not act loses access at once."""

import logging
from collections.abc import Iterable
from typing import Final, Protocol

from sqlalchemy import select

from bot import leaving
from crm.kernel.db import Store
from crm.models import Login, Staff

log = logging.getLogger(__name__)

FEW: Final = 2  # in one night this many leavers are believed in any company,
SHARE: Final = 0.1  # and such a share of a large one


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


async def roll_call(store: Store, platform: str, directory: Directory) -> int:
    """Ask for everybody, because an event may have been missed. Gives how many seem to have left
    when those are too many to be true: then the application was hidden from people, nobody is
    touched, and somebody should look. Raises OutsideError."""
    async with store.reading() as session:
        here = select(Login.user).join(Staff, Staff.id == Login.staff)
        known = here.where(Login.platform == platform, Staff.disabled_at.is_(None))
        users = (await session.scalars(known.order_by(Login.user))).all()
    gone = [user for user in users if not await directory.is_active(user)]
    if len(gone) > max(FEW, len(users) * SHARE):
        log.error("%s of %s seem to have left on %s", len(gone), len(users), platform)
        return len(gone)
    await people_left(store, platform, directory, gone)
    return 0


async def _staff_of(store: Store, platform: str, user: str) -> str | None:
    async with store.reading() as session:
        found: str | None = await session.scalar(
            select(Login.staff)
            .join(Staff, Staff.id == Login.staff)
            .where(Login.platform == platform, Login.user == user, Staff.disabled_at.is_(None))
        )
    return found
