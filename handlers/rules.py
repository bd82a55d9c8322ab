"""规则: the alert ladder and its times, as they are, as they were, and how they are changed."""

import re
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import rules as draw
from bot.cards import text
from bot.cards.staff import history_card, version_words
from bot.chat.message import Audience, Button, Card
from bot.chat.reply import Reply, say
from bot.router import Router, Turn
from crm import people, proposals
from crm.kernel import rulebook
from crm.kernel.errors import UserError
from crm.kernel.rulebook import Body, Document
from crm.models import Proposal
from crm.people import Action, Person
from crm.proposals import Line, Plan
from handlers import changes
from handlers.changes import Kind, Outcome, Told, put_forward
from handlers.rulekinds import FLOW, KINDS, LADDER, Place, RuleKind
from handlers.said import OnlyInPrivate, day_in, end_of, in_private

router = Router()

HISTORY = frozenset({"历史", "版本"})
VALUE = re.compile(r"\d+(?:\.\d+)?\s+(?:%|％|小时|分钟?|秒钟?|天)(?=\s|$)")  # 3 分


class NoSuchRule(UserError):
    say = "没有规则「{words}」，可以是：{known}"


@router.command("admin:规则", action=Action.RULES)
async def rules(turn: Turn, session: AsyncSession) -> Reply:
    """/规则; /规则 追保; /规则 追保 2026-11-01; /规则 追保 105% 强平 125%; /规则 历史"""
    if turn.audience is Audience.GROUP:
        raise OnlyInPrivate
    return await _command(turn, session, LADDER, (turn.said.query or "").strip())


@router.command("admin:流程", action=Action.SYSTEM)
async def flows(turn: Turn, session: AsyncSession) -> Reply:
    """/流程; /流程 开户; /流程 开户 合规审核 45分"""
    words = in_private(turn)
    named = words[1:] if words and words[0] in {"开户", "开户流程"} else words
    return await _command(turn, session, FLOW, " ".join(named))


async def _command(turn: Turn, session: AsyncSession, kind: RuleKind, words: str) -> Reply:
    """Raises NoSuchRule, NotAValue, NotInOrder, and what ``put_forward`` does."""
    if not words:
        return say(await _all(session, kind))
    if words in HISTORY:
        return say(await _history(turn, session, kind))
    day = day_in(words, turn.at)
    if day is not None:
        document = await rulebook.as_of(session, kind.kind, end_of(day))
        title = f"{day} 的{kind.word}"
        return say(await _table(session, kind, kind.full(document), document, title=title))
    return await _of_places(turn, session, kind, words)


async def _all(session: AsyncSession, kind: RuleKind) -> Card:
    body, document = await kind.present(session)
    buttons = []
    if document is not None:
        made_by = await proposals.of_version(session, kind.kind, "", document.version)
        if made_by is not None:
            buttons.append(Button(f"change_back:{made_by.id}", "回退到上一版"))
    return await _table(session, kind, body, document, title=kind.word, buttons=buttons)


async def _table(
    session: AsyncSession,
    kind: RuleKind,
    body: Body,
    document: Document | None,
    *,
    title: str,
    buttons: Sequence[Button] = (),
) -> Card:
    rows = [(place.word, place.show(body.get(place.key))) for place in kind.places]
    names = await _names(session, [document] if document else [])
    return draw.rules_card(title, rows, document, names, buttons=buttons, footer=kind.example)


async def _names(session: AsyncSession, documents: Sequence[Document]) -> dict[str, str]:
    by = {each for d in documents for each in (d.asked_by, d.confirmed_by)}
    return await people.names(session, by)


async def _history(turn: Turn, session: AsyncSession, kind: RuleKind) -> Card:
    documents = await rulebook.versions(session, kind.kind)
    rows = []
    for place, document in enumerate(documents):
        before = documents[place + 1].body if place + 1 < len(documents) else {}
        lines = kind.lines({**kind.shipped, **before}, kind.full(document))
        rows.append((document, "；".join(f"{x.what} {x.before} → {x.after}" for x in lines)))
    names = await _names(session, documents)
    return history_card(f"{kind.word} · 版本", rows, names, turn.at)


