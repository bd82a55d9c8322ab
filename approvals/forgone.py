"""What somebody forgoes by his word now: with four eyes nobody decides two steps of one case."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals.flow import Case, Step, may_decide
from crm import people
from crm.models import Role, Staff, StaffRole
from crm.people import Person

_HELD = (
    select(StaffRole.role, Staff.id, Staff.branch)
    .join(Staff, Staff.id == StaffRole.staff)
    .where(
        StaffRole.role.in_(bindparam("roles", expanding=True)),
        Staff.id.in_(bindparam("people", expanding=True)),
    )
)


@dataclass(frozen=True, slots=True)
class Forgone:
    """A later step, and whether nobody else could decide it."""

    step: Step
    alone: bool


async def by_a_word(
    session: AsyncSession, case: Case, branch: str | None, waiting: Iterable[str]
) -> Mapping[str, Sequence[Forgone]]:
    """For each who is waited for: the later steps that would be his, and are not once he gave his
    word at the one that waits."""
    later = case.flow.later(case.step) if case.step and case.flow.four_eyes else ()
    if not later:
        return {}
    asked = {"roles": sorted({step.role for step in later}), "people": list(waiting)}
    found: dict[str, list[Forgone]] = {}
    held = [(Role(role), who, home) for role, who, home in await session.execute(_HELD, asked)]
    for step in later:
        for role, who, home in held:
            here = role is step.role and (home == branch or not step.of_branch)
            if here and may_decide(case, who, step):
                alone = await _is_alone(session, case, step, branch, who)
                found.setdefault(who, []).append(Forgone(step, alone))
    return found


async def _is_alone(
    session: AsyncSession, case: Case, step: Step, branch: str | None, who: str
) -> bool:
    others = await who_fit(session, case, step, branch)
    if step.escalate is not None and step.escalated_decide:
        others += [
            each
            for each in await people.with_role(session, step.escalate)
            if may_decide(case, each.id, step)
        ]
    return all(each.id == who for each in others)


async def who_fit(
    session: AsyncSession, case: Case, step: Step, branch: str | None
) -> list[Person]:
    """Whoever holds the step's role and may decide it."""
    holders = await holders_of(session, step, branch)
    return [each for each in holders if may_decide(case, each.id, step)]


async def holders_of(session: AsyncSession, step: Step, branch: str | None) -> list[Person]:
    return await people.with_role(session, step.role, branch if step.of_branch else None)
