"""Several alerts of several groups as a list: 追保, and what a manager is told at once."""

from collections.abc import Sequence

from bot.cards.alert import words
from bot.cards.alert.words import Reader
from bot.cards.board import silent_words
from bot.cards.client import TONES
from bot.chat.message import Button, Card, Fact, Table, Tone
from risk.groups import is_open
from risk.levels import Level
from risk.models import Alert


def calls_card(
    alerts: Sequence[Alert], reader: Reader, *, owner: bool, silent: Sequence[str] = ()
) -> Card:
    """追保 今日: the open ones with a number, then what is over; nothing is called calm while a
    source is ``silent``."""
    doubt = silent_words(silent)
    still = [alert for alert in alerts if is_open(alert)]
    shown = alerts[: words.MOST]
    rows = tuple(
        (
            str(n),
            f"{reader.name(each)} {reader.account(each)}",
            f"{each.level.word} {words.degree(each)}",
            words.owed(each),
            words.handled(each, reader),
        )
        for n, each in enumerate(shown, start=1)
    )
    brief = tuple(
        Fact(
            words.label(n, each, reader),
            f"{each.account} {each.level.word} "
            + (
                f"{words.degree(each)} {words.by(each, reader)}"
                if is_open(each)
                else words.handled(each, reader)
            ),
        )
        for n, each in enumerate(shown, start=1)
    )
    if not alerts:
        title = "今日没有追保" if not owner else "今日您的客户没有追保"
        return Card(title="现在判断不了有没有追保" if doubt else title, text=doubt)
    rest = len(alerts) - len(shown)
    more = _not_shown(len(still) - sum(map(is_open, shown)), rest)
    return Card(
        title=f"今日追保 {len({each.account for each in alerts})} 户 · {len(still)} 户未解除",
        status="数据已中断" if doubt else "" if still else "已解除",
        tone=TONES[max(each.level for each in still)] if still else Tone.GREEN,
        text="\n".join(filter(None, (doubt, more))),
        table=Table(("", "客户", "等级", "需追加", "处理"), rows, brief),
        buttons=tuple(Button(f"alert:{each.id}", str(n)) for n, each in enumerate(shown, start=1)),
        footer="回复序号或点按钮看个案",
    )


def _not_shown(open_ones: int, rest: int) -> str:
    """Only who is still short is found in 风险榜."""
    if open_ones > 0:
        return f"另有 {open_ones} 条未解除，发「风险榜」看前 20 户"
    return f"另有 {rest} 条已解除，没有列出" if rest > 0 else ""


def warned_card(alerts: Sequence[Alert], reader: Reader) -> Card:
    """Several clients of one manager that came into 警示 at once."""
    rows = tuple(
        (str(n), f"{reader.name(each)} {reader.account(each)}", words.degree(each))
        for n, each in enumerate(alerts[: words.MOST], start=1)
    )
    return Card(
        title=f"【警示】您有 {len(alerts)} 户风险度偏高",
        status=Level.WARN.word,
        tone=TONES[Level.WARN],
        table=Table(("", "客户", "风险度"), rows),
        buttons=tuple(
            Button(f"alert:{each.id}", str(n))
            for n, each in enumerate(alerts[: words.MOST], start=1)
        ),
        footer=words.as_of(alerts, reader),
    )
