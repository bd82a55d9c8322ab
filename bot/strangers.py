"""Somebody whom nobody knows: a code of 绑定 can make the account a person's, and that is all."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Ask, AskKind, Place
from bot.grammar import understand
from crm import binding
from crm.binding import Tried
from crm.kernel.calendar import Calendar
from crm.kernel.errors import UnknownPerson

SAY = {
    Tried.WRONG: "绑定码不对或已过期，请在已开通的那一边发「绑定」重新取码",
    Tried.LOCKED: "绑定码错误次数太多，请 10 分钟后再试",
    Tried.HAS_ANOTHER: "您在这一边已绑定另一个账号，请先在另一边发「绑定」解除",
}


async def let_in(session: AsyncSession, ask: Ask, at: datetime, calendar: Calendar) -> str:
    """Bind the account that says a good code in private; else what to tell it, the try being
    counted by this transaction. Raises UnknownPerson for everything that is not a code."""
    words = _words(ask, at, calendar)
    if not words:
        raise UnknownPerson
    tried = await binding.redeem(session, binding.code_in(words), ask.chat.platform, ask.user)
    return SAY.get(tried, "")


def _words(ask: Ask, at: datetime, calendar: Calendar) -> str:
    if ask.chat.place is not Place.PRIVATE or ask.kind is not AskKind.TEXT:
        return ""
    read = understand.read(
        ask.text, at=at, place=ask.chat.place, mentioned=False, calendar=calendar, found={}
    )
    return read.query or "" if read.verb == "bind" else ""
