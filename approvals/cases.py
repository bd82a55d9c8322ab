"""Applications as they are: found, locked, and gathered for whoever is to see them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from approvals import checks, forgone, history, versions
from approvals.checks import Attached, Check, Others
from approvals.documents import Field, Paper, PaperFacts
from approvals.flow import IN_HAND, OPEN, Case, Flow, Papers, State, Step
from approvals.forgone import Forgone
from approvals.models import (
    COSIGNING,
    DECIDING,
    STANDS_FOR,
    Application,
    ApplicationEvent,
    ApplicationField,
    ApplicationFile,
    Deed,
    Seat,
    SeatKind,
    SeatState,
    Stage,
)
from crm import people
from crm.clients import KEEP_YEARS
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now, vault, years_later
from crm.kernel.errors import UserError
from crm.models import Client, ClientStatus, Personal, PersonalKind, Role, Staff
from crm.people import Action, Person

VERDICTS = frozenset({Deed.APPROVED, Deed.COSIGNED, Deed.REJECTED, Deed.RETURNED})


# Statements of every card are built once: building one takes longer than running it.
_SEATS = (
    select(Seat)
    .where(Seat.stage_id.in_(bindparam("stages", expanding=True)))
    .order_by(Seat.at, Seat.staff)
    .execution_options(populate_existing=True)
)
_STAGES = (
    select(Stage)
    .where(Stage.application_id == bindparam("application"))
    .order_by(Stage.id)
    .execution_options(populate_existing=True)
)
_OPEN_STAGE = _STAGES.where(Stage.ended_at.is_(None))
_DECIDED = select(ApplicationEvent.actor, ApplicationEvent.step).where(
    ApplicationEvent.application_id == bindparam("application"),
    ApplicationEvent.deed.in_(VERDICTS),
)
_ABSENT = (
    select(Staff.deputy, Staff.id)
    .where(
        Staff.id.in_(bindparam("waiting", expanding=True)),
        Staff.deputy.in_(bindparam("deputies", expanding=True)),
    )
    .order_by(Staff.id.desc())
)
_FIELDS = (
    select(ApplicationField.kind, ApplicationField.value)
    .where(ApplicationField.application_id == bindparam("application"))
    .order_by(ApplicationField.number)
)
_FILES = (
    select(ApplicationFile)
    .where(ApplicationFile.application_id == bindparam("application"), ApplicationFile.kind != "")
    .order_by(ApplicationFile.number)
    .execution_options(populate_existing=True)
)
_SAME_IDENTITY = (
    select(Client)
    .join(Personal, Personal.client_id == Client.id)
    .where(Personal.kind == PersonalKind.ID_NUMBER, Personal.whole == bindparam("whole"))
    .order_by(Client.id)
)
_HOW_MANY = select(func.count(Personal.client_id.distinct())).where(
    Personal.kind == bindparam("kind"), Personal.whole == bindparam("whole")
)
_NAMESAKES = select(Client.id).where(Client.name == bindparam("name"))
_STAFF = (
    select(Staff.id).where(Staff.name == bindparam("name"), Staff.disabled_at.is_(None)).limit(1)
)
_IDENTITY = (Field.ID_NUMBER, Field.CREDIT_CODE)
_LATER = aliased(ApplicationField)
_SAME_CASE = (  # by the number that counts now, not by one that was corrected
    select(Application.id)
    .join(ApplicationField, ApplicationField.application_id == Application.id)
    .where(
        Application.state == State.RUNNING,
        Application.id != bindparam("application"),
        ApplicationField.kind.in_(_IDENTITY),
        ApplicationField.whole == bindparam("whole"),
        ApplicationField.number
        == select(func.max(_LATER.number))
        .where(
            _LATER.application_id == ApplicationField.application_id,
            _LATER.kind == ApplicationField.kind,
        )
        .scalar_subquery(),
    )
    .limit(1)
)


class NoSuchApplication(UserError):
    say = "没有找到这份申请"


class NotYourApplication(UserError):
    say = "这份申请由 {owner} 负责"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All of one application, numbers in the clear: whoever shows it masks. ``stage`` is the step
    that waits now."""

    row: Application
    flow: Flow
    values: Mapping[Field, str]
    papers: Mapping[Paper, Attached]
    checks: tuple[Check, ...]
    events: Sequence[ApplicationEvent]
    stages: Sequence[Stage]
    seats: Sequence[Seat]
    names: Mapping[str, str]  # of everybody in it, by staff id
    absent: Mapping[str, str]  # whom each deputy who is waited for stands in for
    forgone: Mapping[str, Sequence[Forgone]]  # by whoever is waited for, with his word now
    branch: str  # its name

    @property
    def wanted(self) -> Papers:
        return self.flow.papers[self.row.papers]

    @property
    def stage(self) -> Stage | None:
        return next((stage for stage in self.stages if stage.ended_at is None), None)

    @property
    def returned(self) -> ApplicationEvent | None:
        """How it was sent back last."""
        return next((e for e in reversed(self.events) if e.deed is Deed.RETURNED), None)

    def mended(self) -> list[Field | Paper]:
        """What is new since it was sent back last."""
        back = self.returned
        if back is None:
            return []
        filled = {e.whom for e in self.events if e.number > back.number and e.deed is Deed.FILLED}
        papers = {p for p, one in self.papers.items() if one.at and one.at > back.at}
        fields = [Field(each) for each in self.wanted.fields if each in filled]
        return [*fields, *(Paper(each) for each in self.wanted.files if each in papers)]

    def waiting(self, stage: Stage) -> list[Seat]:
        """Whose word it waits for now: cosigners come first, alone."""
        open_ = [s for s in self.seats if s.stage_id == stage.id and s.state is SeatState.WAITING]
        first = [seat for seat in open_ if seat.kind in COSIGNING]
        return first or open_

    def name(self, staff_id: str) -> str:
        return self.names.get(staff_id, staff_id)

    def may_read(self, event: ApplicationEvent, reader: Person) -> bool:
        """Whether a comment is for these eyes: what a confidential step says against a client
        stays with its own desk, and so does who was asked for advice there."""
        # Of what was sent back the applicant must know what to bring.
        return event.deed is Deed.RETURNED or self._is_of_his_desk(event, reader)

    def may_see_card(self, event: ApplicationEvent, reader: Person) -> bool:
        """Whether the card that was decided by is kept, and for these eyes: that of a confidential
        step is for its own desk and for audit."""
        if event.shown is None:
            return False
        return reader.may(Action.AUDIT) or self._is_of_his_desk(event, reader)

    def _is_of_his_desk(self, event: ApplicationEvent, reader: Person) -> bool:
        """Also whatever happened at a step that keeps nothing to itself."""
        confidential = any(s.key == event.step and s.confidential for s in self.flow.steps)
        role = next((s.role for s in self.flow.steps if s.key == event.step), None)
        return not confidential or role in reader.roles or event.actor == reader.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where an application is after a move. ``ended``: the stage that is over; ``stays``: the one
    that goes on with other seats; ``next``: the one that begins; ``news``: who may decide now."""

    row: Application
    ended: Stage | None = None
    stays: Stage | None = None
    next: Stage | None = None
    news: Sequence[str] = ()


def settle(row: Application, after: Case, at: datetime) -> None:
    """Write a move into the row, which its caller holds locked."""
    row.state, row.step, row.round, row.version = (
        after.state,
        after.step,
        after.round,
        after.version,
    )
    row.touched_at = at
    if after.state not in OPEN:
        row.ended_at = at
        row.keep_until = years_later(at.astimezone(SHANGHAI).date(), KEEP_YEARS)


async def get(session: AsyncSession, application_id: int, *, lock: bool = False) -> Application:
    """Raises NoSuchApplication."""
    row = await session.get(
        Application, application_id, with_for_update=lock or None, populate_existing=lock
    )
    if row is None:
        raise NoSuchApplication
    return row


async def stage_of(session: AsyncSession, stage_id: int) -> Stage:
    """Raises NoSuchApplication."""
    stage = await session.get(Stage, stage_id, populate_existing=True)
    if stage is None:
        raise NoSuchApplication
    return stage


async def open_stage(session: AsyncSession, application_id: int) -> Stage | None:
    found: Stage | None = await session.scalar(_OPEN_STAGE, {"application": application_id})
    return found


async def waiting_stages(session: AsyncSession, application_ids: Iterable[int]) -> list[int]:
    """The stages that these applications wait at now."""
    query = select(Stage.id).where(
        Stage.application_id.in_(list(application_ids)), Stage.ended_at.is_(None)
    )
    return list(await session.scalars(query.order_by(Stage.id)))


async def seats_at(session: AsyncSession, stage_ids: Iterable[int]) -> list[Seat]:
    return list(await session.scalars(_SEATS, {"stages": list(stage_ids)}))


async def absent_ones(session: AsyncSession, waiting: Sequence[Seat]) -> dict[str, str]:
    """Whom each deputy among these seats of a stage stands in for: a decision for who is to
    decide, a 加签 for who is asked for it; of several the first."""
    kinds = {seat.staff: seat.kind for seat in waiting}
    deputies = [staff for staff, kind in kinds.items() if kind in STANDS_FOR]
    if not deputies:
        return {}
    rows = await session.execute(_ABSENT, {"waiting": list(kinds), "deputies": deputies})
    return {
        deputy: absent
        for deputy, absent in rows
        if deputy and kinds[absent] in STANDS_FOR[kinds[deputy]]
    }


async def case_of(session: AsyncSession, row: Application) -> Case:
    """As the moves of ``flow`` need it."""
    stage = await open_stage(session, row.id)
    seats = await seats_at(session, [stage.id]) if stage else []
    waiting = [seat for seat in seats if seat.state is SeatState.WAITING]
    decided = await session.execute(_DECIDED, {"application": row.id})
    return _case(
        row,
        await versions.pinned(session, row.flow, row.flow_version),
        waiting,
        await absent_ones(session, waiting),
        [(actor, step) for actor, step in decided],
    )


def _case(
    row: Application,
    flow: Flow,
    waiting: Sequence[Seat],
    absent: Mapping[str, str],
    decided: Iterable[tuple[str, str]],
) -> Case:
    cosigning = {seat.staff for seat in waiting if seat.kind is SeatKind.COSIGNS_FOR}
    return Case(
        flow=flow,
        state=row.state,
        step=row.step,
        round=row.round,
        version=row.version,
        applicants=frozenset({row.applicant, row.owner}),
        seated=frozenset(s.staff for s in waiting if s.kind in DECIDING),
        cosigners=frozenset(s.staff for s in waiting if s.kind is SeatKind.COSIGNER),
        instead={deputy: whom for deputy, whom in absent.items() if deputy in cosigning},
        decided=frozenset(decided),
    )


async def dossier(session: AsyncSession, application_id: int) -> Dossier:
    """Raises NoSuchApplication."""
    row = await get(session, application_id)
    flow = await versions.pinned(session, row.flow, row.flow_version)
    values, papers = await values_of(session, row.id), await papers_of(session, row.id)
    events = await history.of(session, row.id)
    stages = list(await session.scalars(_STAGES, {"application": row.id}))
    seats = await seats_at(session, [stage.id for stage in stages])
    involved = {row.applicant, row.owner, *(seat.staff for seat in seats)}
    involved |= {event.actor for event in events} | {event.whom for event in events}
    branches = await people.branch_names(session)
    others = await _others(session, row, values)
    waiting = [seat for seat in seats if seat.state is SeatState.WAITING]
    absent = await absent_ones(session, waiting)
    decided = [(event.actor, event.step) for event in events if event.deed in VERDICTS]
    case = _case(row, flow, waiting, absent, decided)
    return Dossier(
        row=row,
        flow=flow,
        values=values,
        papers=papers,
        checks=checks.check_all(
            values, papers, flow.papers[row.papers], others, today(session), flow.limits
        ),
        events=events,
        stages=stages,
        seats=seats,
        names=await people.names(session, involved - {"", history.SYSTEM}),
        absent=absent,
        forgone=await forgone.by_a_word(session, case, row.branch, [s.staff for s in waiting]),
        branch=branches.get(row.branch or "", ""),
    )


def today(session: AsyncSession) -> date:
    return now(session).astimezone(SHANGHAI).date()


async def values_of(session: AsyncSession, application_id: int) -> dict[Field, str]:
    """The newest of each kind."""
    return dict(await values_ever(session, application_id))


async def values_ever(session: AsyncSession, application_id: int) -> list[tuple[Field, str]]:
    """Every number that was given, also what a later one took the place of."""
    rows = await session.execute(_FIELDS, {"application": application_id})
    return [(Field(kind), value) for kind, value in rows]


async def papers_of(session: AsyncSession, application_id: int) -> dict[Paper, Attached]:
    """The newest of each kind."""
    rows = await session.scalars(_FILES, {"application": application_id})
    return {
        Paper(row.kind): Attached(
            number=row.number,
            blob=row.blob,
            name=row.name,
            facts=PaperFacts(size=row.size, width=row.width, height=row.height),
            at=row.at,
        )
        for row in rows
    }


# ── who else has the same ────────────────────────────────────────────────────────────────────

_KINDS = {
    Field.ID_NUMBER: PersonalKind.ID_NUMBER,
    Field.CREDIT_CODE: PersonalKind.ID_NUMBER,
    Field.MOBILE: PersonalKind.MOBILE,
    Field.BANK_CARD: PersonalKind.BANK_CARD,
    Field.BANK_ACCOUNT: PersonalKind.BANK_CARD,
}


def personal_kind(field: Field) -> PersonalKind | None:
    """Where the client's file keeps it."""
    return _KINDS.get(field)


