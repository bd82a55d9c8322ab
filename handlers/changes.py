"""变更: what affects others is shown as a diff and waits for a second person of the same role."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import admin as draw
from bot.chat.message import Audience, Card
from bot.chat.reply import Question, Reply, say
from bot.router import Router, Turn
from crm import people, proposals
from crm.kernel import rulebook
from crm.kernel.errors import UserError
from crm.kernel.rulebook import Superseded
from crm.models import Proposal, ProposalState, Role
from crm.people import Action, Person
from crm.proposals import NoSuchProposal, Plan
from handlers.said import in_private

router = Router()


class NoWayBack(UserError):
    say = "这项更改不能一键回退"


class NotTheNewest(UserError):
    say = "这一版之后又有改动，请在最新一版上回退"


Told = tuple[tuple[str, Card], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a confirmed change: ``made`` is the version of its document."""

    said: str
    made: int | None = None
    tell: Told = ()
    refresh: tuple[str, ...] = ()


Carry = Callable[[AsyncSession, Proposal, Person], Awaitable[Outcome]]
Back = Callable[[AsyncSession, Proposal], Awaitable[Plan]]
Show = Callable[[AsyncSession, Proposal, datetime], Awaitable[Told]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a kind of change is carried out, in the transaction of the second person's click, and
    how its undoing is asked for. ``show`` gives cards to whom else it concerns when it is asked
    for, of the subject ``shown_as``: they follow what becomes of it. ``roles`` may ask for this
    kind, and so take back what another of these roles brought about."""

    carry: Carry
    back: Back | None = None
    show: Show | None = None
    shown_as: str = ""
    roles: tuple[Role, ...] = ()


KINDS: dict[str, Kind] = {}


async def put_forward(turn: Turn, session: AsyncSession, plan: Plan) -> Reply:
    """Ask for a change: the asker's card can only take it back, each second person gets his own.

    Raises what ``proposals.propose`` does.
    """
    proposal, seconds = await proposals.propose(session, turn.person, plan)
    mine = await _card(session, proposal, turn.person, turn.at)
    theirs = [(each.id, await _card(session, proposal, each, turn.at)) for each in seconds]
    kind = KINDS.get(proposal.kind)
    shown = await kind.show(session, proposal, turn.at) if kind and kind.show else ()
    return Reply(parts=(mine,), tell=(*theirs, *shown), elsewhere=mine)


async def _card(
    session: AsyncSession,
    proposal: Proposal,
    viewer: Person,
    at: datetime,
    *,
    may_go_back: bool = False,
) -> Card:
    asked = (proposal.asked_by, proposal.decided_by or "", *proposal.seen)
    names = await people.names(session, filter(None, asked))
    return draw.proposal_card(proposal, viewer, names, at, may_go_back=may_go_back)


async def _done_card(session: AsyncSession, proposal: Proposal, viewer: Person) -> Card:
    back = await _may_go_back(session, proposal, viewer)
    names = await people.names(session, [proposal.decided_by or ""])
    return draw.done_card(proposal, names.get(proposal.decided_by or "", ""), may_go_back=back)


async def _may_go_back(session: AsyncSession, proposal: Proposal, viewer: Person) -> bool:
    """While it is what is in force."""
    kind = KINDS.get(proposal.kind)
    done = proposal.state is ProposalState.CONFIRMED and proposal.made is not None
    if kind is None or kind.back is None or not done or not _is_theirs(viewer, proposal):
        return False
    newest = await rulebook.current(session, proposal.kind, proposal.name)
    return newest is not None and newest.version == proposal.made


def _is_theirs(person: Person, proposal: Proposal) -> bool:
    kind = KINDS.get(proposal.kind)
    asks = kind is not None and not person.roles.isdisjoint(kind.roles)
    return asks or person.id == proposal.asked_by or proposals.may_confirm(person, proposal)


@router.view("change")
async def draw_change(
    session: AsyncSession, person: Person, number: int, _audience: Audience, at: datetime
) -> Card:
    return await _card(session, await proposals.get(session, number), person, at)


@router.view("changed")
async def draw_done(
    session: AsyncSession, person: Person, number: int, _audience: Audience, _at: datetime
) -> Card:
    return await _done_card(session, await proposals.get(session, number), person)


@router.click("change_confirm")
async def confirm(turn: Turn, session: AsyncSession) -> Reply:
    """In force with this turn's commit, or not at all."""
    proposal = await proposals.confirm(session, turn.person, int(turn.args[0]))
    kind = KINDS.get(proposal.kind)
    if kind is None:
        raise NoWayBack
    outcome = await kind.carry(session, proposal, turn.person)
    proposal.result, proposal.made = outcome.said, outcome.made
    await session.flush()
    reply = await _redrawn(turn, session, proposal)
    older = await _before(session, proposal)
    asker = await people.get(session, proposal.asked_by)
    done = await _done_card(session, proposal, asker)
    return replace(
        reply,
        tell=((asker.id, done), *outcome.tell),
        refresh=(*reply.refresh, *older, *outcome.refresh),
    )


async def _before(session: AsyncSession, proposal: Proposal) -> tuple[str, ...]:
    if not proposal.made:
        return ()
    return await cards_of(session, proposal.kind, proposal.made - 1, proposal.name)


async def cards_of(
    session: AsyncSession, kind: str, version: int, name: str = ""
) -> tuple[str, ...]:
    """The cards of a version that another took the place of: nothing to go back to there."""
    older = await proposals.of_version(session, kind, name, version) if version else None
    return (f"change:{older.id}", f"changed:{older.id}") if older else ()


@router.click("change_refuse")
async def refuse(turn: Turn, session: AsyncSession) -> Reply:
    """The asker is told, and not only by a card that turns grey."""
    proposal = await proposals.refuse(session, turn.person, int(turn.args[0]))
    reply = await _redrawn(turn, session, proposal)
    told = draw.refused_card(proposal, turn.person.name)
    return replace(reply, tell=((proposal.asked_by, told),))


@router.click("change_withdraw")
async def withdraw(turn: Turn, session: AsyncSession) -> Reply:
    proposal = await proposals.withdraw(session, turn.person, int(turn.args[0]))
    return await _redrawn(turn, session, proposal)


async def _redrawn(turn: Turn, session: AsyncSession, proposal: Proposal) -> Reply:
    card = await _card(session, proposal, turn.person, turn.at)
    kind = KINDS.get(proposal.kind)
    also = (f"{kind.shown_as}:{proposal.id}",) if kind and kind.shown_as else ()
    return Reply(update=card, refresh=(card.subject, *also))


@router.click("change_back")
async def go_back(turn: Turn, session: AsyncSession) -> Reply:
    """The version before, asked for like any other change. Raises NoWayBack or NotTheNewest."""
    proposal = await _theirs(turn, session)
    kind = KINDS.get(proposal.kind)
    if kind is None or kind.back is None or proposal.made is None:
        raise NoWayBack
    if not await _may_go_back(session, proposal, turn.person):
        raise NotTheNewest
    try:
        plan = await kind.back(session, proposal)
    except Superseded:
        raise NotTheNewest from None
    return await put_forward(turn, session, plan)


async def _theirs(turn: Turn, session: AsyncSession) -> Proposal:
    """Raises NoSuchProposal, also for one that is no business of this person's."""
    number = int(turn.args[0])
    proposal = await proposals.get(session, number)
    if not _is_theirs(turn.person, proposal):
        raise NoSuchProposal(number=number)
    return proposal


@router.command("admin:变更", action=Action.CONFIRM)
async def list_or_open(turn: Turn, session: AsyncSession) -> Reply:
    """/变更 lists what waits; /变更 17 opens one, to be answered by number too."""
    words = in_private(turn)
    number = words[0].lstrip("#") if words else ""
    if number.isascii() and number.isdecimal():
        return await _open(turn, session, int(number[:9]))
    rows = await proposals.of_interest(session, turn.person)
    if len(rows) == 1:
        return await _open(turn, session, rows[0].id)
    names = await people.names(session, [row.asked_by for row in rows])
    card = draw.waiting_list(rows, names, turn.person)
    keys = tuple(button.key for button in card.buttons)
    return Reply(parts=(card,), question=Question(options=keys) if keys else None)


@router.click("change")
async def open_one(turn: Turn, session: AsyncSession) -> Reply:
    return await _open(turn, session, int(turn.args[0]))


async def _open(turn: Turn, session: AsyncSession, number: int) -> Reply:
    proposal = await proposals.get(session, number)
    if not _is_theirs(turn.person, proposal):
        raise NoSuchProposal(number=number)
    back = await _may_go_back(session, proposal, turn.person)
    card = await _card(session, proposal, turn.person, turn.at, may_go_back=back)
    keys = tuple(b.key for b in card.buttons if b.key.startswith(("change_confirm", "change_ref")))
    return replace(say(card), question=Question(options=keys) if keys else None)
