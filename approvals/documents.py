"""What an application consists of: the numbers, the papers, and how an arriving one is judged."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from approvals.flow import Limits
from crm.kernel import identity
from crm.kernel.errors import UserError
from crm.kernel.identity import Checked, Context


class Field(StrEnum):
    ID_NUMBER = "id_number"
    ID_EXPIRES = "id_expires"
    MOBILE = "mobile"
    BANK_CARD = "bank_card"
    CREDIT_CODE = "credit_code"  # 统一社会信用代码
    BANK_ACCOUNT = "bank_account"  # 对公账号


class Paper(StrEnum):
    ID_FRONT = "id_front"
    ID_BACK = "id_back"
    CARD_PHOTO = "card_photo"
    LICENSE = "license"
    AGENT_FRONT = "agent_front"
    AGENT_BACK = "agent_back"
    BANK_PROOF = "bank_proof"


FIELD_WORDS: Mapping[Field, str] = {
    Field.ID_NUMBER: "证件号码",
    Field.ID_EXPIRES: "证件有效期",
    Field.MOBILE: "手机号",
    Field.BANK_CARD: "银行卡",
    Field.CREDIT_CODE: "信用代码",
    Field.BANK_ACCOUNT: "对公账号",
}
PAPER_WORDS: Mapping[Paper, str] = {
    Paper.ID_FRONT: "身份证正面",
    Paper.ID_BACK: "身份证反面",
    Paper.CARD_PHOTO: "银行卡照片",
    Paper.LICENSE: "营业执照",
    Paper.AGENT_FRONT: "代理人证正面",
    Paper.AGENT_BACK: "代理人证反面",
    Paper.BANK_PROOF: "开户许可证",
}
FOREVER = "长期"
SPOILT = "号码被表格软件改成了科学计数，末几位已丢失，请照原件输入"

_ID_SAYS: Mapping[str, str] = {
    "LENGTH": "身份证号码应为 18 位，收到 {length} 位",
    "CHARSET": "身份证号码里有不该有的字符",
    "ALL_SAME": "身份证号码不能全是同一个数字",
    "REGION": "身份证号码前两位不是有效的地区代码",
    "BIRTHDATE": "身份证号码里的出生日期不存在",
    "FUTURE_DATE": "身份证号码里的出生日期在将来",
    "CHECKSUM": "身份证号码最后一位校验不对，请核对有没有输错",
    "LEGACY_15": "15 位的旧号码不能用于开户，请提供 18 位号码",
    "UNDERAGE": "客户未满 {min_age} 周岁，不能开户",
}
_MOBILE_SAYS: Mapping[str, str] = {
    "LENGTH": "手机号应为 11 位，收到 {length} 位",
    "CHARSET": "手机号里有不该有的字符",
    "ALL_SAME": "手机号不能全是同一个数字",
    "SEGMENT": "这不是可用的手机号段，请核对",
}
_CARD_SAYS: Mapping[str, str] = {
    "LENGTH": "银行卡号应为 13 到 19 位，收到 {length} 位",
    "CHARSET": "银行卡号里有不该有的字符",
    "ALL_SAME": "银行卡号不能全是同一个数字",
    "CHECKSUM": "银行卡号校验不对，请核对有没有输错",
    "TYPE_DIGIT": "这是信用卡，开户要用借记卡",
}
_CODE_SAYS: Mapping[str, str] = {
    "LENGTH": "统一社会信用代码应为 18 位，收到 {length} 位",
    "CHARSET": "统一社会信用代码里有不该有的字符（没有 I、O、S、V、Z）",
    "ALL_SAME": "统一社会信用代码不能全是同一个字符",
    "TYPE_DIGIT": "统一社会信用代码前两位不是有效的机构类别",
    "CHECKSUM": "统一社会信用代码最后一位校验不对，请核对有没有输错",
}
_SAYS: Mapping[Field, Mapping[str, str]] = {
    Field.ID_NUMBER: _ID_SAYS,
    Field.MOBILE: _MOBILE_SAYS,
    Field.BANK_CARD: _CARD_SAYS,
    Field.CREDIT_CODE: _CODE_SAYS,
    Field.BANK_ACCOUNT: {"LENGTH": "对公账号应为 9 到 32 位，收到 {length} 位"},
}


class WrongNumber(UserError):
    say = "{why}"


class BarredUnit(WrongNumber):
    say = "机关和事业单位不能开立期货账户"


class WrongPaper(UserError):
    say = "没有收下「{name}」：{why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFacts:
    """Pixels are 0 for a document."""

    size: int
    width: int = 0
    height: int = 0


def check_field(field: Field, given: str, day: date, limits: Limits) -> Checked:
    """``given`` by its rules on the application's day; an expiry's facts hold nothing."""
    context = Context(
        as_of=day,
        opening=True,
        unit=field is Field.BANK_ACCOUNT,
        min_age=limits.min_age,
        max_age=limits.max_age,
    )
    match field:
        case Field.ID_NUMBER:
            return identity.citizen_id(given, context)
        case Field.MOBILE:
            return identity.mobile(given, context)
        case Field.BANK_CARD | Field.BANK_ACCOUNT:
            return identity.bank_card(given, context)
        case Field.CREDIT_CODE:
            return identity.uscc(given, context)
        case Field.ID_EXPIRES:
            return Checked(valid=True, code="OK", normalized=given, facts={})


def accept(field: Field, given: str, day: date, limits: Limits) -> str:
    """The number as it is kept. Raises WrongNumber with what is wrong."""
    checked = check_field(field, given, day, limits)
    if field is Field.ID_EXPIRES:
        return _accept_expiry(given, day)
    if not checked.valid:
        says = _SAYS[field].get(checked.code, "这个号码不对，请核对后重发")
        if checked.code == "SCIENTIFIC":
            says = SPOILT
        length = len(checked.normalized)
        raise WrongNumber(why=says.format(length=length, min_age=limits.min_age))
    if field is Field.CREDIT_CODE and not checked.facts.get("may_open"):
        raise BarredUnit
    return checked.normalized


def _accept_expiry(given: str, day: date) -> str:
    if given == FOREVER:
        return given
    try:
        until = date.fromisoformat(given)
    except ValueError:
        raise WrongNumber(why=f"有效期里没有 {given} 这一天") from None
    if until < day:
        raise WrongNumber(why=f"证件已于 {given} 过期，请客户先换新证件")
    return given


def accept_paper(name: str, content: bytes, limits: Limits) -> PaperFacts:
    """What is known of a picture or document. Raises WrongPaper."""
    if len(content) > limits.file_max_bytes:
        most = limits.file_max_bytes // 1024 // 1024
        raise WrongPaper(name=name, why=f"超过 {most} MB，请压缩后再发")
    if content.startswith(b"%PDF-"):
        return PaperFacts(size=len(content))
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - when the first picture comes

    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise WrongPaper(name=name, why="只收 JPG、PNG 图片或 PDF") from None
    return PaperFacts(size=len(content), width=width, height=height)


def expires_soon(value: str, day: date, limits: Limits) -> bool:
    if value == FOREVER:
        return False
    return date.fromisoformat(value) <= day + timedelta(days=limits.id_warn_days)