async def _others(session: AsyncSession, row: Application, values: Mapping[Field, str]) -> Others:
    if row.client_id is not None:  # opened: the client is this one
        return Others()
    identity = next((values[field] for field in _IDENTITY if field in values), None)
    same = await same_identity(session, identity) if identity else []
    here = [client for client in same if client.status is not ClientStatus.CLOSED]
    cards = (Field.BANK_CARD, Field.BANK_ACCOUNT)
    card = next((values[field] for field in cards if field in values), None)
    return Others(
        same_client=await _told(session, here[0]) if here else "",
        closed_client=bool(same) and not here,
        same_case=bool(identity) and await _same_case(session, row, str(identity)),
        mobile=await _count(session, Field.MOBILE, values.get(Field.MOBILE)),
        card=await _count(session, Field.BANK_CARD, card),
        namesakes=await _namesakes(session, row.name, {client.id for client in same}),
        staff=await _is_staff(session, row.name),
    )


async def same_identity(session: AsyncSession, number: str) -> list[Client]:
    """Clients under this identity number, closed ones too."""
    whole = vault(session).index(PersonalKind.ID_NUMBER, number)
    return list(await session.scalars(_SAME_IDENTITY, {"whole": whole}))


async def _told(session: AsyncSession, client: Client) -> str:
    """What may be told of a client to whoever has his number: branch and owner."""
    owner = await people.names(session, [client.owner] if client.owner else [])
    branches = await people.branch_names(session)
    parts = (branches.get(client.branch or "", ""), owner.get(client.owner or "", "未分配"))
    return " ".join(filter(None, parts))


