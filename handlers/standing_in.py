"""代理: what is open when somebody begins to stand in or stops: alerts with their tasks, and steps
of approvals. What comes later finds its way by itself."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases as applications
from approvals import seating
from approvals.models import Stage
from bot.cards import application as draw
from bot.chat.message import Audience, Card
from crm import people, tasks
from crm.kernel.db import now
from handlers.changes import Told
from handlers.risk import draw_case, draw_group, shown_on
from risk import cases as alerts
from risk.models import Alert


@dataclass(frozen=True, slots=True)
class Passed:
    """The cards of whoever has it from now on, and whose cards are to be drawn again."""

    tell: Told = ()
    refresh: tuple[str, ...] = ()


async def pass_on(
    session: AsyncSession, absent: str, before: str | None, after: str | None, *, by: str
) -> Passed:
    """``before`` stood in for ``absent``, ``after`` does from now on; None for nobody."""
    heard, hears = before or absent, after or absent
    open_alerts = await alerts.pass_on(session, absent, heard, hears, by=by)
    given = [each.task_id for each in open_alerts if each.task_id is not None]
    await tasks.pass_on(session, given, heard, hears)
    told = [(hears, card) for card in await _alert_cards(session, hears, open_alerts)]
    left = await seating.stand_down(session, before) if before else []
    seated = await seating.stand_in(session, absent) if after else []
    for stage, who in seated:
        told += [(each, await _step_card(session, stage, each)) for each in who]
    stages = {stage.id: stage for stage in (*left, *(stage for stage, _ in seated))}
    subjects = [
        *(shown for alert in open_alerts for shown in shown_on(alert)),
        *(shown for stage in stages.values() for shown in _shown_on(stage)),
    ]
    return Passed(tuple(told), tuple(dict.fromkeys(subjects)))


async def _alert_cards(
    session: AsyncSession, hears: str, open_alerts: Sequence[Alert]
) -> list[Card]:
    """One card for one case; several of a branch and level are on one."""
    person, at = await people.get(session, hears), now(session)
    by_group: defaultdict[int | None, list[Alert]] = defaultdict(list)
    for alert in open_alerts:
        by_group[alert.group_id].append(alert)
    cards = []
    for group, some in by_group.items():
        if group is not None and len(some) > 1:
            cards.append(await draw_group(session, person, group, Audience.PRIVATE, at))
            continue
        cards += [
            await draw_case(session, person, alert.id, Audience.PRIVATE, at) for alert in some
        ]
    return cards


async def _step_card(session: AsyncSession, stage: Stage, staff: str) -> Card:
    found = await applications.dossier(session, stage.application_id)
    person = await people.get(session, staff)
    return draw.approver_card(found, stage, person, now(session), Audience.PRIVATE)


def _shown_on(stage: Stage) -> tuple[str, ...]:
    application = f"application:{stage.application_id}"
    return (f"approval:{stage.id}", f"reminder:{stage.id}", application)
