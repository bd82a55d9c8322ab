"""Several people who want different things of one thing at the same moment.

Each race gives its contenders, who then all press at once, and afterwards says what came of it:
how many of the presses had an effect. Everybody else must have been told so.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from approvals.models import Application, ApplicationEvent, Deed, Stage
from bot.chat import codec
from bot.models import LiveCard
from crm.kernel import audit
from crm.kernel.rulebook import RuleDocument
from crm.models import Proposal, ProposalState, Task, TaskState
from tests.kill.changes import DESK
from tests.kill.town import DINGTALK, PLATFORMS, WANG, WANG_TOO, Seat, Town

APPROVERS = ("zhouting", "fengjun")  # either may decide
VERDICTS = (Deed.APPROVED, Deed.REJECTED, Deed.RETURNED)


@dataclass(frozen=True, slots=True)
class Press:
    """A press on a card as it was first shown, whatever became of it meanwhile."""

    seat: Seat
    card: str
    action: str
    inputs: Mapping[str, str] = field(default_factory=dict)


class Race(ABC):
    presses: Sequence[Press]

    @abstractmethod
    async def effects(self, session: AsyncSession) -> int:
        """How many of the presses changed something. Fails when they contradict each other."""


def _button(item: Mapping[str, Any], verb: str) -> str:
    """The action of a card's button."""
    keys = [one["key"].partition("#")[0] for one in item["card"]["buttons"]]
    return next(str(key) for key in keys if key.partition(":")[0] == verb)


async def _nothing_alive(session: AsyncSession, subject: str) -> None:
    cards = await session.scalars(select(LiveCard).where(LiveCard.subject == subject))
    for card in cards:
        alive = [one.key for one in codec.load_card(card.content).buttons if one.enabled]
        assert not alive, f"{subject} is decided, and can be pressed: {alive}"


# ── an application ───────────────────────────────────────────────────────────────────────────


@dataclass
class OverAnApplication(Race):
    """Consent here and there, a refusal, and an applicant who takes it back."""

    application: int
    presses: Sequence[Press]

    async def effects(self, session: AsyncSession) -> int:
        row = await session.get_one(Application, self.application)
        events = (
            await session.scalars(
                select(ApplicationEvent)
                .where(ApplicationEvent.application_id == self.application)
                .order_by(ApplicationEvent.number)
            )
        ).all()
        stages = (
            await session.scalars(
                select(Stage).where(Stage.application_id == self.application).order_by(Stage.id)
            )
        ).all()
        noted = await session.scalars(
            select(audit.AuditRow.action).where(
                audit.AuditRow.object == f"application:{self.application}"
            )
        )
        deeds = [f"application.{one.deed.value}" for one in events]
        assert sorted(noted) == sorted(deeds), f"history and trail differ: {self.application}"
        assert [one.number for one in events] == list(range(1, len(events) + 1))
        contested = {one.card for one in self.presses}
        [stage] = [one for one in stages if one.id == self._stage()]
        verdicts = [one for one in events if one.step == stage.step and one.deed in VERDICTS]
        withdrawn = [one for one in events if one.deed is Deed.WITHDRAWN]
        assert len(verdicts) <= 1, f"decided twice: {self.application}"
        assert len(withdrawn) <= 1, f"withdrawn twice: {self.application}"
        if verdicts:
            assert stage.ended_by == verdicts[0].actor
            assert verdicts[0].card in contested
        if withdrawn:
            assert row.state.value == "withdrawn"
            assert all(one.ended_at for one in stages), "withdrawn, and somebody still decides"
        assert verdicts or withdrawn, f"pressed in vain: {self.application}"
        await _nothing_alive(session, f"approval:{stage.id}")
        return len(verdicts) + len(withdrawn)

    def _stage(self) -> int:
        return next(int(p.action.split(":")[1]) for p in self.presses if "case_" in p.action)


