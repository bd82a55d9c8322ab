"""What is marked up in a note: channel, tags, figures, products. Nothing is cut out of it."""

import re
from dataclasses import dataclass
from decimal import Decimal

from bot.grammar import amounts, products
from bot.grammar.intent import BLANK

_CHANNELS = {
    "电话": r"打电话|打了?个?电话|通了?个?电话|通了?话|电话|通话|致电|去电|来电|回电|打给",
    "微信": r"微信|企微|企业微信",
    "拜访": r"拜访|上门|见面|见了面|登门|面谈|走访|来访|当面",
    "短信": r"短信",
    "邮件": r"邮件|电子邮件|email",
    "会议": r"会议|开会|开了个?会|电话会|视频会",
}
_NOT_CHANNEL = r"(?!号码?|群|公众号|费|簿|支付|室|纪要|录音)"
CHANNEL = re.compile(
    "|".join(
        f"(?P<c{n}>(?:{words}){_NOT_CHANNEL})"
        for n, words in reversed(list(enumerate(_CHANNELS.values())))
    ),
    re.IGNORECASE,
)
_STANDING = re.compile(
    rf"[\s,:]*(?:{'|'.join(_CHANNELS.values())}){_NOT_CHANNEL}(?=[\s,:;。]|$)[\s,:;]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(rf"(?:{'|'.join(_CHANNELS.values())}){_NOT_CHANNEL}[\s,:;]*$", re.IGNORECASE)
_TAG = re.compile(r"#([^\s#,;:。!?、()]+)#?")
_LAST_TAGS = re.compile(r"(?:[\s,;]*#[^\s#,;:。!?、()]+#?)+\s*$")
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_DIGITS = re.compile(r"(?<![\d.])\d{8,}(?![\d.])")


@dataclass(frozen=True, slots=True)
class Marks:
    tags: tuple[str, ...]
    amounts: tuple[Decimal, ...]
    lots: tuple[Decimal, ...]
    percentages: tuple[Decimal, ...]
    products: tuple[str, ...]
    contracts: tuple[str, ...]


def marks(text: str, *, codes: bool = False) -> Marks:
    """Everything marked up in ``text``. ``codes``: single letters count as products too."""
    untagged = _TAG.sub(lambda match: BLANK * len(match[0]), text)
    plain = products.without_contracts(_DIGITS.sub(lambda m: BLANK * len(m[0]), untagged))
    return Marks(
        tags=tags(text),
        amounts=amounts.amounts(plain),
        lots=amounts.lots(plain),
        percentages=amounts.percentages(plain),
        products=products.products(untagged, codes=codes),
        contracts=products.contracts(untagged),
    )


def tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_TAG.findall(text)))


def channel(text: str) -> str | None:
    """The channel that is named first."""
    match = CHANNEL.search(text)
    return None if match is None else _name(match)


def standing_channel(text: str, start: int) -> tuple[int, str] | None:
    """A channel that stands as a word of its own: where it ends, and which it is."""
    match = _STANDING.match(text, start)
    name = channel(match[0]) if match else None
    return (match.end(), name) if match and name else None


def before_channel(word: str) -> int:
    """Where the channel that closes a word begins; its length when there is none."""
    match = _CLOSING.search(word)
    return match.start() if match else len(word)


def _name(match: re.Match[str]) -> str:
    return list(_CHANNELS)[int((match.lastgroup or "c0")[1:])]


def before_last_tags(text: str) -> int:
    """Where the tags that close a note begin; its length when there are none."""
    match = _LAST_TAGS.search(text)
    return match.start() if match else len(text)


def mobile(text: str) -> re.Match[str] | None:
    return _MOBILE.search(text)
