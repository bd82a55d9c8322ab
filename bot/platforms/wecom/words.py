"""Text that people wrote, made harmless where WeCom would read it as more than text, and long text
cut to size.

There is no documented escape character in WeCom's markdown: what would mean something is replaced
by its full-width form. In a plain text ``<a href=…>`` is a link and ``<@someone>`` rings.
"""

import re
from typing import Final

CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff]"
)
EVERYBODY = re.compile(r"@(?=\s*(?:all\b|所有人))", re.IGNORECASE)
TAG = re.compile(r"<(?=[A-Za-z/@!?])")
LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(\s*([^)\s]*)[^)\n]*\)")
WEB = re.compile(r"https?://", re.IGNORECASE)
LINE_START = re.compile(r"^(\s*)([#>])", re.MULTILINE)
FONT = re.compile(r'<(?=font color="(?:info|comment|warning)">|/font>)')
FIGURE = re.compile(r"[¥+-]?\d[\d.,:%/-]*[万亿元手户%％]*")
LONGEST_FIGURE: Final = 48
JOINS = re.compile("[\u0300-\u036f\u200d\u20d0-\u20f0\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
WIDE: Final = str.maketrans("<>[]`*#", "＜＞［］｀＊＃")
INNER: Final = str.maketrans("<[]`*", "＜［］｀＊")


def plain(text: str) -> str:
    """``text`` for a place that shows it as it is: no link, nobody rung, no control characters."""
    text = CONTROL.sub("", text.replace("\r\n", "\n"))
    return TAG.sub("＜", EVERYBODY.sub("＠", text))


def escape(text: str) -> str:
    """``text`` so that markdown shows it as it was typed."""
    inner = plain(text).translate(INNER)
    return LINE_START.sub(lambda found: found[1] + found[2].translate(WIDE), inner)


def defang(markdown: str) -> str:
    """Markdown of ours that may carry people's words: only links to the web and our own colours
    stay what they are."""
    text = CONTROL.sub("", markdown.replace("\r\n", "\n"))
    text = EVERYBODY.sub("＠", LINK.sub(_harmless, text))
    ours = FONT.sub("\0", text)
    return TAG.sub("＜", ours).replace("\0", "<")


def _harmless(link: re.Match[str]) -> str:
    image, label, target = link.groups()
    if WEB.match(target):
        return f"[{label}]({target})"
    return f"{image and '图：'}{label}"


def one_line(text: str) -> str:
    """``plain``, for a place that has one line."""
    return " ".join(plain(text).split())


def clip(text: str, chars: int) -> str:
    """At most ``chars`` characters, the last one … when something was cut off; a figure is there
    whole or not at all."""
    return text if len(text) <= chars else f"{text[: _between(text, chars - 1)]}…"


def split(text: str, size: int) -> list[str]:
    """Pieces of at most ``size`` bytes of UTF-8, cut at line ends where that wastes less than
    half a piece."""
    pieces = []
    while len(text.encode()) > size:
        end = _cut(text, size)
        pieces.append(text[:end].rstrip("\n"))
        text = text[end:].lstrip("\n")
    return [*pieces, text] if text or not pieces else pieces


def _cut(text: str, size: int) -> int:
    """How many characters to take: up to a line end, else as many as fit."""
    most = len(text.encode()[:size].decode(errors="ignore"))
    line = text.rfind("\n", most // 2, most)
    return line + 1 if line >= 0 else _between(text, most) or max(most, 1)


def _between(text: str, end: int) -> int:
    """``end``, or the nearest place before it that is not within a figure or a character made of
    several; 0 when there is none."""
    for found in FIGURE.finditer(text, max(0, end - LONGEST_FIGURE), end + LONGEST_FIGURE):
        if found.start() < end < found.end():
            end = found.start()
            break
    while 0 < end < len(text) and (JOINS.match(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return end
