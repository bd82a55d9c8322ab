"""开户 from the first line to the client's file, and what must be true of it afterwards.

- Whatever was said for it is in it once, and it went through each step once.
- Of two who decide one step at once, here and there, one did; the trail and the audit name him.
- Each who might decide was told once on each platform, and nothing of it can be pressed any more.
"""

import base64
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sqlalchemy import select

from approvals.flow import State
from approvals.models import Application, ApplicationEvent, Deed, SeatState, Stage
from approvals.models import Seat as Chair
from bot.chat import codec
from bot.desk import FILE_LOST
from bot.models import LiveCard
from bot.sandbox import applicants
from crm.kernel import audit
from crm.kernel.db import Store
from crm.models import Client, Task
from tests.kill.town import (
    APPLICANTS,
    DINGTALK,
    PICTURE,
    PLATFORMS,
    STRANGER,
    WECOM,
    Json,
    Pressed,
    Seat,
    Town,
)

STEPS = {  # and who may decide them
    "branch": ("qianwei",),
    "suitability": ("zhouting", "fengjun"),
    "compliance": ("wuhao", "chenxi"),
    "opening_desk": ("zhengli",),
}
DECIDERS = tuple(Seat(p, each) for staff in STEPS.values() for each in staff for p in PLATFORMS)
PAPERS = ("身份证正面.jpg", "身份证反面.jpg", "银行卡照片.jpg")
FIELDS = 4
QUIET = (Deed.FILLED, Deed.ATTACHED)


async def open_an_account(town: Town, applicant: Seat, number: int) -> None:
    """Somebody applies for a new client; step by step two decide at once, until it is open."""
    begun = await town.sure(lambda: town.newest(applicant, *DECIDERS))
    name = await _submitted(town, applicant)
    await town.sure(lambda: town.insist_on(STRANGER, "stranger", f"同意 {name}", name))
    for place, staff in enumerate(STEPS.values(), start=number):
        await town.race(await _buttons(town, name, staff, begun, place))
    await town.button_on(applicant, begun[applicant], "client:", f"开户申请已通过 · {name}")


async def _buttons(
    town: Town, name: str, staff: Sequence[str], begun: dict[Seat, int], place: int
) -> list[Pressed]:
    """Of two people, or of one on both platforms, once each of them has his card."""
    seats = [Seat(p, staff[(place + n) % len(staff)]) for n, p in enumerate(PLATFORMS)]
    title = f"待审批 · 开户 · {name}"
    return [await town.button_on(each, begun[each], "case_approve:", title) for each in seats]


async def _submitted(town: Town, seat: Seat) -> str:
    """An application with everything that it needs; the client's name."""
    chance = random.Random(f"{next(town.journal.numbers)} {town.url}")
    taken = {*town.names.values(), *town.journal.openings}
    [client] = applicants.invent(chance, 1, taken)
    name, fields = str(client["name"]), client["fields"]
    assert isinstance(fields, dict)
    numbers = "证件 {id_number} 手机 {mobile} 有效期 {id_expires} 银行卡 {bank_card}"
    town.journal.openings.append(name)
    await _say(town, seat, f"开户 {name}", name)
    await _say(town, seat, numbers.format(**fields), name)
    photograph = base64.b64decode(applicants.photographs()["id_front"])
    item: Json = {}
    for paper in PAPERS:
        item = await _send(town, seat, paper, photograph, name)
    card = item["card"]
    keys = [one["key"] for one in card["buttons"] if one["key"].startswith("opening_submit:")]
    assert keys, f"not complete: {item['text']}"
    await town.insist(Pressed(seat, card["id"], keys[0].partition("#")[0], name, item["seq"]))
    return name


async def _say(town: Town, seat: Seat, line: str, name: str) -> Json:
    said = await town.sure(lambda: town.insist_on(seat, "opening", line, name))
    return await town.sure(lambda: town.answer_to(said))


async def _send(town: Town, seat: Seat, paper: str, content: bytes, name: str) -> Json:
    """Again as long as it got lost on its way."""
    said = await town.sure(lambda: town.upload(seat, paper, content, name))
    item = await town.sure(lambda: town.answer_to(said))
    if FILE_LOST in item["text"]:
        return await _send(town, seat, paper, content, name)
    return item


# ── what must be true ────────────────────────────────────────────────────────────────────────


