"""Alerts: the card of a group of them, the card of one case, its history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.cards import text
from bot.cards.board import silent_words
from bot.cards.client import TONES, shown_name
from bot.cards.goods import short_name
from bot.chat.message import Audience, Button, Card, Fact, Section, Style, Table, Tone
from crm.kernel import masks
from crm.kernel.clock import SHANGHAI
from risk import advice
from risk.advice import Advice, Ahead
from risk.groups import is_open
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertGroup, AlertKind, AlertState

MOST = 6  # rows of a card; the rest is counted
MOST_ENDED = 3  # that are told of by name
LONGEST_NAME = 10  # characters in a title
BRIEF_NAME = 5  # characters of a row's label on a narrow card
MOST_EVENTS = 5
SILENCE_MINUTES = 30

WHAT_WORDS: Mapping[str, str] = {
    "raised": "触发",
    "rose": "升级",
    "worse": "继续恶化",
    "reminded": "无人认领，再次提醒",
    "fell": "降级",
    "resolved": "恢复",
    "inhibited": "并入更高等级",
    "claimed": "认领",
    "called": "已电话",
    "silenced": "静默",
    "unsilenced": "静默结束",
    "handed_on": "转交",
    "handed_over": "交接",
    "escalated": "升级通知",
}
LINES: Mapping[Level, str] = {Level.FORCE: "强平线", Level.CALL: "追保线"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom a card is drawn, and what that person may do with it."""

    audience: Audience
    works: bool  # at the risk desk
    staff: Mapping[str, str]  # names of everybody who is mentioned
    at: datetime

    def name(self, alert: Alert) -> str:
        return shown_name(alert.name, self.audience)

    def account(self, alert: Alert) -> str:
        in_group = self.audience is Audience.GROUP
        return masks.account(alert.account) if in_group else alert.account

    def who(self, staff_id: str | None) -> str:
        return self.staff.get(staff_id or "", staff_id or "")


def group_card(group: AlertGroup, alerts: Sequence[Alert], branch: str, reader: Reader) -> Card:
    """One branch at one level, the worst first. ``alerts`` are those that the reader may see."""
    if group.kind is AlertKind.SOURCE:
        return _source_card(group, alerts, reader)
    still = [alert for alert in alerts if is_open(alert)]
    over = group.ended_at is not None or not still
    shown = still[:MOST]
    title = f"【{group.level.word}】{branch or '未分营业部'}"
    return Card(
        title=f"{title} · {'已全部解除' if over else f'{len(still)} 户'}",
        status="已解除" if over else _group_status(still),
        tone=Tone.GREEN if over else TONES[group.level],
        text=_ended(alerts, reader) if over else _summary(still, len(shown), reader),
        table=_table(group.level, shown, reader) if shown and not over else None,
        buttons=() if over else _group_buttons(group, still, shown, reader),
        footer=_as_of(alerts, reader) if over else f"{_as_of(alerts, reader)} · 点序号看个案",
        in_words="" if over else _to_say(group, still, reader),
        shared=not over,
        subject=f"alerts:{group.id}",
    )


def _to_say(group: AlertGroup, still: Sequence[Alert], reader: Reader) -> str:
    """What does the same as the buttons, with the worst as the example."""
    if reader.audience is Audience.GROUP:
        return _as_of(still, reader)
    worst = still[0]
    namesakes = [each for each in still if each.name == worst.name]
    who = worst.name if len(namesakes) == 1 else worst.account
    lines = [f"认领 {who}", "认领 全部"]
    if group.kind is AlertKind.MARGIN and group.level < Level.FORCE:
        lines.append(f"静默 {who}")
    said = "".join(f"「{line}」" for line in lines)
    return f"{_as_of(still, reader)}\n私聊期台发{said}；看个案发「追保 {who}」"


def _group_status(still: Sequence[Alert]) -> str:
    free = sum(1 for alert in still if alert.claimed_by is None)
    if free == len(still):
        return "待认领"
    return f"{free} 户待认领" if free else "处理中"


