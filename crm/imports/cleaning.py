"""One cleaner per kind of cell: a value, or the reason why there is none.

Nothing is ever evaluated or guessed back: what Excel has damaged is refused.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from crm.imports.table import Cell, Formula
from crm.kernel import identity
from crm.kernel.money import yuan

ERROR_CELLS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
DASHES = frozenset({"-", "--", "---", "—", "——", "–", "/", "无", "N/A"})  # typed for "nothing"
INVISIBLE = re.compile("[\u200b-\u200f\ufeff\u2060]")
PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
CJK = "\u3400-\u9fff\ue000-\uf8ff\U00020000-\U0003ffff"
GAP_IN_NAME = re.compile(f"(?<=[{CJK}])\\s+(?=[{CJK}])")

LONGEST_NAME, LONGEST_WORD = 128, 64  # characters, as the tables have them
LONGEST_TEXT = 4000

ACCOUNT = re.compile(r"[0-9A-Z]+")
ACCOUNT_LENGTHS = range(3, 21)
POINT_ZERO = re.compile(r"(\d{1,15})\.0+")  # how other programs write whole numbers

EPOCH = date(1899, 12, 30)  # Excel's day 0 of the 1900 system
SHIFT_1904 = 1462  # days between the two systems
SERIALS = range(20_000, 60_001)
DATE = re.compile(
    r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日?|(\d{2})(\d{2}))"
    r"(?:[T ]?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
AMBIGUOUS_DATE = re.compile(
    r"(?:\d{1,2}([-/.])\d{1,2}\1(?:\d{1,2}|\d{4})|\d{2}年\d{1,2}月\d{1,2}日?|\d{6})"
    r"(?: ?\d{1,2}:\d{2}(?::\d{2})?)?"
)

UNITS = {"": 1, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8}
AMOUNT = re.compile(
    r"(?P<before>[-+]?)(?:¥|CNY|RMB|人民币)?(?P<inner>[-+]?)"
    r"(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?P<power>E[-+]?\d{1,2})?"
    r"(?P<unit>百万|千万|千|万|亿)?元?(?P<after>-?)"
)
RATIO = re.compile(r"(-?\d+(?:,\d{3})*(?:\.\d+)?)(%?)")
MOST_RATIO = 3  # a column of nothing larger holds fractions, else percent

PHONE_BREAKS = re.compile(r"[/,、;|\\\n]|或|和|(?<=\d{11})\s+")
MOBILE_INSIDE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d(?:[- ]?\d{4}){2})(?!\d)")
LANDLINE = re.compile(r"(?:\+?86)?(?:0\d{2,3})?\d{7,8}(?:(?:转|EXT\.?|X)\d{1,6})?|[48]00\d{7}")

NAME_NOTE = re.compile(r"(.+?)\(([^()]*)\)")
NAME_NUMBER = re.compile(r"(.*?\D)[\s:：]*(\+?\d[\d\s-]{6,}\d)")
LEGAL_FORMS = re.compile(r"(?:有限|普通|特殊普通)合伙|集团|中国|香港|个人独资|筹")  # part of a name
DOTS = re.compile(f"(?<=[{CJK}])\\s*[·•・．.‧∙]\\s*(?=[{CJK}])")

LEVELS = {"保守": "C1", "谨慎": "C2", "稳健": "C3", "积极": "C4", "激进": "C5"}
LEVEL = re.compile(r"(C[1-5](?:[-_]MIN)?)?\(?((?:保守|谨慎|稳健|积极|激进)型?)?\)?")
STATUSES = {
    "normal": "正常 活跃 有效 开户",
    "dormant": "休眠 休眠户 已休眠",
    "closed": "销户 已销户 注销 已注销",
    "frozen": "冻结 已冻结",
    "restricted": "限制 限制交易 受限 已限制",
}
CLIENT_TYPES = {
    "IND": "IND 个人 自然人 个人户 个人客户",
    "ORG": "ORG 机构 法人 单位 一般法人 一般单位 企业 公司 机构户 法人户 机构客户 法人客户",
    "FUND": "FUND 投资基金 基金",
    "SPEC": "SPEC 特殊单位 特殊法人",
    "ASSET": "ASSET 资管户 资管 资管产品",
    "FOR_IND": "FOR_IND 境外个人",
    "FOR_ORG": "FOR_ORG 境外机构",
}
ID_TYPES = {  # CTP IdentifiedCardType
    "0": "组织机构代码 组织机构代码证",
    "1": "身份证 居民身份证 中国公民身份证 二代身份证 二代证",
    "2": "军官证",
    "3": "警官证",
    "4": "士兵证",
    "5": "户口簿 户口本",
    "6": "护照",
    "7": "台胞证",
    "8": "回乡证",
    "9": "营业执照 营业执照号",
    "A": "税务登记号 税务登记证",
    "B": "港澳居民来往内地通行证 港澳通行证",
    "C": "台湾居民来往大陆通行证",
    "G": "当地身份证",
    "H": "商业登记证",
    "I": "港澳永久性居民身份证",
    "K": "外国人永久居留证 外国人永久居留身份证",
    "L": "资管产品备案函",
    "M": "港澳台居民居住证 港澳台居住证",
    "N": "统一社会信用代码 社会信用代码",
    "O": "机构成立证明文件",
    "x": "其他证件 其他",
}
CITIZEN_LIKE = frozenset({"1", "M"})
OTHER_DOCUMENT = re.compile(r"[0-9A-Z()/.号第字\u4e00-\u9fff]{3,40}")


class BadCell(Exception):
    """The cell holds no value that we may use; ``code`` is the rulebook's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name without the notes that people write beside it."""

    name: str
    remark: str | None = None
    mobile: str | None = None
    status: str | None = None

    @property
    def split(self) -> bool:
        return bool(self.remark or self.mobile or self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An identity document's number and what is worth knowing of it."""

    id_type: str
    id_no: str
    warnings: tuple[str, ...] = ()


def plain(cell: Cell) -> str:
    """A cell as text: no invisible characters, no leading apostrophe. Never raises."""
    match cell:
        case None:
            return ""
        case Formula(text):
            return text
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta() | int() | float():
            return str(cell)
    return INVISIBLE.sub("", cell).replace("\u00a0", " ").strip().removeprefix("'").strip()


def compact(cell: Cell) -> str:
    """A cell as codes and words are compared: half width, no blanks, upper case."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", checked(cell))).upper()


def checked(cell: Cell) -> str:
    """A cell as text. Raises BadCell for an error value or a formula never calculated."""
    text = plain(cell)
    if isinstance(cell, Formula) or text.upper() in ERROR_CELLS:
        raise BadCell("CELL_ERROR")
    return text


def free_text(cell: Cell, most: int = LONGEST_TEXT) -> str | None:
    """Words for people; a formula is kept as the text that it is."""
    text = plain(cell) if isinstance(cell, Formula) else checked(cell)
    if len(text) > most:
        raise BadCell("TOO_LONG")
    return text or None


def word(cell: Cell) -> str | None:
    """A short free text."""
    return free_text(cell, LONGEST_WORD)


def fund_account(cell: Cell) -> str:
    text = _number_text(cell)
    if not text or text in DASHES:
        raise BadCell("REQUIRED")
    if not ACCOUNT.fullmatch(text) or text.isalpha():
        raise BadCell("CHARSET")
    if len(text) not in ACCOUNT_LENGTHS:
        raise BadCell("LENGTH")
    return text


def trading_code(cell: Cell) -> tuple[str, bool] | None:
    """Client number of 8, or 12 digits with the member's; and whether lost zeros were added."""
    text = _number_text(cell)
    if not text or text in DASHES:
        return None
    if not re.fullmatch(r"[0-9]+", text):
        raise BadCell("CHARSET")
    padded = not isinstance(cell, str) and len(text) < 8
    if padded:
        text = text.zfill(8)
    if len(text) not in (8, 12):
        raise BadCell("LENGTH")
    return text, padded


def name(cell: Cell) -> Name:
    """Brackets and numbers behind a name become remark, status and mobile."""
    text = " ".join(unicodedata.normalize("NFKC", checked(cell)).split())
    remarks: list[str] = []
    status = mobile = None
    while found := NAME_NUMBER.fullmatch(text) or NAME_NOTE.fullmatch(text):
        note = found[2].strip()
        number = _is_mobile(note)
        if LEGAL_FORMS.fullmatch(note) or not (number or text.endswith(")")):
            break
        text = found[1].strip()
        mobile = mobile or number
        status = status or status_word(note)
        if note and not number:
            remarks.insert(0, note)
    text = DOTS.sub("·", GAP_IN_NAME.sub("", text))
    if not text or text in DASHES:
        raise BadCell("REQUIRED")
    if len(text) > LONGEST_NAME:
        raise BadCell("TOO_LONG")
    shown = text.replace("(", "（").replace(")", "）") if re.search(f"[{CJK}]", text) else text
    return Name(name=shown, remark="；".join(remarks) or None, mobile=mobile, status=status)


def has_private_use(text: str) -> bool:
    """Whether the name holds characters that the real-name check does not know."""
    return PRIVATE_USE.search(text) is not None


def phones(cell: Cell, *, landlines: bool) -> tuple[list[str], list[str]]:
    """The mobiles of a cell and its other contacts, in order.

    Without a mobile the cell is refused, unless ``landlines`` will do.
    """
    if isinstance(cell, float | int | date):
        mobile, problem = _mobile(cell)
        if mobile is None:
            raise BadCell(problem)
        return [mobile], []
    text = unicodedata.normalize("NFKC", checked(cell))
    if not text or text in DASHES:
        return [], []
    mobiles: list[str] = []
    others: list[str] = []
    problems: list[str] = []
    for part in filter(None, map(str.strip, PHONE_BREAKS.split(text))):
        mobile, problem = _mobile(part)
        if mobile is not None:
            mobiles.append(mobile)
            continue
        inside = MOBILE_INSIDE.search(part)
        if inside and (mobile := _is_mobile(inside[1])):
            mobiles.append(mobile)
        others.append(part)
        problems.append(problem)
    if not mobiles and not (landlines and all(map(_is_landline, others))):
        raise BadCell(problems[0] if problems else "EMPTY")
    return list(dict.fromkeys(mobiles)), others


def document(
    cell: Cell, *, id_type: str | None, assumed: str | None, unit: bool, today: date
) -> Document | None:
    """An identity document; ``id_type`` is the row's word, ``assumed`` the heading's."""
    if isinstance(cell, int | float) and identity.damaged(float(cell)):
        raise BadCell("SCIENTIFIC")
    if isinstance(cell, int | float | date | time | timedelta):
        raise BadCell("CHARSET")  # Excel has made a number or a date of it
    text = identity.normalise(checked(cell))
    if not text or plain(cell) in DASHES:
        return None
    if identity.damaged(text):
        raise BadCell("SCIENTIFIC")
    context = identity.Context(as_of=today)
    kind = id_type or _kind_of(text, assumed, unit, context)
    if kind in CITIZEN_LIKE or (kind == identity.FOREIGN_RESIDENT and len(text) == 18):
        context = identity.Context(as_of=today, doc_type=kind)
        return _document(kind, identity.citizen_id(text, context))
    if kind == "N" or (kind == "9" and len(text) == 18):
        return _document("N", identity.uscc(text, context))
    if not OTHER_DOCUMENT.fullmatch(text):
        raise BadCell("CHARSET" if len(text) > 2 else "LENGTH")
    return Document(id_type=kind, id_no=text)


def bank_card(cell: Cell, *, unit: bool, today: date) -> str | None:
    if isinstance(cell, date | time | timedelta):
        raise BadCell("CHARSET")
    text = checked(cell)
    if not text or text in DASHES:
        return None
    found = identity.bank_card(_as_float(cell), identity.Context(as_of=today, unit=unit))
    if not found.valid:
        raise BadCell(_failing(found))
    return found.normalized


def day(cell: Cell, *, date1904: bool = False, two_digit_years: bool = False) -> date | None:
    """A date, or None for an empty cell. Two-digit years are refused unless asked for."""
    match cell:
        case datetime():
            return cell.date()
        case date():
            return cell
        case time() | timedelta():
            raise BadCell("DATE_INVALID")
    text = unicodedata.normalize("NFKC", checked(cell)).strip()
    if not text or text in DASHES:
        return None
    if re.fullmatch(r"\d{5}(\.\d+)?", text):
        return _from_serial(int(float(text)), date1904)
    if found := DATE.fullmatch(text):
        return _date(*(int(part) for i, part in enumerate(found.groups()) if part and i != 1))
    if AMBIGUOUS_DATE.fullmatch(text):
        parts = re.findall(r"\d+", text)
        if two_digit_years and len(parts) >= 3 and len(parts[2]) < 3:
            return _date(2000 + int(parts[0]), int(parts[1]), int(parts[2]))
        raise BadCell("DATE_AMBIGUOUS")
    raise BadCell("DATE_INVALID")


def amount(cell: Cell) -> Decimal | None:
    """Yuan to the fen; None for an empty cell or a dash."""
    if isinstance(cell, date | time | timedelta):
        raise BadCell("AMOUNT_INVALID")
    if isinstance(cell, int | float):
        return yuan(_decimal(repr(cell)))
    text = compact(cell).replace("−", "-")  # the typographic one
    if not text or text in DASHES:
        return None
    negative = False
    if inner := re.fullmatch(r"(¥?)\(([^-+]+)\)(元?)", text):
        negative = True
        text = inner[1] + inner[2] + inner[3]
    found = AMOUNT.fullmatch(text)
    if not found or sum(map(bool, (found["before"], found["inner"], found["after"]))) > 1:
        raise BadCell("AMOUNT_INVALID")
    negative ^= "-" in (found["before"], found["inner"], found["after"])
    value = _decimal(found["figure"].replace(",", "") + (found["power"] or ""))
    value *= UNITS[found["unit"] or ""]
    return yuan(-value if negative else value)


def ratio(cell: Cell, *, percent: bool) -> Decimal | None:
    """A fraction (1 = 100 %); ``percent`` says what bare numbers of the column mean."""
    if (found := _ratio_parts(cell)) is None:
        return None
    value, marked = found
    return value / 100 if marked or percent else value


def means_percent(cells: Iterable[Cell]) -> bool:
    """Whether the bare numbers of a column are percent: not all of them are at most 3."""
    for cell in cells:
        try:
            found = _ratio_parts(cell)
        except BadCell:
            continue
        if found and not found[1] and found[0] > MOST_RATIO:
            return True
    return False


def level(cell: Cell) -> str | None:
    """C1_MIN or C1 … C5."""
    text = compact(cell)
    if not text or text in DASHES:
        return None
    found = LEVEL.fullmatch(text)
    if not found:
        raise BadCell("UNKNOWN_ENUM")
    code, word = found.groups()
    named = LEVELS[word[:2]] if word else None
    if code and named and code[:2] != named:
        raise BadCell("UNKNOWN_ENUM")
    return code.replace("-", "_") if code else named


def status(cell: Cell) -> str | None:
    return _enum(cell, STATUS_OF)


def status_word(text: str) -> str | None:
    """The status that a note beside a name tells, if it is one."""
    return STATUS_OF.get(text.strip())


def client_type(cell: Cell) -> str | None:
    return _enum(cell, CLIENT_TYPE_OF)


def id_type(cell: Cell) -> str | None:
    return _enum(cell, ID_TYPE_OF)


def tags(cell: Cell) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", free_text(cell) or "")
    parts = [part.strip() for part in re.split(r"[,、;/|\s#]+", text)]
    if any(len(part) > LONGEST_WORD for part in parts):
        raise BadCell("TOO_LONG")
    return tuple(dict.fromkeys(part for part in parts if part and part not in DASHES))


def _inverted(words: dict[str, str]) -> dict[str, str]:
    return {word.upper(): value for value, many in words.items() for word in many.split()}


STATUS_OF = _inverted(STATUSES)
CLIENT_TYPE_OF = _inverted(CLIENT_TYPES)
ID_TYPE_OF = _inverted(ID_TYPES) | {code.upper(): code for code in ID_TYPES}


def _enum(cell: Cell, known: dict[str, str]) -> str | None:
    text = compact(cell)
    if not text or text in DASHES:
        return None
    if text not in known:
        raise BadCell("UNKNOWN_ENUM")
    return known[text]


def _number_text(cell: Cell) -> str:
    """A code that people may have typed as a number."""
    if isinstance(cell, int | float):
        if identity.damaged(float(cell)):
            raise BadCell("SCIENTIFIC")
        if cell != int(cell):
            raise BadCell("CHARSET")
    text = compact(cell)
    if identity.damaged(text):
        raise BadCell("SCIENTIFIC")
    whole = POINT_ZERO.fullmatch(text)
    return whole[1] if whole else text


def _as_float(cell: Cell) -> object:
    """Numbers of a sheet are doubles, however many digits the file spells out."""
    if isinstance(cell, int):
        return float(cell)
    whole = POINT_ZERO.fullmatch(compact(cell)) if isinstance(cell, str) else None
    return whole[1] if whole else cell


def _mobile(given: Cell) -> tuple[str | None, str]:
    found = identity.mobile(_as_float(given), identity.Context(as_of=date.max))
    return (found.normalized if found.valid else None), found.code


def _is_mobile(text: str) -> str | None:
    return _mobile(text)[0]


def _is_landline(text: str) -> bool:
    return (
        LANDLINE.fullmatch(identity.normalise(re.sub(r"\([^()]*\D[^()]*\)", "", text))) is not None
    )


def _kind_of(text: str, assumed: str | None, unit: bool, context: identity.Context) -> str:
    """The kind of a document by its number, where nobody has said it."""
    if identity.uscc(text, context).valid and not identity.citizen_id(text, context).valid:
        return "N"
    if assumed:
        return assumed
    letters = not text[:-1].isdecimal() or text[-1] not in "0123456789X"
    return "N" if unit or letters or text.startswith("9") else "1"


def _document(kind: str, found: identity.Checked) -> Document:
    if not found.valid:
        raise BadCell(_failing(found))
    codes = found.facts.get("codes", [found.code])
    warnings = [str(code) for code in codes if code != "OK"] if isinstance(codes, list) else []
    return Document(id_type=kind, id_no=found.normalized, warnings=tuple(warnings))


def _failing(found: identity.Checked) -> str:
    codes = found.facts.get("codes", [found.code])
    every = codes if isinstance(codes, list) else [found.code]
    return next(code for code in every if code not in identity.WARNINGS)


def _from_serial(serial: int, date1904: bool) -> date:
    serial += SHIFT_1904 if date1904 else 0
    if serial not in SERIALS:
        raise BadCell("DATE_INVALID")
    return EPOCH + timedelta(days=serial)


def _date(year: int, month: int, number: int) -> date:
    try:
        found = date(year, month, number)
    except ValueError as error:
        raise BadCell("DATE_INVALID") from error
    if not 1900 <= year <= 2100:
        raise BadCell("DATE_INVALID")
    return found


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise BadCell("AMOUNT_INVALID") from error
    if not value.is_finite() or abs(value) >= 10**16:
        raise BadCell("AMOUNT_INVALID")
    return value


def _ratio_parts(cell: Cell) -> tuple[Decimal, bool] | None:
    if isinstance(cell, date | time | timedelta):
        raise BadCell("AMOUNT_INVALID")
    if isinstance(cell, int | float):
        return _decimal(repr(cell)), False
    text = compact(cell)
    if not text or text in DASHES:
        return None
    if not (found := RATIO.fullmatch(text)):
        raise BadCell("AMOUNT_INVALID")
    return _decimal(found[1].replace(",", "")), bool(found[2])
