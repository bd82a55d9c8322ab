"""Changes that wait for a second person, and what admins look at, as cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import text
from bot.chat.message import Button, Card, Fact, Style, Table, Tone
from crm import proposals
from crm.models import Proposal, ProposalState
from crm.people import ROLE_WORDS, Person
from crm.proposals import Line

TONE = {
    ProposalState.ASKED: Tone.BLUE,
    ProposalState.CONFIRMED: Tone.GREEN,
    ProposalState.REFUSED: Tone.GREY,
    ProposalState.WITHDRAWN: Tone.GREY,
}
DECIDED = {
    ProposalState.CONFIRMED: "确认",
    ProposalState.REFUSED: "不同意",
    ProposalState.WITHDRAWN: "撤回",
}
DIFF = ("项目", "现在", "改为")
MOST_LINES = 12
LAPSED = "已过期"


def lines_table(lines: Sequence[Line], columns: tuple[str, str, str] = DIFF) -> Table:
    rows = [(line.what, line.before or text.NOTHING, line.after or text.NOTHING) for line in lines]
    left = len(rows) - MOST_LINES
    if left > 0:
        rows = [*rows[:MOST_LINES], (f"另有 {left} 项", "", "")]
    return Table(columns, tuple(rows))


def proposal_card(
    proposal: Proposal,
    viewer: Person,
    names: Mapping[str, str],
    at: datetime,
    *,
    may_go_back: bool,
) -> Card:
    """A change as its asker, a second person or anybody else may see it."""
    title, lines, warning = proposals.shown(proposal)
    over = proposals.lapsed(proposal, at)
    waits = proposal.state is ProposalState.ASKED and not over
    by = names.get(proposal.asked_by, proposal.asked_by)
    facts = [Fact("提出", f"{by} {text.moment(proposal.asked_at)}")]
    if proposal.reason:
        facts.append(Fact("原因", text.cut(proposal.reason, 60)))
    if proposal.decided_by and proposal.decided_at:
        decided = names.get(proposal.decided_by, proposal.decided_by)
        facts.append(Fact(DECIDED[proposal.state], f"{decided} {text.moment(proposal.decided_at)}"))
    if proposal.seen:
        facts.append(Fact("已看过", "、".join(names.get(each, each) for each in proposal.seen)))
    told = [warning] if warning and waits else []
    if proposal.result:
        told.append(proposal.result)
    return Card(
        title=f"更改 {proposal.id} · {title}",
        status=LAPSED if over else proposals.STATE_WORDS[proposal.state],
        tone=Tone.GREY if over else TONE[proposal.state],
        text="\n".join(told),
        facts=tuple(facts),
        table=lines_table(lines),
        buttons=_buttons(proposal, viewer, waits=waits, may_go_back=may_go_back),
        footer=_footer(proposal, viewer) if waits else "",
        subject=f"change:{proposal.id}",
    )


def _buttons(
    proposal: Proposal, viewer: Person, *, waits: bool, may_go_back: bool
) -> tuple[Button, ...]:
    """None on what is over, so that it is grey everywhere; the way back is asked for."""
    if not waits:
        return (_back(proposal),) if may_go_back else ()
    if viewer.id == proposal.asked_by:
        return (Button(f"change_withdraw:{proposal.id}", "撤回"),)
    if proposals.may_confirm(viewer, proposal):
        return (
            Button(f"change_confirm:{proposal.id}", "确认生效", Style.PRIMARY),
            Button(f"change_refuse:{proposal.id}", "不同意"),
        )
    return ()


def _back(proposal: Proposal) -> Button:
    return Button(f"change_back:{proposal.id}", "回退到上一版")


def done_card(proposal: Proposal, by: str, *, may_go_back: bool) -> Card:
    """Tells the asker, with the way back while there is one."""
    title, _, _ = proposals.shown(proposal)
    outdated = proposal.made is not None and not may_go_back
    return Card(
        title=f"已生效 · {title}",
        status="已有更新的版本" if outdated else "",
        tone=Tone.GREY if outdated else Tone.GREEN,
        text=proposal.result,
        facts=(Fact("确认", f"{by} {text.moment(proposal.decided_at or proposal.asked_at)}"),),
        buttons=(_back(proposal),) if may_go_back else (),
        footer="回退同样要由第二人确认" if may_go_back else "",
        subject=f"changed:{proposal.id}",
    )


def refused_card(proposal: Proposal, by: str) -> Card:
    """Tells the asker."""
    title, lines, _ = proposals.shown(proposal)
    return Card(
        title=f"未同意 · {title}",
        text=f"{by} 没有同意您提出的更改 {proposal.id}，内容不变",
        table=lines_table(lines),
        footer="需要时先与对方商量，再重新提出",
    )


def _footer(proposal: Proposal, viewer: Person) -> str:
    role = ROLE_WORDS[proposal.role]
    if viewer.id == proposal.asked_by:
        return f"等待另一位{role}确认，24 小时内有效"
    return f"请核对后处理；也可以发「/变更 {proposal.id}」再回复序号"


def waiting_list(rows: Sequence[Proposal], names: Mapping[str, str], viewer: Person) -> Card:
    """What waits for this person, or for somebody else on this person's asking."""
    if not rows:
        return Card(title="没有等待确认的更改")
    return Card(
        title=f"{len(rows)} 项更改等待确认",
        table=Table(
            ("编号", "内容", "提出"),
            tuple(
                (
                    str(row.id),
                    proposals.shown(row)[0],
                    "我" if row.asked_by == viewer.id else names.get(row.asked_by, row.asked_by),
                )
                for row in rows
            ),
        ),
        buttons=tuple(Button(f"change:{row.id}", str(row.id)) for row in rows[:8]),
        footer="点编号打开，或发「/变更 编号」",
    )


