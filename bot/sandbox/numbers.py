"""Invented numbers that pass the checks which real ones pass."""

from collections.abc import Iterable
from datetime import date
from itertools import cycle
from random import Random

# County codes in use end otherwise: nobody was ever registered under these.
REGIONS = ("330199", "330299", "330499", "330699", "310199", "320599", "340199", "350299")
SEGMENTS = ("133", "135", "136", "137", "138", "139", "150", "151", "152", "157", "158", "159",
            "177", "180", "182", "183", "186", "187", "188", "189", "191", "198")  # fmt: skip
CARDS = ("622202", "621700", "622848", "621661", "622588", "622262")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


def seeded(*words: object) -> Random:
    """The same stream of chance for the same words."""
    return Random(":".join(map(str, words)))  # noqa: S311 - invented data


def citizen_id(random: Random, birthday: date, *, female: bool) -> str:
    """18 digits after GB 11643."""
    sequence = random.randrange(50, 499) * 2 + (0 if female else 1)
    return with_id_check(f"{random.choice(REGIONS)}{birthday:%Y%m%d}{sequence:03d}")


def with_id_check(digits: str) -> str:
    """17 digits with their check character."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, ID_WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def credit_code(random: Random) -> str:
    """统一社会信用代码 of an enterprise, after GB 32100."""
    body = "91" + random.choice(REGIONS) + "".join(random.choices(CREDIT_ALPHABET, k=9))
    values = (CREDIT_ALPHABET.index(character) for character in body)
    total = sum(value * weight for value, weight in zip(values, CREDIT_WEIGHTS, strict=True))
    return body + CREDIT_ALPHABET[-total % 31]


def mobile(random: Random) -> str:
    return f"{random.choice(SEGMENTS)}{random.randrange(10**8):08d}"


def bank_card(random: Random) -> str:
    """19 digits of a debit card, after Luhn."""
    digits = f"{random.choice(CARDS)}{random.randrange(10**12):012d}"
    return f"{digits}{-_luhn(reversed(digits)) % 10}"


def _luhn(from_the_right: Iterable[str]) -> int:
    """The sum with every second digit doubled, beginning beside the check digit."""
    pairs = zip(map(int, from_the_right), cycle((2, 1)), strict=False)
    return sum(sum(divmod(digit * factor, 10)) for digit, factor in pairs)
