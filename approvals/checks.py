"""What is right, doubtful and wrong about an application, each with its reason.

Pure: the caller looks up who else has the same numbers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from approvals.documents import (
    FIELD_WORDS,
    PAPER_WORDS,
    Field,
    Paper,
    PaperFacts,
    check_field,
    expires_soon,
)
from approvals.flow import Limits, Papers


class Light(IntEnum):
    """Worse is greater. ``MISSING`` has nothing to judge yet."""

    GREEN = 0
    AMBER = 1
    MISSING = 2
    RED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    what: str
    light: Light
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A paper as it counts: its newest version."""

    number: int
    blob: str
    name: str
    facts: PaperFacts
    at: datetime | None = None  # when it came


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Who else has what this application has. ``same_client``: an open file under the same
    identity number, in words; ``same_case``: another application that runs."""

    same_client: str = ""
    closed_client: bool = False
    same_case: bool = False
    mobile: int = 0  # other clients
    card: int = 0
    namesakes: int = 0
    staff: bool = False  # a member of staff has the name


def check_all(
    values: Mapping[Field, str],
    papers: Mapping[Paper, Attached],
    wanted: Papers,
    others: Others,
    day: date,
    limits: Limits,
) -> tuple[Check, ...]:
    """In the order in which the checklist shows them."""
    return (
        *(_field(Field(each), values, others, day, limits) for each in wanted.fields),
        *(_paper(Paper(each), papers, limits) for each in wanted.files),
        *_cross(others),
    )


def ready(checks: tuple[Check, ...]) -> bool:
    return worst(checks) < Light.MISSING


def worst(checks: tuple[Check, ...]) -> Light:
    return max((check.light for check in checks), default=Light.GREEN)


def _field(
    field: Field, values: Mapping[Field, str], others: Others, day: date, limits: Limits
) -> Check:
    value = values.get(field)
    if value is None:
        return Check(what=FIELD_WORDS[field], light=Light.MISSING)
    light, why = max(
        _doubts(field, value, others, day, limits),
        key=lambda doubt: doubt[0],
        default=(Light.GREEN, ""),
    )
    return Check(what=FIELD_WORDS[field], light=light, why=why)


def _doubts(
    field: Field, value: str, others: Others, day: date, limits: Limits
) -> Iterator[tuple[Light, str]]:
    match field:
        case Field.ID_NUMBER:
            yield from _id_doubts(value, day, limits)
            yield from _same_person(others)
        case Field.CREDIT_CODE:
            yield from _same_person(others)
        case Field.ID_EXPIRES:
            if value != "长期" and date.fromisoformat(value) < day:
                yield Light.RED, "证件已过期"
            elif expires_soon(value, day, limits):
                yield Light.AMBER, f"{limits.id_warn_days} 天内到期"
        case Field.MOBILE:
            if check_field(field, value, day, limits).facts.get("virtual"):
                yield Light.AMBER, "虚拟运营商号段，银行验证常不通过"
            yield from _shared("手机号", others.mobile, limits)
        case Field.BANK_CARD | Field.BANK_ACCOUNT:
            if check_field(field, value, day, limits).code == "BIN_UNKNOWN":
                yield Light.AMBER, "不认识的发卡行，请核对是否签约银行的借记卡"
            yield from _shared("账户", others.card, limits)


def _id_doubts(value: str, day: date, limits: Limits) -> Iterator[tuple[Light, str]]:
    checked = check_field(Field.ID_NUMBER, value, day, limits)
    age = checked.facts.get("age")
    if checked.code == "UNDERAGE":
        yield Light.RED, f"未满 {limits.min_age} 周岁"
    elif checked.code == "TOO_OLD":
        yield Light.AMBER, f"{age} 岁，超过 {limits.max_age} 岁，须重点审核"
    elif isinstance(age, int) and age >= limits.statement_age:
        yield Light.AMBER, f"{age} 岁，须另签高龄声明"


def _same_person(others: Others) -> Iterator[tuple[Light, str]]:
    if others.same_client:
        yield Light.RED, f"已是客户：{others.same_client}"
    if others.same_case:
        yield Light.RED, "另有一份同一证件的开户申请在办"
    if others.closed_client:
        yield Light.AMBER, "曾开户并已销户，将恢复原客户档案"


def _shared(what: str, count: int, limits: Limits) -> Iterator[tuple[Light, str]]:
    """``count`` other clients have it too."""
    if count + 1 >= limits.contact_block:
        yield Light.RED, f"已有 {count} 位客户使用同一{what}"
    elif count + 1 >= limits.contact_warn:
        yield Light.AMBER, f"另有 {count} 位客户使用同一{what}"


def _paper(paper: Paper, papers: Mapping[Paper, Attached], limits: Limits) -> Check:
    mine = papers.get(paper)
    what = PAPER_WORDS[paper]
    if mine is None:
        return Check(what=what, light=Light.MISSING)
    twins = [other for other, one in papers.items() if other is not paper and one.blob == mine.blob]
    if twins:
        return Check(what=what, light=Light.AMBER, why=f"与{PAPER_WORDS[twins[0]]}是同一个文件")
    long_side = max(mine.facts.width, mine.facts.height)
    small = mine.facts.size < limits.file_min_bytes
    if 0 < long_side < limits.file_long_side or small:
        return Check(what=what, light=Light.AMBER, why="图片偏小，可能看不清")
    return Check(what=what, light=Light.GREEN)


def _cross(others: Others) -> Iterator[Check]:
    if others.namesakes:
        why = f"客户档案里有 {others.namesakes} 位同名客户"
        yield Check(what="同名", light=Light.AMBER, why=why)
    if others.staff:
        why = "与本公司员工同名，请核实是否员工本人或配偶"
        yield Check(what="从业人员", light=Light.AMBER, why=why)