HANDOVER_PAGE = 10


def handover_card(
    proposal: Proposal,
    title: str,
    lines: Sequence[Line],
    rows: Sequence[tuple[str, str]],
    first: int,
    names: Mapping[str, str],
    at: datetime,
    *,
    has_read: bool,
) -> Card:
    """What would move, for those whom it concerns; ``rows`` are (kind, what)."""
    waits = proposal.state is ProposalState.ASKED and not proposals.lapsed(proposal, at)
    by = names.get(proposal.asked_by, proposal.asked_by)
    facts = [Fact("提出", f"{by} {text.moment(proposal.asked_at)}")]
    if proposal.reason:
        facts.append(Fact("原因", text.cut(proposal.reason, 60)))
    facts.append(Fact("内容", "、".join(line.what for line in lines)))
    if not waits:
        word = LAPSED if proposal.state is ProposalState.ASKED else ""
        return Card(
            title=title,
            status=word or proposals.STATE_WORDS[proposal.state],
            tone=Tone.GREY if word else TONE[proposal.state],
            text=proposal.result,
            facts=tuple(facts),
            subject=f"handover:{proposal.id}",
        )
    shown = rows[first : first + HANDOVER_PAGE]
    return Card(
        title=title,
        status="待确认",
        tone=Tone.BLUE,
        facts=tuple(facts),
        table=Table(
            ("", "", f"共 {len(rows)} 项"),
            tuple(
                (str(n), kind[1:], text.cut(what, 24))
                for n, (kind, what) in enumerate(shown, start=first + 1)
            ),
        ),
        buttons=(
            *(() if has_read else (Button(f"handover_seen:{proposal.id}:{first}", "已看过"),)),
            *_handover_pages(proposal.id, len(rows), first),
        ),
        footer="有异议请在确认前联系系统管理员；确认后一次移交",
        subject=f"handover:{proposal.id}",
    )


def _handover_pages(number: int, count: int, first: int) -> tuple[Button, ...]:
    after, before = first + HANDOVER_PAGE, max(0, first - HANDOVER_PAGE)
    return (
        *((Button(f"handover_page:{number}:{after}", "下一页"),) if after < count else ()),
        *((Button(f"handover_page:{number}:{before}", "上一页"),) if first else ()),
    )
