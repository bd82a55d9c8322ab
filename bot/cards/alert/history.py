"""What became of an alert: on its own card, and in the answer to 为什么."""

from collections.abc import Mapping, Sequence

from bot.cards import text
from bot.cards.alert import words
from bot.cards.alert.words import Reader
from bot.cards.client import TONES
from bot.chat.message import Card, Fact, Section, Tone
from crm.kernel import masks
from risk.groups import is_open
from risk.models import Alert, AlertEvent, AlertKind

MOST_EVENTS = 5


WHAT_WORDS: Mapping[str, str] = {
    "raised": "触发",
    "rose": "升级",
    "worse": "继续恶化",
    "reminded": "无人认领，再次提醒",
    "fell": "降级",
    "doubted_anew": "原因变为",
    "resolved": "解除",
    "inhibited": "升级",
    "claimed": "认领",
    "called": "已电话",
    "silenced": "静默",
    "unsilenced": "静默结束",
    "handed_on": "转交",
    "handed_over": "交接",
    "escalated": "升级通知",
}


def section(alert: Alert, events: Sequence[AlertEvent], reader: Reader) -> tuple[Section, ...]:
    if not events:
        return ()
    lines = [event_line(each, reader) for each in events[-MOST_EVENTS:]]
    return (Section(title="经过", text="\n".join(lines), rest=f"「/为什么 {alert.account}」"),)


def why_card(
    alert: Alert, events: Sequence[AlertEvent], told: Sequence[str], reader: Reader
) -> Card:
    """为什么: what was raised when by which rules, who was told how, who did what."""
    until = f" 至 {text.moment(alert.ended_at)}" if alert.ended_at else "，未解除"
    return Card(
        title=f"为什么 · {_whose(alert, reader)} · 预警 {alert.id}",
        status=words.status(alert),
        tone=TONES[alert.level] if is_open(alert) else Tone.GREY,
        facts=(
            Fact("等级", f"{alert.level.word}（最高 {alert.peak.word}）"),
            Fact("时间", f"{text.moment(alert.opened_at)}{until}"),
            _judged_by(alert),
        ),
        sections=(
            Section(title="经过", text="\n".join(event_line(each, reader) for each in events)),
            Section(title="通知", text="\n".join(told) or "没有通知过任何人"),
        ),
    )


def _whose(alert: Alert, reader: Reader) -> str:
    if alert.kind is AlertKind.SOURCE:
        return f"数据源 {alert.account}"
    return " ".join(dict.fromkeys((reader.name(alert), reader.account(alert))))


def event_line(event: AlertEvent, reader: Reader) -> str:
    """14:33 陈曦 认领"""
    word = WHAT_WORDS.get(event.what, event.what)
    by = "" if event.by == "system" else f"{reader.who(event.by)} "
    more = ""
    if event.what in ("raised", "rose", "fell", "worse"):
        of = "" if event.risk is None else f" {text.percent(event.risk, 1)}"
        why = event.facts.get("why")
        more = f" {event.level.word}{of}" + (f"：{why}" if why else "")
    elif event.what == "doubted_anew":
        more = f"：{event.facts.get('why', '')}"
    elif event.what in ("handed_on", "handed_over"):
        more = f" → {reader.who(str(event.facts.get('to', ''))) or '待认领'}"
    elif event.what == "escalated":
        more = f" → {'、'.join(reader.who(each) for each in event.facts.get('to', ()))}"
    elif event.what == "silenced":
        more = f" {event.facts.get('minutes')} 分钟"
    note = text.quote(event.note, 60, reader.audience) if event.note else ""
    said = f" «{masks.numbers(note)}»" if note else ""
    return f"{words.hour(event.at)} {by}{word}{more}{said}"


def _judged_by(alert: Alert) -> Fact:
    if why := alert.advice.get("why"):
        return Fact("原因", str(why))
    return Fact("规则", rule_words(alert.rule_version))


def rule_words(version: str) -> str:
    return "阶梯（出厂值）" if version == "0" else f"阶梯 第 {version} 版"
