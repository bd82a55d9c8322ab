"""What can be said; and what to answer when a line was not understood."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice
from bot.chat.message import Audience, Card, Section
from bot.chat.reply import Reply, say
from bot.grammar.verbs import BY_NAME, TABLE, Verb, exact, nearest
from bot.router import Router, Turn
from crm.people import ROLE_WORDS


def make_router(everything: Router) -> Router:
    """``everything`` is asked what this person may use."""
    router = Router()

    @router.command("help")
    async def show_help(turn: Turn, _session: AsyncSession) -> Reply:
        """帮助 lists; 帮助 记 shows examples."""
        words = turn.ask.text.split()[1:]
        verb = exact(words[0].lstrip("/"), slash=True) if words else None
        if verb is not None and everything.may_use(turn.person, verb.name):
            return say(_examples(verb))
        return say(_overview(turn, everything))

    @router.command("none")
    async def not_understood(turn: Turn, _session: AsyncSession) -> Reply:
        """Never silence: the nearest commands that this person may use."""
        first = turn.ask.text.split()[:1]
        named = [BY_NAME[name] for name in turn.said.suggestions if name in BY_NAME]
        near = named or nearest(first[0] if first else "")
        likely = [verb for verb in near if _usable(turn, verb)]
        common = [BY_NAME[name] for name in ("look_up", "log", "help")]
        shown = list(dict.fromkeys([*likely, *(v for v in common if _usable(turn, v))]))[:3]
        return say(_suggest(shown))

    def _usable(turn: Turn, verb: Verb) -> bool:
        return everything.may_use(turn.person, verb.name)

    return router


def _overview(turn: Turn, everything: Router) -> Card:
    usable = [verb for verb in TABLE if everything.may_use(turn.person, verb.name)]
    roles = "、".join(ROLE_WORDS[role] for role in sorted(turn.person.roles))
    lines = "\n".join(f"{verb.word}　{verb.says}" for verb in usable)
    group = "群里请 @期台 再说；资料按群隐藏" if turn.audience is not Audience.PRIVATE else ""
    return Card(
        title=f"您可以这样说 · {roles}",
        text=lines,
        footer=group or "直接发客户姓名、拼音首字母、账号或尾号也能查 · 「帮助 记」看例子",
    )


def _examples(verb: Verb) -> Card:
    return Card(
        title=f"{verb.word} · {verb.says}",
        sections=(Section(title="例子", text="\n".join(verb.examples)),),
    )


def _suggest(verbs: Sequence[Verb]) -> Card:
    if not verbs:
        return notice.sentence("没有听懂", "您的角色目前没有可用的命令，请联系系统管理员")
    lines = "\n".join(f"{verb.word}　例如：{verb.examples[0]}" for verb in verbs)
    return Card(title="没有听懂，您是不是想说", text=lines, footer="发「帮助」看全部")
