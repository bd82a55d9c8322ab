"""Which documents of rules there are: their places in words, what fits there, and how it reads."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import versions
from approvals.models import FlowVersion
from bot.cards import text
from crm.kernel import rulebook
from crm.kernel.errors import UserError
from crm.kernel.rulebook import Body, Document
from crm.models import Role
from crm.proposals import Line
from handlers.said import span_in, span_words
from risk import ladder


class Unit(StrEnum):
    DEGREE = "degree"  # a ratio shown as percent
    SPAN = "span"  # seconds
    MINUTES = "minutes"


class NotAValue(UserError):
    say = "「{words}」不能作为{what}，请写成 {example}"


class NotInOrder(UserError):
    say = "这样不行：{why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One value of a document; ``words`` begin with the one shown."""

    key: str
    words: tuple[str, ...]
    unit: Unit

    @property
    def word(self) -> str:
        return self.words[0]

    def read(self, words: str) -> Any:
        """Raises NotAValue."""
        match self.unit:
            case Unit.DEGREE:
                return self._degree(words)
            case Unit.SPAN:
                span = span_in(words)
                if span is None:
                    raise NotAValue(words=words, what=self.word, example="5分")
                return int(span.total_seconds())
            case Unit.MINUTES:
                span = span_in(words)
                if span is None:
                    raise NotAValue(words=words, what=self.word, example="45分")
                return int(span.total_seconds() // 60)

    def _degree(self, words: str) -> str:
        """105% and 105 are 1.05; below 5 it is the fraction itself."""
        try:
            number = Decimal(words.rstrip("%％"))
        except InvalidOperation:
            raise NotAValue(words=words, what=self.word, example="105%") from None
        if not number.is_finite() or not 0 < number < 1000:
            raise NotAValue(words=words, what=self.word, example="105%")
        as_percent = words.endswith(("%", "％")) or number >= 5
        found = number / 100 if as_percent else number
        return f"{found.normalize():f}"

    def show(self, value: Any) -> str:
        if value is None:
            return text.NOTHING
        match self.unit:
            case Unit.DEGREE:
                return f"{(Decimal(str(value)) * 100).normalize():f}%"
            case Unit.SPAN:
                return span_words(timedelta(seconds=float(value)))
            case Unit.MINUTES:
                return span_words(timedelta(minutes=float(value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleKind:
    """``check`` raises ValueError for a body that cannot be in force, which ``limits`` explains;
    ``apply`` is what else must follow when one comes into force; ``roles`` may ask for it,
    ``readers`` work by it and are told; ``concerns`` says in a line what a change bears on."""

    kind: str
    word: str
    roles: tuple[Role, ...]
    places: Sequence[Place]
    shipped: Body
    check: Callable[[Body], object]
    limits: str
    example: str
    concerns: str
    readers: tuple[Role, ...]
    apply: Callable[[AsyncSession, Body, str], Awaitable[None]] | None = None

    def must_fit(self, body: Body) -> None:
        """Raises NotInOrder."""
        try:
            self.check(body)
        except (ValueError, ArithmeticError, TypeError):
            raise NotInOrder(why=self.limits) from None

    def full(self, document: Document | None) -> Body:
        """A version with what it leaves to the program."""
        return {**self.shipped, **document.body} if document else self.shipped

    async def present(self, session: AsyncSession) -> tuple[Body, Document | None]:
        """What is in force, and its document where it was ever changed."""
        document = await rulebook.current(session, self.kind)
        return self.full(document), document

    def lines(self, before: Body, after: Body) -> tuple[Line, ...]:
        return tuple(
            Line(place.word, place.show(before.get(place.key)), place.show(after.get(place.key)))
            for place in self.places
            if before.get(place.key) != after.get(place.key)
        )

    def named(self, words: str) -> tuple[Place, str] | None:
        """The place that a line begins with, and what follows."""
        known = sorted(
            ((word, place) for place in self.places for word in place.words),
            key=lambda pair: -len(pair[0]),
        )
        for word, place in known:
            if words.startswith(word):
                return place, words[len(word) :].strip(" =:：到为线")
        return None


LADDER = RuleKind(
    kind="ladder",
    word="预警规则",
    roles=(Role.RISK_HEAD, Role.RISK, Role.SYSTEM_ADMIN),
    places=(
        Place(key="watch", words=("关注线", "关注"), unit=Unit.DEGREE),
        Place(key="warn", words=("警示线", "警示", "预警"), unit=Unit.DEGREE),
        Place(key="call", words=("追保线", "追保"), unit=Unit.DEGREE),
        Place(key="force", words=("强平线", "强平"), unit=Unit.DEGREE),
        Place(key="exchange_force", words=("交易所强平线", "交易所强平"), unit=Unit.DEGREE),
        Place(key="below", words=("回落幅度", "回差", "回落"), unit=Unit.DEGREE),
        Place(key="settle_seconds", words=("回落时间", "平稳时间"), unit=Unit.SPAN),
        Place(key="step", words=("再升幅度", "再升"), unit=Unit.DEGREE),
        Place(key="remind_seconds", words=("重复提醒", "重复"), unit=Unit.SPAN),
        Place(key="to_duty_seconds", words=("升级值班", "升级"), unit=Unit.SPAN),
        Place(key="to_head_seconds", words=("升级负责人",), unit=Unit.SPAN),
        Place(key="wait_seconds", words=("合并等待", "等待"), unit=Unit.SPAN),
        Place(key="silence_seconds", words=("单人静默", "静默"), unit=Unit.SPAN),
    ),
    shipped=ladder.write(ladder.RULES),
    check=lambda body: ladder.read(body, "0"),
    limits="几条线要一条比一条高（关注 < 警示 < 追保 < 强平），时间不超过一天",
    example="改规则发：/规则 追保 105%；看某一天的发：/规则 追保 2026-11-01",
    concerns="确认后对全部账户的预警立即生效，未解除的也按新规则",
    readers=(Role.RISK_HEAD, Role.RISK),
)

LONGEST_STEP = 7 * 24 * 60  # minutes


def _flow_fits(body: Body) -> None:
    """Raises ValueError."""
    if body.keys() - {place.key for place in FLOW.places}:
        raise ValueError("not of this flow")
    if not all(type(each) is int and 0 < each <= LONGEST_STEP for each in body.values()):
        raise ValueError("a step has some minutes")


async def _apply_flow(session: AsyncSession, body: Body, by: str) -> None:
    """The flow with these minutes is the version that cases begin with from now on."""
    flow = await versions.in_force(session)
    row = await session.get_one(FlowVersion, (flow.name, flow.version))
    whole = json.loads(row.body)
    for step in whole["steps"]:
        step["minutes"] = body.get(step["key"], step["minutes"])
    spelled = json.dumps(whole, ensure_ascii=False, sort_keys=True)
    if spelled != row.body:
        await versions.put(session, flow.name, spelled, source=by)


_STEPS = json.loads(versions.shipped(versions.ACCOUNT_OPENING))["steps"]
FLOW = RuleKind(
    kind="flow",
    word="开户审批时限",
    roles=(Role.SYSTEM_ADMIN,),
    places=tuple(
        Place(key=step["key"], words=(step["title"], step["title"][:-2]), unit=Unit.MINUTES)
        for step in _STEPS
    ),
    shipped={step["key"]: step["minutes"] for step in _STEPS},
    check=_flow_fits,
    limits="时限在 1 分钟到 7 天之间，按工作时间计",
    example="改时限发：/流程 开户 合规审核 45分；只用于之后提交的申请",
    concerns="只用于之后提交的申请，已提交的按原时限",
    readers=(Role.SUITABILITY, Role.COMPLIANCE, Role.OPENING_DESK),
    apply=_apply_flow,
)
KINDS: Mapping[str, RuleKind] = {each.kind: each for each in (LADDER, FLOW)}