def _ended(alerts: Sequence[Alert], reader: Reader) -> str:
    """张三 86.5% 14:38 恢复; who rose further is on the other level's card."""
    well = [each for each in alerts if each.state is AlertState.RESOLVED]
    lines = [
        f"{reader.name(each)} {degree(each)} {_hour(each.ended_at)} 恢复".replace("  ", " ")
        for each in well[:MOST_ENDED]
    ]
    more = f"，等共 {len(well)} 户" if len(well) > MOST_ENDED else ""
    return "；".join(lines) + more if lines else "都已转入其他等级的卡片"


def _summary(still: Sequence[Alert], shown: int, reader: Reader) -> str:
    if reader.audience is Audience.GROUP:
        return ""
    owed = sum((alert.call_amount or Decimal(0) for alert in still), Decimal(0))
    parts = [f"合计需追加 {text.short_yuan(owed)}"] if owed else []
    if len(still) > shown:
        parts.append(f"另有 {len(still) - shown} 户，发「风险榜」或「追保」看")
    return "，".join(parts)


def _table(level: Level, shown: Sequence[Alert], reader: Reader) -> Table:
    """As wide as a phone: what is short is what is lacking, so 可用 is only told above zero."""
    if reader.audience is Audience.GROUP:
        rows = [
            (str(n), reader.name(each), reader.account(each), _handled(each, reader))
            for n, each in enumerate(shown, start=1)
        ]
        return Table(("", "客户", "账号", "处理"), tuple(rows))
    money = "需追加" if level >= Level.CALL else "可用"
    return Table(
        ("", "客户", "风险度", money, "经理", "处理"),
        tuple(_row(n, level, alert, reader) for n, alert in enumerate(shown, start=1)),
        brief=tuple(_brief(n, level, alert, reader) for n, alert in enumerate(shown, start=1)),
    )


def _owed(alert: Alert) -> str:
    return text.short_yuan(alert.call_amount) if alert.call_amount else text.NOTHING


def _row(number: int, level: Level, alert: Alert, reader: Reader) -> tuple[str, ...]:
    return (
        str(number),
        f"{reader.name(alert)} {reader.account(alert)}",
        degree(alert),
        _owed(alert) if level >= Level.CALL else text.short_yuan(alert.available),
        reader.who(alert.manager) or text.NOTHING,
        _handled(alert, reader),
    )


def _brief(number: int, level: Level, alert: Alert, reader: Reader) -> Fact:
    """1 张三: 80010023 130.3% 缺2.79万 待认领"""
    short = f"缺{text.need_yuan(alert.call_amount)}" if alert.call_amount else ""
    known = [alert.account, degree(alert), short if level >= Level.CALL else ""]
    return Fact(_label(number, alert, reader), " ".join(filter(None, (*known, _by(alert, reader)))))


def _label(number: int, alert: Alert, reader: Reader) -> str:
    return text.cut(f"{number} {reader.name(alert)}", BRIEF_NAME)


def _by(alert: Alert, reader: Reader) -> str:
    return reader.who(alert.claimed_by) or ("静默" if alert.silenced_until else _waits(alert))


def degree(alert: Alert) -> str:
    """101.3%; what has no degree says why."""
    if alert.level is Level.NEGATIVE and alert.risk is None:
        return "已穿仓"
    if alert.kind is AlertKind.DATA:
        return "数据异常"
    return text.percent(alert.risk, 1)


def _handled(alert: Alert, reader: Reader) -> str:
    if not is_open(alert):
        word = "已恢复" if alert.state is AlertState.RESOLVED else "已转级"
        return f"{word} {_hour(alert.ended_at)}".strip()
    if alert.claimed_by:
        return f"{reader.who(alert.claimed_by)} {_hour(alert.claimed_at)}"
    if alert.silenced_until:
        return f"静默至 {_hour(alert.silenced_until)}"
    return _waits(alert)


def _waits(alert: Alert) -> str:
    """An account under its level's threshold is left on the card until it has stayed there."""
    return "回落中" if str(int(alert.level)) in alert.below else "待认领"


def _hour(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}" if at else ""


def _group_buttons(
    group: AlertGroup, still: Sequence[Alert], shown: Sequence[Alert], reader: Reader
) -> tuple[Button, ...]:
    opening = tuple(Button(f"alert:{each.id}", str(n)) for n, each in enumerate(shown, start=1))
    if not (reader.works or reader.audience is Audience.RISK_GROUP):
        return opening
    free = any(alert.claimed_by is None for alert in still)
    claim = (Button(f"alerts_claim:{group.id}", "认领全部", Style.PRIMARY),) if free else ()
    return (*claim, *opening, *_silence(f"alerts_silence:{group.id}", group.kind, group.level))


