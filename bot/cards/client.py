"""What a client looks like: in a list, as a card, with positions, to somebody who may not see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.cards import text
from bot.cards.goods import short_name
from bot.chat.message import Audience, Button, Card, Fact, Section, Style, Table, Tone
from crm.interactions import CHANNEL_WORDS, LastTalk
from crm.kernel import masks
from crm.models import Client, ClientKind, ClientStatus, Permission, PersonalKind, Task
from crm.people import FieldLevel
from crm.search import Hit
from risk.figures import Figures, Holding
from risk.levels import Level
from risk.sources.base import Direction

TONES: Mapping[Level, Tone] = {
    Level.NORMAL: Tone.GREY,
    Level.WATCH: Tone.BLUE,
    Level.WARN: Tone.AMBER,
    Level.CALL: Tone.ORANGE,
    Level.FORCE: Tone.RED,
    Level.NEGATIVE: Tone.DARK_RED,
    Level.UNSURE: Tone.VIOLET,
}
STATUS_WORDS: Mapping[ClientStatus, str] = {
    ClientStatus.ACTIVE: "",
    ClientStatus.DORMANT: "休眠",
    ClientStatus.RESTRICTED: "限制",
    ClientStatus.CLOSED: "已销户",
}
EXPIRES_SOON = timedelta(days=365)
PRIVATE_ONLY = "完整资料请私聊我"
SOUNDS_ALIKE, LOOKS_ALIKE = "同音", "相近"
GUESSED = frozenset({SOUNDS_ALIKE, LOOKS_ALIKE})
PAGE = 8  # as many as one row of number buttons holds
WORTH_TELLING = Decimal("0.2")  # a farther move than a few limit days away frightens for nothing
ALARMING = frozenset({Level.WARN, Level.CALL, Level.FORCE, Level.UNSURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Everything that a client's card tells."""

    client: Client
    figures: Figures | None  # of the first account in yuan
    personal: Mapping[PersonalKind, str]
    last: LastTalk | None
    task: Task | None
    owner: str
    fields: FieldLevel
    keeps_tasks: bool  # whether the viewer has 待办
    viewer: str  # staff id
    at: datetime


def shown_name(name: str, audience: Audience) -> str:
    """A client's name as this audience may read it."""
    return masks.name(name) if audience is Audience.GROUP else name


def shown_account(hit: Hit, audience: Audience) -> str:
    return masks.account(hit.account) if audience is Audience.GROUP else hit.account


def client_card(sheet: Sheet, audience: Audience) -> Card:
    """The card of J1. In a group nothing of money or person is told."""
    client, figures = sheet.client, sheet.figures
    if audience is Audience.GROUP:
        return _group_card(client)
    in_private = audience is Audience.PRIVATE
    level = figures.level if figures and client.status is not ClientStatus.DORMANT else None
    return Card(
        title=" · ".join(filter(None, (client.name, _account(client), _tier(client)))),
        status=level.word if level is not None else STATUS_WORDS[client.status],
        tone=TONES[level] if level is not None else Tone.GREY,
        facts=(
            *_money(figures),
            *_other_accounts(client),
            *_holdings(figures),
            *_permissions(client.permissions, sheet.at),
            *_service(sheet, audience),
            *(_person(sheet) if in_private else ()),
        ),
        buttons=_buttons(sheet) if in_private else (),
        footer=_data_age(figures, sheet.at),
    )


def _group_card(client: Client) -> Card:
    return Card(
        title=f"{masks.name(client.name)} · {masks.account(_account(client))}",
        text=PRIVATE_ONLY,
    )


def _account(client: Client) -> str:
    return client.accounts[0].account if client.accounts else "无账号"


def _tier(client: Client) -> str:
    return f"{client.tier}类客户" if client.tier else ""


