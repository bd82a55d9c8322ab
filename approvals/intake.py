"""Which numbers stand in a line that somebody sends for an application."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from approvals.documents import FOREVER, PAPER_WORDS, Field, Paper
from crm.kernel import identity

_LABELS: Sequence[tuple[re.Pattern[str], Field]] = (
    (re.compile(r"(?:身份证|证件|公民身份)(?:号码?|编号)?\s*[:是为]?\s*$"), Field.ID_NUMBER),
    (re.compile(r"(?:手机|电话|联系方式)(?:号码?)?\s*[:是为]?\s*$"), Field.MOBILE),
    (re.compile(r"(?:对公账[号户]|银行账[号户])\s*[:是为]?\s*$"), Field.BANK_ACCOUNT),
    (
        re.compile(r"(?:银行卡|卡号|储蓄卡|借记卡|结算账户)(?:号码?)?\s*[:是为]?\s*$"),
        Field.BANK_CARD,
    ),
    (re.compile(r"(?:统一社会)?信用代码\s*[:是为]?\s*$"), Field.CREDIT_CODE),
)
_DAY = r"(20\d{2}|19\d{2})\s?[-./年]\s?(\d{1,2})\s?[-./月]\s?(\d{1,2})\s?日?"
_TIGHT = r"((?:19|20)\d{2})(0[1-9]|1[0-2])([0-2]\d|3[01])"
_SPAN = re.compile(
    rf"(?:{_DAY}|{_TIGHT})\s*(?:-|至|到|~|—|–)+\s*(?:{_DAY}|{_TIGHT}|(?P<ever>长期))"
)
_UNTIL = re.compile(rf"(?:有效期限?|到期日?|证件期限|有效)?[至到为:是\s]*(?:{_DAY})")
_UNTIL_TIGHT = re.compile(rf"(?:有效期限?|到期日?|证件期限)[至到为:是\s]*{_TIGHT}(?!\d)")
_EVER = re.compile(r"(?:有效期限?|证件期限)?[至到为:是\s]*长期(?:有效)?")
_CODE = re.compile(r"(?<![0-9A-Z])(?=[0-9A-Z]*[A-HJ-NPQRTUWXY])[0-9A-HJ-NPQRTUWXY]{18}(?![0-9A-Z])")
_NUMBER = re.compile(  # in one piece, or in groups as cards and telephones are written
    r"(?<![0-9A-Za-z])(?:"
    r"\d{6}[ \-]\d{8}[ \-]\d{3}[\dXx]"
    r"|\d(?:\.\d+)?[Ee]\+?(?P<power>\d{2})"  # as a spreadsheet writes what it has spoilt
    r"|\+?86[ \-]1\d{10}|\+?\d{2,6}(?:[ \-]\d{2,6})+[Xx]?"
    r"|\+?\d{6,32}[Xx]?"
    r")(?![0-9A-Za-z])"
)
_BLANKS = re.compile(r"[ \-]")
_BIRTH = re.compile(r"(?:19[2-9]|20[0-2])\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])")
_CARD_LENGTHS = range(16, 20)
_PAPERS: Sequence[tuple[re.Pattern[str], Paper]] = (
    (re.compile(r"代理人.*(?:反|背|国徽)"), Paper.AGENT_BACK),
    (re.compile(r"代理人"), Paper.AGENT_FRONT),
    (re.compile(r"(?:身份证|证件|sfz|id).*(?:反|背|国徽|back)|国徽", re.IGNORECASE), Paper.ID_BACK),
    (
        re.compile(r"(?:身份证|证件|sfz|id).*(?:正|人像|front)|人像", re.IGNORECASE),
        Paper.ID_FRONT,
    ),
    (re.compile(r"开户许可|账户证明|bank.?proof", re.IGNORECASE), Paper.BANK_PROOF),
    (re.compile(r"银行卡|储蓄卡|借记卡|card", re.IGNORECASE), Paper.CARD_PHOTO),
    (re.compile(r"执照|license", re.IGNORECASE), Paper.LICENSE),
)


@dataclass(frozen=True, slots=True)
class Given:
    field: Field
    text: str  # as it was written; an expiry as an ISO date or 长期


def read(line: str, wanted: Collection[Field]) -> list[Given]:
    """Every number of the line, in the order it was written. ``wanted``: what the application has
    a place for; it settles what a bare number is."""
    text = unicodedata.normalize("NFKC", line)
    found: list[tuple[int, Given]] = []
    for at, ends, given in (*_expiries(text), *_codes(text, wanted)):
        found.append((at, given))
        text = text[:at] + "\n" * (ends - at) + text[ends:]
    for number in _NUMBER.finditer(text):
        shape = "1" * (int(number["power"]) + 1) if number["power"] else number[0]
        given = Given(_field(text[: number.start()], shape, wanted), number[0])
        found.append((number.start(), given))
    return [given for _, given in sorted(found, key=lambda pair: pair[0])]


def paper_named(name: str, wanted: Collection[Paper]) -> Paper | None:
    """The paper that a file's name or a line speaks of."""
    said = unicodedata.normalize("NFKC", name)
    exact = next((paper for paper in wanted if PAPER_WORDS[paper] in said), None)
    if exact is not None:
        return exact
    return next(
        (paper for pattern, paper in _PAPERS if paper in wanted and pattern.search(said)), None
    )