def _silence(key: str, kind: AlertKind, level: Level) -> tuple[Button, ...]:
    """Never for 强平 and 穿仓."""
    if kind is AlertKind.MARGIN and level >= Level.FORCE:
        return ()
    return (Button(key, f"静默{SILENCE_MINUTES}分"),)


def _as_of(alerts: Sequence[Alert], reader: Reader) -> str:
    newest = max((alert.as_of for alert in alerts if alert.as_of), default=None)
    return f"数据 {text.clock(newest)}" if newest else f"更新 {text.clock(reader.at)}"


def _source_card(group: AlertGroup, alerts: Sequence[Alert], reader: Reader) -> Card:
    names = "、".join(alert.account for alert in alerts)
    over = group.ended_at is not None
    why = "；".join(str(alert.advice.get("why", "")) for alert in alerts)
    warning = "恢复之前风险度都不可靠，不能据此判断安全，请查看交易柜台"
    free = not over and any(alert.claimed_by is None for alert in alerts)
    claim = Button(f"alerts_claim:{group.id}", "我来处理", Style.PRIMARY)
    hand = tuple(Button(f"alert_hand:{each.id}", "转交") for each in alerts if is_open(each))
    return Card(
        title=f"【异常】数据源 {names} · {'已恢复' if over else '没有新数据'}",
        status="已恢复" if over else Level.UNSURE.word,
        tone=Tone.GREEN if over else Tone.VIOLET,
        text="数据已恢复，预警继续判断" if over else f"{why}\n{warning}".strip(),
        facts=tuple(
            Fact("处理人", f"{reader.who(each.claimed_by)} {_hour(each.claimed_at)}")
            for each in alerts
            if each.claimed_by
        ),
        buttons=() if over else (claim,) if free else hand[:1],
        footer=f"更新 {text.clock(reader.at)}",
        in_words=f"更新 {text.clock(reader.at)} · 处理请私聊期台发「认领 {names}」" if free else "",
        shared=not over,
        subject=f"alerts:{group.id}",
    )


# ── one case ─────────────────────────────────────────────────────────────────────────────────


def case_card(alert: Alert, events: Sequence[AlertEvent], reader: Reader) -> Card:
    """One account: how much is short, how far the next line is, what would help, who does it."""
    over = not is_open(alert)
    name = reader.name(alert)
    short = text.cut(name, LONGEST_NAME)
    lines = ("" if short == name else name, _ending(alert) if over else "")
    return Card(
        title=f"{short} {reader.account(alert)} · {alert.level.word}处理",
        status=_case_status(alert),
        tone=Tone.GREEN if over else TONES[alert.level],
        text="\n".join(filter(None, lines)),
        facts=tuple(_case_facts(alert, reader)),
        sections=_history(alert, events, reader),
        buttons=() if over else _case_buttons(alert, reader),
        footer=f"数据 {text.clock(alert.as_of)}" if alert.as_of else "",
        shared=not over,
        subject=f"alert:{alert.id}",
    )


def _case_status(alert: Alert) -> str:
    match alert.state:
        case AlertState.RESOLVED:
            return "已恢复"
        case AlertState.CLOSED:
            return "已转为更高等级"
        case _ if alert.kind is AlertKind.WARN:
            return alert.level.word  # the manager's alone: nobody claims it
        case AlertState.CLAIMED:
            return f"{alert.level.word} · 处理中"
        case AlertState.SILENCED:
            return f"{alert.level.word} · 静默中"
        case _:
            return f"{alert.level.word} · 待认领"


def _ending(alert: Alert) -> str:
    if alert.state is AlertState.CLOSED:
        return f"{_hour(alert.ended_at)} 转为更高等级，见新的卡片"
    now = "" if alert.risk is None else f"，风险度 {text.percent(alert.risk, 1)}"
    return f"已恢复 {_hour(alert.ended_at)}{now}"