def _money(figures: Figures | None, *, distance: bool = True) -> tuple[Fact, ...]:
    if figures is None:
        return (Fact("资金", "暂无资金数据"),)
    rows = [
        Fact("权益", text.short_yuan(figures.equity)),
        Fact("可用", text.short_yuan(figures.available)),
        Fact("保证金", text.short_yuan(figures.margin)),
        Fact("风险度", risk_degree(figures)),
        Fact("今日盈亏", text.short_yuan(figures.day_pnl)),
    ]
    if figures.net_deposit:
        rows.append(Fact("出入金", text.short_yuan(figures.net_deposit)))
    if distance and (near := _distance(figures)):
        rows.append(near)
    return tuple(rows)


def _other_accounts(client: Client) -> tuple[Fact, ...]:
    rest = client.accounts[1:]
    return (
        (Fact("其他账号", " · ".join(f"{a.account} {a.currency}" for a in rest)),) if rest else ()
    )


def risk_degree(figures: Figures) -> str:
    """86.45% ▲5.2: with the change that today's profit or loss made, in points."""
    if figures.level is Level.NEGATIVE:
        return "已穿仓"
    if figures.risk is None:
        return text.NOTHING
    degree = text.percent(figures.risk)
    before = (figures.equity or Decimal(0)) - figures.day_pnl
    if not figures.margin or before <= 0:
        return degree
    change = text.points(figures.risk - figures.margin / before)
    return f"{degree} {change}".strip()


def _distance(figures: Figures) -> Fact | None:
    """距100%风险: 螺纹再跌 2.1%"""
    near = figures.nearest
    if near is None or abs(near.move) > WORTH_TELLING:
        return None
    way = "跌" if near.move < 0 else "涨"
    label = f"距{text.percent(near.degree, 0)}{'（交易所）' if near.by_exchange else '风险'}"
    return Fact(label, f"{short_name(near.product)}再{way} {text.percent(abs(near.move), 1)}")


def _holdings(figures: Figures | None) -> tuple[Fact, ...]:
    if figures is None:
        return ()
    if not figures.holdings:
        return (Fact("持仓", "无"),)
    shown = [f"{h.instrument} {side(h)}{h.lots}" for h in figures.holdings[:6]]
    rest = len(figures.holdings) - len(shown)
    return (Fact("持仓", " · ".join(shown) + (f" 等 {rest} 个" if rest else "")),)


def side(holding: Holding) -> str:
    return "多" if holding.direction is Direction.LONG else "空"


def _permissions(rows: Sequence[Permission], now: datetime) -> tuple[Fact, ...]:
    if not rows:
        return ()
    return (Fact("权限", " ".join(_permission(row, now.date()) for row in rows)),)


def _permission(row: Permission, today: date) -> str:
    mark = "✓" if row.granted and (row.expires_on is None or row.expires_on >= today) else "✗"
    near = row.granted and row.expires_on and row.expires_on - today <= EXPIRES_SOON
    until = f"（{row.expires_on:%Y-%m}到期）" if near and row.expires_on else ""
    return f"{row.group}{mark}{until}"


def _service(sheet: Sheet, audience: Audience) -> tuple[Fact, ...]:
    rows = []
    if sheet.last is not None:
        own = audience is Audience.PRIVATE and sheet.last.staff == sheet.viewer
        said = sheet.last.note
        note = text.cut(said if own else masks.numbers(said), 16)
        channel = CHANNEL_WORDS[sheet.last.channel]
        rows.append(Fact("最近沟通", f"{text.moment(sheet.last.at)} {channel} «{note}»"))
    if sheet.task is not None:
        when = text.due(sheet.task.due_at, sheet.at)
        rows.append(Fact("待办", f"{when} {text.quote(sheet.task.text, 16, audience)}"))
    return tuple(rows)


def _person(sheet: Sheet) -> tuple[Fact, ...]:
    rows = []
    if number := shown(sheet, PersonalKind.ID_NUMBER):
        is_person = sheet.client.kind is ClientKind.PERSON
        rows.append(Fact("身份证" if is_person else "统一社会信用代码", number))
    if mobile := shown(sheet, PersonalKind.MOBILE):
        rows.append(Fact("手机", mobile))
    return tuple(rows)


