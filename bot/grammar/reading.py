"""What a line was understood to be."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bot.grammar.dates import NONE, Due
from bot.grammar.who import Hit

Asked = Literal["verb", "client", "text", "date", "phone", "duplicate", "to", "which"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """``verb`` is a name of the table, ``ask:VERB`` where it is only proposed, ``none`` for talk,
    None where the bot was not spoken to. ``write``: something changes with no further question.

    ``clients`` are the ones meant, or with ``asked`` "client" those to choose from. ``note`` is
    in the person's own characters; ``action`` is what is left of it for a task's title.
    """

    verb: str | None
    write: bool = False
    asked: Asked | None = None
    clients: tuple[Hit, ...] = ()
    in_focus: bool = False  # nobody was named: the client is the one in focus
    query: str | None = None
    mobile: str | None = None
    channel: str | None = None
    note: str | None = None
    action: str | None = None
    tags: tuple[str, ...] = ()
    amounts: tuple[Decimal, ...] = ()  # yuan
    lots: tuple[Decimal, ...] = ()
    percentages: tuple[Decimal, ...] = ()  # 1 = 100 %
    products: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    due: Due = NONE
    suggestions: tuple[str, ...] = ()  # names of verbs, when the verb is asked
