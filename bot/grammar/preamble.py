"""What people say before they ask for something: 辛苦辛苦,记 …; 亲,钱万里的持仓; 老铁帮查下 …"""

import re
from dataclasses import dataclass

from bot.grammar import talk, who
from crm import names

_WORDS = (
    r"谢谢|谢了|多谢|感谢|辛苦|拜托|麻烦(?:一下)?|不好意思|打扰(?:一下)?|抱歉|劳驾"
    r"|亲爱的|亲|大神|老铁|兄弟|哥们儿?|姐妹|朋友|小?助手|机器人|小期"
    r"|嗨|嘿|哈[喽啰]|hi|hello|hey|早上好|中午好|下午好|晚上好|早|在[吗么]|在不在"
    r"|好[的嘞]?|行|那就?|再|先|急|着急|快|赶紧|[唉哎]"
)
_COURTEOUS = re.compile(
    rf"(?:(?:{_WORDS})[了啊呀哈吧呢哦您你]*[\s,!?~。、]*)+"
    r"(?:(?<=[\s,!?~。、])|(?=帮(?!助|忙了)|请|麻烦|给我|给看|查|看|找|记一?下|(?:那就)?认领\s?\d|[加设建]个?待办))",
    re.IGNORECASE,
)
_SHORT = re.compile(r"[^\d,;:。!?~/@#\s]{2,10}[,!?~。]\s*")
_TELLS = re.compile(r"[他她说让叫跟和给把被别没不]|如果|要是|客户|[今明昨后]天|[周月年]")


@dataclass(frozen=True, slots=True)
class Preamble:
    end: int
    courteous: bool  # nothing but courtesy; any other short clause proves less


def preamble(text: str) -> Preamble | None:
    """The courtesy or the one short clause that a line opens with, when it names nobody."""
    polite = _COURTEOUS.match(text)
    if polite and 0 < polite.end() < len(text):
        return Preamble(polite.end(), courteous=True)
    clause = _SHORT.match(text)
    said = clause[0].rstrip(",!?~。 ") if clause else ""
    if clause is None or clause.end() == len(text) or _TELLS.search(said) or who.titled(said):
        return None
    if names.looks_like_name(said) and not talk.is_common_word(said):
        return None
    return Preamble(clause.end(), courteous=False)
