"""配置: all rules as one file; what a file or a past day would change is shown first."""

import tomllib
from collections.abc import Mapping
from typing import Any

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
from crm.kernel.rulebook import Body
from crm.models import Proposal, Role
from crm.people import Action, Person
from crm.proposals import Line, NothingChanges, Plan
from handlers import changes
from handlers.asking import answer_text, asked_card
from handlers.changes import Kind, Outcome, put_forward
from handlers.rulekinds import KINDS, NotAValue, RuleKind
from handlers.rules import bring_into_force
from handlers.said import NotADay, day_in, end_of, in_private

router = Router()

KIND = "config"
ROLES = (Role.SYSTEM_ADMIN,)
LARGEST = 256 * 1024  # bytes of a file
EXAMPLE = "可以说：/配置 导出、/配置 导入、/配置 差异 2026-11-01、/配置 回滚 2026-11-01"


class HowToConfigure(UserError):
    say = EXAMPLE


class NotAConfig(UserError):
    say = "这不是期台导出的配置：{why}"


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
    """The file, or its content as text. Raises NotAConfig, and what a value is refused for."""
    asked_card(turn)
    content = answer_text(turn)
    if turn.files:
        raw = await blobs.read(session, turn.files[0][0]) or b""
        if len(raw) > LARGEST:
            raise NotAConfig(why="文件太大")
        content = _decoded(raw)
    wanted = _read(content)
    present = await _present(session)
    after = {name: {**present[name], **body} for name, body in wanted.items()}
    return await put_forward(turn, session, await _plan(session, after, title="导入配置"))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAConfig(why="不是 UTF-8 文本") from None


def _read(content: str) -> dict[str, dict[str, Any]]:
    """The tables of a file by kind. Raises NotAConfig."""
    try:
        found = tomllib.loads(content)
    except tomllib.TOMLDecodeError:
        raise NotAConfig(why="不是有效的 TOML") from None
    for name, body in found.items():
        kind = KINDS.get(name)
        if kind is None or not isinstance(body, dict):
            raise NotAConfig(why=f"不认识 [{name[:20]}]")
        known = {place.key for place in kind.places}
        if strange := [key for key in body if key not in known]:
            raise NotAConfig(why=f"[{name}] 里不认识 {strange[0][:20]}")
        if wrong := [key for key, value in body.items() if not isinstance(value, str | int)]:
            raise NotAConfig(why=f"[{name}] 的 {wrong[0][:20]} 应是文字或整数")
    if not found:
        raise NotAConfig(why="里面没有任何内容")
    return {name: _spelled(KINDS[name], body) for name, body in found.items()}


def _spelled(kind: RuleKind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they are kept, so that 1.050 is no change from 1.05. Raises NotAValue."""
    found = {}
    for place in kind.places:
        if place.key in body:
            value, usual = body[place.key], kind.shipped[place.key]
            if isinstance(value, str) != isinstance(usual, str) or isinstance(value, bool):
                raise NotAValue(words=value, what=place.word, example=usual)
            found[place.key] = place.read(value) if isinstance(value, str) else value
    return found


async def _difference(turn: Turn, session: AsyncSession, words: list[str]) -> Card:
    """Between a day and now; without one between what was shipped and now."""
    present = await _present(session)
    before = await _then(turn, session, words[0]) if words else _shipped()
    lines = _lines(before, present)
    since = f"{words[0]} 以来" if words else "与程序自带的"
    if not lines:
        return draw.nothing_changed(f"{since}没有差异")
    return draw.difference_card(f"{since}差异", lines)


def _shipped() -> dict[str, Body]:
    return {name: kind.shipped for name, kind in KINDS.items()}


async def _then(turn: Turn, session: AsyncSession, words: str) -> dict[str, Body]:
    """As it was at the end of a day. Raises NotADay."""
    day = day_in(words, turn.at)
    if day is None:
        raise NotADay(words=words)
    return {
        name: kind.full(await rulebook.as_of(session, name, end_of(day)))
        for name, kind in KINDS.items()
    }


async def _roll_back(turn: Turn, session: AsyncSession, words: str, reason: str) -> Reply:
    then = await _then(turn, session, words)
    plan = await _plan(session, then, title=f"回滚配置到 {words}", reason=reason)
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
        reason=reason,
    )


async def _carry(session: AsyncSession, proposal: Proposal, second: Person) -> Outcome:
    """All documents of it or none. Raises Superseded."""
    kept = proposals.body(proposal)
    for name, body in kept["after"].items():
        kind, base = KINDS[name], kept["bases"][name]
        await bring_into_force(session, kind, body, base, proposal, second)
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
    return Outcome(said=f"已生效，改动 {len(kept['after'])} 份规则", made=document.version)


async def _back(session: AsyncSession, proposal: Proposal) -> Plan:
    before = proposals.body(proposal)["before"]
    title = f"回退更改 {proposal.id}"
    return await _plan(session, before, title=title, reason=title)


changes.KINDS[KIND] = Kind(carry=_carry, back=_back)