MASKS: Mapping[PersonalKind, Callable[[str], str]] = {
    PersonalKind.ID_NUMBER: masks.id_number,
    PersonalKind.MOBILE: masks.mobile,
    PersonalKind.BANK_CARD: masks.bank_card,
}


def shown(sheet: Sheet, kind: PersonalKind) -> str:
    """A personal number as this viewer may see it; "" when there is none or it is hidden."""
    value = sheet.personal.get(kind, "")
    match sheet.fields:
        case FieldLevel.HIDDEN:
            return ""
        case FieldLevel.MASKED:
            return MASKS[kind](value) if value else ""
        case FieldLevel.FULL:
            return value


def _buttons(sheet: Sheet) -> tuple[Button, ...]:
    client_id = sheet.client.id
    tasks = (Button(f"client_tasks:{client_id}", "待办"),) if sheet.keeps_tasks else ()
    return (
        Button(f"positions:{client_id}", "持仓", Style.PRIMARY),
        Button(f"curve:{client_id}", "资金曲线"),
        Button(f"records:{client_id}", "记录"),
        *tasks,
        Button(f"more:{client_id}", "更多"),
    )


def _data_age(figures: Figures | None, now: datetime) -> str:
    if figures is None or figures.as_of is None:
        return ""
    told = f"数据 {text.clock(figures.as_of)}（{text.age(figures.as_of, now)}）"
    if figures.stale:
        return f"{told} · 数据已中断，仅供参考，不能据此判断安全"
    if figures.missing:
        return f"{told} · {figures.missing[0]}"
    return told


