"""Alerts without a card: by telephone, in a line of a chat, as a task."""

from collections.abc import Sequence
from datetime import timedelta

from bot.cards import text
from bot.cards.alert import words
from risk.levels import Level
from risk.models import Alert, AlertGroup, AlertKind


def ring_words(
    levels: Sequence[Level], branches: Sequence[str], waited: timedelta, *, works: bool = True
) -> str:
    """What is said by telephone and in short messages: nobody's name, no figures. ``works``: to
    somebody at the desk; a branch's head can only see to it that they do."""
    minutes = max(1, int(waited.total_seconds() // 60))
    longest = "最久 " if len(levels) > 1 else ""  # each has waited since its own beginning
    late = f"{longest}{minutes} 分钟无人认领，请{'立即处理' if works else '督促风控岗处理'}"
    money = [level for level in levels if level is not Level.UNSURE]
    if not money:
        return f"期台预警：数据异常 {len(levels)} 项，{late}"
    counted = "、".join(
        f"{level.word} {money.count(level)} 户" for level in sorted(set(money), reverse=True)
    )
    return f"期台预警：{'、'.join(branches)} {counted}，{late}"


def short_words(group: AlertGroup, still: Sequence[Alert], branch: str) -> str:
    """One line for a chat whose card cannot be changed."""
    if group.kind is AlertKind.SOURCE:
        return f"【异常】数据源 {still[0].account} 仍没有新数据，风险度不可靠"
    free = sum(1 for alert in still if alert.claimed_by is None)
    tail = f"，{free} 户待认领" if free else "，处理中"
    worst = f"最高 {still[0].name} {words.degree(still[0])}"
    return f"【{group.level.word}】{branch} 现 {len(still)} 户，{worst}{tail}"


def task_words(alert: Alert) -> str:
    short = f"，需追加 {text.short_yuan(alert.call_amount)}" if alert.call_amount else ""
    return f"{alert.level.word} {alert.account} 风险度 {words.degree(alert)}{short}，请联系客户"
