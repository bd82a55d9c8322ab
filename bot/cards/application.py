"""What an application looks like: to who fills it in, to who decides, to who follows it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from approvals.cases import VERDICTS, Dossier, steps_left
from approvals.checks import Check, Light, ready
from approvals.decisions import OUTCOME_WORDS
from approvals.documents import FIELD_WORDS, PAPER_WORDS, Field, Paper
from approvals.flow import IN_HAND, STATE_WORDS, State, Verdict
from approvals.history import SYSTEM
from approvals.models import (
    COSIGNING,
    STANDS_FOR,
    Application,
    ApplicationEvent,
    Deed,
    Seat,
    SeatState,
    Stage,
)
from bot.cards import text
from bot.chat.message import Audience, Button, Card, Fact, Section, Style, Table, Tone
from crm.kernel import masks
from crm.people import ROLE_WORDS, Action, FieldLevel, Person

LIGHTS = {
    Light.GREEN: ("🟢", ""),
    Light.AMBER: ("🟡", "注意"),
    Light.RED: ("🔴", "不通过"),
    Light.MISSING: ("⚪", "待提供"),
}
TONES = {
    State.DRAFT: Tone.BLUE,
    State.RUNNING: Tone.BLUE,
    State.RETURNED: Tone.AMBER,
    State.APPROVED: Tone.GREEN,
    State.REJECTED: Tone.RED,
    State.WITHDRAWN: Tone.GREY,
    State.EXPIRED: Tone.GREY,
}
DEED_WORDS = {
    Deed.STARTED: "发起",
    Deed.SUBMITTED: "提交",
    Deed.APPROVED: "同意",
    Deed.COSIGNED: "加签同意",
    Deed.REJECTED: "驳回",
    Deed.RETURNED: "退回补件",
    Deed.HANDED: "转交",
    Deed.ASKED_COSIGN: "请人加签",
    Deed.WITHDRAWN: "撤回",
    Deed.REMINDED: "催办",
    Deed.ESCALATED: "超时升级到",
    Deed.EXPIRED: "逾期未办，自动关闭",
    Deed.MOVED: "交接给",
    Deed.OPENED: "建立客户档案",
}
QUIET = frozenset({Deed.FILLED, Deed.ATTACHED})  # left out of the track
RETOLD = 4  # lines of the past on a card that was not asked for all of it
SEEN = "当时所见"
ALL_OF_IT = "发「进度 {name}」看全部经过"
STOPS = "后面的环节会没有人能审，申请会停住，仍要同意？"
SHORT = 60  # characters of such a line on a card that is over
HOW = "直接发号码、有效期和照片，一行可写几项；停了 10 分钟，先再发一次「开户 {name}」"
REASONS: dict[Verdict, tuple[tuple[str, str], ...]] = {
    Verdict.RETURN: (
        ("DOC_BLUR", "材料不清晰"),
        ("DOC_MISSING", "材料不全"),
        ("DOC_EXPIRED", "证件过期"),
        ("NAME_MISMATCH", "姓名不一致"),
    ),
    Verdict.REJECT: (
        ("SUIT_MISMATCH", "适当性不符"),
        ("ID_INVALID", "身份核验不通过"),
        ("BARRED_PERSON", "不得开户人员"),
    ),
}


def title(row: Application) -> str:
    return f"开户 · {row.name}"


# ── to the applicant ─────────────────────────────────────────────────────────────────────────


def applicant_card(
    found: Dossier,
    viewer: Person,
    at: datetime,
    audience: Audience,
    *,
    said: str = "",
    file: int = 0,
) -> Card:
    """The checklist while it is filled in, the track from then on. ``said``: what became of the
    line that was just sent; ``file``: the number of the paper that was."""
    if found.row.state in IN_HAND:
        return _checklist(found, viewer, audience, said, file)
    return track_card(found, viewer, at)


def _checklist(found: Dossier, viewer: Person, audience: Audience, said: str, file: int) -> Card:
    row, complete = found.row, ready(found.checks)
    lines = [_check_line(found, check, viewer, audience) for check in found.checks]
    buttons = [Button(f"opening_submit:{row.id}", "提交", Style.PRIMARY)] if complete else []
    buttons += _renames(found, file)
    buttons.append(Button(f"opening_withdraw:{row.id}", "撤回", confirm="撤回这份开户申请？"))
    return Card(
        title=title(row),
        status=STATE_WORDS[row.state],
        tone=TONES[row.state],
        text="\n".join(filter(None, [said, *lines])),
        sections=tuple(_what_is_wanted(found)),
        buttons=tuple(buttons),
        footer="资料已齐，点提交或回复「提交」" if complete else HOW.format(name=row.name),
        subject=f"application:{row.id}",
    )


def _renames(found: Dossier, file: int) -> list[Button]:
    """The other papers that the last picture may be."""
    mine = next((paper for paper, one in found.papers.items() if one.number == file), None)
    if mine is None:
        return []
    others = [Paper(each) for each in found.wanted.files if each != mine.value]
    return [
        Button(f"opening_rename:{found.row.id}:{file}:{paper.value}", f"是{PAPER_WORDS[paper]}")
        for paper in others
    ]


def _what_is_wanted(found: Dossier) -> Iterator[Section]:
    """Why it came back."""
    last = found.returned
    if found.row.state is State.RETURNED and last is not None:
        by = f"{found.name(last.actor)} {text.moment(last.at)}"
        yield Section(title="退回意见", text=f"{last.comment}（{by}）")


def _check_line(found: Dossier, check: Check, viewer: Person, audience: Audience) -> str:
    mark, word = LIGHTS[check.light]
    value = _value_of(found, check.what, viewer, audience)
    why = "：".join(filter(None, (word, check.why)))
    return " ".join(filter(None, (mark, check.what, value, why)))


def _value_of(found: Dossier, what: str, viewer: Person, audience: Audience) -> str:
    field = next((each for each, word in FIELD_WORDS.items() if word == what), None)
    if field is None or field not in found.values:
        return ""
    return shown(field, found.values[field], viewer, audience)


def shown(field: Field, value: str, viewer: Person, audience: Audience) -> str:
    """A number as this person may see it; in full in private alone."""
    if field is Field.ID_EXPIRES:
        return value
    if audience is Audience.PRIVATE and viewer.fields is FieldLevel.FULL:
        return value
    match field:
        case Field.MOBILE:
            return masks.mobile(value)
        case Field.BANK_CARD | Field.BANK_ACCOUNT:
            return masks.bank_card(value)
        case _:
            return masks.id_number(value)


# ── the track ────────────────────────────────────────────────────────────────────────────────


def track_card(found: Dossier, viewer: Person, at: datetime, *, whole: bool = False) -> Card:
    """What waits now, what is still to come, and the way so far: ``whole``, or its end, which finds
    room on the card wherever it is shown."""
    row = found.row
    lines = [_event_line(found, event, viewer) for event in found.events if _is_told(event)]
    left_out = 0 if whole else max(0, len(lines) - RETOLD)
    kept = whole and any(found.may_see_card(event, viewer) for event in found.events)
    seen = [Button(f"case_seen:{row.id}", SEEN)] if kept else []
    return Card(
        title=title(row),
        status=STATE_WORDS[row.state],
        tone=TONES[row.state],
        facts=tuple(_where_it_is(found, at)),
        sections=(Section(title="进度", text="\n".join(lines[left_out:])),),
        buttons=(*seen, *_of_the_owner(found, viewer)),
        footer=ALL_OF_IT.format(name=row.name) if left_out else "",
        subject=f"application:{row.id}",
    )


def closed_card(found: Dossier, viewer: Person) -> Card:
    """What older cards of an application become when it is over: how, by whom and when; short, so
    that nothing of it has to be shown beside the card."""
    told = [e for e in found.events if _is_told(e) and e.deed is not Deed.OPENED]
    return Card(
        title=title(found.row),
        status=STATE_WORDS[found.row.state],
        tone=Tone.GREY,
        text=text.cut(_event_line(found, told[-1], viewer), SHORT) if told else "",
        footer=ALL_OF_IT.format(name=found.row.name),
        subject=f"application:{found.row.id}",
    )


def _where_it_is(found: Dossier, at: datetime) -> Iterator[Fact]:
    stage = found.stage
    if stage is not None:
        late = "（已超时）" if stage.due_at <= at else ""
        yield Fact("当前环节", found.flow.step(stage.step).title)
        yield Fact("审批人", _waited_for(found, stage))
        yield Fact("截止", f"{text.soon(stage.due_at, at)}{late}")
        if left := steps_left(found):
            yield Fact("之后", "、".join(step.title for step in left))
    elif found.row.state is State.REJECTED:
        yield Fact("说明", "如有疑问请联系合规岗" if _is_hidden(found) else "见下方意见")
    elif found.row.state is State.APPROVED:
        yield Fact("接下来", "资金账号随柜台文件回填；已建回访待办")


def _is_hidden(found: Dossier) -> bool:
    last = next((e for e in reversed(found.events) if e.deed is Deed.REJECTED), None)
    return last is not None and any(
        step.confidential for step in found.flow.steps if step.key == last.step
    )


def _of_the_owner(found: Dossier, viewer: Person) -> Iterator[Button]:
    row = found.row
    if viewer.id != row.owner:
        return
    if row.state is State.RUNNING:
        yield Button(f"opening_withdraw:{row.id}", "撤回", confirm="撤回这份开户申请？")
    if row.state is State.APPROVED and row.client_id is not None:
        yield Button(f"client:{row.client_id}", "查看客户", Style.PRIMARY)


def _waited_for(found: Dossier, stage: Stage) -> str:
    names = [_seat_word(found, seat) for seat in found.waiting(stage)]
    return "、".join(names) or "暂无人选，已通知管理员补人"


def _seat_word(found: Dossier, seat: Seat) -> str:
    absent = found.absent.get(seat.staff)
    instead = f"代 {found.name(absent)}" if absent else "代理" if seat.kind in STANDS_FOR else ""
    words = [instead, "加签" if seat.kind in COSIGNING else ""]
    return found.name(seat.staff) + (f"（{' '.join(filter(None, words))}）" if any(words) else "")


def _is_told(event: ApplicationEvent) -> bool:
    return event.deed not in QUIET


def _event_line(found: Dossier, event: ApplicationEvent, viewer: Person) -> str:
    """11-23 14:40 孙芳 同意 · 营业部复核 «…»"""
    actor = "" if event.actor == SYSTEM else _who(found, event)
    told_of = event.whom in found.names and event.deed not in VERDICTS
    whom = found.name(event.whom) if told_of else ""
    if event.deed in (Deed.HANDED, Deed.ASKED_COSIGN) and not found.may_read(event, viewer):
        whom = ""
    step = next((each.title for each in found.flow.steps if each.key == event.step), "")
    if event.deed in (Deed.STARTED, Deed.SUBMITTED, Deed.OPENED, Deed.EXPIRED, Deed.MOVED):
        step = ""
    what = " ".join(filter(None, (text.moment(event.at), actor, DEED_WORDS[event.deed], whom)))
    comment = event.comment if event.comment and found.may_read(event, viewer) else ""
    return " · ".join(filter(None, (what, step))) + (f" «{comment}»" if comment else "")


def _who(found: Dossier, event: ApplicationEvent) -> str:
    """钱伟（代 孙芳）"""
    instead = event.deed in VERDICTS and event.whom
    return found.name(event.actor) + (f"（代 {found.name(event.whom)}）" if instead else "")


# ── to those who decide ──────────────────────────────────────────────────────────────────────


def approver_card(
    found: Dossier, stage: Stage, viewer: Person, at: datetime, audience: Audience
) -> Card:
    """One step: all of it with buttons for whoever may decide it now; short and grey for whose
    word is not waited for any more, and for everybody once it is over."""
    row, step = found.row, found.flow.step(stage.step)
    seat = _seat_of(found, stage, viewer)
    waits = stage.ended_at is None and seat is not None and seat.state is SeatState.WAITING
    past = [_event_line(found, event, viewer) for event in found.events if _is_told(event)]
    if not waits:
        past = [text.cut(line, SHORT) for line in past]
    return Card(
        title=f"{'待审批 · ' if waits else ''}{title(row)}",
        status=_status(found, stage, viewer, waits=waits),
        tone=_tone(stage, at, waits=waits),
        text="\n".join(_judged(found, viewer, audience)) if waits else "",
        facts=(
            *(_forgone(found, viewer) if waits else ()),
            Fact("申请人", _applied_by(found)),
            *(_numbers(found, viewer, audience) if waits else ()),
            *(_mended(found) if waits else ()),
            *_ending(found, stage, at),
        ),
        sections=(Section(title="经过", text="\n".join(past[-RETOLD:])),),
        buttons=tuple(_choices(found, stage, viewer)) if waits else (),
        footer=f"{step.title} · 第 {stage.round} 轮" if stage.round > 1 else step.title,
        subject=f"approval:{stage.id}",
    )


def _forgone(found: Dossier, viewer: Person) -> Iterator[Fact]:
    """What he is to know before he gives his word: whoever decides here does not decide there."""
    lost = found.forgone.get(viewer.id, ())
    if not lost:
        return
    steps = "、".join(f"「{each.step.title}」" for each in lost)
    now = "代签" if viewer.id in found.absent else "审批"
    said = f"{now}后，您不能再审后面的{steps}"
    if alone := "、".join(f"「{each.step.title}」" for each in lost if each.alone):
        said += f"；现在没有别人能审{'那一步' if alone == steps else alone}，申请会停住"
    yield Fact("注意", said)


def _seat_of(found: Dossier, stage: Stage, viewer: Person) -> Seat | None:
    return next((s for s in found.seats if s.stage_id == stage.id and s.staff == viewer.id), None)


def _applied_by(found: Dossier) -> str:
    row = found.row
    now = f"（现由 {found.name(row.owner)} 跟进）" if row.owner != row.applicant else ""
    return " ".join(filter(None, (found.name(row.applicant) + now, found.branch)))


def _judged(found: Dossier, viewer: Person, audience: Audience) -> Iterator[str]:
    """The doubts first, a line each with the reason; what is in order in one."""
    for check in sorted(found.checks, key=lambda check: -check.light):
        if check.light is not Light.GREEN:
            yield _check_line(found, check, viewer, audience)
    green = [check.what for check in found.checks if check.light is Light.GREEN]
    if green:
        yield f"{LIGHTS[Light.GREEN][0]} {'、'.join(green)}"


def _numbers(found: Dossier, viewer: Person, audience: Audience) -> Iterator[Fact]:
    for each in found.wanted.fields:
        field = Field(each)
        if field in found.values:
            value = shown(field, found.values[field], viewer, audience)
            yield Fact("有效期" if field is Field.ID_EXPIRES else FIELD_WORDS[field], value)


def _mended(found: Dossier) -> Iterator[Fact]:
    if found.returned is not None:
        words = [
            FIELD_WORDS[each] if isinstance(each, Field) else PAPER_WORDS[each]
            for each in found.mended()
        ]
        yield Fact("本次补件", "、".join(words) or "没有更换材料")


def _ending(found: Dossier, stage: Stage, at: datetime) -> Iterator[Fact]:
    if stage.ended_at is None:
        late = "（已超时）" if stage.due_at <= at else ""
        yield Fact("截止", f"{text.soon(stage.due_at, at)}{late}")
        return
    yield Fact("处理", f"{_ended_by(found, stage)} {OUTCOME_WORDS.get(stage.outcome, '')}".strip())
    yield Fact("时间", text.moment(stage.ended_at))


def _status(found: Dossier, stage: Stage, viewer: Person, *, waits: bool) -> str:
    if stage.ended_at is not None:
        by = _ended_by(found, stage)
        return "已撤回" if stage.outcome == "withdrawn" else f"{by} 已{_done(stage)}"
    step = found.flow.step(stage.step).title
    kinds = {seat.staff: seat.kind for seat in found.waiting(stage)}
    if waits and viewer.id in kinds:
        absent = found.absent.get(viewer.id)
        cosigns = kinds[viewer.id] in COSIGNING
        return step_words(step, found.name(absent) if absent else "", cosigns=cosigns)
    return _left_with(found, stage, viewer) if not waits else f"等 {_waited_for(found, stage)}"


def step_words(step: str, absent: str, *, cosigns: bool) -> str:
    """加签 · 适当性审核 · 代 冯军: what one is waited for, and in whose place."""
    for_whom = f"代 {absent}" if absent else ""
    return " · ".join(filter(None, ("加签" if cosigns else "", step, for_whom)))


def _ended_by(found: Dossier, stage: Stage) -> str:
    if not stage.ended_by:
        return ""
    here = (stage.ended_by, stage.step, stage.round)
    verdict = next(
        (
            event
            for event in reversed(found.events)
            if event.deed in VERDICTS and (event.actor, event.step, event.round) == here
        ),
        None,
    )
    return _who(found, verdict) if verdict else found.name(stage.ended_by)


def _left_with(found: Dossier, stage: Stage, viewer: Person) -> str:
    """What became of a seat that is not waited for any more, true for good: where a card cannot be
    changed twice, it stays so."""
    seat = _seat_of(found, stage, viewer)
    if seat is not None and seat.state is SeatState.DECIDED:
        return "已加签同意"
    here = (stage.step, stage.round)
    if seat is not None and seat.kind in COSIGNING:
        signed = [e for e in found.events if e.deed is Deed.COSIGNED and (e.step, e.round) == here]
        if mine := [e for e in signed if e.whom == viewer.id] or signed:
            return f"{_who(found, mine[-1])} 已加签同意"
    handed = [e for e in found.events if e.deed is Deed.HANDED and (e.step, e.round) == here]
    if seat is not None and handed:
        return f"已转交 {found.name(handed[-1].whom)}"
    return f"等 {_waited_for(found, stage)}"


def _done(stage: Stage) -> str:
    return OUTCOME_WORDS.get(stage.outcome, "处理")


def _tone(stage: Stage, at: datetime, *, waits: bool) -> Tone:
    if not waits:
        return Tone.GREY
    return Tone.AMBER if stage.due_at <= at else Tone.BLUE


def _choices(found: Dossier, stage: Stage, viewer: Person) -> Iterator[Button]:
    """A cosigner agrees or not; who waits for one may still refuse."""
    at = f"{stage.id}:{found.row.version}"
    first = {seat.staff: seat.kind for seat in found.waiting(stage)}
    if viewer.id in first:
        stops = any(each.alone for each in found.forgone.get(viewer.id, ()))
        yield Button(f"case_approve:{at}", "同意", Style.PRIMARY, confirm=STOPS if stops else "")
    yield Button(f"case_reject:{at}", "驳回", Style.DANGER)
    yield Button(f"case_return:{at}", "退回补件")
    if first.get(viewer.id) not in COSIGNING:
        yield Button(f"case_hand:{at}", "转交")
        yield Button(f"case_cosign:{at}", "加签")
    yield Button(f"case_papers:{stage.id}", "材料")


# ── what they saw ────────────────────────────────────────────────────────────────────────────


def seen_list(found: Dossier, events: Sequence[ApplicationEvent], at: datetime) -> Card:
    """Who decided what, and when: the card of each can be opened."""
    return Card(
        title=f"{SEEN} · {title(found.row)}",
        table=Table(
            ("", "谁", "做了什么", "环节", "时间"),
            tuple(
                (
                    str(n),
                    _who(found, event),
                    DEED_WORDS[event.deed],
                    _place(found, event),
                    text.soon(event.at, at),
                )
                for n, event in enumerate(events, 1)
            ),
        ),
        buttons=tuple(
            Button(f"case_seen:{found.row.id}:{event.number}", str(n))
            for n, event in enumerate(events, 1)
        )[:8],
        footer="点序号或回复序号，看当时的卡片；每次查看都留痕",
    )


def seen_card(
    found: Dossier,
    event: ApplicationEvent,
    shown_: Card,
    given: Sequence[tuple[Field, str]],
    viewer: Person,
    at: datetime,
    audience: Audience,
) -> Card:
    """The card that was decided by, without its buttons, numbers as the viewer may see them. Its
    lines of the past follow the rights of whoever decided: for him and for audit alone.
    ``given``: every number that may stand on it."""
    full = viewer.fields is FieldLevel.FULL and audience is Audience.PRIVATE
    hidden = {value: shown(field, value, viewer, audience) for field, value in given}

    def masked(words: str) -> str:
        for value, instead in hidden.items():
            words = words.replace(value, instead)
        return words

    retold = shown_.sections if event.actor == viewer.id or viewer.may(Action.AUDIT) else ()
    when = Fact("决定", f"{text.soon(event.at, at)} · {_place(found, event)}")
    return Card(
        title=f"{SEEN} · {title(found.row)}",
        status=f"{_who(found, event)} {DEED_WORDS[event.deed]}",
        text=masked(shown_.text),
        facts=(when, *(Fact(fact.label, masked(fact.value)) for fact in shown_.facts)),
        sections=tuple(
            Section(title=each.title, text=each.text if full else masks.numbers(masked(each.text)))
            for each in retold
        ),
        footer=f"这张卡片当时的样子（第 {event.card_version} 版）；这次查看已留痕",
    )


def _place(found: Dossier, event: ApplicationEvent) -> str:
    step = next((each.title for each in found.flow.steps if each.key == event.step), "")
    return f"{step} · 第 {event.round} 轮" if event.round > 1 else step


# ── lists ────────────────────────────────────────────────────────────────────────────────────


def waiting_list(rows: Sequence[tuple[Stage, Application, str]], at: datetime) -> Card:
    """What waits for somebody's word; each with its step, and for whom, in words."""
    if not rows:
        return Card(title="没有等您审批的申请")
    return Card(
        title=f"待审批 · {len(rows)} 件",
        table=Table(
            ("", "客户", "环节", "截止"),
            tuple(
                (str(n), row.name, step, text.soon(stage.due_at, at))
                for n, (stage, row, step) in enumerate(rows, 1)
            ),
        ),
        buttons=tuple(
            Button(f"case_open:{stage.id}", str(n)) for n, (stage, _, _) in enumerate(rows, 1)
        )[:8],
        footer="点序号打开；也可以发「同意 张三」「驳回 张三 原因」",
    )


