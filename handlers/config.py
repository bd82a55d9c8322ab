"""配置: all rules as one file; what a file or a past day would change is shown first."""

from collections.abc import Mapping
from datetime import date

import tomli_w
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import rules as draw
from bot.chat.message import Card, Document
from bot.chat.reply import Question, Reply, say
from bot.router import Router, Turn
from crm import blobs, proposals
from crm.kernel import audit, rulebook
from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError
from crm.kernel.rulebook import Body, Superseded
from crm.models import Proposal, Role
from crm.people import Action, Person
from crm.proposals import Line, NothingChanges, Plan
from handlers import changes, config_file
from handlers.asking import answer_text, asked_card
from handlers.changes import Kind, Outcome, cards_of, put_forward
from handlers.rulekinds import KINDS
from handlers.rules import bring_into_force, whom_it_concerns
from handlers.said import NotADay, day_in, end_of, in_private

router = Router()

KIND = "config"
ROLES = (Role.SYSTEM_ADMIN,)
EXAMPLE = "可以说：/配置 导出、/配置 导入、/配置 差异 2026-11-01、/配置 回滚 2026-11-01"


class HowToConfigure(UserError):
    say = EXAMPLE


@router.command("admin:配置", action=Action.SYSTEM)
async def config(turn: Turn, session: AsyncSession) -> Reply:
    """/配置 导出; 导入; 差异 [2026-11-01]; 回滚 2026-11-01"""
    words = in_private(turn)
    match words:
        case []:
            return say(Card(title="配置", text="预警规则、审批时限，一份文件", footer=EXAMPLE))
        case ["导出", *_]:
            return await _export(turn, session)
        case ["导入"]:
            card = Card(
                title="请发配置文件，或直接粘贴内容",
                text="格式与「/配置 导出」的相同；先给您看差异，再由第二位系统管理员确认",
                footer="10 分钟内有效",
            )
            return Reply(parts=(card,), question=Question(text_action="config_file"))
        case ["差异", *rest]:
            return say(await _difference(turn, session, rest))
        case ["回滚", day, *reason]:
            return await _roll_back(turn, session, day, " ".join(reason))
        case _:
            raise HowToConfigure


async def _present(session: AsyncSession) -> dict[str, Body]:
    return {name: (await kind.present(session))[0] for name, kind in KINDS.items()}


async def _export(turn: Turn, session: AsyncSession) -> Reply:
    present = await _present(session)
    told = [f"# 期台配置，{turn.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M} 导出"]
    for name, kind in KINDS.items():
        words = "，".join(f"{place.key} {place.word}" for place in kind.places)
        told.append(f"# [{name}] {kind.word}：{words}")
    content = "\n".join(told) + "\n\n" + tomli_w.dumps({k: dict(v) for k, v in present.items()})
    blob = await blobs.put(session, content.encode())
    audit.note(session, turn.person.id, "config.export", "config")
    name = f"qidesk-config-{turn.at.astimezone(SHANGHAI):%Y%m%d-%H%M}.toml"
    return say(Document(blob=blob, name=name, caption="当前配置"))


@router.click("config_file", action=Action.SYSTEM)
async def take_in(turn: Turn, session: AsyncSession) -> Reply:
    """The file, or its content as text. Raises NotAConfig or NotInOrder."""
    asked_card(turn)
    content = answer_text(turn)
    if turn.files:
        content = config_file.text_of(await blobs.read(session, turn.files[0][0]) or b"")
    wanted = config_file.read(content)
    present = await _present(session)
    after = {name: {**present[name], **body} for name, body in wanted.items()}
    return await put_forward(turn, session, await _plan(session, after, title="导入配置"))