async def over_applications(town: Town, chance: random.Random, count: int) -> list[Race]:
    body = {"name": "approval", "approvers": list(APPROVERS), "count": count}
    status, staged = await town._post("/sandbox/scene", body)
    assert status == 200, staged
    screens = {}
    for seat in [Seat(platform, each) for platform in PLATFORMS for each in APPROVERS]:
        items = await town.seen(seat)
        screens[seat] = {item["card"]["id"]: item for item in items if item["card"]}
    races: list[Race] = []
    for one in staged["applications"]:
        presses = []
        for card in one["cards"]:
            seat = Seat(card["platform"], card["person"])
            item = screens[seat][card["card"]]
            if chance.random() < 0.3 and seat.platform == DINGTALK:
                reason = {"comment": "资料不清晰"}
                presses.append(Press(seat, card["card"], _button(item, "case_reject"), reason))
            else:
                presses.append(Press(seat, card["card"], _button(item, "case_approve")))
        presses = chance.sample(presses, chance.randint(2, len(presses)))
        if chance.random() < 0.4:
            presses.append(await _withdrawal(town, one))
        races.append(OverAnApplication(one["id"], presses))
    return races


async def _withdrawal(town: Town, staged: Mapping[str, Any]) -> Press:
    """The applicant was asked whether he really means it."""
    seat = Seat(DINGTALK, staged["applicant"])
    said = await town.say(seat, "withdraw", f"撤回申请 {staged['client']}", staged["client"])
    item = await town.answer_to(said)
    return Press(seat, item["card"]["id"], f"opening_withdraw:{staged['id']}")


# ── a task ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class OverATask(Race):
    """Done or not wanted any more: the finger trembles."""

    task: int
    presses: Sequence[Press]

    async def effects(self, session: AsyncSession) -> int:
        row = await session.get_one(Task, self.task)
        noted = await session.scalars(
            select(audit.AuditRow.action).where(
                audit.AuditRow.object == f"task:{self.task}", audit.AuditRow.action != "task.add"
            )
        )
        word = {TaskState.DONE: "task.done", TaskState.CANCELLED: "task.cancelled"}
        assert list(noted) == [word[row.state]], f"task {self.task}"
        await _nothing_alive(session, f"task:{self.task}")
        return 1


async def over_tasks(town: Town, chance: random.Random, count: int) -> list[Race]:
    races: list[Race] = []
    for number in range(count):
        seat = (WANG, WANG_TOO)[number % 2]
        item = await town.answer_to(await town.task(seat))
        actions = [_button(item, "task_done"), _button(item, "task_cancel")]
        chosen = [*actions, *chance.choices(actions, k=chance.randint(0, 2))]
        presses = [Press(seat, item["card"]["id"], action) for action in chosen]
        races.append(OverATask(int(actions[0].partition(":")[2]), presses))
    return races


# ── a change of the rules ────────────────────────────────────────────────────────────────────


@dataclass
class OverAChange(Race):
    """Confirmed here and there by two, refused by one of them, taken back by who asked."""

    change: int
    presses: Sequence[Press]

    async def effects(self, session: AsyncSession) -> int:
        row = await session.get_one(Proposal, self.change)
        noted = await session.scalars(
            select(audit.AuditRow.action).where(
                audit.AuditRow.object == f"change:{self.change}",
                audit.AuditRow.action != "change.ask",
            )
        )
        word = {
            ProposalState.CONFIRMED: "change.confirm",
            ProposalState.REFUSED: "change.refuse",
            ProposalState.WITHDRAWN: "change.withdraw",
        }
        assert list(noted) == [word[row.state]], f"change {self.change}"
        versions = select(RuleDocument.version).where(
            RuleDocument.kind == row.kind, RuleDocument.name == row.name
        )
        found = sorted(await session.scalars(versions))
        assert found == list(range(1, len(found) + 1))
        assert (row.made is not None) == (row.state is ProposalState.CONFIRMED)
        await _nothing_alive(session, f"change:{self.change}")
        return 1


async def over_a_change(town: Town, chance: random.Random, number: int) -> list[Race]:
    """One at a time: a document has one open change."""
    seconds = [Seat(p, each) for p in PLATFORMS for each in ("chenxi", "zhouting")]
    since = await town.newest(DESK, *seconds)
    minutes = 31 + number % 20  # never what is in force
    line = f"/规则 重复提醒 {minutes}分"
    await town.insist_on(DESK, "change", line, line)
    mine = await town.button_on(DESK, since[DESK], "change_withdraw:")
    change = int(mine.action.partition(":")[2])
    presses = [Press(mine.seat, mine.card, mine.action)]
    for seat in seconds:
        theirs = await town.button_on(seat, since[seat], f"change_confirm:{change}")
        verb = chance.choice(("change_confirm", "change_confirm", "change_refuse"))
        presses.append(Press(seat, theirs.card, f"{verb}:{change}"))
    return [OverAChange(change, chance.sample(presses, chance.randint(2, len(presses))))]
