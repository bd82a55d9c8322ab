"""Being asked to show something the way people say it: 帮我看一下张三的持仓, 风险榜给我看看."""

import re

from bot.grammar import products, talk, verbs
from bot.grammar.verbs import Verb

PLEASE = (
    r"(?:请|麻烦[你您]?|[烦敬]请|劳驾|有劳|拜托|求|帮忙|帮我|帮(?=查)|给我|替我|我要|我?想(?=[查看调])"
    r"|能不能|可不可以|可以|能否|顺[手便])"
)
LEAD = re.compile(
    rf"(?:那|你|我(?![要想的]))?(?:请问)?{PLEASE}*\s?(?:看(?:一[下看眼]|下|看)?|瞧瞧?|[调拉](?:一下|出|取)|打开|把|给|帮|替|为)?"
    r"(?:一下|[啊呃嗯哦]|[\s,:])*"
)
_FETCH = (
    r"(?:(?:查询?|搜)(?:一[下查]|下|看)?|[来出给]?一?[个份张]|[跑做](?:一?[个份遍次]|一?下|(?=压力))"
    r"|发(?:给?我)?一?[份下]|发给?我)?"
)
_LEAD_OF_ALL = re.compile(
    rf"{LEAD.pattern}{_FETCH}\s*(?:我的?|最新的?|现在的?|目前的?)?"
    r"(?P<when>(?:今|昨)[天日]|(?:本|这|上)个?[周月])?的?(?:我?还?有(?:哪些|什么|多少|啥))?"
)
REQUEST = re.compile(rf"{LEAD.pattern}{_FETCH}\s*")
_THANKS = r"(?:[\s,]*(?:谢谢|多谢|谢了|辛苦|劳驾|拜托|麻烦)[你您啦了]*)?"
_NOW = re.compile(
    r"(?:先生|女士|小姐|老师|老板|经理|总|那个|这个(?:客户|人)|[他她]|现在|目前|当前|最新|今[天日])*的?"
)
_TAIL = re.compile(
    r"(?<=..)(?:情况|明细)?"
    r"(?:(?:有劳|麻烦|请)?(?:(?:给|让)?我?看(?:一[下看眼]|下|看)?|发(?:给?我)?(?:一下)?|[调拿列拉](?:出来|一下)|打开|跑一[遍下])+"
    r"|情况|明细|怎么样了?|如何了?|多少|有哪些|是什么)?[呗吧呢啊呀嘛]?"
    rf"{_THANKS}$"
)
_AT_MOST_URGED = re.compile(rf"[呗吧啊]?{_THANKS}")
_LONGEST = 40  # characters; nobody asks for a list at length
_DETAILS = re.compile(r"(?:客户)?(?:资料|信息|账户|账号|情况|详情|档案)+")
OF_A_CLIENT = frozenset({"positions", "curve", "more", "progress"})  # read only
_LISTS = frozenset(
    {"help", "risk_rank", "pool", "task", "lead", "positions", "curve", "progress", "my_approvals"}
)
_OF_A_PERIOD = frozenset(
    {"daily_report", "monthly_report", "big_withdrawals", "anomalies", "noise", "calls"}
)
SHOWN = OF_A_CLIENT | _OF_A_PERIOD | {"stress", "concentration", "risk_rank"}  # read only
_OBJECT = re.compile(
    r"(?P<product>[A-Za-z一-龥]{1,6}?)\s*(?:(?P<move>[-+−]\d{1,2}(?:\.\d+)?%)\s*)?的?\s*"
    r"(?P<verb>集中度|压力(?:测试)?)"
)


def of_client(words: str) -> Verb | None:
    """What is wanted of the client that was just named: 的持仓情况, 现在的持仓, 资料看一下."""
    if len(words) > _LONGEST:
        return None
    plain = _NOW.sub("", words, count=1) or words
    bare = _TAIL.sub("", plain, count=1)
    found = verbs.exact(words) or verbs.exact(plain) or verbs.exact(bare)
    if found and found.name == "apply_opening" and not _AT_MOST_URGED.fullmatch(plain[len(bare) :]):
        return verbs.BY_NAME["progress"]  # 开户怎么样了 asks, and opens nothing
    if found:
        return found
    return verbs.BY_NAME["look_up"] if _DETAILS.fullmatch(bare) else None


def kind(line: str, start: int) -> tuple[Verb, int] | None:
    """The 持仓 of 查 持仓 张三, and where it ends."""
    word = re.compile(r"\s*([^\s,:]+)").match(line, start)
    found = verbs.exact(word[1]) if word else None
    return (found, word.end()) if word and found and found.name in OF_A_CLIENT else None


def of_all(line: str) -> tuple[Verb, str] | None:
    """A line that only asks for a list or for the client in focus, and what it says of it:
    看下我的待办, 昨天的日报, 铜的集中度."""
    if len(line) > _LONGEST:
        return None
    lead = _LEAD_OF_ALL.match(line)
    plain = _TAIL.sub("", line[lead.end() if lead else 0 :], count=1)
    verb = None if plain == line or talk.is_ordinary(line) else verbs.exact(plain)
    when = (lead["when"] if lead else None) or ""
    if verb and verb.name in _OF_A_PERIOD:
        return None if line.endswith("情况") else (verb, when)  # 异常情况 is what people speak of
    if verb and verb.name in _LISTS:
        return verb, ""
    return _object_in_front(line)


def _object_in_front(line: str) -> tuple[Verb, str] | None:
    """铜 集中度, 看下铜的集中度, rb -5% 压力."""
    if "集中度" not in line and "压力" not in line:
        return None
    start = REQUEST.match(line)
    found = _OBJECT.fullmatch(line, start.end() if start else 0) or _OBJECT.fullmatch(line)
    verb = verbs.exact(found["verb"]) if found else None
    if found is None or verb is None or not products.is_product(found["product"]):
        return None
    if (verb.name == "stress") != (found["move"] is not None):
        return None
    return verb, f"{found['product']} {found['move'] or ''}".strip()