async def _of_places(turn: Turn, session: AsyncSession, kind: RuleKind, words: str) -> Reply:
    """One place is shown; places with values are a change. Raises NoSuchRule or NotAValue."""
    body, _ = await kind.present(session)
    after, rest = dict(body), words
    while found := kind.named(rest):
        place, rest = found
        value, further = _first(rest)
        if not value:
            return say(await _one(session, kind, place))
        day = day_in(value, turn.at)
        if day is not None:
            return say(await _one_then(turn, session, kind, place, value))
        after[place.key] = place.read(value)
        rest = further
    if after == body and rest == words:
        known = "、".join(place.word for place in kind.places)
        raise NoSuchRule(words=text.cut(words, 20), known=known)
    plan = await plan_of(session, kind, after, reason=rest)
    return await put_forward(turn, session, plan)


def _first(words: str) -> tuple[str, str]:
    """The value that a line goes on with, its unit with it, and what is left."""
    found = VALUE.match(words)
    value = found[0] if found else words.partition(" ")[0]
    return value.replace(" ", ""), words[len(value) :].strip()


async def _one(session: AsyncSession, kind: RuleKind, place: Place) -> Card:
    body, _ = await kind.present(session)
    documents = await rulebook.versions(session, kind.kind)
    names = await _names(session, documents)
    changed = []
    for number, document in enumerate(documents):
        older = documents[number + 1].body if number + 1 < len(documents) else kind.shipped
        before, after = older.get(place.key), document.body.get(place.key)
        if before != after:
            what = f"{place.show(before)} → {place.show(after)}"
            changed.append((version_words(document, names), what))
    return draw.rule_card(place.word, place.show(body.get(place.key)), changed, kind.example)


async def _one_then(
    turn: Turn, session: AsyncSession, kind: RuleKind, place: Place, words: str
) -> Card:
    day = day_in(words, turn.at)
    document = await rulebook.as_of(session, kind.kind, end_of(day)) if day else None
    body = kind.full(document)
    rows = [(place.word, place.show(body.get(place.key)))]
    names = await _names(session, [document] if document else [])
    return draw.rules_card(f"{day} 的{place.word}", rows, document, names, footer=kind.example)


async def plan_of(session: AsyncSession, kind: RuleKind, after: Body, *, reason: str = "") -> Plan:
    """Raises NotInOrder."""
    kind.must_fit(after)
    before, document = await kind.present(session)
    return Plan(
        kind=kind.kind,
        name="",
        base=document.version if document else 0,
        body=after,
        title=kind.word,
        lines=kind.lines(before, after),
        roles=kind.roles,
        warning=kind.concerns,
        reason=reason,
    )


async def bring_into_force(
    session: AsyncSession, kind: RuleKind, body: Body, base: int, proposal: Proposal, second: Person
) -> Document:
    """The next version, and what follows from it. Raises Superseded."""
    document = await rulebook.put(
        session,
        kind.kind,
        "",
        body,
        base=base,
        asked_by=proposal.asked_by,
        asked_at=proposal.asked_at,
        confirmed_by=second.id,
        reason=proposal.reason,
    )
    if kind.apply is not None:
        await kind.apply(session, body, second.id)
    return document


async def whom_it_concerns(
    session: AsyncSession,
    kind: RuleKind,
    lines: Sequence[Line],
    proposal: Proposal,
    second: Person,
) -> Told:
    """Those who work by the rules and were not of the two who changed them."""
    readers = {
        person.id for role in kind.readers for person in await people.with_role(session, role)
    }
    names = await people.names(session, [proposal.asked_by, second.id])
    by = f"{names[proposal.asked_by]} 提出，{names[second.id]} 确认"
    card = draw.changed_card(f"{kind.word}已改", by, lines, reason=proposal.reason)
    return tuple((reader, card) for reader in sorted(readers - {proposal.asked_by, second.id}))


def _kind(kind: RuleKind) -> Kind:
    async def carry(session: AsyncSession, proposal: Proposal, second: Person) -> Outcome:
        body, base = proposals.body(proposal), proposal.base
        document = await bring_into_force(session, kind, body, base, proposal, second)
        _, lines, _ = proposals.shown(proposal)
        told = await whom_it_concerns(session, kind, lines, proposal, second)
        return Outcome(said=f"版本 {document.version}", made=document.version, tell=told)

    async def back(session: AsyncSession, proposal: Proposal) -> Plan:
        older = await rulebook.version(session, kind.kind, (proposal.made or 0) - 1)
        return await plan_of(session, kind, kind.full(older), reason=f"回退更改 {proposal.id}")

    return Kind(carry=carry, back=back, roles=kind.roles)


for _each in KINDS.values():
    changes.KINDS[_each.kind] = _kind(_each)
