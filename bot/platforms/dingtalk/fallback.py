"""A card where it cannot be one: no template configured, or one that DingTalk does not know.

The order of degradation, best first:
1. the interactive card of the template (``template.py``);
2. in private, up to five live buttons: an action card whose links say the button's line;
3. in private, more buttons: markdown with such links;
4. markdown with numbered lines to reply with: in a group, where a line said by a link may not
   reach the bot, and for a card with inputs, which are written behind the line.
"""

from collections.abc import Iterator
from itertools import chain

from bot.chat.button_line import button_line
from bot.chat.message import Button, Card, Place, Table
from bot.platforms.dingtalk.markdown import BREAK, block, escape, plain, split
from bot.platforms.dingtalk.messages import ACTIONS, Action, Choices, Message, Written


def card_in_words(card: Card, place: Place) -> list[Message]:
    """The messages that stand for the card, in order."""
    live = [button for button in card.buttons if button.enabled] if card.id else []
    title = plain(" ".join(filter(None, [card.status and f"【{card.status}】", card.title])))
    body = _body(card, title)
    if place is Place.GROUP or card.inputs:
        return _paged(title, [*body, *_numbered(card, live, place)])
    if not 0 < len(live) <= ACTIONS:
        return _paged(title, [*body, *_linked(card, live)])
    *before, last = split("\n".join(body))
    choices = Choices(title, last, tuple(_action(card, button) for button in live))
    return [*(Written(title, page) for page in before), choices]


def _paged(title: str, lines: list[str]) -> list[Message]:
    return [Written(title, page) for page in split("\n".join(lines))]


def _body(card: Card, title: str) -> list[str]:
    """Markdown lines; tables as lines too, since several clients do not render them."""
    blocks = chain(
        [f"#### {escape(title)}"],
        [block(card.text)] if card.text else [],
        (f"- {escape(fact.label)}：{escape(fact.value)}" for fact in card.facts),
        _rows(card.table),
        (f"**{escape(part.title)}**{BREAK}{block(part.text)}" for part in card.sections),
        [f"> {block(card.footer)}"] if card.footer else [],
        [f"[查看详情]({card.link})"] if card.link.startswith(("http://", "https://")) else [],
    )
    return [f"{one}\n" for one in blocks]


def _rows(table: Table | None) -> Iterator[str]:
    if table is None:
        return
    yield f"**{' · '.join(map(escape, table.columns))}**"
    for row in table.rows:
        yield f"- {' · '.join(map(escape, row))}"


def _action(card: Card, button: Button) -> Action:
    return Action(plain(button.label), button_line(card.id, card.version, button.key))


def _linked(card: Card, live: list[Button]) -> Iterator[str]:
    for button in live:
        yield f"- [{escape(button.label)}]({_action(card, button).url})"


def _numbered(card: Card, live: list[Button], place: Place) -> Iterator[str]:
    if not live:
        return
    yield f"{'@我' if place is Place.GROUP else ''}回复下面一行即可操作："
    for number, button in enumerate(live, 1):
        line = button_line(card.id, card.version, button.key)
        yield f"{number}. {escape(button.label)}：{escape(line)}"
    if card.inputs:
        named = " ".join(f"{one.key}={one.label}" for one in card.inputs)
        yield f"要填写的内容写在这一行后面：{escape(named)}"