def own_list(rows: Sequence[Application], at: datetime) -> Card:
    """What somebody has begun."""
    if not rows:
        return Card(title="还没有开户申请", text="发「开户 张三」发起")
    return Card(
        title="我的开户申请",
        table=Table(
            ("", "客户", "状态", "更新"),
            tuple(
                (str(n), row.name, STATE_WORDS[row.state], text.soon(row.touched_at, at))
                for n, row in enumerate(rows, 1)
            ),
        ),
        buttons=tuple(Button(f"opening:{row.id}", str(n)) for n, row in enumerate(rows, 1))[:8],
        footer="点序号打开；发「开户 张三」发起新的",
    )


def nobody_decides(found: Dossier, stage: Stage, barred: Sequence[ApplicationEvent]) -> Card:
    """To admins: which step, why nobody may, and what they can do about it. Without the client."""
    step = found.flow.step(stage.step)
    role = ROLE_WORDS[step.role]
    titles = {each.key: each.title for each in found.flow.steps}
    why = [f"{_who(found, each)} 已审过「{titles[each.step]}」" for each in barred]
    reason = f"{'；'.join(why)}，同一个人不能审两个环节" if why else f"没有能审的{role}"
    whose = f"{found.branch} {found.name(found.row.owner)}".strip()
    return Card(
        title=f"{step.title}没有可以审批的人",
        text=f"{whose}的一份开户申请停在这一步：{reason}。\n"
        f"安全管理员给另一位同事加上{role}：/角色 姓名 +{role}\n"
        "系统管理员新增或启用员工：/员工\n"
        "有人可审时自动派单",
    )


