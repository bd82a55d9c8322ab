"""Looking clients up: lists, cards, positions, the equity curve."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import client as draw
from bot.cards import notice, text
from bot.cards.curve import finding
from bot.chat.message import Audience, Card, Part, Picture
from bot.chat.reply import Question, Reply, say
from bot.router import OldCard, Router, Turn
from crm import access, clients, interactions, people, search, tasks
from crm.kernel.errors import UserError
from crm.models import Client
from crm.names import How, Near, Probe
from crm.people import Action, Person, Scope
from crm.search import Hit
from handlers import whom
from handlers.asking import list_stays_open
from handlers.whom import SURE, NobodyInFocus
from risk import history
from risk.figures import Figures

router = Router()

CURVE_DAYS = 60


class PrivateOnly(UserError):
    say = draw.PRIVATE_ONLY


@router.command("look_up", action=Action.LOOK_UP)
async def look_up(turn: Turn, session: AsyncSession) -> Reply:
    hits = turn.hits
    if not hits:
        if turn.said.query:
            return say(_nobody(turn, turn.said.query))
        if turn.focus is None:
            raise NobodyInFocus
        return await show(turn, session, turn.focus)
    if not whom.seen(turn):
        return await whom.colleagues(turn, session, hits)
    if len(hits) == 1 and hits[0].how in SURE:
        return await show(turn, session, hits[0].client_id)
    probes = turn.probes if len(hits) >= search.MOST else ()
    return await _list(turn, session, _Listed(hits, probes))


def _nobody(turn: Turn, words: str) -> Card:
    """Nobody is called so: what to try next."""
    if any(char.isdigit() for char in words):
        tips = ["号码请写完整的资金账号或手机号，或后四位，例如：尾号 6688"]
    else:
        tips = ["可以换成姓名中的一两个字、拼音首字母（zs）、资金账号或手机尾号"]
    if turn.person.scope(Action.LOOK_UP) < Scope.ALL:
        tips.append("同事的客户要写全名、完整账号或完整手机号")
    said = text.echo(words, 20, turn.audience)
    return notice.sentence(f"没有找到客户「{said}」", "\n".join(tips))


def _probe(kind: str, key: str, how: How, also: Sequence[str], near: Near) -> Probe:
    return Probe(kind, key, how, tuple(also), near)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Those who were found so far, and what finds the rest; () when there are no others."""

    hits: tuple[Hit, ...]
    probes: tuple[Probe, ...]

    @classmethod
    def kept(cls, draft: str) -> "_Listed":
        raw = json.loads(draft)
        if isinstance(raw, list):  # a card from before there was more than the list
            raw = {"hits": raw, "probes": ()}
        hits = tuple(Hit(**hit) for hit in raw["hits"])
        return cls(hits, tuple(_probe(*raw_probe) for raw_probe in raw["probes"]))

    def as_draft(self) -> str:
        return json.dumps({"hits": [asdict(hit) for hit in self.hits], "probes": self.probes})

    async def reaching(self, session: AsyncSession, person: Person, count: int) -> "_Listed":
        """With at least ``count`` clients where there are so many."""
        if not self.probes or len(self.hits) >= count:
            return self
        found = {hit.client_id: hit for hit in self.hits}
        async with aclosing(search.pages(session, person, self.probes)) as pages:
            async for page in pages:
                for hit in page:
                    found.setdefault(hit.client_id, hit)
                if len(found) >= count:
                    return _Listed(tuple(found.values()), self.probes)
        return _Listed(tuple(found.values()), ())


async def _list(turn: Turn, session: AsyncSession, listed: _Listed) -> Reply:
    card = await _page(turn, session, listed, 0)
    return Reply(parts=(card,), question=Question(options=_numbered(card)))


async def _page(turn: Turn, session: AsyncSession, listed: _Listed, first: int) -> Card:
    listed = await listed.reaching(session, turn.person, first + draw.PAGE + 1)
    shown = listed.hits[first : first + draw.PAGE]
    lines = [await _line(turn, session, hit) for hit in shown]
    return draw.client_list(
        lines,
        len(listed.hits),
        first,
        turn.audience,
        listed.as_draft(),
        more=bool(listed.probes),
    )


def _numbered(card: Card) -> tuple[str, ...]:
    """What the answers 1, 2, 3 … stand for: the clients, not the page buttons."""
    return tuple(button.key for button in card.buttons if button.label.isdecimal())