def more_card(sheet: Sheet, *, may_reveal: bool) -> Card:
    """What the first card has no room for, personal numbers masked."""
    client = sheet.client
    facts = [
        Fact("客户经理", sheet.owner or "未分配"),
        Fact("资金账号", " · ".join(f"{a.account} {a.currency}" for a in client.accounts)),
        Fact("风险等级", client.risk_level or text.NOTHING),
    ]
    if client.opened_on:
        facts.append(Fact("开户日期", client.opened_on.isoformat()))
    if card := shown(sheet, PersonalKind.BANK_CARD):
        facts.append(Fact("银行卡", card))
    if client.tags:
        facts.append(Fact("标签", " ".join(f"#{tag.tag}" for tag in client.tags)))
    if client.referrer:
        facts.append(Fact("居间人", client.referrer))
    if client.remark:
        facts.append(Fact("备注", text.cut(masks.numbers(client.remark), 80)))
    return Card(
        title=f"{client.name} · 更多资料",
        facts=tuple(facts),
        footer=f"需要完整号码请发：显示 手机 {client.name} 原因" if may_reveal else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a list of clients; ``why`` says what matched when it was not the name itself."""

    client_id: int
    name: str
    account: str
    tier: str
    status: ClientStatus
    figures: Figures | None
    why: str = ""


def client_list(
    lines: Sequence[Line],
    total: int,
    first: int,
    audience: Audience,
    draft: str,
    *,
    more: bool = False,
) -> Card:
    """Several clients to choose from, numbered from 1; ``first`` is the place of the first.

    ``more``: there are others beside the ``total`` that were looked up. ``draft`` keeps all of
    them for turning the page.
    """
    in_group = audience is Audience.GROUP
    columns = ("", "客户", "账号", "类") if in_group else ("", "客户", "账号", "类", "持仓与风险")
    rows = tuple(_list_row(n, line, in_group=in_group) for n, line in enumerate(lines, start=1))
    after = first + len(lines)
    return Card(
        title=_list_title(lines, total, first, more=more),
        table=Table(columns, rows),
        buttons=(
            *(Button(f"client:{line.client_id}", str(n)) for n, line in enumerate(lines, start=1)),
            *((Button(f"page:{after}", "下一页"),) if more or after < total else ()),
            *((Button(f"page:{max(0, first - PAGE)}", "上一页"),) if first else ()),
        ),
        footer="回复序号或点按钮"
        if not more and after >= total
        else "回复序号或点按钮；写全一些可以更快找到",
        draft=draft,
    )


def _list_title(lines: Sequence[Line], total: int, first: int, *, more: bool) -> str:
    if total == len(lines) and not more:
        guessed = all(line.why in GUESSED for line in lines)
        return f"找到 {total} 位相近的客户" if guessed else f"找到 {total} 位客户"
    every = f"{total} 位以上" if more else f"{total} 位"
    return f"找到 {every}客户 · 第 {first + 1}–{first + len(lines)} 位"


def _list_row(number: int, line: Line, *, in_group: bool) -> tuple[str, ...]:
    if in_group:
        return (str(number), masks.name(line.name), masks.account(line.account), line.tier)
    said = f"（{line.why}）" if line.why else ""
    return (str(number), line.name + said, line.account, line.tier, _list_state(line))


def _list_state(line: Line) -> str:
    if line.status is not ClientStatus.ACTIVE:
        return STATUS_WORDS[line.status]
    figures = line.figures
    if figures is None:
        return "无资金数据"
    if figures.level is Level.NEGATIVE:
        return "已穿仓"
    held = dict.fromkeys(short_name(h.product) for h in figures.holdings)
    if not held:
        return "空仓"
    degree = text.percent(figures.risk, 1)
    word = figures.level.word if figures.level in ALARMING else ""
    return f"{'/'.join(list(held)[:2])} {degree} {word}".strip()


def other_card(
    client_id: int, name: str, *, owner: str, branch: str, may_ask: bool, waits_for: str = ""
) -> Card:
    """Somebody else's client: the name, the branch and who looks after it, nothing more."""
    if waits_for:
        footer = f"等待{waits_for}批准，有结果会告诉您"
    else:
        footer = "营业部负责人批准后可查看 24 小时" if may_ask else ""
    return Card(
        title=name,
        status="已申请查看" if waits_for else "非本人客户",
        tone=Tone.BLUE if waits_for else Tone.GREY,
        facts=(Fact("营业部", branch or "未分配"), Fact("客户经理", owner or "未分配")),
        buttons=(Button(f"ask_view:{client_id}", "申请查看"),) if may_ask else (),
        footer=footer,
    )


def positions_card(client: Client, figures: Figures | None, now: datetime) -> Card:
    """The holdings as a table no wider than a phone."""
    title = f"{client.name} · {_account(client)} · 持仓"
    if figures is None:
        return Card(title=title, text="暂无资金数据")
    rows = tuple(
        (
            f"{h.instrument} {side(h)}",
            str(h.lots),
            text.price(h.last),
            text.short_yuan(h.pnl),
            text.short_yuan(h.margin),
        )
        for h in figures.holdings
    )
    return Card(
        title=title,
        status=figures.level.word,
        tone=TONES[figures.level],
        text="" if rows else "没有持仓",
        facts=_money(figures, distance=False),
        table=Table(("合约", "手", "最新", "盈亏", "保证金"), rows) if rows else None,
        sections=_triggers(figures),
        footer=_data_age(figures, now),
    )


def _triggers(figures: Figures) -> tuple[Section, ...]:
    """Prices of one contract, the others unchanged."""
    lines = [line for h in figures.holdings if (line := _trigger(h))]
    return (Section(title="单个合约到此价，风险度达 100%", text="\n".join(lines)),) if lines else ()


def _trigger(holding: Holding) -> str:
    """rb2701 3,056（再跌 2.1%）; nothing where the price is far away."""
    price, last = holding.price_at_100, holding.last
    if price is None or not last:
        return ""
    move = price / last - 1
    if abs(move) > WORTH_TELLING:
        return ""
    way = "跌" if move < 0 else "涨"
    return f"{holding.instrument} {text.price(price)}（再{way} {text.percent(abs(move), 1)}）"
