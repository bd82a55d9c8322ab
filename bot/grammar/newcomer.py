"""开户 said around the name of somebody who is no client yet: 给孙二娘开户, 孙二娘要开户."""

import re

from bot.grammar import talk, who
from crm import names

_ASKED = re.compile(
    r"(?:请|麻烦你?|帮忙|帮我|我[要想])*\s?(?P<for>(?:[给帮替为]\s?)+)?(?:新?客户(?=..))?\s?"
    r"(?P<name>[^\s,:;。!?\d]{2,30}?)\s?"
    r"(?P<wants>想要|需要|[要想])?\s?(?:办理?)?开(?:一?个)?户"
    r"(?P<rest>[\s,:]+\D{0,4}\d{11}.*)?[\s。!~]*"
)
_NOT_OF_A_NAME = tuple("说问也还都就又再不没已必")  # 张三说要开户, 何必要开户


def named(text: str) -> tuple[int, int] | None:
    """Where the name stands in a line that asks for somebody's account; None in any other."""
    found = _ASKED.fullmatch(text)
    if found is None or not (found["for"] or found["wants"]):
        return None
    name = found["name"]
    return found.span("name") if _is_person(name) or name.endswith("公司") else None


def _is_person(words: str) -> bool:
    if words.endswith(_NOT_OF_A_NAME) or talk.is_common_word(words) or who.titled(words):
        return False
    return names.looks_like_name(words)
