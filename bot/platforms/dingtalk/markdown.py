"""Text that people wrote, made harmless inside DingTalk's markdown, and long text cut to size.

Names and notes are hostile until proven otherwise: ``[点我](dtmd://…)`` would make the reader's
client speak for him, ``@all`` would ring everybody.
"""

import re
from typing import Final

import orjson

from bot.platforms.dingtalk.settings import TEXT_BYTES, TEXT_CHARS

BREAK: Final = "  \n"  # two blanks make a line break (official doc)
ENVELOPE_BYTES: Final = 1_000  # of msgParam: its keys, the title, an action's address

SPECIAL = re.compile(r"[\\`*_\[\]()]")
LINE_START = re.compile(r"^(\s*)([#>+-])", re.MULTILINE)
NUMBERED = re.compile(r"^(\s*\d+)(\.)", re.MULTILINE)
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff]"
)
EVERYBODY = re.compile(r"@(?=\s*(?:all\b|所有人))", re.IGNORECASE)
SPEAKING = re.compile(r"(dtmd|dingtalk)\s*:", re.IGNORECASE)
LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(\s*([^)\s]*)[^)\n]*\)")
WEB = re.compile(r"https?://", re.IGNORECASE)


def plain(text: str) -> str:
    """``text`` for a place that shows it as it is: without control characters, ringing nobody."""
    return EVERYBODY.sub("＠", CONTROL.sub("", text.replace("\r\n", "\n")))


def escape(text: str) -> str:
    """``text`` so that markdown shows it as it was typed."""
    safe = SPEAKING.sub(r"\1：", plain(text)).replace("<", "＜")
    safe = SPECIAL.sub(r"\\\g<0>", safe)
    return NUMBERED.sub(r"\1\\\2", LINE_START.sub(r"\1\\\2", safe))


def block(text: str) -> str:
    """Escaped text that keeps its lines."""
    return BREAK.join(escape(text).split("\n"))


def defang(markdown: str) -> str:
    """Markdown of ours that may carry people's words: only links to the web stay links."""
    return SPEAKING.sub(r"\1：", LINK.sub(_harmless, plain(markdown)))


def _harmless(link: re.Match[str]) -> str:
    image, label, target = link.groups()
    if WEB.match(target):
        return link[0]
    return f"{image and '图：'}{label}"


def split(text: str, chars: int = TEXT_CHARS, size: int = TEXT_BYTES - ENVELOPE_BYTES) -> list[str]:
    """Pieces of at most ``chars`` characters and ``size`` bytes as JSON, cut at line ends where
    that wastes less than half a piece."""
    pieces = []
    while len(text) > chars or json_bytes(text) > size:
        end = _cut(text, _fitting(text[:chars], size))
        pieces.append(text[:end].rstrip("\n"))
        text = text[end:].lstrip("\n")
    return [*pieces, text] if text or not pieces else pieces


def json_bytes(text: str) -> int:
    return len(orjson.dumps(text)) - 2


def _fitting(text: str, size: int) -> int:
    """How many characters of ``text`` stay within ``size``."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if json_bytes(text[:middle]) <= size else (low, middle - 1)
    return low


def _cut(text: str, most: int) -> int:
    """Where to cut, at ``most``: after a line, else not inside an escape."""
    line = text.rfind("\n", most // 2, most)
    if line >= 0:
        return line + 1
    slashes = most - len(text[:most].rstrip("\\"))
    return most - 1 if slashes % 2 and most > 1 else most