def ended_card(found: Dossier, viewer: Person, at: datetime) -> Card:
    """To who looks after it: how it ended, or why it came back."""
    card = track_card(found, viewer, at)
    words = {
        State.APPROVED: "开户申请已通过",
        State.REJECTED: "开户申请未通过",
        State.EXPIRED: "开户申请已过期",
        State.RETURNED: "开户申请需要补件",
    }
    buttons = card.buttons
    if found.row.state is State.RETURNED:
        buttons = (Button(f"opening:{found.row.id}", "去补件", Style.PRIMARY),)
    return Card(
        title=f"{words.get(found.row.state, '开户申请')} · {found.row.name}",
        status=card.status,
        tone=card.tone,
        facts=card.facts,
        sections=(*_what_is_wanted(found), *card.sections),
        buttons=buttons,
        footer=card.footer,
        subject=card.subject,
    )


def reminder(found: Dossier, stage: Stage, viewer: Person, at: datetime) -> Card:
    """To who is late; opens the card anew while his word is waited for."""
    step = found.flow.step(stage.step).title
    about = f"{found.row.name} 的开户申请"
    seat = _seat_of(found, stage, viewer)
    if stage.ended_at is not None or seat is None or seat.state is not SeatState.WAITING:
        return Card(
            title=f"{step} · {about}",
            status=_status(found, stage, viewer, waits=False),
            tone=Tone.GREY,
            subject=f"reminder:{stage.id}",
        )
    late = "已超时" if stage.due_at <= at else "还没有审批"
    return Card(
        title=f"{step}{late} · {about}",
        status="催办",
        tone=Tone.AMBER,
        facts=(*_why_again(found, stage, viewer), Fact("截止", text.soon(stage.due_at, at))),
        buttons=(Button(f"case_open:{stage.id}", "打开", Style.PRIMARY),),
        subject=f"reminder:{stage.id}",
    )


def _why_again(found: Dossier, stage: Stage, viewer: Person) -> Iterator[Fact]:
    """Where it is not the time alone."""
    for event in reversed(found.events):
        if (event.deed, event.whom, event.step) == (Deed.REMINDED, viewer.id, stage.step):
            if event.comment:
                yield Fact("原因", event.comment)
            return
