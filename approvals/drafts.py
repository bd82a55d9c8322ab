"""The applicant's side: begin, fill in, attach, submit, withdraw."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from approvals import checks, flow, history, seating, versions
from approvals.cases import (
    Dossier,
    Moved,
    NotYourApplication,
    case_of,
    dossier,
    get,
    index_of,
    settle,
    today,
)
from approvals.checks import Light
from approvals.documents import (
    FIELD_WORDS,
    PAPER_WORDS,
    Field,
    Paper,
    PaperFacts,
    accept,
    accept_paper,
)
from approvals.flow import Case, State
from approvals.models import Application, ApplicationField, ApplicationFile, Deed
from crm import blobs, people
from crm.kernel.calendar import Calendar
from crm.kernel.db import now
from crm.kernel.errors import UserError
from crm.people import Action, Person


class NotComplete(UserError):
    say = "还不能提交：{what}"


class NoPlaceFor(UserError):
    say = "这份申请不需要{what}"


class NotSent(UserError):
    say = "没有收到文件，请重新发送"


async def start(session: AsyncSession, person: Person, name: str, *, company: bool) -> Application:
    """A new draft for a client of this name."""
    person.must(Action.OPEN_ACCOUNT)
    current = await versions.in_force(session)
    at = now(session)
    row = Application(
        flow=current.name,
        flow_version=current.version,
        name=name,
        papers="company" if company else "person",
        applicant=person.id,
        owner=person.id,
        branch=person.branch,
        state=State.DRAFT,
        step="",
        round=1,
        version=1,
        created_at=at,
        touched_at=at,
    )
    session.add(row)
    await session.flush()
    await history.add(session, row, person.id, Deed.STARTED)
    return row


async def fill(
    session: AsyncSession, person: Person, application_id: int, field: Field, given: str
) -> str:
    """Keep a number; gives it as it is kept. Raises WrongNumber, NoPlaceFor, NotYourApplication,
    CaseEnded or NotInHand."""
    row, case = await _in_hand(session, person, application_id)
    if field.value not in case.flow.papers[row.papers].fields:
        raise NoPlaceFor(what=FIELD_WORDS[field])
    value = accept(field, given, today(session), case.flow.limits)
    last = await session.scalar(
        select(func.max(ApplicationField.number)).where(
            ApplicationField.application_id == row.id, ApplicationField.kind == field.value
        )
    )
    session.add(
        ApplicationField(
            application_id=row.id,
            kind=field.value,
            number=(last or 0) + 1,
            value=value,
            whole=index_of(session, value),
            by=person.id,
            at=now(session),
        )
    )
    await _touched(session, row, person, Deed.FILLED, field.value)
    return value


async def attach(
    session: AsyncSession,
    person: Person,
    application_id: int,
    *,
    blob: str,
    name: str,
    paper: Paper | None,
) -> tuple[Paper, int]:
    """Keep a paper, as ``paper`` or where one is wanted most; gives which and its number.

    Raises WrongPaper, NotYourApplication, CaseEnded or NotInHand.
    """
    row, case = await _in_hand(session, person, application_id)
    content = await blobs.read(session, blob)
    if content is None:
        raise NotSent
    facts = accept_paper(name, content, case.flow.limits)
    wanted = [Paper(each) for each in case.flow.papers[row.papers].files]
    if paper is None or paper not in wanted:
        paper = _wanted_most(await dossier(session, row.id), wanted)
    number = await _keep_file(session, row, person, paper, blob, name, facts)
    await _touched(session, row, person, Deed.ATTACHED, paper.value)
    return paper, number


def _wanted_most(found: Dossier, wanted: Sequence[Paper]) -> Paper:
    """The first that is missing, else the first that is doubtful, else the last."""
    lights = {check.what: check.light for check in found.checks}
    worst = max(wanted, key=lambda paper: lights[PAPER_WORDS[paper]])
    return worst if lights[PAPER_WORDS[worst]] > Light.GREEN else wanted[-1]


async def _keep_file(
    session: AsyncSession,
    row: Application,
    person: Person,
    paper: Paper,
    blob: str,
    name: str,
    facts: PaperFacts,
) -> int:
    last = await session.scalar(
        select(func.max(ApplicationFile.number)).where(ApplicationFile.application_id == row.id)
    )
    number = (last or 0) + 1
    session.add(
        ApplicationFile(
            application_id=row.id,
            number=number,
            kind=paper.value,
            blob=blob,
            name=name,
            width=facts.width,
            height=facts.height,
            size=facts.size,
            by=person.id,
            at=now(session),
        )
    )
    await session.flush()
    return number


async def rename(
    session: AsyncSession, person: Person, application_id: int, number: int, paper: Paper
) -> None:
    """The file of this number is another paper than it was taken for."""
    row, case = await _in_hand(session, person, application_id)
    if paper.value not in case.flow.papers[row.papers].files:
        raise NoPlaceFor(what=PAPER_WORDS[paper])
    await session.execute(
        update(ApplicationFile)
        .where(ApplicationFile.application_id == row.id, ApplicationFile.number == number)
        .values(kind=paper.value)
    )
    await _touched(session, row, person, Deed.ATTACHED, paper.value)


async def submit(
    session: AsyncSession, person: Person, application_id: int, calendar: Calendar
) -> Moved:
    """To the first step. Raises NotComplete, NotYourApplication, CaseEnded or NotInHand."""
    row, case = await _in_hand(session, person, application_id)
    found = await dossier(session, row.id)
    must_be_ready(found)
    after = flow.submit(case)
    settle(row, after, now(session))
    await history.add(session, row, person.id, Deed.SUBMITTED)
    begun = await seating.begin(session, row, after, calendar)
    return Moved(row=row, next=begun, news=await seating.waiting(session, begun))


def must_be_ready(found: Dossier) -> None:
    """Raises NotComplete with what is missing or wrong."""
    if checks.ready(found.checks):
        return
    missing = [each.what for each in found.checks if each.light is Light.MISSING]
    wrong = [f"{each.what}{each.why}" for each in found.checks if each.light is Light.RED]
    parts = [f"还差{'、'.join(missing)}"] if missing else []
    raise NotComplete(what="；".join([*parts, *wrong]))


async def withdraw(session: AsyncSession, person: Person, application_id: int) -> Moved:
    """撤回. Raises NotYourApplication or CaseEnded."""
    row = await _own(session, person, application_id)
    case = await case_of(session, row)
    step = row.step
    after = flow.withdraw(case)
    stage = await seating.end(session, row, by=person.id, outcome="withdrawn")
    settle(row, after, now(session))
    await history.add(session, row, person.id, Deed.WITHDRAWN, step=step)
    return Moved(row=row, ended=stage)


async def move(
    session: AsyncSession,
    staff_id: str,
    to: str,
    *,
    by: str,
    only: Collection[int] | None = None,
) -> list[int]:
    """交接: another looks after the open applications of somebody, all or ``only`` these; gives
    their numbers. Who takes over decides none of them."""
    query = (
        select(Application)
        .where(Application.owner == staff_id, Application.state.in_(flow.OPEN))
        .order_by(Application.id)
        .with_for_update()
    )
    if only is not None:
        query = query.where(Application.id.in_(only))
    moved = list(await session.scalars(query))
    for row in moved:
        row.owner, row.touched_at = to, now(session)
        await session.flush()
        await seating.give_up(session, row, to)
        await history.add(session, row, by, Deed.MOVED, whom=to)
    return [row.id for row in moved]


async def _own(session: AsyncSession, person: Person, application_id: int) -> Application:
    """Locked. Raises NoSuchApplication or NotYourApplication."""
    row = await get(session, application_id, lock=True)
    if row.owner != person.id:
        owners = await people.names(session, [row.owner])
        raise NotYourApplication(owner=owners.get(row.owner, row.owner))
    return row


async def _in_hand(
    session: AsyncSession, person: Person, application_id: int
) -> tuple[Application, Case]:
    row = await _own(session, person, application_id)
    case = await case_of(session, row)
    flow.must_be_in_hand(case)
    return row, case


async def _touched(
    session: AsyncSession, row: Application, person: Person, deed: Deed, what: str
) -> None:
    row.version += 1
    row.touched_at = now(session)
    await session.flush()
    await history.add(session, row, person.id, deed, whom=what)
