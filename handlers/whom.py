"""Which client a line means: one for sure, one of several to be asked, or a colleague's."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import client as draw
from bot.cards import notice, text
from bot.cards.notice import NEVER_MIND
from bot.chat.message import Audience
from bot.chat.reply import Question, Reply, say
from bot.router import Turn
from crm import access, people
from crm.access import NotYours
from crm.clients import NoSuchClient
from crm.kernel.errors import UserError
from crm.models import Client
from crm.people import Action, Scope
from crm.search import Hit

MOST_CHOICES = 8
MOST_COLLEAGUES = 3
SURE = frozenset({"exact", "part"})

Show = Callable[[Turn, AsyncSession, int], Awaitable[Reply]]


class NobodyInFocus(UserError):
    say = "请先查一位客户，例如发「张三」，或在命令后面写上名字"


class LookOnly(UserError):
    say = "{name} 由同事负责，您可以查看，不能代为记录或建待办"


async def of_one(
    turn: Turn, session: AsyncSession, action: str, show: Show, *, draft: str = ""
) -> Reply:
    """``show`` of the client that a line surely means; a guess and namesakes are asked first, the
    answers being clicks on ``action``.

    Raises NoSuchClient or NobodyInFocus.
    """
    visible = seen(turn)
    if turn.hits and not visible:
        return await colleagues(turn, session, turn.hits)
    if len(visible) == 1 and visible[0].how in SURE:
        return await show(turn, session, visible[0].client_id)
    if visible:
        return which(turn, visible, action, draft=draft)
    if turn.focus is None or not turn.said.in_focus:
        return await still(turn, session, action, draft=draft)
    return await show(turn, session, turn.focus)


def seen(turn: Turn) -> list[Hit]:
    return [hit for hit in turn.hits if hit.visible]


def nobody(turn: Turn) -> UserError:
    """What to raise when a line means no client at all."""
    words = turn.said.query
    return NoSuchClient(words=text.echo(words, 20, turn.audience)) if words else NobodyInFocus()


async def still(
    turn: Turn, session: AsyncSession, action: str, *, about: str = "", draft: str = ""
) -> Reply:
    """Nobody was named, and the last client was hours ago: is it still the same? Raises what
    ``nobody`` gives where there was none."""
    client = await session.get(Client, turn.faded) if turn.faded and not turn.said.query else None
    if client is None:
        raise nobody(turn)
    key = f"{action}:{client.id}"
    said = text.quote(about, 60, turn.audience)
    card = notice.choose(
        f"是 {draw.shown_name(client.name, turn.audience)} 吗？",
        [(key, "是"), (NEVER_MIND, "不是")],
        text=f"«{said}»" if said else "",
        draft=draft,
    )
    return Reply(parts=(card,), question=Question(options=(key, NEVER_MIND)))


def which(
    turn: Turn,
    hits: Sequence[Hit],
    action: str,
    *,
    title: str = "是哪一位？",
    about: str = "",
    draft: str = "",
    more: Sequence[tuple[str, str]] = (),
) -> Reply:
    """Which one is meant? ``about``: what is to be done; ``more``: answers beside the clients."""
    shown = hits[:MOST_CHOICES]
    options = [(f"{action}:{hit.client_id}", _option(turn, hit)) for hit in shown]
    guess = len(hits) == 1 and hits[0].how not in SURE
    if guess:
        title, more = "名字不完全一样，是不是这位？", (*more, (NEVER_MIND, "不是"))
    said = text.quote(about, 60, turn.audience)
    lines = [f"«{said}»"] if said else []
    if len(hits) > len(shown):
        lines.append(f"符合的有 {len(hits)} 位，这里列出前 {len(shown)} 位；写全名或账号更快")
    card = notice.choose(title, [*options, *more], text="\n".join(lines), draft=draft)
    return Reply(
        parts=(card,), question=Question(options=tuple(button.key for button in card.buttons))
    )


def _option(turn: Turn, hit: Hit) -> str:
    return f"{draw.shown_name(hit.name, turn.audience)} {draw.shown_account(hit, turn.audience)}"


async def colleagues(turn: Turn, session: AsyncSession, hits: Sequence[Hit]) -> Reply:
    """Somebody else's clients: name, branch and owner, and in private the way to ask for a look."""
    staff = await people.names(session, [hit.owner for hit in hits if hit.owner])
    branches = await people.branch_names(session)
    may_ask = turn.audience is Audience.PRIVATE and may_ask_for_a_look(turn)
    return say(
        *(
            draw.other_card(
                hit.client_id,
                draw.shown_name(hit.name, turn.audience),
                owner=staff.get(hit.owner or "", ""),
                branch=branches.get(hit.branch or "", ""),
                may_ask=may_ask,
            )
            for hit in hits[:MOST_COLLEAGUES]
        )
    )


def may_ask_for_a_look(turn: Turn) -> bool:
    """Those who serve clients may; an admin's work needs nobody's file."""
    return turn.person.scope(Action.LOOK_UP) >= Scope.OWN


async def must_serve(turn: Turn, session: AsyncSession, client_id: int) -> None:
    """Raises LookOnly where only a look was granted, NotYours where nothing was."""
    if await access.may_see(session, turn.person, client_id, Action.LOG):
        return
    if await access.may_see(session, turn.person, client_id, Action.LOOK_UP):
        client = await session.get_one(Client, client_id)
        raise LookOnly(name=draw.shown_name(client.name, turn.audience))
    raise NotYours


async def unseen(session: AsyncSession, client_id: int) -> Hit:
    """A client out of reach, with what may be told of him."""
    client = await session.get_one(Client, client_id)
    return Hit(
        client_id=client_id,
        name=client.name,
        account="",
        owner=client.owner,
        branch=client.branch,
        own=False,
        visible=False,
        how="exact",
    )
