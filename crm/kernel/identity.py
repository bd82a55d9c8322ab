"""Validators of the numbers that identify people, units, bank cards and telephones.

Codes and their order follow the rulebook. A number that Excel has damaged is never guessed back.
"""

import csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType

ORDER = (  # of several codes that apply, the first in this order is reported
    "EMPTY",
    "SCIENTIFIC",
    "LENGTH",
    "CHARSET",
    "ALL_SAME",
    "REGION",
    "BIRTHDATE",
    "FUTURE_DATE",
    "TYPE_DIGIT",
    "CHECKSUM",
    "SEGMENT",
    "LEGACY_15",
    "UNDERAGE",
    "TOO_OLD",
    "SEX_MISMATCH",
    "BIRTH_MISMATCH",
    "BIN_UNKNOWN",
)
WARNINGS = frozenset({"LEGACY_15", "BIN_UNKNOWN", "TOO_OLD"})

_PROVINCES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46"
    " 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
)
PROVINCES = frozenset(_PROVINCES.split())
RESIDENCE_PERMIT = frozenset({"81", "82", "83"})  # 港澳台居民居住证
FOREIGN_RESIDENT = "K"  # CTP document type 外国人永久居留证
CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
CITIZEN_CHECKS = "10X98765432"

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I O S V Z
_USCC_TYPES = (
    "11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 52 53 59 61 62 69 71 72 79 81 89"
    " 91 92 93 A1 A9 N1 N2 N3 N9 Y1"
)
USCC_TYPES = frozenset(_USCC_TYPES.split())
USCC_BARRED = frozenset({"11", "12"})  # 机关 and 事业单位 may not open an account
UNIT_CLIENTS = frozenset({"ORG", "FUND", "SPEC", "ASSET", "FOR_ORG"})

IOT_SEGMENTS = frozenset({"140", "141", "144", "146", "148"})
VIRTUAL_SEGMENTS = frozenset({"162", "165", "167", "170", "171"})
ABROAD = re.compile(r"(?:\+|00)(852\d{8}|853\d{8}|886\d{8,10})")  # kept as E.164

INVISIBLE = re.compile("[\\s\u200b-\u200f\ufeff\u00a0\u3000\u2060]")
SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+?\d+")
EXACT_BELOW = 1e15  # Excel keeps fifteen digits