async def _same_case(session: AsyncSession, row: Application, identity: str) -> bool:
    """Whether another application under this number runs."""
    asked = {"application": row.id, "whole": index_of(session, identity)}
    return await session.scalar(_SAME_CASE, asked) is not None


def index_of(session: AsyncSession, value: str) -> bytes:
    """The blind index of a number of an application."""
    return vault(session).index("application", value)


async def _count(session: AsyncSession, field: Field, value: str | None) -> int:
    """How many clients use this number."""
    kind = _KINDS[field]
    if value is None:
        return 0
    asked = {"kind": kind, "whole": vault(session).index(kind, value)}
    return await session.scalar(_HOW_MANY, asked) or 0


async def _namesakes(session: AsyncSession, name: str, but: set[int]) -> int:
    rows = await session.scalars(_NAMESAKES, {"name": name})
    return len(set(rows) - but)


async def _is_staff(session: AsyncSession, name: str) -> bool:
    return await session.scalar(_STAFF, {"name": name}) is not None


# ── lists ────────────────────────────────────────────────────────────────────────────────────

MOST_LISTED = 50


async def waiting_for(session: AsyncSession, person: Person) -> list[tuple[Stage, Application]]:
    """What waits for this person's word now, the most urgent first."""
    mine = (
        select(Stage, Application)
        .join(Application, Application.id == Stage.application_id)
        .join(Seat, Seat.stage_id == Stage.id)
        .where(Seat.staff == person.id, Seat.state == SeatState.WAITING, Stage.ended_at.is_(None))
        .order_by(Stage.due_at, Stage.id)
        .limit(MOST_LISTED)
    )
    return [(stage, row) for stage, row in await session.execute(mine)]


