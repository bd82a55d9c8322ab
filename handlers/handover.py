"""交接: one admin asks, both managers and the head see the list, another admin confirms."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases
from bot import belongings
from bot.cards import admin as draw
from bot.cards import notice
from bot.chat.message import Audience, Card
from bot.chat.reply import Reply
from bot.router import Router, Turn
from crm import handover, people, proposals, staff
from crm.handover import Moved, NotTwo
from crm.kernel import rulebook
from crm.kernel.errors import UserError
from crm.models import Proposal, Role, Staff
from crm.people import Action, Person
from crm.proposals import Line, NoSuchProposal, Plan
from handlers import changes
from handlers.changes import Kind, Outcome, Told, put_forward
from handlers.said import OnlyInPrivate

router = Router()

KIND = "handover"
ADMINS = (Role.SYSTEM_ADMIN,)
BETWEEN = re.compile(r"\s*(?:→|->|=>|＞|>|给|到|[\s,，、])\s*")


class NothingInHisName(UserError):
    say = "{name} 名下没有客户、待办、在办申请或预警，不用交接"


class CannotGiveBack(UserError):
    say = "这次交接没有可以移回的内容"


@router.command("handover", action=Action.STAFF)
async def hand_over(turn: Turn, session: AsyncSession) -> Reply:
    """交接 王强 → 李敏. Raises OnlyInPrivate, NotTwo, NoSuchStaff, CannotTakeOver or
    NothingInHisName."""
    if turn.audience is not Audience.PRIVATE:
        raise OnlyInPrivate
    words = [word for word in BETWEEN.split(turn.said.query or "") if word]
    if len(words) < 2:
        raise NotTwo
    giver, heir = await staff.find(session, words[0]), await staff.find(session, words[1])
    await handover.two(session, giver.id, heir.id)
    plan = await _plan(session, giver, heir, reason=" ".join(words[2:]))
    return await put_forward(turn, session, plan)


async def _plan(session: AsyncSession, giver: Staff, heir: Staff, *, reason: str) -> Plan:
    counts = {name: len(rows) for name, rows in (await _listed(session, giver.id)).items()}
    if not any(counts.values()):
        raise NothingInHisName(name=giver.name)
    newest = await rulebook.current(session, KIND, giver.id)
    warning = "请先让双方看过名单再确认；确认时名下的全部移交，包括之后新增的"
    if giver.branch != heir.branch:
        warning += "\n两人不在同一营业部，客户所属营业部不变"
    return Plan(
        kind=KIND,
        name=giver.id,
        base=newest.version if newest else 0,
        body={"to": heir.id, "only": None},
        title=f"交接 {giver.name} → {heir.name}",
        lines=_lines(counts, giver.name, heir.name),
        roles=ADMINS,
        warning=warning,
        reason=reason,
    )


async def _listed(
    session: AsyncSession, staff_id: str, only: Moved | None = None
) -> Mapping[str, Sequence[str]]:
    return {
        name: await holding.listed(session, staff_id, None if only is None else only.get(name, ()))
        for name, holding in belongings.ALL.items()
    }


def _lines(counts: Mapping[str, int], giver: str, heir: str) -> tuple[Line, ...]:
    return tuple(
        Line(f"{count} {belongings.ALL[name].word}", giver, heir)
        for name, count in counts.items()
        if count
    )


async def _show(session: AsyncSession, proposal: Proposal, at: datetime) -> Told:
    """The list goes to both and to the heads of their branches."""
    return tuple(
        [
            (reader.id, await _list_card(session, proposal, reader, 0, at))
            for reader in await _readers(session, proposal)
        ]
    )


async def _readers(session: AsyncSession, proposal: Proposal) -> list[Person]:
    giver = await people.get(session, proposal.name)
    heir = await people.get(session, str(proposals.body(proposal)["to"]))
    found = {giver.id: giver, heir.id: heir}
    for branch in sorted({each.branch for each in (giver, heir) if each.branch}):
        found |= {head.id: head for head in await people.with_role(session, Role.HEAD, branch)}
    return list(found.values())


async def _list_card(
    session: AsyncSession, proposal: Proposal, reader: Person, first: int, at: datetime
) -> Card:
    """The list as it is by now; what moved once it has happened."""
    title, lines, _ = proposals.shown(proposal)
    only = proposals.body(proposal)["only"]
    rows = [
        (belongings.ALL[name].word, each)
        for name, found in (await _listed(session, proposal.name, only)).items()
        for each in found
    ]
    names = await people.names(session, [proposal.asked_by, *proposal.seen])
    return draw.handover_card(
        proposal, title, lines, rows, first, names, at, has_read=reader.id in proposal.seen
    )


async def _readable(turn: Turn, session: AsyncSession) -> Proposal:
    """Raises NoSuchProposal, also for whom it does not concern."""
    number = int(turn.args[0])
    proposal = await proposals.get(session, number)
    readers = await _readers(session, proposal) if proposal.kind == KIND else []
    if turn.person.id not in {reader.id for reader in readers}:
        raise NoSuchProposal(number=number)
    return proposal


@router.click("handover_page")
async def page(turn: Turn, session: AsyncSession) -> Reply:
    proposal = await _readable(turn, session)
    card = await _list_card(session, proposal, turn.person, int(turn.args[1]), turn.at)
    return Reply(update=card)


@router.click("handover_seen")
async def has_seen(turn: Turn, session: AsyncSession) -> Reply:
    """Both admins see who has read the list."""
    proposal = await _readable(turn, session)
    await proposals.read(session, turn.person, proposal.id)
    first = int(turn.args[1]) if turn.args[1:] else 0
    card = await _list_card(session, proposal, turn.person, first, turn.at)
    return Reply(update=card, touch_up=(f"change:{proposal.id}",))


@router.view("handover")
async def draw_list(
    session: AsyncSession, person: Person, number: int, _audience: Audience, at: datetime
) -> Card:
    return await _list_card(session, await proposals.get(session, number), person, 0, at)


async def _carry(session: AsyncSession, proposal: Proposal, second: Person) -> Outcome:
    """All of it in the transaction of the second admin's click. Raises CannotTakeOver."""
    kept = proposals.body(proposal)
    heir, only = str(kept["to"]), kept["only"]
    moved = await handover.give(
        session, proposal.name, heir, belongings.ALL, by=second.id, only=only
    )
    document = await rulebook.put(
        session,
        KIND,
        proposal.name,
        {"to": heir, "moved": moved},
        base=proposal.base,
        asked_by=proposal.asked_by,
        asked_at=proposal.asked_at,
        confirmed_by=second.id,
        reason=proposal.reason,
    )
    names = await people.names(session, [proposal.name, heir])
    what = moved_words(moved)
    giver, taker = names[proposal.name], names[heir]
    to_heir = notice.sentence(f"{giver} 已移交给您", f"共 {what}")
    to_giver = notice.sentence(f"您名下的已移交给 {taker}", f"共 {what}")
    return Outcome(
        said=f"已移交 {what}",
        made=document.version,
        tell=((heir, to_heir), (proposal.name, to_giver)),
        refresh=(f"handover:{proposal.id}", *await _subjects(session, moved)),
    )


