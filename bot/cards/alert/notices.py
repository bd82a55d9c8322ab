"""Who was told of an alert: by which channel, with what outcome."""

from collections.abc import Mapping, Sequence

from bot.cards import text
from bot.models import OutState
from bot.outbox.deliveries import Delivered
from crm.binding import PLATFORM_WORDS
from risk.models import AlertNotice

STATE_WORDS: Mapping[OutState, str] = {
    OutState.WAITING: "待发送",
    OutState.SENDING: "发送中",
    OutState.SENT: "已送达平台",
    OutState.SUPERSEDED: "已由新内容代替",
    OutState.DROPPED: "收件人已无权限，未发送",
    OutState.HELD: "暂存未发",
    OutState.DEAD: "未送达",
}


def lines(
    notices: Sequence[AlertNotice],
    delivered: Mapping[int, Delivered],
    staff: Mapping[str, str],
) -> list[str]:
    """11-23 14:32 钉钉 风控群 卡片 已送达平台"""
    return [_line(each, delivered.get(each.out_id), staff) for each in notices]


def _line(notice: AlertNotice, delivered: Delivered | None, staff: Mapping[str, str]) -> str:
    who = "群" if notice.place == "group" else staff.get(notice.receiver, notice.receiver)
    platform = PLATFORM_WORDS.get(notice.platform, notice.platform)
    outcome = STATE_WORDS[delivered.state] if delivered else "已归档"
    code = (
        next((each.code for each in reversed(delivered.tries) if each.code), "")
        if (delivered and delivered.state is OutState.DEAD)
        else ""
    )
    return f"{text.moment(notice.at)} {platform} {who} {outcome} {code}".strip()
