"""How the service itself is, as cards for its admins."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import text
from bot.chat.message import Button, Card, Fact, Style, Table, Tone
from bot.chat.ports import Health
from bot.outbox.letters import Backlog, Letter

PAGE = 8
KINDS: Mapping[str, str] = {
    "card": "卡片",
    "update": "卡片更新",
    "text": "文字",
    "markdown": "文字",
    "picture": "图片",
    "document": "文件",
    "message": "收到的消息",
}
PLATFORMS: Mapping[str, str] = {"dingtalk": "钉钉", "wecom": "企业微信"}
CAUSES: Mapping[str, str] = {
    "answered": "已有答复",
    "refused": "平台拒收",
    "retry": "多次重试未成",
    "sent": "已送达，之后被标记",
    "unknown": "结果不明",
}
PARTS: Mapping[str, str] = {
    "store": "数据库",
    "disk": "磁盘",
    "lead": "分工",
    "dingtalk": "钉钉连接",
    "wecom": "企业微信回调",
    "wecom.aibot": "企业微信机器人",
}


def health_card(parts: Mapping[str, Health], now: datetime) -> Card:
    ill = [name for name, part in parts.items() if not part.ok]
    rows = tuple(
        (
            _part(name),
            "正常" if part.ok else "异常",
            _detail(part),
            text.age(part.since, now) if part.since else text.NOTHING,
        )
        for name, part in sorted(parts.items(), key=lambda pair: (pair[1].ok, pair[0]))
    )
    return Card(
        title=f"{len(ill)} 处异常" if ill else "一切正常",
        status="异常" if ill else "正常",
        tone=Tone.RED if ill else Tone.GREEN,
        table=Table(("部分", "状态", "说明", "自"), rows),
        footer=f"截至 {text.clock(now)}",
    )


def _part(name: str) -> str:
    return PARTS.get(name) or name.replace("source.", "数据源 ")


def _detail(part: Health) -> str:
    """What the state does not say already."""
    if part.ok and part.detail.endswith("正常"):
        return text.NOTHING
    return text.cut(part.detail, 30) or text.NOTHING


def sources_card(rows: Sequence[tuple[str, Health, str, str]], now: datetime) -> Card:
    """(name, health, age, limit) each."""
    if not rows:
        return Card(title="没有配置数据源", text="在 qidesk.toml 的 [sources.名字] 里配置")
    ill = sum(not health.ok for _, health, _, _ in rows)
    return Card(
        title=f"{len(rows)} 个数据源" + (f" · {ill} 个异常" if ill else " · 正常"),
        tone=Tone.RED if ill else Tone.GREEN,
        table=Table(
            ("名字", "状态", "最近一次", "时限"),
            tuple(
                (name, "正常" if health.ok else text.cut(health.detail, 30), age, limit)
                for name, health, age, limit in rows
            ),
        ),
        footer=f"截至 {text.clock(now)} · 只在交易时段计时，超过时限算陈旧",
    )


def backlog_card(found: Backlog, now: datetime) -> Card:
    left = found.dead + found.held + found.failed
    oldest = f"，最早 {text.age(found.oldest, now)}" if found.oldest else ""
    facts = (
        Fact("待处理消息", str(found.unheard)),
        Fact("待发送", f"{found.waiting}{oldest}"),
        Fact("发送失败", str(found.dead)),
        Fact("恢复后暂停", str(found.held)),
        Fact("处理失败", str(found.failed)),
    )
    return Card(
        title=f"{left} 条死信" if left else "没有死信",
        tone=Tone.AMBER if left else Tone.GREEN,
        facts=facts,
        buttons=(Button("letters:0", "看死信", Style.PRIMARY),) if left else (),
        footer="发「/系统 死信」看每一条",
    )


def letters_card(
    letters: Sequence[Letter], first: int, names: Mapping[str, str], now: datetime
) -> Card:
    if not letters:
        return Card(title="没有死信", tone=Tone.GREEN)
    first = min(first, (len(letters) - 1) // PAGE * PAGE)
    shown = list(enumerate(letters[first : first + PAGE], start=first + 1))
    after, before = first + PAGE, first - PAGE
    return Card(
        title=f"{len(letters)} 条死信",
        tone=Tone.AMBER,
        table=Table(
            ("", "内容", "给", "原因", "时间"),
            tuple(
                (
                    str(n),
                    KINDS.get(letter.kind, letter.kind),
                    _to(letter, names),
                    text.cut(_cause(letter), 16),
                    text.soon(letter.at, now),
                )
                for n, letter in shown
            ),
        ),
        buttons=(
            *(Button(f"letter:{letter.side}:{letter.id}", str(n)) for n, letter in shown),
            Button("letters_again", "全部重发", confirm=f"重发全部 {len(letters)} 条？"),
            *((Button(f"letters:{after}", "下一页"),) if after < len(letters) else ()),
            *((Button(f"letters:{before}", "上一页"),) if first else ()),
        ),
        footer="点序号看一条；已经过时的卡片更新重发后会自动略过",
    )


def letter_card(letter: Letter, names: Mapping[str, str], now: datetime) -> Card:
    return Card(
        title=f"死信 · {KINDS.get(letter.kind, letter.kind)}",
        tone=Tone.AMBER,
        facts=(
            Fact("平台", PLATFORMS.get(letter.platform, letter.platform)),
            Fact("给", _to(letter, names)),
            Fact("起因", text.cut(letter.why, 40)),
            Fact("原因", _cause(letter)),
            Fact("尝试", f"{letter.attempts} 次"),
            Fact("时间", text.soon(letter.at, now)),
        ),
        buttons=(Button(f"letter_again:{letter.side}:{letter.id}", "重发", Style.PRIMARY),),
        footer="内容不在这里显示",
    )


def _to(letter: Letter, names: Mapping[str, str]) -> str:
    if letter.side == "heard":
        return "期台"
    where = PLATFORMS.get(letter.platform, letter.platform)
    return f"{where} {'群 ' if letter.in_group else ''}{names.get(letter.to, letter.to)}"


def _cause(letter: Letter) -> str:
    if letter.held:
        return "恢复备份后暂停"
    if not letter.code:
        return "处理时出错" if letter.side == "heard" else "没有说明"
    return CAUSES.get(letter.code) or f"平台返回 {letter.code}"
