"""Four eyes: a change that affects others waits for a second person of the same role.

What is changed, and how, is the caller's: here it is only asked for, confirmed once, refused or
taken back. Everything of it is on record.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm import people
from crm.changes import announce
from crm.kernel import audit, rulebook
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now, years_later
from crm.kernel.errors import NotAllowed, UserError
from crm.kernel.rulebook import Body, Superseded, canonical
from crm.models import Proposal, ProposalState, Role
from crm.people import ROLE_WORDS, Person

LASTS = timedelta(hours=24)
KEPT_YEARS = 20

_DESK = (Role.RISK, Role.RISK_HEAD)  # one desk, whoever heads it
_SAME: Mapping[Role, tuple[Role, ...]] = dict.fromkeys(_DESK, _DESK)

STATE_WORDS: Mapping[ProposalState, str] = {
    ProposalState.ASKED: "待确认",
    ProposalState.CONFIRMED: "已确认生效",
    ProposalState.REFUSED: "未同意",
    ProposalState.WITHDRAWN: "已撤回",
}


class NobodyToConfirm(UserError):
    say = "没有第二位{role}可以确认，这项更改不能提出；请安全管理员先用 /角色 增加一位"


class AlreadyProposed(UserError):
    say = "更改 {number}「{title}」还在等{role}确认（{by} {when} 提出）；确认或撤回后才能再提"


class OwnProposal(UserError):
    say = "不能确认自己提出的更改，要由另一位{role}确认"


class NotYourRole(UserError):
    say = "这项更改要由{role}确认"


class NotYourProposal(UserError):
    say = "只有提出人可以撤回"


class NoSuchProposal(UserError):
    say = "没有第 {number} 号更改；发「/变更」看等待确认的"


class ProposalEnded(UserError):
    say = "这项更改{word}（{by} {when}），不用再处理"


class ProposalLapsed(UserError):
    say = "这项更改提出已超过 24 小时，请重新提出"


class AskerGone(UserError):
    say = "提出人已不再担任{role}，这项更改作废；需要时请重新提出"


class NothingChanges(UserError):
    say = "与现在的内容相同，不用更改"


@dataclass(frozen=True, slots=True)
class Line:
    """What changes, as people read it."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A change before it is asked for. ``roles``: who may ask, the likeliest first."""

    kind: str
    name: str
    base: int
    body: Body
    title: str
    lines: Sequence[Line]
    roles: Sequence[Role]
    warning: str = ""
    reason: str = ""


def shown(proposal: Proposal) -> tuple[str, tuple[Line, ...], str]:
    """The title, the lines and the warning that both saw."""
    kept = json.loads(proposal.shown)
    return kept["title"], tuple(Line(*line) for line in kept["lines"]), kept["warning"]


def body(proposal: Proposal) -> Body:
    found: Body = json.loads(proposal.body)
    return found


async def propose(
    session: AsyncSession, person: Person, plan: Plan
) -> tuple[Proposal, list[Person]]:
    """Ask for a change. Gives those who may confirm it.

    Raises NotAllowed, NothingChanges, Superseded, AlreadyProposed or NobodyToConfirm.
    """
    role = next((role for role in plan.roles if role in person.roles), None)
    if role is None:
        raise NotAllowed(action=plan.title)
    if not plan.lines:
        raise NothingChanges
    await announce(session, "rules")  # those who ask at the same time do so one after another
    newest = await rulebook.current(session, plan.kind, plan.name)
    if (newest.version if newest else 0) != plan.base:
        raise Superseded
    key = f"{plan.kind}:{plan.name}"
    await _must_be_free(session, key, plan.base)
    seconds = await _holders(session, role, but=person.id)
    if not seconds:
        raise NobodyToConfirm(role=ROLE_WORDS[role])
    at = now(session)
    lines = [(line.what, line.before, line.after) for line in plan.lines]
    proposal = Proposal(
        kind=plan.kind,
        name=plan.name,
        base=plan.base,
        body=canonical(plan.body),
        shown=canonical({"title": plan.title, "lines": lines, "warning": plan.warning}),
        reason=plan.reason,
        role=role,
        open_key=key,
        state=ProposalState.ASKED,
        asked_by=person.id,
        asked_at=at,
        result="",
        seen=[],
        version=1,
        keep_until=years_later(at.astimezone(SHANGHAI).date(), KEPT_YEARS),
    )
    session.add(proposal)
    await session.flush()
    _note(session, person, "change.ask", proposal, lines=lines, reason=plan.reason)
    return proposal, seconds


async def _must_be_free(session: AsyncSession, key: str, base: int) -> None:
    """Nobody else waits with the same; one that lapsed, or that an import overtook, makes room.
    Raises AlreadyProposed."""
    other = await session.scalar(select(Proposal).where(Proposal.open_key == key))
    if other is None:
        return
    if other.base == base and not lapsed(other, now(session)):
        raise AlreadyProposed(
            number=other.id,
            title=shown(other)[0],
            role=ROLE_WORDS[other.role],
            by=await _name(session, other.asked_by),
            when=_when(other.asked_at),
        )
    other.open_key = None
    await session.flush()


def lapsed(proposal: Proposal, at: datetime) -> bool:
    return proposal.state is ProposalState.ASKED and at - proposal.asked_at > LASTS


