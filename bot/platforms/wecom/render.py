"""What we show → the messages that show it. Pure: no waiting, nothing fetched.

A card degrades in this order: interactive card, its words before it where they find no room in it ·
a card that is only read, its buttons as numbered lines to reply with · markdown with such lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.chat.button_line import button_line
from bot.chat.message import Button, Card, Markdown, Text
from bot.platforms.wecom.template import NARROW, Drawn, Room, draw, is_open
from bot.platforms.wecom.words import clip, defang, escape, one_line, plain, split

AGAIN: Final = "(重发)"
AWAY: Final = "请在企业微信应用「期台」的会话里"


@dataclass(frozen=True, slots=True)
class Said:
    """Plain text."""

    text: str

    def again(self) -> "Said":
        return Said(f"{AGAIN} {self.text}")


@dataclass(frozen=True, slots=True)
class Written:
    """Markdown of the subset that every channel shows."""

    text: str

    def again(self) -> "Written":
        return Written(f"{AGAIN}\n{self.text}")


@dataclass(frozen=True, slots=True)
class Shown:
    """A template card."""

    json: dict[str, Any]
    clickable: bool

    def again(self) -> "Shown":
        """Marked where it is read first, unless its name keeps it from being shown twice."""
        if self.clickable:
            return self
        title = self.json["main_title"]["title"]
        marked = clip(f"{AGAIN} {title}", max(len(title), NARROW.title))
        return replace(self, json={**self.json, "main_title": {"title": marked}})


@dataclass(frozen=True, slots=True)
class Attached:
    """A file or picture, whose bytes the channel fetches and uploads in its own way."""

    kind: str  # image or file
    blob: str
    name: str

    def again(self) -> "Attached":
        return self


Message = Said | Written | Shown | Attached


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a channel shows things: what fits one message, which cards, and whether lines said
    there are heard."""

    text_bytes: int
    markdown_bytes: int
    cards: bool  # that are read
    clicks: bool  # cards with buttons
    hears: bool
    mention: bool  # lines are heard when they mention the bot
    plain_text: bool = True  # else text goes as markdown
    away: str = AWAY  # where lines are heard that are not heard there
    room: Room = NARROW  # of its cards


def said(part: Text | Markdown, style: Style) -> list[Message]:
    """In pieces of the channel's size, with room for the mark of a repetition."""
    if isinstance(part, Markdown):
        return _written(defang(part.text or part.title), style)
    if not style.plain_text:
        return _written(escape(part.text), style)
    room = style.text_bytes - len(AGAIN.encode()) - 1
    return [Said(piece) for piece in split(plain(part.text), room)]


def carded(card: Card, task: str, link: str, style: Style) -> list[Message]:
    """The card as the best that the channel can show."""
    if style.cards:
        drawn = draw(card, task, link, style.room, clicks=style.clicks)
        if drawn.clickable:
            return [*body_of(card, drawn, style), Shown(drawn.json, clickable=True)]
        if not drawn.body and (not is_open(card) or (style.hears and not style.mention)):
            return [Shown(drawn.json, clickable=False)]
    return in_words(card, style)


def in_words(card: Card, style: Style) -> list[Message]:
    """The card as markdown, tables as lines, buttons as numbered lines to reply with."""
    pressed = bool(card.id) and not card.in_words
    live = [button for button in card.buttons if button.enabled] if pressed else []
    return _written("\n".join([*_words(card), *_numbered(card, live, style)]), style)


def body_of(card: Card, drawn: Drawn, style: Style) -> list[Message]:
    """The words that found no room in the card, as messages of their own."""
    if not drawn.body:
        return []
    title = one_line(card.title)
    rest = drawn.body[1:] if drawn.body[0] == title else drawn.body
    return _written("\n".join([f"**{escape(title)}**", *map(escape, rest)]), style)


def _written(text: str, style: Style) -> list[Message]:
    room = style.markdown_bytes - len(AGAIN.encode()) - 1
    return [Written(piece) for piece in split(text, room)]


def _words(card: Card) -> Iterator[str]:
    status = f"【{escape(card.status)}】"
    told = not card.status or card.title.startswith(status)
    yield f"**{escape(card.title) if told else f'{status} {escape(card.title)}'}**"
    if card.text:
        yield escape(card.text)
    for fact in card.facts:
        yield f"> {escape(fact.label)}：{escape(fact.value)}"
    if card.table is not None:
        yield f"**{' · '.join(map(escape, filter(None, card.table.columns)))}**"
        for row in card.table.rows:
            yield " · ".join(map(escape, row))
    for section in card.sections:
        yield f"**{escape(section.title)}**"
        yield escape(section.text)
    if footer := card.in_words or card.footer:
        yield f'<font color="comment">{escape(footer)}</font>'
    if card.link.startswith(("http://", "https://")):
        yield f"[查看详情]({card.link})"


def _numbered(card: Card, live: list[Button], style: Style) -> Iterator[str]:
    if not live:
        return
    where = style.away if not style.hears else "@我" if style.mention else ""
    yield f"{where}回复下面一行即可操作："
    for number, button in enumerate(live, 1):
        line = button_line(card.id, card.version, button.key)
        yield f"{number}. {escape(button.label)}：{escape(line)}"
    if card.inputs:
        named = " ".join(f"{one.key}={one.label}" for one in card.inputs)
        yield f"要填写的内容写在这一行后面：{escape(named)}"