async def decided_once(store: Store, town: Town, screens: dict[Seat, list[Json]]) -> None:
    async with store.reading() as session:
        rows = (await session.scalars(select(Application).order_by(Application.id))).all()
        events = (
            await session.scalars(
                select(ApplicationEvent).order_by(
                    ApplicationEvent.application_id, ApplicationEvent.number
                )
            )
        ).all()
        noted = await session.execute(
            select(audit.AuditRow.object, audit.AuditRow.action).where(
                audit.AuditRow.action.like("application.%")
            )
        )
        on_record = Counter((thing, action) for thing, action in noted)
        stages = (await session.scalars(select(Stage).order_by(Stage.id))).all()
        decided = Counter(
            await session.scalars(select(Chair.stage_id).where(Chair.state == SeatState.DECIDED))
        )
        waiting = (
            await session.scalars(select(Chair).where(Chair.state == SeatState.WAITING))
        ).all()
        opened = await session.scalars(select(Client.name).where(Client.name.in_(_names(rows))))
        visits = Counter(await session.scalars(select(Task.source)))
        cards = (
            await session.scalars(select(LiveCard).where(LiveCard.subject.startswith("approval:")))
        ).all()
        names = Counter(opened)
    assert Counter(_names(rows)) == Counter(town.journal.openings)
    assert not waiting, f"somebody still waits: {waiting[0].staff}"
    for row in rows:
        assert row.state is State.APPROVED, f"{row.name} is {row.state}"
        assert names[row.name] == 1, f"{row.name} is {names[row.name]} clients"
        assert visits[f"application:{row.id}"] == 1
        own = [event for event in events if event.application_id == row.id]
        _whole_and_once(row, own)
        _steps_fit(own, [stage for stage in stages if stage.application_id == row.id], decided)
    wanted = Counter(
        (f"application:{one.application_id}", f"application.{one.deed.value}") for one in events
    )
    assert on_record == wanted, f"on record {on_record - wanted}, not {wanted - on_record}"
    _nothing_lost(events, screens)
    _everybody_told_once(stages, cards)


def _names(rows: Iterable[Application]) -> list[str]:
    return [row.name for row in rows]


def _whole_and_once(row: Application, events: Sequence[ApplicationEvent]) -> None:
    assert [one.number for one in events] == list(range(1, len(events) + 1))
    deeds = [(one.deed, one.step) for one in events if one.deed not in QUIET]
    way = [
        (Deed.STARTED, ""),
        (Deed.SUBMITTED, next(iter(STEPS))),
        *((Deed.APPROVED, step) for step in STEPS),
        (Deed.OPENED, ""),
    ]
    assert deeds == way, f"{row.name}: {deeds}"
    versions = [one.version for one in events]
    assert all(one <= two for one, two in pairwise(versions)), versions


def _steps_fit(
    events: Sequence[ApplicationEvent], stages: Sequence[Stage], decided: Counter[int]
) -> None:
    """Each stage was ended by him whom the history names, who saw a card."""
    approved = [one for one in events if one.deed is Deed.APPROVED]
    assert [one.ended_by for one in stages] == [one.actor for one in approved]
    assert all(one.seen and one.card for one in approved)
    assert [decided[one.id] for one in stages] == [1] * len(STEPS)
    for stage in stages:
        assert stage.ended_by in STEPS[stage.step]


def _nothing_lost(events: Iterable[ApplicationEvent], screens: dict[Seat, list[Json]]) -> None:
    """What was filled in is what stands on the applicants' screens."""
    deeds = Counter(one.deed for one in events)
    items = [item for seat in APPLICANTS for item in screens[seat]]
    own = [item for item in items if item["from"] != "bot"]
    lines = sum(item["text"].startswith("证件 ") for item in own)
    lost = {item["reply_to"] or item["seq"] for item in items if FILE_LOST in item["text"]}
    pictures = sum(item["kind"] == PICTURE for item in own)
    assert deeds[Deed.FILLED] == lines * FIELDS
    assert deeds[Deed.ATTACHED] == pictures - len(lost)


def _everybody_told_once(stages: Iterable[Stage], cards: Iterable[LiveCard]) -> None:
    """And nothing on those cards can be pressed; that the screens show them is seen elsewhere."""
    shown = Counter((card.subject, card.platform, card.receiver) for card in cards)
    wanted = Counter(
        (f"approval:{stage.id}", platform, staff)
        for stage in stages
        for platform in (DINGTALK, WECOM)
        for staff in STEPS[stage.step]
    )
    assert shown == wanted, f"told {shown - wanted}, not told {wanted - shown}"
    for card in cards:
        alive = [one.key for one in codec.load_card(card.content).buttons if one.enabled]
        assert not alive, f"{card.subject} is over, and can be pressed: {alive}"


def fits(item: Json) -> bool:
    """Whether it is an answer to a line of an application."""
    return bool(item["card"]) or FILE_LOST in item["text"]
