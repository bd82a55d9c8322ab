"""The card of one case: how much is short, what would help, who does it."""

from collections.abc import Iterable, Sequence

from bot.cards import text
from bot.cards.alert import buttons, history, words
from bot.cards.alert.words import Reader
from bot.cards.client import TONES
from bot.cards.goods import short_name
from bot.chat.message import Audience, Card, Fact, Tone
from risk import advice
from risk.advice import Advice, Ahead
from risk.groups import is_open
from risk.models import Alert, AlertEvent, AlertKind, AlertState

LONGEST_NAME = 10  # characters in a title


def case_card(
    alert: Alert, events: Sequence[AlertEvent], reader: Reader, *, absent: str = ""
) -> Card:
    """One account: how much is short, how far the next line is, what would help, who does it.
    ``absent``: the client's own manager, where somebody stands in."""
    over = not is_open(alert)
    name = reader.name(alert)
    short = text.cut(name, LONGEST_NAME)
    lines = ("" if short == name else name, _elsewhere(alert))
    return Card(
        title=f"{short} {reader.account(alert)} · {alert.level.word}处理",
        status=words.status(alert),
        tone=Tone.GREEN if over else TONES[alert.level],
        text="\n".join(filter(None, lines)),
        facts=tuple(_facts(alert, reader, absent)),
        sections=history.section(alert, events, reader),
        buttons=() if over else buttons.of_case(alert, reader),
        footer=f"数据 {text.clock(alert.as_of)}" if alert.as_of else "",
        shared=not over,
        subject=f"alert:{alert.id}",
    )


def handed_card(alert: Alert) -> Card:
    """For whom it was shown to and does not concern any more: nothing of it."""
    return Card(
        title=f"{alert.level.word}处理 · 已转交",
        status="已转交",
        tone=Tone.GREY,
        text="这位客户的预警现在由其他同事负责",
        shared=False,
        subject=f"alert:{alert.id}",
    )


def _elsewhere(alert: Alert) -> str:
    """Of one that is well the status, the figures and what became of it say all."""
    if alert.state is AlertState.CLOSED:
        return f"{words.hour(alert.ended_at)} 升级，见新的卡片"
    return ""


def _facts(alert: Alert, reader: Reader, absent: str) -> Iterable[Fact]:
    if reader.audience is not Audience.GROUP:
        yield from _money(alert)
    if alert.manager:
        for_whom = f"（代 {absent}）" if absent else ""
        yield Fact("客户经理", f"{reader.who(alert.manager)}{for_whom}")
    if alert.claimed_by:
        yield Fact("处理人", f"{reader.who(alert.claimed_by)} {words.hour(alert.claimed_at)} 认领")
    if alert.silenced_until and is_open(alert):
        until = words.hour(alert.silenced_until)
        yield Fact("静默", f"至 {until}（{reader.who(alert.silenced_by)}）")


def _money(alert: Alert) -> Iterable[Fact]:
    if alert.kind is AlertKind.DATA:
        yield Fact("原因", str(alert.advice.get("why", "")))
        return
    exchange = text.percent(alert.exchange_risk, 1) if alert.exchange_risk is not None else ""
    yield Fact("风险度", words.degree(alert) + (f"（交易所 {exchange}）" if exchange else ""))
    yield Fact("权益", text.short_yuan(alert.equity))
    yield Fact("可用", text.short_yuan(alert.available))
    if is_open(alert):
        if alert.call_amount:
            yield Fact("需追加", f"{text.full_yuan(alert.call_amount)} 元（回到 100%）")
        yield from _advice(alert)
        yield from _to_house_line(alert)


def _to_house_line(alert: Alert) -> Iterable[Fact]:
    if alert.call_to_house_line:
        yield Fact("到公司线", f"{text.full_yuan(alert.call_to_house_line)} 元")


def _advice(alert: Alert) -> Iterable[Fact]:
    found = advice.load(alert.advice)
    if found.ahead is not None:
        yield Fact("距下一线", ahead(found.ahead))
    if found.closing:
        lots = "，".join(
            f"{each.instrument} {'多' if each.direction == 'long' else '空'} {each.lots} 手"
            for each in found.closing
        )
        yield Fact(
            "建议全平" if found.after == 0 else "建议减仓", f"{lots}{_leads_to(found, alert)}"
        )


def _leads_to(found: Advice, alert: Alert) -> str:
    """→ 97.8%; never that closing is enough where it is not. With everything closed there is no
    degree any more."""
    if found.after is None:
        return "，仍不足，须入金" if alert.equity is not None and alert.equity <= 0 else ""
    if found.after == 0:
        return "，不再占用保证金"
    short = "，仍不足，须入金" if found.after > 1 else ""
    return f" → {text.percent(found.after, 1)}{short}"


def ahead(found: Ahead) -> str:
    """螺纹再跌 1.1% → 120%（强平线）"""
    way = "跌" if found.move < 0 else "涨"
    move = text.percent(abs(found.move), 1)
    line = "交易所 " if found.by_exchange else ""
    return f"{short_name(found.product)}再{way} {move} → {line}{text.percent(found.degree, 0)}"
