"""Rules, flows and their versions as cards."""

from collections.abc import Mapping, Sequence

from bot.cards import text
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


def difference_card(title: str, before: str, lines: Sequence[Line]) -> Card:
    """``before`` heads the older values."""
    return Card(title=title, table=lines_table(lines, ("项目", before, "现在")))


def changed_card(title: str, by: str, lines: Sequence[Line], *, reason: str) -> Card:
    """Tells those who work by the rules."""
    facts = [Fact("更改", by), *([Fact("原因", text.cut(reason, 60))] if reason else [])]
    return Card(title=title, facts=tuple(facts), table=lines_table(lines, ("项目", "原来", "现在")))


def nothing_changed(title: str) -> Card:
    return Card(title=title)
