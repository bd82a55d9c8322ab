"""Looking clients up: lists, cards, positions, the equity curve, one personal number, a look at
somebody else's client."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import client as draw
from bot.cards import notice
from bot.cards.curve import finding
from bot.chat.message import Audience, Button, Card, Fact, Part, Picture, Style, Text, Tone
from bot.chat.reply import Question, Reply, say
from bot.router import OldCard, Router, Turn
from crm import access, clients, interactions, people, tasks
from crm.access import NotYours
from crm.clients import NoSuchClient
from crm.kernel.errors import UserError
from crm.models import Client, GrantState, PersonalKind, ViewGrant
from crm.people import Action, Person
from crm.search import Hit
from risk import history
from risk.figures import Figures

router = Router()

CURVE_DAYS = 60


class NobodyInFocus(UserError):
    say = "请先查一位客户，例如：张三，或在后面写上名字"


class PrivateOnly(UserError):
    say = draw.PRIVATE_ONLY


class WhichOne(UserError):
    say = "有 {count} 位客户符合，请写全名或资金账号"


class WhichField(UserError):
    say = "请写明要看哪一项：手机、身份证、银行卡、地址，例如：显示 手机 张三 客户要求核对"


@router.command("look_up", action=Action.LOOK_UP)
async def look_up(turn: Turn, session: AsyncSession) -> Reply:
    hits = turn.hits
    if not hits:
        if turn.said.query or turn.focus is None:
            raise NoSuchClient(words=turn.said.query or "")
        return await show(turn, session, turn.focus)
    visible = [hit for hit in hits if hit.visible]
    if not visible:
        return await _others(turn, session, hits)
    if len(hits) == 1 and hits[0].how in ("exact", "part"):
        return await show(turn, session, hits[0].client_id)
    return await _list(turn, session, hits, 0)


async def _others(turn: Turn, session: AsyncSession, hits: Sequence[Hit]) -> Reply:
    staff = await people.names(session, [hit.owner for hit in hits if hit.owner])
    branches = await people.branch_names(session)
    cards = []
    for hit in hits[:3]:
        client = await session.get_one(Client, hit.client_id)
        branch = branches.get(client.branch or "", "")
        may_ask = turn.audience is Audience.PRIVATE
        owner = staff.get(client.owner or "", "")
        cards.append(draw.other_card(client, owner, branch, may_ask=may_ask))
    return say(*cards)


async def _list(turn: Turn, session: AsyncSession, hits: Sequence[Hit], first: int) -> Reply:
    card = await _page(turn, session, hits, first)
    return Reply(parts=(card,), question=Question(options=_numbered(card)))


async def _page(turn: Turn, session: AsyncSession, hits: Sequence[Hit], first: int) -> Card:
    shown = hits[first : first + draw.PAGE]
    lines = [await _line(turn, session, hit) for hit in shown]
    draft = json.dumps([asdict(hit) for hit in hits])
    return draw.client_list(lines, len(hits), first, turn.audience, draft)


def _numbered(card: Card) -> tuple[str, ...]:
    """What the answers 1, 2, 3 … stand for: the clients, not the page buttons."""
    return tuple(button.key for button in card.buttons if button.label.isdecimal())


@router.click("page", action=Action.LOOK_UP)
async def turn_page(turn: Turn, session: AsyncSession) -> Reply:
    """The next part of a list, in the same card."""
    if turn.card is None:
        raise OldCard
    hits = [Hit(**raw) for raw in json.loads(turn.card.draft)]
    card = await _page(turn, session, hits, int(turn.args[0]))
    return Reply(update=card, question=Question(options=_numbered(card)))


async def _line(turn: Turn, session: AsyncSession, hit: Hit) -> draw.Line:
    client = await session.get_one(Client, hit.client_id)
    why = {"sound": "同音", "typo": "相近"}.get(hit.how, "")
    if not hit.visible:
        why = "非本人客户"
    return draw.Line(
        client_id=hit.client_id,
        name=hit.name,
        account=hit.account,
        tier=client.tier,
        status=client.status,
        figures=turn.book.figures_of(hit.account, turn.at) if hit.visible else None,
        why=why,
    )


@router.click("client", action=Action.LOOK_UP)
async def pick(turn: Turn, session: AsyncSession) -> Reply:
    client_id = int(turn.args[0])
    if not await access.may_see(session, turn.person, client_id, Action.LOOK_UP):
        client = await session.get_one(Client, client_id)
        hit = Hit(
            client_id=client_id,
            name=client.name,
            account="",
            owner=client.owner,
            branch=client.branch,
            own=False,
            visible=False,
            how="exact",
        )
        return await _others(turn, session, [hit])
    return await show(turn, session, client_id)


async def show(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    """The client's card; from now on this client is in focus."""
    sheet = await _sheet(turn, session, client_id)
    return say(draw.client_card(sheet, turn.audience), focus=client_id)


