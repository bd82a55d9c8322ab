"""What was done to an application: rows are only ever added, each with what its actor saw."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals.models import Application, ApplicationEvent, Deed
from crm.kernel import audit
from crm.kernel.db import now

SYSTEM = "system"
_MINE = ApplicationEvent.application_id == bindparam("application")
_LAST = select(func.max(ApplicationEvent.number)).where(_MINE)
_OF = select(ApplicationEvent).where(_MINE).order_by(ApplicationEvent.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The card that somebody acted on: its ``content`` as it was shown, and the digest of it."""

    digest: str = ""
    card: str = ""
    version: int = 0
    content: str = ""


UNSEEN = Seen()


async def add(
    session: AsyncSession,
    row: Application,
    actor: str,
    deed: Deed,
    *,
    step: str = "",
    whom: str = "",
    comment: str = "",
    seen: Seen = UNSEEN,
) -> None:
    """One more line, and the same in the audit trail, which covers its words."""
    last = await session.scalar(_LAST, {"application": row.id})
    event = ApplicationEvent(
        application_id=row.id,
        number=(last or 0) + 1,
        at=now(session),
        actor=actor,
        deed=deed,
        round=row.round,
        step=step or row.step,
        whom=whom,
        comment=comment,
        seen=seen.digest,
        shown=seen.content or None,
        card=seen.card,
        card_version=seen.version,
        version=row.version,
    )
    session.add(event)
    await session.flush()
    audit.note(
        session,
        actor,
        f"application.{deed.value}",
        f"application:{row.id}",
        number=event.number,
        round=event.round,
        step=event.step,
        whom=whom,
        comment=sha256(comment.encode()).hexdigest() if comment else "",
        seen=seen.digest,
        version=event.version,
    )


async def of(session: AsyncSession, application_id: int) -> list[ApplicationEvent]:
    """In order."""
    return list(await session.scalars(_OF, {"application": application_id}))
