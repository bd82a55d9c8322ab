"""Being asked to show something the way people say it: 帮我看一下张三的持仓, 风险榜给我看看."""

import re

from bot.grammar import talk, verbs
from bot.grammar.verbs import Verb

PLEASE = r"(?:请|麻烦你?|帮忙|帮我|给我|替我|我要|我想|能不能|可不可以|可以|能否)"
LEAD = re.compile(
    rf"(?:那|你|我(?![要想的]))?{PLEASE}*\s?(?:看(?:一[下看眼]|下|看)?|瞧瞧?|[调拉](?:一下|出|取)|打开|把|给|帮|替|为)?"
    r"(?:一下|[啊呃嗯哦]|[\s,:])*"
)
_LEAD_OF_ALL = re.compile(rf"{LEAD.pattern}(?:我的?|今[天日]的?|本周的?|最新的?|现在的?|目前的?)?")
_NOW = re.compile(
    r"(?:先生|女士|小姐|老师|老板|经理|总|那个|这个(?:客户|人)|[他她]|现在|目前|当前|最新|今[天日])*的?"
)
_TAIL = re.compile(
    r"(?<=..)(?:情况|明细)?"
    r"(?:(?:(?:给|让)?我?看(?:一[下看眼]|下|看)?|发(?:给?我)?(?:一下)?|[调拿列拉]出来|打开)+"
    r"|情况|明细|怎么样|如何|多少|有哪些|是什么)?[呗吧呢啊嘛]?$"
)
_LONGEST = 40  # characters; nobody asks for a list at length
_DETAILS = re.compile(r"(?:客户)?(?:资料|信息|账户|账号|情况|详情|档案)+")
OF_A_CLIENT = frozenset({"positions", "curve", "more", "progress"})  # read only
_LISTS = frozenset(
    {"risk_rank", "pool", "task", "lead", "positions", "curve", "progress"}
    | {"daily_report", "monthly_report"}
)


def of_client(words: str) -> Verb | None:
    """What is wanted of the client that was just named: 的持仓情况, 现在的持仓, 资料看一下."""
    if len(words) > _LONGEST:
        return None
    plain = _NOW.sub("", words, count=1) or words
    found = verbs.exact(words) or verbs.exact(plain) or verbs.exact(_TAIL.sub("", plain, count=1))
    if found:
        return found
    return verbs.BY_NAME["look_up"] if _DETAILS.fullmatch(_TAIL.sub("", plain, count=1)) else None


def kind(line: str, start: int) -> tuple[Verb, int] | None:
    """The 持仓 of 查 持仓 张三, and where it ends."""
    word = re.compile(r"\s*([^\s,:]+)").match(line, start)
    found = verbs.exact(word[1]) if word else None
    return (found, word.end()) if word and found and found.name in OF_A_CLIENT else None


def of_all(line: str) -> Verb | None:
    """A line that only asks for a list or for the client in focus: 看下我的待办."""
    if len(line) > _LONGEST:
        return None
    lead = _LEAD_OF_ALL.match(line)
    plain = _TAIL.sub("", line[lead.end() if lead else 0 :], count=1)
    verb = None if plain == line or talk.is_ordinary(line) else verbs.exact(plain)
    return verb if verb and verb.name in _LISTS else None