async def _difference(turn: Turn, session: AsyncSession, words: list[str]) -> Card:
    """Between a day and now; without one between what was shipped and now. Raises NotADay."""
    present = await _present(session)
    if words:
        day, before = await _then(turn, session, words[0])
        since, heading = f"{day} 以来", str(day)
    else:
        before, since, heading = _shipped(), "与程序自带的相比", "程序自带"
    lines = _lines(before, present)
    if not lines:
        return draw.nothing_changed(f"{since}没有差异")
    return draw.difference_card(f"{since} {len(lines)} 处不同", heading, lines)


def _shipped() -> dict[str, Body]:
    return {name: kind.shipped for name, kind in KINDS.items()}


async def _then(turn: Turn, session: AsyncSession, words: str) -> tuple[date, dict[str, Body]]:
    """As it was at the end of a day. Raises NotADay."""
    day = day_in(words, turn.at)
    if day is None:
        raise NotADay(words=words)
    return day, {
        name: kind.full(await rulebook.as_of(session, name, end_of(day)))
        for name, kind in KINDS.items()
    }


async def _roll_back(turn: Turn, session: AsyncSession, words: str, reason: str) -> Reply:
    day, then = await _then(turn, session, words)
    plan = await _plan(session, then, title=f"回滚配置到 {day}", reason=reason)
    return await put_forward(turn, session, plan)


def _lines(before: Mapping[str, Body], after: Mapping[str, Body]) -> tuple[Line, ...]:
    return tuple(
        Line(f"{KINDS[name].word} {line.what}", line.before, line.after)
        for name, body in after.items()
        for line in KINDS[name].lines(before[name], body)
    )


async def _plan(
    session: AsyncSession, after: Mapping[str, Body], *, title: str, reason: str = ""
) -> Plan:
    """Of the documents that would change, with the versions they are built on. Raises NotInOrder
    or NothingChanges."""
    present, bases = {}, {}
    for name in after:
        body, document = await KINDS[name].present(session)
        if body != after[name]:
            KINDS[name].must_fit(after[name])
            present[name], bases[name] = body, document.version if document else 0
    if not present:
        raise NothingChanges
    changed = {name: after[name] for name in present}
    newest = await rulebook.current(session, KIND)
    return Plan(
        kind=KIND,
        name="",
        base=newest.version if newest else 0,
        body={"before": present, "after": changed, "bases": bases},
        title=title,
        lines=_lines(present, changed),
        roles=ROLES,
        warning="\n".join(f"{KINDS[name].word}：{KINDS[name].concerns}" for name in changed),
        reason=reason,
    )


async def _carry(session: AsyncSession, proposal: Proposal, second: Person) -> Outcome:
    """All documents of it or none. Raises Superseded."""
    kept = proposals.body(proposal)
    told: dict[str, Card] = {}
    older: list[str] = []
    for name, body in kept["after"].items():
        kind, base = KINDS[name], kept["bases"][name]
        await bring_into_force(session, kind, body, base, proposal, second)
        older += await cards_of(session, name, base)
        lines = kind.lines(kept["before"][name], body)
        told |= await whom_it_concerns(session, kind, lines, proposal, second)
    document = await rulebook.put(
        session,
        KIND,
        "",
        kept,
        base=proposal.base,
        asked_by=proposal.asked_by,
        asked_at=proposal.asked_at,
        confirmed_by=second.id,
        reason=proposal.reason,
    )
    said = f"改动 {len(kept['after'])} 份规则"
    tell, refresh = tuple(told.items()), tuple(older)
    return Outcome(said=said, made=document.version, tell=tell, refresh=refresh)


async def _back(session: AsyncSession, proposal: Proposal) -> Plan:
    """Raises Superseded when one of its documents was changed since."""
    kept = proposals.body(proposal)
    for name, base in kept["bases"].items():
        newest = await rulebook.current(session, name)
        if newest is None or newest.version != base + 1:
            raise Superseded
    before = kept["before"]
    title = f"回退更改 {proposal.id}"
    return await _plan(session, before, title=title, reason=title)


changes.KINDS[KIND] = Kind(carry=_carry, back=_back)
