"""What the desk is asked before a step of a case is written down."""

from collections.abc import Sequence

from bot.cards.alert.words import Reader
from bot.chat.message import Button, Card
from risk.models import Alert

OUTCOMES = ("已通知，承诺入金", "已通知，自行减仓", "未接通")


def call_question(alert: Alert, reader: Reader) -> Card:
    """What came of the call? By a button, a number or in words."""
    return Card(
        title=f"{reader.name(alert)} · 电话结果？",
        text="点按钮，或直接回复一句话，例如：已通知，14:00 前入金 5 万",
        buttons=tuple(
            Button(f"alert_call:{alert.id}:{n}", said) for n, said in enumerate(OUTCOMES)
        ),
        footer="10 分钟内有效",
    )


def hand_question(alert: Alert, colleagues: Sequence[tuple[str, str]], reader: Reader) -> Card:
    return Card(
        title=f"{reader.name(alert)} 转交给谁？",
        buttons=tuple(
            Button(f"alert_hand_to:{alert.id}:{staff_id}", name) for staff_id, name in colleagues
        ),
        footer="点按钮或回复序号，10 分钟内有效",
    )
