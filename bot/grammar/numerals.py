"""Numbers as Chinese writes them: 12, 三十二, 两百零五, 1.2, 三点五."""

from decimal import Decimal

# bounded, so that no line of numerals is read in quadratic time
NUMERAL = (
    r"(?:\d{1,18}(?:\.\d{1,8})?"
    r"|[零〇一二两三四五六七八九十百千廿卅]{1,14}(?:点[零一二三四五六七八九]{1,8})?)"
)
WHOLE = r"(?:\d{1,8}|[零〇一二两三四五六七八九十百廿卅]{1,8})"

_DIGITS = {char: n for n, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_LONGEST = 18  # digits; more is no quantity that people name


def number(words: str) -> Decimal | None:
    """The value of a numeral; None when it does not read as one."""
    if words[:1].isdecimal():
        return Decimal(words) if len(words) <= _LONGEST else None
    whole, point, fraction = words.partition("点")
    value = _whole(whole)
    if value is None or not point:
        return None if value is None else Decimal(value)
    return Decimal(f"{value}.{''.join(str(_DIGITS[char]) for char in fraction)}")


def count(words: str) -> int | None:
    """The value of a numeral without a fraction."""
    value = number(words)
    return int(value) if value is not None and value == int(value) else None


def _whole(words: str) -> int | None:
    """二十三, 一百零五, 二三 (as digits: 23), 两百五 (250)."""
    words = words.replace("廿", "二十").replace("卅", "三十")
    if not words:
        return None
    if all(char in _DIGITS for char in words):
        return (
            int("".join(str(_DIGITS[char]) for char in words)) if len(words) <= _LONGEST else None
        )
    total, digit, last_unit = 0, None, 10
    for char in words:
        if char in _UNITS:
            last_unit = _UNITS[char]
            total += (1 if digit is None else digit) * last_unit
            digit = None
        else:
            digit = _DIGITS[char]
            if char in "零〇":
                last_unit = 10
    if digit:
        total += digit * (last_unit // 10)
    return total
