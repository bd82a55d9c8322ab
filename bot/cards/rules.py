"""Rules, flows and their versions as cards."""

from collections.abc import Mapping, Sequence

from bot.cards.admin import lines_table
from bot.cards.staff import version_words
from bot.chat.message import Button, Card, Fact, Table
from crm.kernel.rulebook import Document
from crm.proposals import Line


def rules_card(
    title: str,
    rows: Sequence[tuple[str, str]],
    document: Document | None,
    names: Mapping[str, str],
    *,
    buttons: Sequence[Button] = (),
    footer: str = "",
) -> Card:
    version = version_words(document, names) if document else "程序自带"
    return Card(
        title=title,
        facts=(Fact("版本", version),),
        table=Table(("项目", "值"), tuple(rows)),
        buttons=tuple(buttons),
        footer=footer,
    )


def rule_card(title: str, value: str, changes: Sequence[tuple[str, str]], footer: str) -> Card:
    """One rule with what it was before, the newest first."""
    return Card(
        title=f"{title} {value}",
        text="" if changes else "从未改动",
        table=Table(("版本", "改动"), tuple(changes)) if changes else None,
        footer=footer,
    )


def difference_card(title: str, lines: Sequence[Line]) -> Card:
    return Card(title=title, table=lines_table(lines))


def nothing_changed(title: str) -> Card:
    return Card(title=title)
