"""A line made comparable, without losing what the person wrote."""

import re
import unicodedata
from dataclasses import dataclass, replace

from crm.names import to_simplified

BOT_NAMES = ("期台助手", "期台机器人", "期台", "qidesk")
QUOTES = r"\"'“”‘’「」『』《》<>【】()\[\]"  # for a set of characters
EMOJI = r"\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"
LONGEST = 4000  # characters that are read; what is beyond stays in the note

_CALL = re.compile(rf"(?:\s*@\s?(?:{'|'.join(BOT_NAMES)})(?![A-Za-z0-9_])[\s,:]*)+", re.IGNORECASE)
_CALL_LAST = re.compile(rf"\s*@(?:{'|'.join(BOT_NAMES)})\s*$", re.IGNORECASE)
_NAMED = re.compile(rf"(?:{'|'.join(BOT_NAMES)})+[\s,:]+", re.IGNORECASE)  # without the @
_FILLERS = re.compile(
    r"(?:(?:[嗯呃唔诶欸喂噢哦]|哎呀?|啊+|额(?![度外定])|(?:那个|这个)啥?(?!客户|月|周|星期|礼拜|季)|就是说?|然后|对了|话说"
    r"|那么|(?:那|对+)(?=[帮给请查找记提看把麻])|(?:好的?|行|ok)(?=[\s,])|好的(?=[帮请麻]|那就|记一[下笔条])|[你您]好(?=[帮请查记麻,\s])"
    rf"|[{EMOJI},:;。、!~])[\s,:、]*)+",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s{2,}|[\t\r\n\v\f]")
_ENDING = " \t\n。.!~"


@dataclass(frozen=True, slots=True)
class Line:
    """``text`` is for matching; ``origin[n]`` is where its character ``n`` stands in ``raw``."""

    raw: str  # the person's own characters, without the invisible ones
    text: str
    origin: tuple[int, ...]  # one more than there are characters
    called: bool  # the bot's name stood in front

    def own(self, start: int, end: int | None = None) -> str:
        """The person's own characters for ``text[start:end]``."""
        stop = len(self.text) if end is None else end
        return self.raw[self.origin[start] : self.origin[stop]].strip()


def normalise(said: str) -> Line:
    """NFKC, half-width, simplified, single blanks; bot's name and closing marks taken off."""
    seen = said.isprintable()  # the common case, without a look at each character
    raw = said if seen else "".join(char for char in said if not _invisible(char))
    text, origin = _comparable(raw[:LONGEST])
    start, end = 0, len(text)
    call = _CALL.match(text)
    if call:
        start = call.end()
    last = _CALL_LAST.search(text, start)
    if last:
        end = last.start()
    end = start + len(text[start:end].rstrip(_ENDING))
    while start < end and text[start] == " ":
        start += 1
    if raw[LONGEST:]:
        return Line(raw, text[start:], (*origin[start:-1], len(raw)), call is not None)
    return Line(raw, text[start:end], origin[start : end + 1], bool(call or last))


def spoken(said: str) -> Line:
    """``said`` normalised, with the bot's bare name and what people say before they begin taken
    off: 嗯那个, 就是, 期台，. What is nothing else stays as it is."""
    line = normalise(said)
    start = 0
    for before in (_FILLERS, _NAMED, _FILLERS):
        match = before.match(line.text, start)
        start = match.end() if match else start
    if start in {0, len(line.text)}:
        return line
    return replace(line, text=line.text[start:], origin=line.origin[start:])


def _invisible(char: str) -> bool:
    return char not in "\t\n\r" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _comparable(raw: str) -> tuple[str, tuple[int, ...]]:
    if unicodedata.is_normalized("NFKC", raw) and not _BLANKS.search(raw):
        return raw.translate(to_simplified()), tuple(range(len(raw) + 1))
    chars: list[str] = []
    origin: list[int] = []
    for place, own in enumerate(raw):
        for char in unicodedata.normalize("NFKC", own).translate(to_simplified()):
            blank = char.isspace()
            if blank and chars and chars[-1] == " ":
                continue
            chars.append(" " if blank else char)
            origin.append(place)
    return "".join(chars), (*origin, len(raw))