def _case_facts(alert: Alert, reader: Reader) -> Iterable[Fact]:
    if reader.audience is not Audience.GROUP:
        yield from _money(alert)
    if alert.manager:
        yield Fact("客户经理", reader.who(alert.manager))
    if alert.claimed_by:
        yield Fact("处理人", f"{reader.who(alert.claimed_by)} {_hour(alert.claimed_at)} 认领")
    if alert.silenced_until and is_open(alert):
        until = _hour(alert.silenced_until)
        yield Fact("静默", f"至 {until}（{reader.who(alert.silenced_by)}）")


def _money(alert: Alert) -> Iterable[Fact]:
    if alert.kind is AlertKind.DATA:
        yield Fact("原因", str(alert.advice.get("why", "")))
        return
    exchange = text.percent(alert.exchange_risk, 1) if alert.exchange_risk is not None else ""
    yield Fact("风险度", degree(alert) + (f"（交易所 {exchange}）" if exchange else ""))
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
        yield Fact("建议减仓", f"{lots}{_leads_to(found, alert)}")


def _leads_to(found: Advice, alert: Alert) -> str:
    """→ 97.8%; never that closing is enough where it is not."""
    if found.after is None:
        return "，仍不足，须入金" if alert.equity is not None and alert.equity <= 0 else ""
    short = "，仍不足" if found.after > 1 else ""
    return f" → {text.percent(found.after, 1)}{short}"


def ahead(found: Ahead) -> str:
    """螺纹再跌 1.1% → 120%（强平线）"""
    way = "跌" if found.move < 0 else "涨"
    move = text.percent(abs(found.move), 1)
    line = "交易所 " if found.by_exchange else ""
    return f"{short_name(found.product)}再{way} {move} → {line}{text.percent(found.degree, 0)}"


def _case_buttons(alert: Alert, reader: Reader) -> tuple[Button, ...]:
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


def with_numbers(card: Card) -> Card:
    """Said that a number presses a button; which one, where they cannot be seen in their order."""
    numbered = " ".join(f"{n} {button.label}" for n, button in enumerate(card.buttons, start=1))
    return replace(
        card,
        footer=f"{card.footer} · 也可回复序号".removeprefix(" · "),
        in_words=f"{card.footer} · 回复序号：{numbered}".removeprefix(" · "),
    )


def _history(alert: Alert, events: Sequence[AlertEvent], reader: Reader) -> tuple[Section, ...]:
    if not events:
        return ()
    lines = [event_line(each, reader) for each in events[-MOST_EVENTS:]]
    return (Section(title="经过", text="\n".join(lines), rest=f"「/为什么 {alert.account}」"),)


def event_line(event: AlertEvent, reader: Reader) -> str:
    """14:33 陈曦 认领"""
    word = WHAT_WORDS.get(event.what, event.what)
    by = "" if event.by == "system" else f"{reader.who(event.by)} "
    more = ""
    if event.what in ("raised", "rose", "fell", "worse"):
        of = "" if event.risk is None else f" {text.percent(event.risk, 1)}"
        more = f" {event.level.word}{of}"
    elif event.what in ("handed_on", "handed_over"):
        more = f" → {reader.who(str(event.facts.get('to', ''))) or '待认领'}"
    elif event.what == "escalated":
        more = f" → {'、'.join(reader.who(each) for each in event.facts.get('to', ()))}"
    elif event.what == "silenced":
        more = f" {event.facts.get('minutes')} 分钟"
    note = text.quote(event.note, 60, reader.audience) if event.note else ""
    said = f" «{masks.numbers(note)}»" if note else ""
    return f"{_hour(event.at)} {by}{word}{more}{said}"


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


OUTCOMES = ("已通知，承诺入金", "已通知，自行减仓", "未接通")


def hand_question(alert: Alert, colleagues: Sequence[tuple[str, str]], reader: Reader) -> Card:
    return Card(
        title=f"{reader.name(alert)} 转交给谁？",
        buttons=tuple(
            Button(f"alert_hand_to:{alert.id}:{staff_id}", name) for staff_id, name in colleagues
        ),
        footer="点按钮或回复序号，10 分钟内有效",
    )


# ── lists ────────────────────────────────────────────────────────────────────────────────────


