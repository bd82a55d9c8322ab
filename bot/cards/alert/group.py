"""The card of the alerts of one branch at one level; of a source that is silent."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.cards import text
from bot.cards.alert import buttons, words
from bot.cards.alert.words import Reader
from bot.cards.client import TONES
from bot.chat.message import Audience, Button, Card, Fact, Style, Table, Tone
from risk.groups import is_open
from risk.levels import Level
from risk.models import Alert, AlertGroup, AlertKind, AlertState

MOST_ENDED = 3  # that are told of by name


Moved = Mapping[Alert, bool]
"""Who went to another level, and whether it was a worse one."""
NOBODY: Moved = {}


def group_card(
    group: AlertGroup,
    alerts: Sequence[Alert],
    branch: str,
    reader: Reader,
    moved: Moved = NOBODY,
) -> Card:
    """One branch at one level, the worst first. ``alerts`` and ``moved`` are those that the reader
    may see."""
    if group.kind is AlertKind.SOURCE:
        return _source_card(group, alerts, reader)
    still = [alert for alert in alerts if is_open(alert)]
    over = group.ended_at is not None or not still
    well = [each for each in (*alerts, *moved) if each.state is AlertState.RESOLVED]
    moved = {each: rose for each, rose in moved.items() if is_open(each)}
    if over and not well:
        return _moved_on(group, branch, alerts, reader, moved)
    shown = still[: words.MOST]
    title = f"【{group.level.word}】{branch or '未分营业部'}"
    told = words.as_of(alerts, reader)
    return Card(
        title=f"{title} · {_outcome(well, moved) if over else f'{len(still)} 户'}",
        status=("已转级" if moved else "已解除") if over else _status(still),
        tone=(Tone.GREY if moved else Tone.GREEN) if over else TONES[group.level],
        text=_ended(well, moved, reader) if over else _summary(still, len(shown), reader),
        table=_table(group.level, shown, reader) if shown and not over else None,
        buttons=() if over else buttons.of_group(group, still, shown, reader),
        footer=told if over else f"{told} · 点序号看个案",
        in_words="" if over else _to_say(group, still, reader),
        shared=not over,
        subject=f"alerts:{group.id}",
    )


def _to_say(group: AlertGroup, still: Sequence[Alert], reader: Reader) -> str:
    """What does the same as the buttons, with the worst as the example."""
    if reader.audience is Audience.GROUP:
        return words.as_of(still, reader)
    worst = still[0]
    namesakes = [each for each in still if each.name == worst.name]
    who = worst.name if len(namesakes) == 1 else worst.account
    lines = [f"认领 {who}", "认领 全部"]
    if group.kind is AlertKind.MARGIN and group.level < Level.FORCE:
        lines.append(f"静默 {who}")
    said = "".join(f"「{line}」" for line in lines)
    return f"{words.as_of(still, reader)}\n私聊期台发{said}；看个案发「追保 {who}」"


def _status(still: Sequence[Alert]) -> str:
    free = sum(1 for alert in still if alert.claimed_by is None)
    if free == len(still):
        return "待认领"
    return f"{free} 户待认领" if free else "处理中"


def _outcome(well: Sequence[Alert], moved: Moved) -> str:
    """3 户已解除，1 户升级"""
    return "，".join((f"{len(well)} 户已解除", *_counted(moved)))


def _counted(moved: Moved) -> list[str]:
    rose = sum(moved.values())
    counts = ((rose, "升级"), (len(moved) - rose, "降级"))
    return [f"{count} 户{word}" for count, word in counts if count]


def _ended(well: Sequence[Alert], moved: Moved, reader: Reader) -> str:
    """张三 86.5% 14:38 解除；李四 升至强平: whoever is not well is on another level's card."""
    known = [
        (reader.name(each), words.degree(each), words.hour(each.ended_at), "解除")
        for each in well[:MOST_ENDED]
    ]
    lines = [" ".join(filter(None, each)) for each in known]
    if len(well) > MOST_ENDED:
        lines[-1] += f"，等共 {len(well)} 户"
    others = [
        f"{reader.name(each)} {'升' if rose else '降'}至{each.level.word}"
        for each, rose in list(moved.items())[:MOST_ENDED]
    ]
    if len(moved) > MOST_ENDED:
        others[-1] += f"，等共 {len(moved)} 户"
    return "；".join((*lines, *others))


def _moved_on(
    group: AlertGroup, branch: str, alerts: Sequence[Alert], reader: Reader, moved: Moved
) -> Card:
    """Nobody is well: whoever was here is on the card of another level, or is not this reader's
    any more."""
    what = "，".join(_counted(moved)) or "已转入其他等级"
    status, text = "已转级", _ended((), moved, reader)
    if not (alerts or moved):
        what, status, text = "现由其他同事负责", "已转交", ""
    return Card(
        title=f"【{group.level.word}】{branch or '未分营业部'} · {what}",
        status=status,
        tone=Tone.GREY,
        text=text,
        footer=words.as_of(alerts, reader),
        shared=False,
        subject=f"alerts:{group.id}",
    )


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
            (str(n), reader.name(each), reader.account(each), words.handled(each, reader))
            for n, each in enumerate(shown, start=1)
        ]
        return Table(("", "客户", "账号", "处理"), tuple(rows))
    money = "需追加" if level >= Level.CALL else "可用"
    return Table(
        ("", "客户", "风险度", money, "经理", "处理"),
        tuple(_row(n, level, alert, reader) for n, alert in enumerate(shown, start=1)),
        brief=tuple(_brief(n, level, alert, reader) for n, alert in enumerate(shown, start=1)),
    )


def _row(number: int, level: Level, alert: Alert, reader: Reader) -> tuple[str, ...]:
    return (
        str(number),
        f"{reader.name(alert)} {reader.account(alert)}",
        words.degree(alert),
        words.owed(alert) if level >= Level.CALL else text.short_yuan(alert.available),
        reader.who(alert.manager) or text.NOTHING,
        words.handled(alert, reader),
    )


def _brief(number: int, level: Level, alert: Alert, reader: Reader) -> Fact:
    """1 张三: 80010023 130.3% 缺2.79万 待认领"""
    short = f"缺{text.need_yuan(alert.call_amount)}" if alert.call_amount else ""
    known = [alert.account, words.degree(alert), short if level >= Level.CALL else ""]
    known.append(words.by(alert, reader))
    return Fact(words.label(number, alert, reader), " ".join(filter(None, known)))


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
        status="已解除" if over else "待认领" if free else "处理中",
        tone=Tone.GREEN if over else Tone.VIOLET,
        text="数据已恢复，预警继续判断" if over else f"{why}\n{warning}".strip(),
        facts=tuple(
            Fact("处理人", f"{reader.who(each.claimed_by)} {words.hour(each.claimed_at)}")
            for each in alerts
            if each.claimed_by
        ),
        buttons=() if over else (claim,) if free else hand[:1],
        footer=f"更新 {text.clock(reader.at)}",
        in_words=f"更新 {text.clock(reader.at)} · 处理请私聊期台发「认领 {names}」" if free else "",
        shared=not over,
        subject=f"alerts:{group.id}",
    )
