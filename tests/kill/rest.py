"""What stands when nothing is under way any more, as lines of the history."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat import codec
from bot.chat.message import Card
from bot.models import Delivery, Heard, Out
from crm.kernel import audit
from crm.kernel.db import Store
from crm.models import Interaction, Task, TaskState, ViewGrant
from risk.models import Alert, AlertEvent, AlertKind, AlertNotice
from tests.kill.town import (
    ALARM,
    DINGTALK,
    OUR_CARDS,
    PLATFORMS,
    PRIVATE,
    STRANGER,
    WECOM,
    Journal,
    Json,
    Pressed,
    Said,
    Screens,
    Seat,
    answers,
)

OF_THE_DESKS = ("alert:", "application:")  # tasks that nobody's line asked for
OF_MANY_MARKS = ("opening", "stranger")  # their answers say too little to tell them apart
RISK_GROUP = "g-risk"
EFFECTS = {  # what a button leaves behind in the audit, and on which thing
    "undo": ("interaction.undo", "interaction"),
    "task_done": ("task.done", "task"),
    "ask_view": ("view.ask", "client"),
    "grant": ("view.grant", "client"),
}

Lines = Iterator[dict[str, Any]]


async def all_that_stands(
    store: Store,
    head: audit.Head,
    journal: Journal,
    screens: Screens,
    lines: Collection[Said],
    *,
    showings: int,
    lost: Collection[str],
) -> list[dict[str, Any]]:
    """``lost``: ids of lines that nobody had to hear."""
    rest = {
        "what": "rest",
        "showings": showings,
        "calm": journal.calm,
        "actions": [action for action, _ in EFFECTS.values()],
    }
    published = head.read()
    async with store.reading() as session:
        told = [
            *await _inbox(session),
            *await _outbox(session),
            *await _records(session),
            *await _presses(session, journal.pressed),
            *await _alerts(session, screens),
            *await _trail(session),
        ]
    if published is not None:
        told.append({"what": "audit_head", "seq": published[0], "hash": published[1].hex()})
    return [rest, *_lines(lines, lost), *_items(lines, screens), *told]


def _lines(lines: Iterable[Said], lost: Collection[str]) -> Lines:
    for line in lines:
        yield {
            "what": "line",
            "on": str(line.seat),
            "id": line.message_id,
            "kind": line.kind,
            "like": like(line),
            "to_bot": line.seat.forgetful,
            "may_be_lost": line.message_id in lost,
        }


def like(line: Said) -> str:
    """The same for lines that no screen can tell apart."""
    if line.seat.threaded and line.seat != STRANGER:
        return line.message_id
    return line.kind if line.kind in OF_MANY_MARKS else f"{line.kind} {line.mark}"


def _items(lines: Iterable[Said], screens: Screens) -> Lines:
    said: defaultdict[Seat, dict[str, Said]] = defaultdict(dict)
    for line in lines:
        any_mark = replace(line, mark="") if line.kind in OF_MANY_MARKS else line
        said[line.seat].setdefault(like(line), any_mark)
    for seat, items in screens.items():
        for item in items:
            if item["from"] == "bot":
                lines_of_it = [one for one in said[seat].values() if is_answer(item, one)]
                yield _item(seat, item, lines_of_it)


def _item(seat: Seat, item: Json, answered: Iterable[Said]) -> dict[str, Any]:
    card, bots_own = item["card"] or {}, seat.forgetful and not item["reply_to"]
    return {
        "what": "item",
        "on": str(seat),
        "seq": item["seq"],
        "reply_to": item["reply_to"] or "",
        "answers": [like(line) for line in answered],
        "text": item["text"],
        "card": card.get("id", ""),
        "has_key": has_key(seat, item),
        "alarm": bots_own and ALARM in item["text"] and not is_ending(item),
    }


def is_answer(item: Json, line: Said) -> bool:
    """Not the new card by which WeCom tells how one ended that it could not change."""
    if item["from"] != "bot" or not answers(item, line):
        return False
    tells = line.seat.platform == WECOM and line.kind in ("log", "task", "opening")
    return not (tells and is_ending(item))


def is_ending(item: Json) -> bool:
    return bool(item["card"]) and not item["card"]["id"].startswith(OUR_CARDS)


def has_key(seat: Seat, item: Json) -> bool:
    """Whether it is a thing that the platform shows once, however often it is sent."""
    return bool(item["card"]) and (seat.platform == DINGTALK or not is_ending(item))


async def _inbox(session: AsyncSession) -> Lines:
    rows = await session.execute(select(Heard.platform, Heard.key, Heard.state).order_by(Heard.id))
    return (
        {"what": "heard", "platform": platform, "id": key, "state": state.value}
        for platform, key, state in rows.all()
    )


async def _outbox(session: AsyncSession) -> Lines:
    rows = await session.execute(
        select(Out.id, Out.key, Out.why, Out.platform, Out.state, Delivery.code)
        .outerjoin(Delivery, Delivery.out_id == Out.id)
        .order_by(Out.id, Delivery.id)
    )
    last = {row.id: row for row in rows}
    return (
        {
            "what": "outbox",
            "key": row.key,
            "why": row.why,
            "platform": row.platform,
            "state": row.state.value,
            "code": row.code or "",
        }
        for row in last.values()
    )


async def _records(session: AsyncSession) -> Lines:
    """What lines and presses made. What an alert or an application made itself has no source."""
    calls = await session.scalars(select(AlertEvent.facts).where(AlertEvent.what == "called"))
    by_telephone = {facts["interaction"] for facts in calls}
    talks = (await session.scalars(select(Interaction).order_by(Interaction.id))).all()
    tasks = (await session.scalars(select(Task).order_by(Task.id))).all()
    looks = (await session.scalars(select(ViewGrant).order_by(ViewGrant.id))).all()

    def record(kind: str, thing: str, source: str, *, ended: bool) -> dict[str, Any]:
        return {"what": "record", "kind": kind, "thing": thing, "source": source, "ended": ended}

    def told() -> Lines:
        for talk in talks:
            source = "" if talk.id in by_telephone else talk.source
            undone = talk.undone_at is not None
            yield record("log", f"interaction:{talk.id}", source, ended=undone)
        for task in tasks:
            own = not task.source.startswith(OF_THE_DESKS)
            done = task.state is TaskState.DONE and not task.source.startswith(OF_THE_DESKS[0])
            yield record("task", f"task:{task.id}", task.source if own else "", ended=done)
        for look in looks:
            yield record("look", f"client:{look.client_id}", "", ended=look.until is not None)

    return told()


async def _presses(session: AsyncSession, pressed: Iterable[Pressed]) -> Lines:
    asked = {row.id: row.client_id for row in await session.scalars(select(ViewGrant))}
    return (
        {
            "what": "press",
            "on": str(one.seat),
            "card": one.card,
            "button": one.action,
            **_effect_of(one, asked),
        }
        for one in pressed
    )


def _effect_of(pressed: Pressed, asked: Mapping[int, int]) -> dict[str, str]:
    verb, _, number = pressed.action.partition(":")
    action, thing = EFFECTS[verb]
    own = str(asked[int(number)]) if verb == "grant" else number
    return {"action": action, "thing": f"{thing}:{own}"}


async def _alerts(session: AsyncSession, screens: Screens) -> Lines:
    alerts = (await session.scalars(select(Alert).order_by(Alert.id))).all()
    events = (await session.scalars(select(AlertEvent).order_by(AlertEvent.id))).all()
    notices = (await session.scalars(select(AlertNotice))).all()
    outs = (await session.scalars(select(Out).where(Out.why == "alert").order_by(Out.id))).all()
    told_of: defaultdict[int, list[int]] = defaultdict(list)
    for notice in notices:
        told_of[notice.out_id].append(notice.alert_id)
    beginnings = {event.alert_id: event.what for event in reversed(events)}

    def told() -> Lines:
        for alert in alerts:
            called = alert.kind is AlertKind.MARGIN and beginnings[alert.id] != "fell"
            yield {
                "what": "alert",
                "id": alert.id,
                "kind": alert.kind.value,
                "account": alert.account,
                "claimed_by": alert.claimed_by or "",
                "open": alert.open_key is not None,
                "must_tell": [f"{one}/{RISK_GROUP}" for one in PLATFORMS] if called else [],
            }
        for event in events:
            yield {
                "what": "alert_event",
                "alert": event.alert_id,
                "event": event.what,
                "level": int(event.level),
                "by": event.by,
            }
        for out in outs:
            yield from _alarms(out, told_of[out.id], screens)

    return told()


def _alarms(out: Out, alerts: list[int], screens: Screens) -> Lines:
    """On which of the screens that are looked at it must be seen."""
    item = codec.load_outgoing(out.item)
    for seat in screens:
        place = seat.person if seat.chat == PRIVATE else seat.chat
        if (item.chat.platform, item.chat.id) == (seat.platform, place):
            yield {
                "what": "alarm",
                "on": str(seat),
                "place": f"{seat.platform}/{place}",
                "card": item.part.id if isinstance(item.part, Card) else "",
                "update": item.update,
                "to_bot": seat.forgetful,
                "alerts": alerts,
            }


async def _trail(session: AsyncSession) -> Lines:
    rows = (await session.scalars(select(audit.AuditRow).order_by(audit.AuditRow.seq))).all()
    return (
        {
            "what": "audit",
            "seq": row.seq,
            "at": row.at.isoformat(timespec="microseconds"),
            "actor": row.actor,
            "action": row.action,
            "object": row.object,
            "trace": row.trace,
            "digest": row.digest.hex(),
            "hash": row.hash.hex(),
        }
        for row in rows
    )