def calls_card(
    alerts: Sequence[Alert], reader: Reader, *, owner: bool, silent: Sequence[str] = ()
) -> Card:
    """追保 今日: the open ones with a number, then what is over; nothing is called calm while a
    source is ``silent``."""
    doubt = silent_words(silent)
    still = [alert for alert in alerts if is_open(alert)]
    shown = alerts[:MOST]
    rows = tuple(
        (
            str(n),
            f"{reader.name(each)} {reader.account(each)}",
            f"{each.level.word} {degree(each)}",
            _owed(each),
            _handled(each, reader),
        )
        for n, each in enumerate(shown, start=1)
    )
    brief = tuple(
        Fact(
            _label(n, each, reader),
            f"{each.account} {each.level.word} "
            + (f"{degree(each)} {_by(each, reader)}" if is_open(each) else _handled(each, reader)),
        )
        for n, each in enumerate(shown, start=1)
    )
    if not alerts:
        title = "今日没有追保" if not owner else "今日您的客户没有追保"
        return Card(title="现在判断不了有没有追保" if doubt else title, text=doubt)
    rest = len(alerts) - len(shown)
    more = f"另有 {rest} 条，发「风险榜」看前 20 户" if rest > 0 else ""
    return Card(
        title=f"今日追保 {len({each.account for each in alerts})} 户 · {len(still)} 户未了",
        status="数据已中断" if doubt else "" if still else "已全部解除",
        tone=TONES[max(each.level for each in still)] if still else Tone.GREEN,
        text="\n".join(filter(None, (doubt, more))),
        table=Table(("", "客户", "等级", "需追加", "处理"), rows, brief),
        buttons=tuple(Button(f"alert:{each.id}", str(n)) for n, each in enumerate(shown, start=1)),
        footer="回复序号或点按钮看个案",
    )


def why_card(
    alert: Alert, events: Sequence[AlertEvent], told: Sequence[str], reader: Reader
) -> Card:
    """为什么: what was raised when by which rules, who was told how, who did what."""
    until = f" 至 {text.moment(alert.ended_at)}" if alert.ended_at else "，未了"
    return Card(
        title=f"为什么 · {reader.name(alert)} {reader.account(alert)} · 预警 {alert.id}",
        status=_case_status(alert),
        tone=TONES[alert.level] if is_open(alert) else Tone.GREY,
        facts=(
            Fact("等级", f"{alert.level.word}（最高 {alert.peak.word}）"),
            Fact("时间", f"{text.moment(alert.opened_at)}{until}"),
            Fact("规则", rule_words(alert.rule_version)),
        ),
        sections=(
            Section(title="经过", text="\n".join(event_line(each, reader) for each in events)),
            Section(title="通知", text="\n".join(told) or "没有通知过任何人"),
        ),
    )


def rule_words(version: str) -> str:
    return "阶梯（出厂值）" if version == "0" else f"阶梯 第 {version} 版"


def ring_words(
    levels: Sequence[Level], branches: Sequence[str], waited: timedelta, *, works: bool = True
) -> str:
    """What is said by telephone and in short messages: nobody's name, no figures. ``works``: to
    somebody at the desk; a branch's head can only see to it that they do."""
    minutes = max(1, int(waited.total_seconds() // 60))
    late = f"{minutes} 分钟无人认领，请{'立即处理' if works else '督促风控岗处理'}"
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
    tail = f"，{free} 户待认领" if free else ""
    worst = f"最高 {still[0].name} {degree(still[0])}"
    return f"【{group.level.word}】{branch} 现 {len(still)} 户，{worst}{tail}"


def task_words(alert: Alert) -> str:
    short = f"，需追加 {text.short_yuan(alert.call_amount)}" if alert.call_amount else ""
    return f"{alert.level.word} {alert.account} 风险度 {degree(alert)}{short}，请联系客户"


def warned_card(alerts: Sequence[Alert], reader: Reader) -> Card:
    """Several clients of one manager that came into 警示 at once."""
    rows = tuple(
        (str(n), f"{reader.name(each)} {reader.account(each)}", degree(each))
        for n, each in enumerate(alerts[:MOST], start=1)
    )
    return Card(
        title=f"【警示】您有 {len(alerts)} 户风险度偏高",
        status=Level.WARN.word,
        tone=TONES[Level.WARN],
        table=Table(("", "客户", "风险度"), rows),
        buttons=tuple(
            Button(f"alert:{each.id}", str(n)) for n, each in enumerate(alerts[:MOST], start=1)
        ),
        footer=_as_of(alerts, reader),
    )
