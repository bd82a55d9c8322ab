"""申请查看: a day's look at somebody else's client, granted by the head of its branch."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import client as draw
from bot.chat.message import Audience, Button, Card, Fact, Style, Tone
from bot.chat.reply import Reply
from bot.router import Router, Turn
from crm import access, people
from crm.access import NotYours
from crm.models import Client, GrantState, Role, ViewGrant
from crm.people import Action, Person
from handlers import whom

router = Router()


@router.click("ask_view", action=Action.LOOK_UP)
async def ask_view(turn: Turn, session: AsyncSession) -> Reply:
    """The same card says from now on whose word is awaited."""
    if not whom.may_ask_for_a_look(turn):
        raise NotYours
    client = await session.get_one(Client, int(turn.args[0]))
    grant, heads = await access.ask(session, turn.person, client)
    deciding = await people.with_role(session, Role.HEAD, client.branch)
    staff = await people.names(session, [client.owner] if client.owner else [])
    branches = await people.branch_names(session)
    waiting = draw.other_card(
        client.id,
        client.name,
        owner=staff.get(client.owner or "", ""),
        branch=branches.get(client.branch or "", ""),
        may_ask=False,
        waits_for="、".join(head.name for head in deciding if head.id != turn.person.id),
    )
    card = await _grant_card(session, grant, client, turn.person)
    return Reply(update=waiting, tell=tuple((head.id, card) for head in heads))


async def _grant_card(
    session: AsyncSession, grant: ViewGrant, client: Client, asker: Person
) -> Card:
    await session.refresh(client, ["accounts"])
    staff = await people.names(session, filter(None, (client.owner, grant.decided_by)))
    facts = [
        Fact("申请人", asker.name),
        Fact("客户", " ".join((client.name, *(a.account for a in client.accounts[:1])))),
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