async def _sheet(turn: Turn, session: AsyncSession, client_id: int) -> draw.Sheet:
    client = await clients.see(session, turn.person, client_id)
    recent = await interactions.recent(session, client_id, limit=1)
    owner = await people.names(session, [client.owner] if client.owner else [])
    return draw.Sheet(
        client=client,
        figures=_figures(turn, client),
        personal=await clients.personal(session, client_id),
        last=recent[0] if recent else None,
        task=await tasks.next_of_client(session, turn.person, client_id),
        owner=owner.get(client.owner or "", ""),
        fields=turn.person.fields,
        at=turn.at,
    )


def _figures(turn: Turn, client: Client) -> Figures | None:
    """Of the first account in yuan."""
    for account in client.accounts:
        if account.currency == "CNY":
            return turn.book.figures_of(account.account, turn.at)
    return None


@router.click("more", action=Action.LOOK_UP)
async def more(turn: Turn, session: AsyncSession) -> Reply:
    sheet = await _sheet(turn, session, int(turn.args[0]))
    return say(draw.more_card(sheet), focus=sheet.client.id)


@router.command("positions", action=Action.LOOK_UP)
async def positions(turn: Turn, session: AsyncSession) -> Reply:
    return await show_positions(turn, session, one_client(turn))


@router.click("positions", action=Action.LOOK_UP)
async def click_positions(turn: Turn, session: AsyncSession) -> Reply:
    return await show_positions(turn, session, int(turn.args[0]))