def _expiries(text: str) -> Iterator[tuple[int, int, Given]]:
    """At most one: the end of a span, else a date or 长期."""
    for pattern in (_SPAN, _UNTIL, _UNTIL_TIGHT, _EVER):
        match = pattern.search(text)
        if match is None:
            continue
        yield match.start(), match.end(), Given(Field.ID_EXPIRES, _until(match))
        return


def _until(match: re.Match[str]) -> str:
    """Also of a day that there is not: it is refused when it is to be kept."""
    parts = [part for part in match.groups() if part]
    if not parts or parts[-1] == FOREVER:
        return FOREVER
    year, month, day = parts[-3:]
    return f"{year}-{int(month):02d}-{int(day):02d}"


def _codes(text: str, wanted: Collection[Field]) -> Iterator[tuple[int, int, Given]]:
    """A company's code has letters other than a last X."""
    if Field.CREDIT_CODE not in wanted:
        return
    match = _CODE.search(text.upper())
    if match and not re.fullmatch(r"\d{17}X", match[0]):
        yield match.start(), match.end(), Given(Field.CREDIT_CODE, match[0])


def _field(before: str, number: str, wanted: Collection[Field]) -> Field:
    """By its label, else by its shape."""
    lead = before[-16:]
    for label, field in _LABELS:
        if label.search(lead):
            if field is Field.BANK_CARD and field not in wanted:
                return Field.BANK_ACCOUNT
            return field
    digits = _BLANKS.sub("", number).upper()
    if Field.BANK_CARD not in wanted:
        return _of_company(digits)
    return _of_person(digits)


def _of_person(digits: str) -> Field:
    if _is_mobile(digits):
        return Field.MOBILE
    if len(digits) == 18 and identity.citizen_check(digits[:17]) == digits[17]:
        return Field.ID_NUMBER
    if len(digits) in _CARD_LENGTHS and digits.isdecimal() and identity.luhn(digits):
        return Field.BANK_CARD
    if digits.endswith("X") or len(digits) == 15 or _holds_birth(digits):
        return Field.ID_NUMBER
    if len(digits) == 18 and not digits.startswith("62"):
        return Field.ID_NUMBER
    return Field.BANK_CARD if len(digits) > 12 else Field.MOBILE


def _of_company(digits: str) -> Field:
    if _is_mobile(digits):
        return Field.MOBILE
    return Field.CREDIT_CODE if len(digits) == 18 and digits[0] in "1359" else Field.BANK_ACCOUNT


def _is_mobile(digits: str) -> bool:
    local = re.sub(r"^(?:\+86|0086|86)(?=1\d{10}$)", "", digits)
    return len(local) == 11 and local.startswith("1")


def _holds_birth(digits: str) -> bool:
    """Whether a date of birth stands where an identity number has it."""
    if not 16 <= len(digits) <= 19 or digits[:2] not in identity.PROVINCES:
        return False
    return _BIRTH.match(digits, 6) is not None