def moved_words(moved: Moved) -> str:
    parts = [f"{len(ids)} {belongings.ALL[name].word}" for name, ids in moved.items() if ids]
    return "、".join(parts) or "0 项"


async def _subjects(session: AsyncSession, moved: Moved) -> list[str]:
    """Whose cards say whose it is: also those of the approvers, among whom the heir may have
    been."""
    found = [
        f"{subject}:{number}"
        for name, subject in belongings.SUBJECTS.items()
        for number in moved.get(name, ())
    ]
    stages = await cases.waiting_stages(session, moved.get("applications", ()))
    return found + [f"{what}:{stage}" for stage in stages for what in ("approval", "reminder")]


async def _back(session: AsyncSession, proposal: Proposal) -> Plan:
    """What that handover moved, as far as it is still with the heir. Raises CannotGiveBack."""
    document = await rulebook.version(session, KIND, proposal.made or 0, proposal.name)
    moved: Moved = document.body.get("moved", {}) if document else {}
    if document is None or not any(moved.values()):
        raise CannotGiveBack
    giver, heir = str(document.body["to"]), proposal.name
    counts = {name: len(rows) for name, rows in (await _listed(session, giver, moved)).items()}
    if not any(counts.values()):
        raise CannotGiveBack
    newest = await rulebook.current(session, KIND, giver)
    names = await people.names(session, [giver, heir])
    return Plan(
        kind=KIND,
        name=giver,
        base=newest.version if newest else 0,
        body={"to": heir, "only": moved},
        title=f"移回 {names[giver]} → {names[heir]}",
        lines=_lines(counts, names[giver], names[heir]),
        roles=ADMINS,
        warning="只移回那次交接的内容，之后又转给别人或已办结的不动",
        reason=f"回退更改 {proposal.id}",
    )


changes.KINDS[KIND] = Kind(carry=_carry, back=_back, show=_show, shown_as=KIND)
