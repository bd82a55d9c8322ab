"""A person's file as a change: how it is asked for, carried out and taken back."""

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import seating
from bot import leaving
from bot.cards import notice
from bot.cards import staff as draw
from crm import proposals, staff
from crm.kernel import rulebook
from crm.kernel.rulebook import Body, Superseded
from crm.models import Proposal, Role, Staff
from crm.people import Person
from crm.proposals import NothingChanges, Plan
from handlers import changes, standing_in
from handlers.changes import Kind, Outcome, Told

BY_SYSTEM = (Role.SYSTEM_ADMIN,)
BY_SECURITY = (Role.SECURITY_ADMIN,)


async def plan_of(
    session: AsyncSession,
    staff_id: str,
    before: Body | None,
    after: Body,
    title: str,
    roles: tuple[Role, ...],
    *,
    warning: str = "",
    reason: str = "",
) -> Plan:
    """Raises NothingChanges and what ``staff.check`` does."""
    lines = await staff.lines(session, before, after)
    effect = draw.effect_words(staff.roles_of(before), staff.roles_of(after)) if before else ""
    if not lines:
        raise NothingChanges
    await staff.check(session, staff_id, before, after)
    newest = await rulebook.current(session, staff.KIND, staff_id)
    return Plan(
        kind=staff.KIND,
        name=staff_id,
        base=newest.version if newest else 0,
        body={"before": before, "after": after},
        title=title,
        lines=lines,
        roles=roles,
        warning="\n".join(filter(None, (warning, effect))),
        reason=reason,
    )


async def _carry(session: AsyncSession, proposal: Proposal, second: Person) -> Outcome:
    """The rows, the document, and what an end of access brings. Raises Superseded."""
    kept = proposals.body(proposal)
    before, after = kept["before"], kept["after"]
    row = await session.get(Staff, proposal.name, with_for_update=True)
    present = staff.file_of(await staff.find(session, row.id)) if row else None
    if present != before:
        raise Superseded
    base = await _as_found(session, proposal, row, before)
    document = await rulebook.put(
        session,
        staff.KIND,
        proposal.name,
        after,
        base=base,
        asked_by=proposal.asked_by,
        asked_at=proposal.asked_at,
        confirmed_by=second.id,
        reason=proposal.reason,
    )
    told: Told = ()
    said = ""
    refresh: tuple[str, ...] = ()
    if before and before["active"] and not after["active"]:
        await staff.check(session, proposal.name, before, after)
        said, told = await _leave(session, proposal.name, second)
    else:
        await staff.adopt(session, proposal.name, before, after, by=second.id)
        await seating.look_again(session)
        told = _whom_it_concerns(proposal, before, after)
        if before and before["deputy"] != after["deputy"]:
            passed = await standing_in.pass_on(
                session, proposal.name, before["deputy"], after["deputy"], by=second.id
            )
            told, refresh = (*told, *passed.tell), passed.refresh
    return Outcome(said=said, made=document.version, tell=told, refresh=refresh)


def _whom_it_concerns(proposal: Proposal, before: Body | None, after: Body) -> Told:
    """The person, and who stands in or no longer does."""
    staff_id = proposal.name
    if before is None:
        roles = staff.role_words(staff.roles_of(after))
        card = notice.sentence("期台已为您开通", f"角色：{roles}；发「帮助」看能说什么")
        return ((staff_id, card),)
    _, lines, effect = proposals.shown(proposal)
    told = [(staff_id, draw.changed_card(lines, effect))]
    if before["deputy"] != after["deputy"]:
        words = {before["deputy"]: "您不再代理", after["deputy"]: "您开始代理"}
        for deputy, word in words.items():
            if deputy:
                what = (
                    "未解除的预警和待审批的申请随后发给您，待办里标明是代谁"
                    if word == "您开始代理"
                    else "预警、提醒和待审批的申请不再归您"
                )
                told.append((deputy, notice.sentence(f"{word} {after['name']}", what)))
    return tuple(told)


async def _as_found(
    session: AsyncSession, proposal: Proposal, row: Staff | None, before: Body | None
) -> int:
    """The version to build on: what was changed past the rulebook is put down first, as found."""
    newest = await rulebook.current(session, staff.KIND, proposal.name)
    base = newest.version if newest else 0
    if row is None or before is None or (newest is not None and newest.body == before):
        return base
    found = await rulebook.put(
        session,
        staff.KIND,
        proposal.name,
        before,
        base=base,
        asked_by="system",
        asked_at=proposal.asked_at,
        confirmed_by="system",
        in_force_from=proposal.asked_at if newest else row.created_at,
    )
    return found.version


async def _leave(session: AsyncSession, staff_id: str, second: Person) -> tuple[str, Told]:
    left = await leaving.leave(session, staff_id, by=second.id)
    if not left.clients and not left.tasks:
        return "已不能登录", ()
    if left.to is None:
        return f"已不能登录；{left.clients} 位客户暂无客户经理，营业部没有负责人", ()
    moved = f"{left.clients} 位客户、{left.tasks} 条待办"
    card = notice.sentence(f"{left.person.name} 已停用", f"名下 {moved}已交给您")
    return f"已不能登录，{moved}已交给 {left.to.name}", ((left.to.id, card),)


async def _back(session: AsyncSession, proposal: Proposal) -> Plan:
    """To the version before; a new member is disabled again. Raises what ``plan_of`` does."""
    found = await staff.find(session, proposal.name)
    present = staff.file_of(found)
    older = await rulebook.version(session, staff.KIND, (proposal.made or 0) - 1, proposal.name)
    wanted = {**older.body, "logins": present["logins"]} if older else {**present, "active": False}
    security = present["roles"] != wanted["roles"]
    return await plan_of(
        session,
        proposal.name,
        present,
        wanted,
        f"回退 {found.name}",
        BY_SECURITY if security else BY_SYSTEM,
        reason=f"回退更改 {proposal.id}",
    )


changes.KINDS[staff.KIND] = Kind(carry=_carry, back=_back)