@router.click("page", action=Action.LOOK_UP)
async def turn_page(turn: Turn, session: AsyncSession) -> Reply:
    """The next part of a list, in the same card."""
    if turn.card is None:
        raise OldCard
    card = await _page(turn, session, _Listed.kept(turn.card.draft), int(turn.args[0]))
    return Reply(update=card, question=Question(options=_numbered(card)))


async def _line(turn: Turn, session: AsyncSession, hit: Hit) -> draw.Line:
    client = await session.get_one(Client, hit.client_id)
    why = {"sound": draw.SOUNDS_ALIKE, "typo": draw.LOOKS_ALIKE}.get(hit.how, "")
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
        return await whom.colleagues(turn, session, [await whom.unseen(session, client_id)])
    shown = await show(turn, session, client_id)
    again = list_stays_open(turn, "client")
    return Reply(parts=shown.parts, focus=client_id, question=again)


async def show(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    """The client's card; from now on this client is in focus."""
    sheet = await _sheet(turn, session, client_id)
    return say(draw.client_card(sheet, turn.audience), focus=client_id)


async def _sheet(turn: Turn, session: AsyncSession, client_id: int) -> draw.Sheet:
    client = await clients.see(session, turn.person, client_id)
    owner = await people.names(session, [client.owner] if client.owner else [])
    return draw.Sheet(
        client=client,
        figures=_figures(turn, client),
        personal=await clients.personal(session, client_id),
        last=await interactions.last_talk(session, client_id),
        task=await tasks.next_of_client(session, turn.person, client_id),
        owner=owner.get(client.owner or "", ""),
        fields=turn.person.fields,
        keeps_tasks=turn.person.may(Action.TASK),
        viewer=turn.person.id,
        at=turn.at,
    )


def _figures(turn: Turn, client: Client) -> Figures | None:
    """Of the first account in yuan."""
    for account in client.accounts:
        if account.currency == "CNY":
            return turn.book.figures_of(account.account, turn.at)
    return None


@router.command("more", action=Action.LOOK_UP)
async def more(turn: Turn, session: AsyncSession) -> Reply:
    _in_private(turn)
    return await whom.of_one(turn, session, "more", show_more)


@router.click("more", action=Action.LOOK_UP)
async def click_more(turn: Turn, session: AsyncSession) -> Reply:
    return await show_more(turn, session, int(turn.args[0]))


async def show_more(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    _in_private(turn)
    sheet = await _sheet(turn, session, client_id)
    card = draw.more_card(sheet, may_reveal=turn.person.may(Action.REVEAL))
    return say(card, focus=client_id)


def _in_private(turn: Turn) -> None:
    """Raises PrivateOnly in any group."""
    if turn.audience is not Audience.PRIVATE:
        raise PrivateOnly


def not_in_a_branch_group(turn: Turn) -> None:
    """Raises PrivateOnly where neither names nor funds may be told."""
    if turn.audience is Audience.GROUP:
        raise PrivateOnly


@router.command("positions", action=Action.LOOK_UP)
async def positions(turn: Turn, session: AsyncSession) -> Reply:
    not_in_a_branch_group(turn)
    return await whom.of_one(turn, session, "positions", show_positions)


@router.click("positions", action=Action.LOOK_UP)
async def click_positions(turn: Turn, session: AsyncSession) -> Reply:
    return await show_positions(turn, session, int(turn.args[0]))


async def show_positions(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    """Table and equity curve. Raises PrivateOnly in an ordinary group."""
    not_in_a_branch_group(turn)
    client = await clients.see(session, turn.person, client_id)
    card = draw.positions_card(client, _figures(turn, client), turn.at)
    return say(card, *await _curve(session, client), focus=client_id)


@router.command("curve", action=Action.LOOK_UP)
async def curve(turn: Turn, session: AsyncSession) -> Reply:
    not_in_a_branch_group(turn)
    return await whom.of_one(turn, session, "curve", show_curve)


@router.click("curve", action=Action.LOOK_UP)
async def click_curve(turn: Turn, session: AsyncSession) -> Reply:
    return await show_curve(turn, session, int(turn.args[0]))


async def show_curve(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
    not_in_a_branch_group(turn)
    client = await clients.see(session, turn.person, client_id)
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
            return (Picture(blob=blob, caption=f"{client.name} · {finding(points)}"),)
    return ()