async def show_positions(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    """Table and equity curve. Raises PrivateOnly in an ordinary group."""
    if turn.audience is Audience.GROUP:
        raise PrivateOnly
    client = await clients.see(session, turn.person, client_id)
    card = draw.positions_card(client, _figures(turn, client), turn.at)
    return say(card, *await _curve(session, client), focus=client_id)


@router.click("curve", action=Action.LOOK_UP)
async def click_curve(turn: Turn, session: AsyncSession) -> Reply:
    client = await clients.see(session, turn.person, int(turn.args[0]))
    picture = await _curve(session, client)
    if not picture:
        return say(notice.sentence(f"{client.name} 还没有资金历史"), focus=client.id)
    return say(*picture, focus=client.id)


async def _curve(session: AsyncSession, client: Client) -> tuple[Part, ...]:
    """The picture is painted when it is sent; its line of text is known now."""
    for account in client.accounts:
        points = await history.last_days(session, account.account, CURVE_DAYS)
        if len(points) > 1:
            blob = f"curve:{account.account}:{CURVE_DAYS}"
            return (Picture(blob=blob, caption=finding(points)),)
    return ()


def one_client(turn: Turn) -> int:
    """The client that a line names, else the one in focus.

    Raises NoSuchClient, WhichOne, NotYours or NobodyInFocus.
    """
    visible = [hit for hit in turn.hits if hit.visible]
    if len(visible) == 1:
        return visible[0].client_id
    if visible:
        raise WhichOne(count=len(visible))
    if turn.hits:
        raise NotYours
    if turn.said.query:
        raise NoSuchClient(words=turn.said.query)
    if turn.focus is None:
        raise NobodyInFocus
    return turn.focus


FIELDS = {
    "手机": PersonalKind.MOBILE,
    "手机号": PersonalKind.MOBILE,
    "电话": PersonalKind.MOBILE,
    "身份证": PersonalKind.ID_NUMBER,
    "身份证号": PersonalKind.ID_NUMBER,
    "证件": PersonalKind.ID_NUMBER,
    "银行卡": PersonalKind.BANK_CARD,
    "卡号": PersonalKind.BANK_CARD,
    "地址": PersonalKind.ADDRESS,
}


@router.command("reveal", action=Action.REVEAL)
async def reveal(turn: Turn, session: AsyncSession) -> Reply:
    """显示 手机 张三 客户要求核对: one number, in private, with the reason put on record."""
    if turn.audience is not Audience.PRIVATE:
        raise PrivateOnly
    field, reason = _field_and_reason(turn)
    client_id = one_client(turn)
    value = await clients.reveal(session, turn.person, client_id, field, reason=reason)
    client = await session.get_one(Client, client_id)
    what = clients.PERSONAL_WORDS[field]
    card = Card(
        title=f"{client.name} · {what}",
        facts=(Fact(what, value),),
        footer="本次查看已留痕",
    )
    return say(card, focus=client_id)


def _field_and_reason(turn: Turn) -> tuple[PersonalKind, str]:
    words = turn.ask.text.split()
    field = next((FIELDS[word] for word in words if word in FIELDS), None)
    if field is None:
        raise WhichField
    named = {hit.name for hit in turn.hits} | {hit.account for hit in turn.hits}
    skip = {*FIELDS, *named, turn.said.query or ""}
    return field, " ".join(word for word in words[1:] if word not in skip)


@router.click("ask_view")
async def ask_view(turn: Turn, session: AsyncSession) -> Reply:
    client = await session.get_one(Client, int(turn.args[0]))
    grant, heads = await access.ask(session, turn.person, client)
    if not heads:
        return say(Text(text="申请已在等待批准，请稍候"))
    card = await _grant_card(session, grant, client, turn.person)
    said = notice.sentence("已提交申请", f"等待{'、'.join(head.name for head in heads)}批准")
    return Reply(parts=(said,), tell=tuple((head.id, card) for head in heads))


async def _grant_card(
    session: AsyncSession, grant: ViewGrant, client: Client, asker: Person
) -> Card:
    staff = await people.names(session, filter(None, (client.owner, grant.decided_by)))
    facts = [
        Fact("申请人", asker.name),
        Fact("客户", client.name),
        Fact("客户经理", staff.get(client.owner or "", "未分配")),
    ]
    if grant.decided_by:
        facts.append(Fact("处理人", staff.get(grant.decided_by, grant.decided_by)))
    word, tone = {
        GrantState.ASKED: ("待批准", Tone.BLUE),
        GrantState.GRANTED: ("已同意", Tone.GREEN),
        GrantState.REFUSED: ("已拒绝", Tone.GREY),
    }[grant.state]
    buttons = (
        Button(f"grant:{grant.id}", "同意 24 小时", Style.PRIMARY),
        Button(f"refuse:{grant.id}", "拒绝"),
    )
    return Card(
        title="申请查看客户",
        status=word,
        tone=tone,
        facts=tuple(facts),
        buttons=buttons if grant.state is GrantState.ASKED else (),
        subject=f"view:{grant.id}",
    )


@router.click("grant", action=Action.GRANT_VIEW)
async def grant_view(turn: Turn, session: AsyncSession) -> Reply:
    return await _decide(turn, session, granted=True)


@router.click("refuse", action=Action.GRANT_VIEW)
async def refuse_view(turn: Turn, session: AsyncSession) -> Reply:
    return await _decide(turn, session, granted=False)


async def _decide(turn: Turn, session: AsyncSession, *, granted: bool) -> Reply:
    grant = await access.decide(session, turn.person, int(turn.args[0]), granted=granted)
    client = await session.get_one(Client, grant.client_id)
    asker = await people.get(session, grant.staff)
    card = await _grant_card(session, grant, client, asker)
    word = "同意" if granted else "没有同意"
    told = Card(
        title=f"{turn.person.name}{word}您查看 {client.name}",
        text="24 小时内有效" if granted else "",
        buttons=(Button(f"client:{client.id}", "查看", Style.PRIMARY),) if granted else (),
    )
    return Reply(update=card, refresh=(card.subject,), tell=((asker.id, told),))


@router.view("view")
async def draw_grant(
    session: AsyncSession, _person: Person, number: int, _audience: Audience, _at: datetime
) -> Card:
    grant = await session.get_one(ViewGrant, number)
    client = await session.get_one(Client, grant.client_id)
    asker = await people.get(session, grant.staff)
    return await _grant_card(session, grant, client, asker)
