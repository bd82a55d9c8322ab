"""变更: asked for by one, confirmed by two at once, and what must be true of it afterwards.

A change that was confirmed is one version of its document, in force once; one that was not is none.
"""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select

from approvals.models import FlowVersion
from bot.chat import codec
from bot.models import LiveCard
from crm.kernel import audit
from crm.kernel.db import Store
from crm.kernel.rulebook import RuleDocument
from crm.models import Proposal, ProposalState
from tests.kill.town import DINGTALK, PLATFORMS, Seat, Town

SECURITY, DESK, SYSTEM = (Seat(DINGTALK, each) for each in ("gaoyuan", "fengjun", "hejing"))
ROLES = ("/角色 冯军 +适当性", "/角色 陈曦 +合规", "/角色 周婷 +风控")
RULES = (  # who asks for what, and who may confirm it
    (DESK, "/规则 重复提醒 {n}分", ("chenxi", "zhouting")),
    (SYSTEM, "/流程 开户 合规审核 {n}分", ("tangyu",)),
)
SHEN = tuple(Seat(platform, "shenlu") for platform in PLATFORMS)
ADMINS = tuple(
    Seat(platform, each)
    for each in ("gaoyuan", "shenlu", "hejing", "tangyu", "fengjun", "chenxi", "zhouting")
    for platform in PLATFORMS
)
WHOLE = ("ladder", "flow")  # their documents are what was shown; a person's file is merged
FOUND = "system"  # wrote down what there was


async def staff_the_desks(town: Town) -> None:
    """A second person for what one did alone, so that two can decide at once."""
    if not town.journal.staffed:
        for line in ROLES:
            await _change(town, SECURITY, line, SHEN)
        town.journal.staffed = True


async def change_a_rule(town: Town, number: int) -> None:
    """Asked for by one; two others confirm at once, or one does here and there."""
    made = len(town.journal.changes)
    asker, line, people = RULES[(made + number) % len(RULES)]
    seconds = [Seat(p, people[(made + n) % len(people)]) for n, p in enumerate(PLATFORMS)]
    await _change(town, asker, line.format(n=31 + made), seconds)


async def _change(town: Town, asker: Seat, line: str, seconds: Sequence[Seat]) -> None:
    since = await town.sure(lambda: town.newest(asker, *seconds))
    await town.sure(lambda: town.insist_on(asker, "change", line, line))
    mine = await town.button_on(asker, since[asker], "change_withdraw:")
    number = mine.action.partition(":")[2]
    town.journal.changes.append(int(number))
    confirm = f"change_confirm:{number}"
    await town.race([await town.button_on(each, since[each], confirm) for each in seconds])


# ── what must be true ────────────────────────────────────────────────────────────────────────


async def in_force_once(store: Store, town: Town) -> None:
    async with store.reading() as session:
        proposals = {row.id: row for row in await session.scalars(select(Proposal))}
        documents = (
            await session.scalars(
                select(RuleDocument).order_by(
                    RuleDocument.kind, RuleDocument.name, RuleDocument.version
                )
            )
        ).all()
        flows = (await session.scalars(select(FlowVersion).order_by(FlowVersion.version))).all()
        rows = await session.execute(
            select(audit.AuditRow.action, audit.AuditRow.object).where(
                audit.AuditRow.action.in_(("change.ask", "change.confirm"))
            )
        )
        noted = Counter((action, thing) for action, thing in rows)
        cards = (
            await session.scalars(select(LiveCard).where(LiveCard.subject.startswith("change:")))
        ).all()
    assert sorted(proposals) == sorted(town.journal.changes), "asked for more than once, or lost"
    for row in proposals.values():
        assert row.state is ProposalState.CONFIRMED, f"change {row.id} is {row.state}"
        assert row.decided_by not in (None, row.asked_by)
    things = [f"change:{number}" for number in proposals]
    assert noted == Counter(
        (act, each) for act in ("change.ask", "change.confirm") for each in things
    )
    made = {(row.kind, row.name, row.made): row for row in proposals.values()}
    assert len(made) == len(proposals), "two changes made one version"
    by_hand = [one for one in documents if one.asked_by != FOUND]
    assert {(one.kind, one.name, one.version) for one in by_hand} == made.keys()
    for one in by_hand:
        row = made[one.kind, one.name, one.version]
        people = (one.asked_by, one.confirmed_by)
        assert people == (row.asked_by, row.decided_by)
        if one.kind in WHOLE:
            assert one.body == row.body, f"{one.kind} {one.version} is not what was confirmed"
    for kind, name in {(one.kind, one.name) for one in documents}:
        versions = [one.version for one in documents if (one.kind, one.name) == (kind, name)]
        assert versions == list(range(1, len(versions) + 1)), f"{kind} {name}: {versions}"
    changed = [flow for flow in flows if flow.source != "shipped"]
    assert len(changed) == sum(one.kind == "flow" for one in by_hand)
    for card in cards:
        keys = [one.key for one in codec.load_card(card.content).buttons if one.enabled]
        assert not any(key.startswith("change_confirm") for key in keys), card.subject
