"""What a handler gives back: what to show, whom else to tell, and what it asks."""

from dataclasses import dataclass

from bot.chat.message import Card, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Waits for an answer by this person in this chat, to the last card of the reply.

    ``options`` are the actions of the answers 1, 2, 3 …; with ``text_action`` the next line that
    is no command of its own becomes that action's input ``text``.
    """

    options: tuple[str, ...] = ()
    text_action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The outcome of one turn.

    ``update`` is the new content of the clicked card; ``refresh`` names subjects whose cards are
    drawn again on every screen; ``touch_up`` only where a card can change at any time, the older
    one being as good to decide by; ``tell`` are cards for other people, in private; ``elsewhere``
    is for the speaker on the other platforms. ``urgent``: those who are told go first where a
    platform rations us.
    """

    parts: tuple[Part, ...] = ()
    update: Card | None = None
    question: Question | None = None
    focus: int | None = None
    refresh: tuple[str, ...] = ()
    touch_up: tuple[str, ...] = ()
    tell: tuple[tuple[str, Card], ...] = ()
    elsewhere: Card | None = None
    urgent: bool = False


def say(*parts: Part, focus: int | None = None) -> Reply:
    return Reply(parts=parts, focus=focus)
