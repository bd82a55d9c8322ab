"""How figures, moments and names read. The only place that formats money and time for people."""

from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from bot.chat.message import Audience
from crm.kernel import masks
from crm.kernel.clock import SHANGHAI

WAN = Decimal(10_000)
YI = Decimal(100_000_000)
WEEKDAYS = "一二三四五六日"
MINUS = "−"
NOTHING = "—"


def short_yuan(value: Decimal | None) -> str:
    """For cards: 万 and 亿 with two decimals, below 万 to the fen; whole figures without any."""
    if value is None:
        return NOTHING
    size = abs(value)
    if _hundredths(size / WAN) >= WAN:  # as it will be shown: 9999.9999万 is 1亿
        text = _trim(size / YI) + "亿"
    elif size >= WAN:
        text = _trim(size / WAN) + "万"
    else:
        text = f"{size:,.2f}".removesuffix(".00")
    return _signed(value, text)


def need_yuan(value: Decimal) -> str:
    """What is lacking, where every character counts: 2.79万, and below 万 whole yuan rounded up."""
    return short_yuan(value) if value >= WAN else f"{value.to_integral_value(ROUND_CEILING):,}"


def full_yuan(value: Decimal | None) -> str:
    """For tables and documents: 14,200.00."""
    return NOTHING if value is None else _signed(value, f"{abs(value):,.2f}")


def percent(value: Decimal | None, places: int = 2) -> str:
    """A ratio as percent; None is a ratio over nothing."""
    if value is None:
        return NOTHING
    exact = (value * 100).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return _signed(exact, f"{abs(exact):f}%")


def points(value: Decimal) -> str:
    """A change of a ratio in percentage points, with its arrow; nothing when it rounds to none."""
    exact = (value * 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    if exact == 0:
        return ""
    return f"{'▲' if exact > 0 else '▼'}{abs(exact)}"


def price(value: Decimal | None) -> str:
    return NOTHING if value is None else f"{value.normalize():f}"


def moment(at: datetime) -> str:
    """11-23 14:35"""
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"


def due(at: datetime, now: datetime) -> str:
    """12-02（周三）09:00; the year too when it is another one."""
    local = at.astimezone(SHANGHAI)
    year = "" if local.year == now.astimezone(SHANGHAI).year else f"{local.year}-"
    return f"{year}{local:%m-%d}（周{WEEKDAYS[local.weekday()]}）{local:%H:%M}"


def soon(at: datetime, now: datetime) -> str:
    """今天 20:48, 明天 09:00, 11-27 周五 09:00; the year instead of the weekday in another one."""
    local = at.astimezone(SHANGHAI)
    today = now.astimezone(SHANGHAI).date()
    if local.date() - today in _NEAR_DAYS:
        return f"{_NEAR_DAYS[local.date() - today]} {local:%H:%M}"
    if local.year != today.year:
        return f"{local:%Y-%m-%d %H:%M}"
    return f"{local:%m-%d} 周{WEEKDAYS[local.weekday()]} {local:%H:%M}"


_NEAR_DAYS = {timedelta(0): "今天", timedelta(1): "明天"}


def day(value: date) -> str:
    """11-19"""
    return f"{value:%m-%d}"


def age(at: datetime, now: datetime) -> str:
    """3 秒前"""
    passed = max(now - at, timedelta(0))
    if passed < timedelta(minutes=1):
        return f"{int(passed.total_seconds())} 秒前"
    if passed < timedelta(hours=1):
        return f"{int(passed.total_seconds() // 60)} 分钟前"
    if passed < timedelta(days=1):
        return f"{int(passed.total_seconds() // 3600)} 小时前"
    return f"{passed.days} 天前"


def echo(words: str, length: int, audience: Audience) -> str:
    """What somebody just said, in one line; outside a private chat without personal numbers."""
    return cut(words if audience is Audience.PRIVATE else masks.numbers(words), length)


def quote(words: str, length: int, audience: Audience) -> str:
    """What somebody wrote, like ``echo``; it may hold names, so nothing in an ordinary group."""
    return "" if audience is Audience.GROUP else echo(words, length, audience)


def cut(text: str, length: int) -> str:
    """``text`` in one line of at most ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _trim(value: Decimal) -> str:
    return f"{_hundredths(value):f}".removesuffix(".00")


def _hundredths(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _signed(value: Decimal, text: str) -> str:
    return f"{MINUS}{text}" if value < 0 else text


def clock(at: datetime) -> str:
    """14:32:07"""
    return f"{at.astimezone(SHANGHAI):%H:%M:%S}"
