"""What can be said; and what to answer when a line was not understood."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice, text
from bot.chat.message import Audience, Card, Section
from bot.chat.reply import Reply, say
from bot.conversation import NO, YES
from bot.grammar.verbs import BY_NAME, TABLE, Verb, exact, nearest
from bot.router import NotBuilt, Router, Turn
from crm.models import Role
from crm.people import ROLE_WORDS, Action, Person, Scope
from handlers import openings

EVERYBODY = Person(id="", name="", branch=None, roles=frozenset(Role))
APPROVALS = frozenset(
    {"apply_opening", "progress", "withdraw", "my_approvals", "approve", "reject", "send_back"}
    | {"hand_on", "cosign"}
)
ADMINS = frozenset(
    f"admin:{word}" for word in ("员工", "角色", "流程", "审计", "健康", "系统", "配置", "变更")
)
NOT_IN_ANY_GROUP = frozenset({"more", "reveal", "bind", "handover"}) | APPROVALS | ADMINS
NOT_IN_A_BRANCH_GROUP = (
    NOT_IN_ANY_GROUP
    | {"positions", "curve", "calls", "risk_rank"}
    | {"admin:规则", "admin:数据源", "admin:静默"}
)
GREETINGS = frozenset(
    {"你好", "您好", "在吗", "在么", "早", "早上好", "上午好", "下午好", "晚上好", "hi", "hello"}
)
THANKS = frozenset({"谢谢", "多谢", "谢了", "辛苦了", "收到"})
LONGEST_WORD = 12


def make_router(everything: Router) -> Router:
    """``everything`` is asked what this person may use."""
    router = Router()

    @router.command("help")
    async def show_help(turn: Turn, _session: AsyncSession) -> Reply:
        """帮助 lists; 帮助 记 shows examples. Raises NotBuilt for what is not open yet."""
        words = turn.ask.text.split()[1:]
        verb = exact(words[0].lstrip("/"), slash=True) if words else None
        if verb is None:
            return say(_overview(turn, _usable(turn), unknown=" ".join(words)))
        if not everything.may_use(EVERYBODY, verb.name):
            raise NotBuilt(verb=verb.word)
        if everything.may_use(turn.person, verb.name):
            return say(_examples(verb))
        return say(notice.sentence(f"您的角色不能用「{verb.word}」", "发「帮助」看您能用的"))

    @router.command("none")
    async def not_understood(turn: Turn, session: AsyncSession) -> Reply:
        """Never silence: the nearest commands that this person may use."""
        if submitted := await openings.submit_in_words(turn, session):
            return submitted
        usable = _usable(turn)
        plain = turn.ask.text.strip(" 　。.,，!！~～").lower()
        if plain in GREETINGS | THANKS:
            return say(_greeting(turn, thanked=plain in THANKS))
        if plain in YES | NO or (plain.isdecimal() and len(plain) < 3):
            return say(
                notice.sentence("现在没有等您回答的问题", "问题保留 10 分钟，请重发原来的话")
            )
        if plain.strip("?？") == "":
            return say(_overview(turn, usable))
        return say(_suggest(turn, _near(turn, usable)))

    def _usable(turn: Turn) -> list[Verb]:
        may = [verb for verb in TABLE if everything.may_use(turn.person, verb.name)]
        match turn.audience:
            case Audience.PRIVATE:
                return may
            case Audience.RISK_GROUP:
                return [verb for verb in may if verb.name not in NOT_IN_ANY_GROUP]
            case Audience.GROUP:
                return [verb for verb in may if verb.name not in NOT_IN_A_BRANCH_GROUP]

    return router


def _near(turn: Turn, usable: Sequence[Verb]) -> list[Verb]:
    """The three likeliest: what the grammar proposes, what is spelled alike, what is common."""
    first = turn.ask.text.split()[:1]
    named = [BY_NAME[name] for name in turn.said.suggestions if name in BY_NAME]
    near = named or nearest(first[0] if first else "")
    common = [BY_NAME[name] for name in ("look_up", "log", "help")]
    return [verb for verb in dict.fromkeys([*near, *common]) if verb in usable][:3]


def _overview(turn: Turn, usable: Sequence[Verb], *, unknown: str = "") -> Card:
    roles = "、".join(ROLE_WORDS[role] for role in sorted(turn.person.roles))
    lines = [f"{verb.word}　{verb.says}" for verb in usable]
    if unknown:
        lines.insert(0, f"没有「{text.cut(unknown, LONGEST_WORD)}」这个命令，您可以说：")
    return Card(title=f"您可以这样说 · {roles}", text="\n".join(lines), footer=_hint(turn))


def _hint(turn: Turn) -> str:
    if turn.audience is Audience.GROUP:
        return "在群里先 @期台；群里只显示脱敏资料，完整资料请私聊"
    match turn.person.scope(Action.LOOK_UP):
        case Scope.NONE:
            return "您的角色不查看客户资料"
        case Scope.UNOWNED:
            return "您只能查看没有客户经理的客户"
        case _:
            return "直接发姓名、拼音首字母、账号或尾号就能查 · 「帮助 查」看例子"


def _greeting(turn: Turn, *, thanked: bool) -> Card:
    looks = turn.person.scope(Action.LOOK_UP) >= Scope.OWN
    how = "发客户姓名、拼音首字母或账号就能查；" if looks else ""
    title = "不客气" if thanked else f"{turn.person.name}，您好"
    return notice.sentence(title, f"{how}发「帮助」看全部")


def _examples(verb: Verb) -> Card:
    return Card(
        title=f"{verb.word} · {verb.says}",
        sections=(Section(title="例子", text="\n".join(verb.examples)),),
    )


def _suggest(turn: Turn, verbs: Sequence[Verb]) -> Card:
    said = turn.ask.text.strip()
    lines = [f"{verb.word}　例如：{verb.examples[0]}" for verb in verbs]
    one_word = len(said) <= LONGEST_WORD and not said.split()[1:]
    if one_word and turn.person.may(Action.LOOK_UP) and not turn.said.suggestions:
        lines.insert(0, "没有这个命令，也没有找到这样的客户。您可以说：")
        title = "没有听懂"
    else:
        title = "没有听懂，您是不是想说"
    if turn.audience is Audience.PRIVATE:
        title = title.replace("没有听懂", f"没有听懂「{text.cut(said, LONGEST_WORD)}」", 1)
    return Card(title=title, text="\n".join(lines), footer="发「帮助」看全部")