@cache
def shipped_bins() -> Mapping[str, tuple[str, str]]:
    """The small table of card prefixes (seen in several public projects)."""
    text = resources.files("crm.kernel").joinpath("data/bank_bins.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({row["bin"]: (row["bank"], row["kind"]) for row in rows})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a validator found. ``facts`` holds JSON values only."""

    valid: bool
    code: str
    normalized: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known beside the number. ``bins`` maps six digits to (bank, DC or CC)."""

    as_of: date  # the application's date in Shanghai; ages are computed on it
    doc_type: str = "1"  # CTP IdentifiedCardType
    sex: str | None = None
    birth: str | None = None
    opening: bool = False  # an account is being opened: old numbers are refused
    unit: bool = False  # a unit's bank account (对公账号)
    min_age: int = 18
    max_age: int = 70
    bins: Mapping[str, tuple[str, str]] = field(default_factory=shipped_bins)


def normalise(given: object) -> str:
    """``given`` as a number is compared: half width, no blanks or dashes, upper case."""
    if given is None:
        return ""
    text = repr(int(given)) if isinstance(given, float) and given.is_integer() else str(given)
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return text.lstrip("'‘’").replace("-", "").upper()


def damaged(given: object) -> bool:
    """Whether Excel has rounded the number or written it as a power of ten."""
    if isinstance(given, float):
        return not math.isfinite(given) or abs(given) >= EXACT_BELOW
    return SCIENTIFIC.fullmatch(normalise(given)) is not None


def citizen_id(given: object, context: Context) -> Checked:
    """The 18-digit number of GB 11643-1999; a 15-digit one is converted and marked."""
    text = normalise(given)
    if stop := _unreadable(given, text, text[:-1] if len(text) == 18 else text, {15, 18}):
        return stop
    if len(text) == 18 and not (text[-1].isdecimal() or text[-1] == "X"):
        return _checked(["CHARSET"], text)
    legacy = len(text) == 15
    same = ["ALL_SAME"] if len(set(text)) == 1 else []
    if legacy:
        text = f"{text[:6]}19{text[6:]}"
        text += citizen_check(text)
    if context.doc_type == FOREIGN_RESIDENT and text.startswith("9"):
        return _checked(same + _citizen_sum(text), text)  # its inner structure is not published
    codes = same + _citizen_codes(text, context)
    facts = _citizen_facts(text, context.as_of)
    if legacy:
        codes.append("LEGACY_15")
        facts["legacy"] = True
    checked = _checked(codes, text, facts)
    if legacy and context.opening:
        return Checked(valid=False, code=checked.code, normalized=text, facts=checked.facts)
    return checked


def uscc(given: object, context: Context) -> Checked:  # noqa: ARG001 - one shape for all kinds
    """统一社会信用代码 of GB 32100-2015; the embedded organisation code is not checked."""
    text = normalise(given)
    if stop := _unreadable(given, text, text, {18}, USCC_ALPHABET):
        return stop
    codes = ["ALL_SAME"] if len(set(text)) == 1 else []
    if text[:2] not in USCC_TYPES:
        codes.append("TYPE_DIGIT")
    if uscc_check(text) != text[-1]:
        codes.append("CHECKSUM")
    return _checked(codes, text, {"type": text[:2], "may_open": text[:2] not in USCC_BARRED})


def bank_card(given: object, context: Context) -> Checked:
    """A debit card by Luhn and BIN, or a unit's account by length alone."""
    text = normalise(given)
    lengths = range(9, 33) if context.unit else range(13, 20)
    if stop := _unreadable(given, text, text, lengths):
        return stop
    codes = ["ALL_SAME"] if len(set(text)) == 1 else []
    if context.unit:
        return _checked(codes, text, {"unit": True})
    if not luhn(text):
        codes.append("CHECKSUM")
    known = context.bins.get(text[:6])
    if known is None:
        return _checked([*codes, "BIN_UNKNOWN"], text)
    bank, kind = known
    if kind == "CC":
        codes.append("TYPE_DIGIT")
    return _checked(codes, text, {"bank": bank, "card_type": kind})


def mobile(given: object, context: Context) -> Checked:  # noqa: ARG001 - one shape for all kinds
    """A mainland mobile number, or one of Hong Kong, Macao or Taiwan as E.164."""
    text = normalise(given)
    if abroad := ABROAD.fullmatch(text):
        return _checked([], f"+{abroad[1]}", {"abroad": abroad[1][:3]})
    text = _without_country(text)
    if stop := _unreadable(given, text, text, {11}):
        return stop
    codes = ["ALL_SAME"] if len(set(text)) == 1 else []
    if not re.fullmatch(r"1[3-9]\d{9}", text) or text[:3] in IOT_SEGMENTS:
        codes.append("SEGMENT")
    return _checked(codes, text, {"virtual": True} if text[:3] in VIRTUAL_SEGMENTS else {})


VALIDATORS: Mapping[str, Callable[[object, Context], Checked]] = MappingProxyType(
    {"citizen_id": citizen_id, "uscc": uscc, "bank_card": bank_card, "mobile": mobile}
)
ALSO_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "citizen": "citizen_id",
        "id": "citizen_id",
        "id_no": "citizen_id",
        "id_card": "citizen_id",
        "id_number": "citizen_id",
        "身份证": "citizen_id",
        "usci": "uscc",
        "credit_code": "uscc",
        "统一社会信用代码": "uscc",
        "card": "bank_card",
        "银行卡": "bank_card",
        "phone": "mobile",
        "手机": "mobile",
    }
)


def evaluate(
    kind: str, given: object, context: Mapping[str, object] | None = None, *, as_of: date
) -> Checked:
    """The answer of the rulebook's ``identity`` evaluator.

    ``context`` may hold as_of (or application_date), doc_type, sex, birth, opening, unit,
    client_type, min_age, max_age. Raises ValueError for an unknown kind or a malformed context.
    """
    name = kind.lower()
    validator = VALIDATORS.get(ALSO_CALLED.get(name, name))
    if validator is None:
        raise ValueError(f"unknown kind of number: {kind}")
    return validator(given, _context(context or {}, as_of))


