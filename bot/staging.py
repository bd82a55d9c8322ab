"""Sets up situations that the sandbox asks for, by the same verbs that people use."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases, decisions, drafts, seating
from approvals.decisions import Place
from approvals.documents import Field as Number
from approvals.documents import Paper
from approvals.flow import Step, Verdict
from approvals.history import Seen
from approvals.models import Application, SeatKind, SeatState, Stage
from bot.cards import application as draw
from bot.chat.message import Audience
from bot.desk import Desk
from bot.models import LiveCard, Out, OutState
from bot.outbox.outbox import Priority
from crm import blobs, people
from crm.kernel.db import Store, now
from crm.kernel.errors import UserError
from crm.models import Role
from crm.people import Action, Person

WHY = "scene"
SHOWN_WITHIN = 30.0  # seconds
LOOK_SECONDS = 0.05


class NobodyToDecide(UserError):
    say = "approvers 里没有人有审批岗位：可以是营业部负责人、适当性岗、合规岗或开户岗"


class NobodyToApply(UserError):
    say = "没有客户经理可以发起申请"


class Invented(BaseModel):
    """A client who is to be opened an account, with checked numbers."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: str
    fields: Mapping[Number, str]


class ApprovalScene(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)

    approvers: list[str] = Field(min_length=1)
    clients: list[Invented] = Field(min_length=1, max_length=500)
    photographs: Mapping[Paper, str]  # base64


@dataclass(frozen=True, slots=True)
class _Staged:
    row: Application
    stage: Stage


async def approvals(store: Store, desk: Desk, body: Mapping[str, object]) -> dict[str, object]:
    """Applications that any one of the named may decide, their cards on the screens.

    Raises pydantic's ValidationError, NobodyToDecide or NobodyToApply.
    """
    scene = ApprovalScene.model_validate(body)
    async with store.writing(brief=True) as session:
        approvers = [await people.get(session, each) for each in dict.fromkeys(scene.approvers)]
        applicant = await _applicant(session, approvers)
        photographs = {
            paper: await blobs.put(session, base64.b64decode(content))
            for paper, content in scene.photographs.items()
        }
    staged = []
    for client in scene.clients:  # one by one, so that others are served in between
        async with store.writing(brief=True) as session:
            staged.append(await _stage(session, desk, applicant, approvers, client, photographs))
    ids = [one.stage.id for one in staged]
    cards = await _shown(store, ids)
    return {
        "applications": [
            {
                "id": one.row.id,
                "client": one.row.name,
                "applicant": one.row.applicant,
                "cards": [
                    {"person": card.receiver, "platform": card.platform, "card": card.id}
                    for card in cards
                    if card.subject == f"approval:{one.stage.id}"
                ],
            }
            for one in staged
        ]
    }


async def _applicant(session: AsyncSession, approvers: Sequence[Person]) -> Person:
    """A manager of the branch that the first of the heads leads. Raises NobodyToApply."""
    branch = next((each.branch for each in approvers if Role.HEAD in each.roles), None)
    named = {each.id for each in approvers}
    managers = await people.with_role(session, Role.MANAGER, branch)
    free = [each for each in managers if each.id not in named]
    if not free:
        raise NobodyToApply
    # the first of the tour, where he is there
    return next((each for each in free if each.id == "wangqiang"), free[0])


async def _stage(
    session: AsyncSession,
    desk: Desk,
    applicant: Person,
    approvers: Sequence[Person],
    client: Invented,
    photographs: Mapping[Paper, str],
) -> _Staged:
    row = await drafts.start(session, applicant, client.name, company=False)
    for field, value in client.fields.items():
        await drafts.fill(session, applicant, row.id, field, value)
    for paper, blob in photographs.items():
        await drafts.attach(
            session, applicant, row.id, blob=blob, name=f"{paper.value}.jpg", paper=paper
        )
    moved = await drafts.submit(session, applicant, row.id, desk.calendar)
    flow = (await cases.case_of(session, row)).flow
    wanted = _step_for(flow.steps, approvers)
    stage = moved.next
    while stage is not None and stage.step != wanted.key:
        stage = await _pass_on(session, desk, row, stage)
    if stage is None:
        raise NobodyToDecide
    await seating.seat(session, stage, approvers, SeatKind.HANDED)
    found = await cases.dossier(session, row.id)
    for staff in await seating.waiting(session, stage):
        person = await people.get(session, staff)
        card = draw.approver_card(found, stage, person, now(session), Audience.PRIVATE)
        await desk.tell(session, staff, card, why=WHY, priority=Priority.URGENT)
    return _Staged(row, stage)


def _step_for(steps: Sequence[Step], approvers: Sequence[Person]) -> Step:
    """The step that most of the named have the role for, the first of equals. Raises
    NobodyToDecide."""
    if not all(each.may(Action.APPROVE) for each in approvers):
        raise NobodyToDecide
    fitting = [sum(step.role in each.roles for each in approvers) for step in steps]
    if not any(fitting):
        raise NobodyToDecide
    return steps[fitting.index(max(fitting))]


async def _pass_on(
    session: AsyncSession, desk: Desk, row: Application, stage: Stage
) -> Stage | None:
    """One step decided by whoever sits there, a deputy last: he may be wanted at a later one."""
    seats = [s for s in await cases.seats_at(session, [stage.id]) if s.state is SeatState.WAITING]
    first = min(seats, key=lambda seat: seat.kind is SeatKind.DEPUTY)
    person = await people.get(session, first.staff)
    place = Place(stage=stage.id, version=row.version, seen=Seen(digest=WHY))
    moved = await decisions.decide(session, person, place, Verdict.APPROVE, "", desk.calendar)
    return moved.next


async def _shown(store: Store, stages: Sequence[int]) -> list[LiveCard]:
    """The cards of these stages, once they have been sent or that took too long."""
    subjects = [f"approval:{each}" for each in stages]
    async with store.reading(brief=True) as session:
        rows = await session.scalars(
            select(LiveCard).where(LiveCard.subject.in_(subjects)).order_by(LiveCard.id)
        )
        cards = list(rows)
    ids = [card.id for card in cards]
    for _ in range(int(SHOWN_WITHIN / LOOK_SECONDS)):  # then a platform is down: they come later
        if not await _any_waits(store, ids):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return cards


async def _any_waits(store: Store, ids: Sequence[str]) -> bool:
    async with store.reading(brief=True) as session:
        waits = (OutState.WAITING, OutState.SENDING)
        found = await session.scalar(
            select(Out.id).where(Out.card.in_(ids), Out.state.in_(waits)).limit(1)
        )
    return found is not None
