"""显示: one personal number in the clear, in private, with the reason put on record."""

import json
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice, text
from bot.cards.notice import NEVER_MIND
from bot.chat.message import Audience, Card, Fact
from bot.chat.reply import Question, Reply, say
from bot.router import DidYouMean, Router, Turn
from crm import clients
from crm.clients import ReasonNeeded
from crm.kernel.errors import UserError
from crm.models import Client, PersonalKind
from crm.people import Action
from handlers import whom
from handlers.asking import asked_card
from handlers.clients import PrivateOnly
from handlers.whom import NobodyInFocus

router = Router()

FIELDS = (  # how a field may begin in a line
    ("手机", PersonalKind.MOBILE),
    ("电话", PersonalKind.MOBILE),
    ("身份证", PersonalKind.ID_NUMBER),
    ("证件", PersonalKind.ID_NUMBER),
    ("银行卡", PersonalKind.BANK_CARD),
    ("地址", PersonalKind.ADDRESS),
    ("生日", PersonalKind.BIRTHDAY),
    ("联系人", PersonalKind.CONTACT),
)


class WhichField(UserError):
    say = "请写明要看哪一项：手机、身份证、银行卡、地址，例如：显示 手机 张三 客户要求核对"


@router.command("reveal", action=Action.REVEAL)
async def reveal(turn: Turn, session: AsyncSession) -> Reply:
    """显示 手机 张三 客户要求核对"""
    said = turn.said
    if turn.audience is not Audience.PRIVATE:
        raise PrivateOnly
    if said.verb != "reveal":
        raise DidYouMean(verb="显示")
    field = _field(said.query or "")
    if field is None:
        raise WhichField
    reason = said.note or ""
    if not reason:
        raise ReasonNeeded
    draft = json.dumps({"field": field, "reason": reason})
    if not turn.hits:
        return await _confirm(turn, session, field, reason, draft)

    async def show(turn: Turn, session: AsyncSession, client_id: int) -> Reply:
        return await _show(turn, session, client_id, field, reason)

    return await whom.of_one(turn, session, "reveal_of", show, draft=draft)


async def _confirm(
    turn: Turn, session: AsyncSession, field: PersonalKind, reason: str, draft: str
) -> Reply:
    """Nobody was named, or nobody who is known: the one in focus is named first."""
    if turn.focus is None or not turn.said.in_focus:
        raise NobodyInFocus
    client = await session.get_one(Client, turn.focus)
    key = f"reveal_of:{client.id}"
    card = notice.choose(
        f"显示 {client.name} 的{clients.PERSONAL_WORDS[field]}？",
        [(key, "显示"), (NEVER_MIND, "不用")],
        text=f"原因：{text.cut(reason, 60)}",
        draft=draft,
    )
    return Reply(parts=(card,), question=Question(options=(key, NEVER_MIND)))


def _field(words: str) -> PersonalKind | None:
    return next((kind for begun, kind in FIELDS if words.startswith(begun)), None)


@router.click("reveal_of", action=Action.REVEAL)
async def reveal_of(turn: Turn, session: AsyncSession) -> Reply:
    draft = json.loads(asked_card(turn).draft)
    field = PersonalKind(draft["field"])
    shown = await _show(turn, session, int(turn.args[0]), field, draft["reason"])
    return replace(shown, update=notice.done("已显示"))


async def _show(
    turn: Turn, session: AsyncSession, client_id: int, field: PersonalKind, reason: str
) -> Reply:
    left = await clients.reveals_left(session, turn.person) - 1  # this one is counted later
    value = await clients.reveal(session, turn.person, client_id, field, reason=reason)
    client = await session.get_one(Client, client_id)
    card = Card(
        title=f"{client.name} · {clients.PERSONAL_WORDS[field]}",
        facts=(Fact(clients.PERSONAL_WORDS[field], value),),
        footer=f"本次查看已留痕 · 今天还可显示 {left} 次",
    )
    return say(card, focus=client_id)