def citizen_check(text: str) -> str:
    """The check character that belongs to the first 17 digits of ``text``."""
    total = sum(int(digit) * weight for digit, weight in zip(text, CITIZEN_WEIGHTS, strict=False))
    return CITIZEN_CHECKS[total % 11]


def uscc_check(text: str) -> str:
    """The check character that belongs to the first 17 characters of ``text``."""
    total = sum(USCC_ALPHABET.index(char) * pow(3, i, 31) for i, char in enumerate(text[:17]))
    return USCC_ALPHABET[-total % 31]


def luhn(text: str) -> bool:
    """Whether the digits satisfy the mod 10 sum from the right."""
    digits = [int(char) for char in reversed(text)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


def age_on(birth: date, day: date) -> int:
    """Full years; who is born on 29 February has the birthday on 1 March of a common year."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _unreadable(
    given: object,
    text: str,
    body: str,
    lengths: Iterable[int],
    alphabet: str = "0123456789",
) -> Checked | None:
    if not text:
        return _checked(["EMPTY"], text)
    if damaged(given):
        return _checked(["SCIENTIFIC"], text)
    if len(text) not in lengths:
        return _checked(["LENGTH"], text)
    if not set(body) <= set(alphabet):
        return _checked(["CHARSET"], text)
    return None


def _citizen_codes(text: str, context: Context) -> list[str]:
    codes = [] if text[:2] in PROVINCES else ["REGION"]
    birth = _birth(text)
    if birth is None:
        codes.append("BIRTHDATE")
    elif birth > context.as_of:
        codes.append("FUTURE_DATE")
    elif age_on(birth, context.as_of) < context.min_age:
        codes.append("UNDERAGE")
    elif age_on(birth, context.as_of) > context.max_age:
        codes.append("TOO_OLD")
    codes += _citizen_sum(text)
    if context.sex and _sex_of(context.sex) != _sex(text):
        codes.append("SEX_MISMATCH")
    if context.birth and re.sub(r"\D", "", context.birth) != text[6:14]:
        codes.append("BIRTH_MISMATCH")
    return codes


def _citizen_sum(text: str) -> list[str]:
    return [] if text[-1] == citizen_check(text) else ["CHECKSUM"]


def _citizen_facts(text: str, as_of: date) -> dict[str, object]:
    facts: dict[str, object] = {"province": text[:2], "sex": _sex(text)}
    if (birth := _birth(text)) is not None:
        facts |= {"birth": birth.isoformat(), "age": age_on(birth, as_of)}
    if text[:2] in RESIDENCE_PERMIT:
        facts["residence_permit"] = True
    return facts


def _birth(text: str) -> date | None:
    try:
        return date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return None


def _sex(text: str) -> str:
    return "male" if int(text[16]) % 2 else "female"


def _sex_of(declared: str) -> str:
    return "male" if declared.strip().lower() in {"male", "m", "男", "1"} else "female"


def _without_country(text: str) -> str:
    for prefix in ("+86", "0086", "86"):
        if text.startswith(prefix) and len(text) - len(prefix) == 11:
            return text.removeprefix(prefix)
    return text


def _context(given: Mapping[str, object], as_of: date) -> Context:
    day = given.get("as_of") or given.get("application_date")
    sex, birth = given.get("sex"), given.get("birth") or given.get("birth_date")
    return Context(
        as_of=date.fromisoformat(str(day)[:10]) if day else as_of,
        doc_type=str(given.get("doc_type") or given.get("id_type") or "1"),
        sex=str(sex) if sex else None,
        birth=str(birth) if birth else None,
        opening=bool(given.get("opening")),
        unit=bool(given.get("unit")) or given.get("client_type") in UNIT_CLIENTS,
        min_age=int(str(given.get("min_age", 18))),
        max_age=int(str(given.get("max_age", 70))),
    )


def _checked(
    codes: list[str], normalized: str, facts: Mapping[str, object] | None = None
) -> Checked:
    ordered = sorted(codes, key=ORDER.index)
    found = dict(facts or {})
    if len(ordered) > 1:
        found["codes"] = ordered
    return Checked(
        valid=WARNINGS.issuperset(ordered),
        code=ordered[0] if ordered else "OK",
        normalized=normalized,
        facts=found,
    )
