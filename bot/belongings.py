"""Everything in the house that is in people's names, for whoever takes over."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases as applications
from approvals import drafts
from crm.handover import Clients, Holding, Tasks
from risk import cases as alerts


class Applications:
    word = "份在办申请"

    async def listed(
        self, session: AsyncSession, staff_id: str, only: Collection[int] | None = None
    ) -> Sequence[str]:
        rows = await applications.open_of(session, staff_id)
        return [f"开户 {row.name}" for row in rows if only is None or row.id in only]

    async def move(
        self,
        session: AsyncSession,
        staff_id: str,
        to: str,
        *,
        by: str,
        only: Collection[int] | None = None,
    ) -> list[int]:
        return await drafts.move(session, staff_id, to, by=by, only=only)


class Alerts:
    word = "条未解除预警"

    async def listed(
        self, session: AsyncSession, staff_id: str, only: Collection[int] | None = None
    ) -> Sequence[str]:
        rows = await alerts.open_of(session, staff_id)
        return [
            f"{alert.level.word} {alert.name} {alert.account}"
            for alert in rows
            if only is None or alert.id in only
        ]

    async def move(
        self,
        session: AsyncSession,
        staff_id: str,
        to: str,
        *,
        by: str,
        only: Collection[int] | None = None,
    ) -> list[int]:
        return await alerts.move(session, staff_id, to, by=by, only=only)


OF_OTHERS: Mapping[str, Holding] = {"applications": Applications(), "alerts": Alerts()}
ALL: Mapping[str, Holding] = {"clients": Clients(), "tasks": Tasks(), **OF_OTHERS}
SUBJECTS: Mapping[str, str] = {"applications": "application", "alerts": "alert", "tasks": "task"}