async def is_waited_for(session: AsyncSession, person: Person) -> bool:
    """Whether anything waits for this person's word now, whatever his roles."""
    return bool(await waiting_for(session, person))


async def in_hand_of(session: AsyncSession, person: Person) -> list[Application]:
    """Drafts and returned applications that this person fills in, the last touched first."""
    rows = await session.scalars(
        _of(person).where(Application.state.in_(IN_HAND)).limit(MOST_LISTED)
    )
    return list(rows)


async def owned_by(session: AsyncSession, person: Person, limit: int = 8) -> list[Application]:
    """Everything that this person began or looks after, the last touched first."""
    return list(await session.scalars(_of(person).limit(limit)))


async def open_of(session: AsyncSession, staff_id: str) -> list[Application]:
    """Every open application that somebody looks after."""
    rows = await session.scalars(
        select(Application)
        .where(Application.owner == staff_id, Application.state.in_(OPEN))
        .order_by(Application.id)
    )
    return list(rows)


def _of(person: Person) -> Select[Application]:
    return (
        select(Application)
        .where(Application.owner == person.id)
        .order_by(Application.touched_at.desc(), Application.id.desc())
    )


async def named(session: AsyncSession, person: Person, name: str) -> list[Application]:
    """Applications for a client of this name that concern the person: his own, those that he
    decides or decided, and those of the branch that he heads."""
    seated = (
        select(Stage.application_id)
        .join(Seat, Seat.stage_id == Stage.id)
        .where(Seat.staff == person.id)
    )
    mine = [Application.owner == person.id, Application.applicant == person.id]
    mine.append(Application.id.in_(seated))
    if Role.HEAD in person.roles and person.branch is not None:
        mine.append(Application.branch == person.branch)
    rows = await session.scalars(
        select(Application)
        .where(Application.name == name, or_(*mine))
        .order_by(Application.touched_at.desc(), Application.id.desc())
        .limit(MOST_LISTED)
    )
    return list(rows)


def may_follow(found: Dossier, person: Person) -> bool:
    """Whether the track of an application is for this person."""
    row = found.row
    seated = any(seat.staff == person.id for seat in found.seats)
    heads = Role.HEAD in person.roles and person.branch == row.branch
    return person.id in {row.applicant, row.owner} or seated or heads


def steps_left(found: Dossier) -> Sequence[Step]:
    """The steps that are still to come behind the one that waits."""
    return found.flow.later(found.row.step) if found.row.step else ()