async def _holders(session: AsyncSession, role: Role, *, but: str) -> list[Person]:
    found: dict[str, Person] = {}
    for same in _SAME.get(role, (role,)):
        found |= {person.id: person for person in await people.with_role(session, same)}
    return [found[each] for each in sorted(found.keys() - {but})]


def may_confirm(person: Person, proposal: Proposal) -> bool:
    same = _SAME.get(proposal.role, (proposal.role,))
    return person.id != proposal.asked_by and not person.roles.isdisjoint(same)


async def seconds(session: AsyncSession, proposal: Proposal) -> list[Person]:
    """Who may confirm it."""
    return await _holders(session, proposal.role, but=proposal.asked_by)


async def confirm(session: AsyncSession, person: Person, number: int) -> Proposal:
    """The second person's consent, once. The caller carries the change out with it.

    Raises NoSuchProposal, ProposalEnded, ProposalLapsed, OwnProposal, NotYourRole or AskerGone.
    """
    proposal = await _seconded(session, person, number)
    await announce(session, "rules")
    _end(session, person, proposal, ProposalState.CONFIRMED)
    await session.flush()
    _note(session, person, "change.confirm", proposal)
    return proposal


async def refuse(session: AsyncSession, person: Person, number: int) -> Proposal:
    """Raises like ``confirm``."""
    proposal = await _seconded(session, person, number)
    _end(session, person, proposal, ProposalState.REFUSED)
    await session.flush()
    _note(session, person, "change.refuse", proposal)
    return proposal


async def read(session: AsyncSession, person: Person, number: int) -> Proposal:
    """Somebody whom it concerns has read it. Raises NoSuchProposal or ProposalEnded."""
    proposal = await _waiting(session, number)
    if person.id not in proposal.seen:
        proposal.seen = [*proposal.seen, person.id]
        await session.flush()
        _note(session, person, "change.read", proposal)
    return proposal


async def withdraw(session: AsyncSession, person: Person, number: int) -> Proposal:
    """Raises NoSuchProposal, ProposalEnded or NotYourProposal."""
    proposal = await _waiting(session, number)
    if proposal.asked_by != person.id:
        raise NotYourProposal
    _end(session, person, proposal, ProposalState.WITHDRAWN)
    await session.flush()
    _note(session, person, "change.withdraw", proposal)
    return proposal


async def _seconded(session: AsyncSession, person: Person, number: int) -> Proposal:
    proposal = await _waiting(session, number)
    if person.id == proposal.asked_by:
        raise OwnProposal(role=ROLE_WORDS[proposal.role])
    if not may_confirm(person, proposal):
        raise NotYourRole(role=ROLE_WORDS[proposal.role])
    if lapsed(proposal, now(session)):
        raise ProposalLapsed
    holders = await _holders(session, proposal.role, but=person.id)
    if proposal.asked_by not in {each.id for each in holders}:
        raise AskerGone(role=ROLE_WORDS[proposal.role])
    return proposal


async def _waiting(session: AsyncSession, number: int) -> Proposal:
    """Locked. Raises NoSuchProposal or ProposalEnded."""
    proposal = await session.get(Proposal, number, with_for_update=True, populate_existing=True)
    if proposal is None:
        raise NoSuchProposal(number=number)
    if proposal.state is not ProposalState.ASKED:
        raise ProposalEnded(
            word=STATE_WORDS[proposal.state],
            by=await _name(session, proposal.decided_by or ""),
            when=_when(proposal.decided_at or proposal.asked_at),
        )
    return proposal


def _end(session: AsyncSession, person: Person, proposal: Proposal, state: ProposalState) -> None:
    proposal.state, proposal.open_key = state, None
    proposal.decided_by, proposal.decided_at = person.id, now(session)
    proposal.version += 1


def _note(
    session: AsyncSession, person: Person, action: str, proposal: Proposal, **more: object
) -> None:
    about = f"{proposal.kind}:{proposal.name}"
    thing = f"change:{proposal.id}"
    audit.note(session, person.id, action, thing, trace="", about=about, **more)


async def of_interest(session: AsyncSession, person: Person, limit: int = 20) -> list[Proposal]:
    """What waits and is this person's to confirm or to take back, the oldest first."""
    rows = await session.scalars(
        select(Proposal)
        .where(Proposal.state == ProposalState.ASKED)
        .where(Proposal.asked_at >= now(session) - LASTS)
        .order_by(Proposal.id)
    )
    mine = (row for row in rows if row.asked_by == person.id or may_confirm(person, row))
    return list(mine)[:limit]


async def of_version(session: AsyncSession, kind: str, name: str, made: int) -> Proposal | None:
    """What brought this version of a document about."""
    found: Proposal | None = await session.scalar(
        select(Proposal).where(Proposal.kind == kind, Proposal.name == name, Proposal.made == made)
    )
    return found


async def get(session: AsyncSession, number: int) -> Proposal:
    """Raises NoSuchProposal."""
    proposal = await session.get(Proposal, number, populate_existing=True)
    if proposal is None:
        raise NoSuchProposal(number=number)
    return proposal


async def _name(session: AsyncSession, staff_id: str) -> str:
    return (await people.names(session, [staff_id])).get(staff_id, staff_id)


def _when(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"
