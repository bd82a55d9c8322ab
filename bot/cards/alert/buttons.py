"""What may be pressed on the card of a group of alerts, and on that of one case."""

from collections.abc import Sequence
from dataclasses import replace

from bot.cards.alert.words import Reader
from bot.chat.message import Audience, Button, Card, Style
from risk.levels import Level
from risk.models import Alert, AlertGroup, AlertKind

SILENCE_MINUTES = 30


def of_group(
    group: AlertGroup, still: Sequence[Alert], shown: Sequence[Alert], reader: Reader
) -> tuple[Button, ...]:
    opening = tuple(Button(f"alert:{each.id}", str(n)) for n, each in enumerate(shown, start=1))
    if not (reader.works or reader.audience is Audience.RISK_GROUP):
        return opening
    free = any(alert.claimed_by is None for alert in still)
    claim = (Button(f"alerts_claim:{group.id}", "认领全部", Style.PRIMARY),) if free else ()
    return (*claim, *opening, *_silence(f"alerts_silence:{group.id}", group.kind, group.level))


def of_case(alert: Alert, reader: Reader) -> tuple[Button, ...]:
    called = Button(f"alert_called:{alert.id}", "已电话")
    client = alert.client_id
    look = (Button(f"positions:{client}", "持仓"),) if client is not None else ()
    if not (reader.works or reader.audience is Audience.RISK_GROUP):
        return (called, *look) if alert.kind is not AlertKind.DATA else look
    mine = Button(f"alert_claim:{alert.id}", "我来处理", Style.PRIMARY)
    return (
        *(() if alert.claimed_by else (mine,)),
        called,
        *_silence(f"alert_silence:{alert.id}", alert.kind, alert.level),
        Button(f"alert_hand:{alert.id}", "转交"),
        *look,
    )


def _silence(key: str, kind: AlertKind, level: Level) -> tuple[Button, ...]:
    """Never for 强平 and 穿仓."""
    if kind is AlertKind.MARGIN and level >= Level.FORCE:
        return ()
    return (Button(key, f"静默{SILENCE_MINUTES}分"),)


def with_numbers(card: Card) -> Card:
    """Said that a number presses a button; which one, where they cannot be seen in their order."""
    numbered = " ".join(f"{n} {button.label}" for n, button in enumerate(card.buttons, start=1))
    return replace(
        card,
        footer=f"{card.footer} · 也可回复序号".removeprefix(" · "),
        in_words=f"{card.footer} · 回复序号：{numbered}".removeprefix(" · "),
    )
