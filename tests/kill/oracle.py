"""What must be true when everything has come to rest, whatever happened before.

- Every line that the platform took was answered as it should be, and answered once. A second
  answer is marked (重发), and only what has no key of its own may have one. Nothing else is
  excused but what WeCom told its bot while that was away: then it was said again.
- Every logged line is one record, every task line one task.
- Every button that was pressed worked once: one audit row each.
- No card lies: each shows the store's newest version, and nothing that is finished can be pressed.
  On WeCom, which changes a card only so often, what is not finished may be an older version.
- Applications, alerts and changes: see ``openings``, ``falls`` and ``changes``.
- Nothing waits, nothing was given up, and the audit chain holds.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.app.stores import clock_of, store_of
from bot.chat import codec
from bot.chat.message import Card
from bot.models import Delivery, Heard, HeardState, LiveCard, Out, OutState
from bot.settings import load
from crm.kernel import audit
from crm.kernel.db import Store
from crm.models import Interaction, Task, TaskState, ViewGrant
from risk.models import AlertEvent
from tests.kill import openings
from tests.kill.changes import ADMINS, in_force_once
from tests.kill.falls import AGAIN, ALARM, OUR_CARDS, WATCHERS, told_once
from tests.kill.openings import DECIDERS, decided_once
from tests.kill.town import (
    APPLICANTS,
    DINGTALK,
    HEADS,
    LOOKERS,
    PRIVATE,
    STRANGER,
    WECOM,
    FarDown,
    Json,
    Pressed,
    Said,
    Seat,
    Town,
    action_of,
    answers,
)

REST_SECONDS = 60.0
RESTING = 3  # looks in a row that find nothing under way
UNSETTLED = (OutState.WAITING, OutState.SENDING)

ENDS = ("已撤销", "已完成")
UNDER_WAY = "已受理"
UNKNOWN = "您还没有开通期台"  # all that a stranger is told
OFFICES = {*DECIDERS, *ADMINS, *WATCHERS, STRANGER}
OF_THE_DESKS = ("alert:", "application:")  # tasks that nobody's line asked for
BUTTONS = 6  # that a card of WeCom shows
EFFECTS = {  # what a button leaves behind in the audit, and on which thing
    "undo": ("interaction.undo", "interaction"),
    "task_done": ("task.done", "task"),
    "ask_view": ("view.ask", "client"),
    "grant": ("view.grant", "client"),
}

Screens = dict[Seat, list[Json]]


class Oracle:
    def __init__(self, config: Path, town: Town) -> None:
        self._settings = load(config, {})
        self._town = town

    async def rest(self) -> None:
        """Returns when nothing is under way any more."""
        end = time.monotonic() + REST_SECONDS
        quiet = 0
        async with self._opened() as store:
            while quiet < RESTING:
                left = await self._under_way(store)
                assert time.monotonic() < end, f"no rest after {REST_SECONDS} s: {left}"
                quiet = 0 if left else quiet + 1
                await asyncio.sleep(0.1)

    async def _under_way(self, store: Store) -> dict[str, int]:
        try:
            async with store.reading() as session:
                unheard = await session.scalar(
                    select(func.count()).select_from(Heard).where(Heard.state == HeardState.NEW)
                )
                unsent = await session.scalar(
                    select(func.count()).select_from(Out).where(Out.state.in_(UNSETTLED))
                )
            waiting = await self._town.waiting()
        except (SQLAlchemyError, OSError, FarDown):
            return {"out of reach": 1}
        counted = {"waiting": waiting, "unheard": unheard or 0, "unsent": unsent or 0}
        return {name: number for name, number in counted.items() if number}

    async def judge(self, *, showings: int = 1, ordered: bool = False, deaf: bool = False) -> None:
        """Wait for rest, then check everything. ``showings``: so often a text may be seen whose
        outcome was unknown; 1 where none was, and then nothing is marked. ``ordered``: nothing
        was served again after a crash, so answers keep the order. ``deaf``: WeCom's bot was away
        for a while, and what it was told then is lost."""
        await self.rest()
        journal = self._town.journal
        async with self._opened() as store:
            screens = await self._screens()
            await thread_cards(store, screens)
            lines = list(on_screens(self._town, screens))
            told = {one.message_id for one in lines}
            assert {one.message_id for one in journal.said} <= told
            lost = await unheard(store, lines)
            if deaf:
                journal.lost.update(lost)
            assert lost <= journal.lost, f"never heard, though somebody was there: {lost}"
            heard = [one for one in lines if one.message_id not in lost]
            answered_once(heard, screens, showings)
            pushed_again_is_marked(screens)
            if ordered:
                await in_order(store, heard, screens)
            await recorded_once(store, heard)
            await pressed_once(store, journal.pressed)
            await no_card_lies(store, screens)
            await decided_once(store, self._town, screens)
            await in_force_once(store, self._town)
            await told_once(store, self._town, screens)
            await nothing_left(store)
            await chain_holds(store, audit.Head(self._settings.head_file))

    async def read_back(self, seat: Seat, account: str) -> str:
        """What the bot itself says of a client's records."""
        said = await self._town.say(seat, "look_up", f"记录 {account}", f"记录 {account}")
        return str((await self._town.answer_to(said))["text"])

    async def _screens(self) -> Screens:
        """Of everybody who said or pressed something, and of whoever was told of it."""
        journal = self._town.journal
        talked, pressed = (one.seat for one in journal.said), (one.seat for one in journal.pressed)
        seats = {*talked, *pressed, *LOOKERS, *HEADS, *APPLICANTS, *OFFICES}
        return {seat: await self._town.seen(seat) for seat in sorted(seats)}

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Store]:
        store = store_of(self._settings, clock_of(self._settings))
        try:
            yield store
        finally:
            await store.close()


def on_screens(town: Town, screens: Screens) -> Iterator[Said]:
    """Every line that people see as sent, also one whose sending ended in a broken connection."""
    for seat, items in screens.items():
        for item in items:
            if item["from"] == seat.person:
                kind, mark = town.kind_of(seat, item)
                yield Said(seat, kind, mark, item["message_id"])


async def unheard(store: Store, lines: Iterable[Said]) -> set[str]:
    """What WeCom told its bot while that was away; nobody brings it again. Nothing else is."""
    async with store.reading() as session:
        rows = await session.execute(select(Heard.platform, Heard.key))
        heard = {(platform, key) for platform, key in rows}
    lost = [one for one in lines if (one.seat.platform, one.message_id) not in heard]
    assert all(one.seat.forgetful for one in lost), f"never heard: {lost[:3]}"
    return {one.message_id for one in lost}


async def thread_cards(store: Store, screens: Screens) -> None:
    """A card that WeCom's bot pushes because its answer was in doubt stands under no line; the
    store knows which one it answers."""
    async with store.reading() as session:
        rows = await session.scalars(select(Out.item).where(Out.platform == WECOM))
        lines = {out.key: out.reply_to for out in map(codec.load_outgoing, rows)}
    for seat, items in screens.items():
        for item in items:
            if seat.forgetful and item["card"] and not item["reply_to"]:
                item["reply_to"] = lines.get(item["card"]["id"])


def answered_once(said: Iterable[Said], screens: Screens, showings: int) -> None:
    unanswered: Counter[Seat] = Counter()
    for line, alike in groups(said):
        shown = [item for item in screens[line.seat] if is_answer(item, line)]
        if line.seat.forgetful and not shown:
            unanswered[line.seat] += 1
            continue
        assert len(shown) >= alike, f"no answer: {line}"
        strange = [one["text"] for one in shown if not fits(one, line)]
        assert not strange, f"{line}: {strange}"
        assert len(shown) <= showings * alike, f"shown {len(shown)} times: {line}"
        marked = sum(one["text"].startswith(AGAIN) for one in shown)
        assert len(shown) - marked <= alike, f"again without the mark: {line}"
        assert showings > 1 or not marked, f"marked for no reason: {line}"
        keyed = sum(has_key(one, line) for one in shown)
        assert keyed <= alike, f"twice: {line}"
    for seat, number in unanswered.items():
        pushed = [one for one in screens[seat] if one["from"] == "bot" and not one["reply_to"]]
        again = sum(AGAIN in one["text"] for one in pushed)
        assert number <= again, f"{number} lines without an answer: {seat}"


def pushed_again_is_marked(screens: Screens) -> None:
    """What WeCom's bot says in a group without answering anybody is something said before, or how
    a card ended that could not be changed."""
    for seat, items in screens.items():
        pushed = [one["text"] for one in items if one["from"] == "bot" and not one["reply_to"]]
        if seat.forgetful:
            allowed = (AGAIN, ALARM, *ENDS)
            strange = [one for one in pushed if not any(word in one for word in allowed)]
            assert not strange, f"nobody asked for it in {seat}: {strange[:3]}"


def groups(said: Iterable[Said]) -> Iterable[tuple[Said, int]]:
    """Each line, and how many there are that no screen can tell from it."""
    return Counter(map(_told_apart, said)).items()


def _told_apart(line: Said) -> Said:
    if line.seat.threaded and line.seat != STRANGER:
        return line
    mark = "" if line.kind in ("opening", "stranger") else line.mark
    return replace(line, message_id="", mark=mark)


def is_answer(item: Json, line: Said) -> bool:
    """Not the new card by which WeCom tells how one ended that it could not change."""
    if item["from"] != "bot" or not answers(item, line):
        return False
    ended = bool(item["card"]) and not item["card"]["id"].startswith(OUR_CARDS)
    return not (ended and line.seat.platform == WECOM and line.kind in ("log", "task", "opening"))


def has_key(item: Json, line: Said) -> bool:
    """Whether it is a thing that the platform shows once, however often it is sent."""
    card = item["card"]
    return bool(card) and (line.seat.platform == DINGTALK or card["id"].startswith(OUR_CARDS))


def fits(item: Json, line: Said) -> bool:
    """Whether it is the answer that such a line should have."""
    if line.kind == "nobody":
        return item["kind"] in ("text", "markdown") and f"「{line.mark}」" in item["text"]
    if line.kind == "stranger":
        return item["kind"] in ("text", "markdown") and UNKNOWN in item["text"]
    if line.kind == "opening":
        return openings.fits(item)
    text, masked = item["text"], line.seat.chat != PRIVATE
    title = item["card"]["title"] if item["card"] else text.partition("\n")[0]
    if line.seat.platform == WECOM and title.startswith(UNDER_WAY):
        return True  # a click that took long; how it ended stands below
    match line.kind:
        case "log":
            return title.startswith(("已记录", "已撤销")) and (masked or line.mark in text)
        case "task":
            return (masked and bool(title)) or line.mark in title
        case _:
            return bool(title)


async def in_order(store: Store, said: Iterable[Said], screens: Screens) -> None:
    """Each chat shows its answers in the order in which its lines were heard: of two connections
    either may be quicker, so that need not be the order in which they were said. Of lines alike
    only the first counts."""
    async with store.reading() as session:
        rows = await session.execute(select(Heard.platform, Heard.key, Heard.id))
        heard = {(platform, key): number for platform, key, number in rows}
    for seat, items in screens.items():
        lines = [one for one in said if one.seat == seat]
        lines.sort(key=lambda line: heard[seat.platform, line.message_id])
        firsts = {_told_apart(one): one for one in reversed(lines)}.values()
        seqs = [
            min(item["seq"] for item in items if is_answer(item, line))
            for line in lines
            if line in firsts and any(is_answer(item, line) for item in items)
        ]
        assert seqs == sorted(seqs), f"out of order: {seat}"


async def recorded_once(store: Store, said: Iterable[Said]) -> None:
    async with store.reading() as session:
        calls = await session.scalars(select(AlertEvent.facts).where(AlertEvent.what == "called"))
        noted = {facts["interaction"] for facts in calls}
        talks = await session.execute(select(Interaction.id, Interaction.source))
        logged = Counter(source for number, source in talks if number not in noted)
        sources = await session.scalars(select(Task.source))
        tasks = Counter(each for each in sources if not each.startswith(OF_THE_DESKS))
    for kind, found in (("log", logged), ("task", tasks)):
        wanted = {f"{one.seat.platform}:{one.message_id}" for one in said if one.kind == kind}
        twice = {source for source, number in found.items() if number > 1}
        assert not twice, f"{kind} twice: {twice}"
        assert set(found) == wanted, f"{kind}: lost {wanted - set(found)}, {set(found) - wanted}"


async def pressed_once(store: Store, pressed: Iterable[Pressed]) -> None:
    """Each button that somebody pressed until it worked had one effect, and nothing else had."""
    async with store.reading() as session:
        asked = {row.id: row.client_id for row in await session.scalars(select(ViewGrant))}
        wanted = Counter(_effect_of(one, asked) for one in pressed)
        rows = await session.execute(
            select(audit.AuditRow.action, audit.AuditRow.object).where(
                audit.AuditRow.action.in_(action for action, _ in EFFECTS.values()),
                audit.AuditRow.actor != "system",  # an alert's task ends with it
            )
        )
        effects = Counter((action, thing) for action, thing in rows)
        undone = select(Interaction.id).where(Interaction.undone_at.is_not(None))
        done = select(Task.id).where(
            Task.state == TaskState.DONE, Task.source.not_like(f"{OF_THE_DESKS[0]}%")
        )
        granted = select(ViewGrant.client_id).where(ViewGrant.until.is_not(None))
        states = {
            *(f"interaction:{one}" for one in await session.scalars(undone)),
            *(f"task:{one}" for one in await session.scalars(done)),
            *(f"client:{one}" for one in await session.scalars(granted)),
        }
    assert set(effects) == set(wanted), f"{set(wanted) - set(effects)} {set(effects) - set(wanted)}"
    assert max(effects.values(), default=1) == 1, f"more than once: {effects.most_common(3)}"
    assert states == {thing for action, thing in wanted if action != "view.ask"}


def _effect_of(pressed: Pressed, asked: Mapping[int, int]) -> tuple[str, str]:
    verb, _, number = pressed.action.partition(":")
    action, thing = EFFECTS[verb]
    return action, f"{thing}:{asked[int(number)] if verb == 'grant' else number}"


async def no_card_lies(store: Store, screens: Screens) -> None:
    places = {
        (seat.platform, seat.person if seat.chat == PRIVATE else seat.chat): items
        for seat, items in screens.items()
    }
    async with store.reading() as session:
        cards = (await session.scalars(select(LiveCard).order_by(LiveCard.at, LiveCard.id))).all()
    newest = {(live.platform, live.chat, live.subject): live.id for live in cards}
    for live in cards:
        items = places.get((live.platform, live.chat))
        if items is None:
            continue
        shown, content = [one for one in items if one["card"]], codec.load_card(live.content)
        if live.platform == DINGTALK:
            dingtalk_card(live, content, shown)
        else:
            is_newest = newest[live.platform, live.chat, live.subject] == live.id
            wecom_card(live, content, shown, is_newest=is_newest)
    for items in screens.values():
        for card in (one["card"] for one in items if one["card"]):
            if card["title"].startswith(ENDS) or card["status"] in ENDS:
                assert not card["buttons"], f"finished, and can be pressed: {card['title']}"


def dingtalk_card(live: LiveCard, content: Card, items: Iterable[Json]) -> None:
    shown = {item["card"]["id"]: item["card"] for item in items}
    assert live.id in shown, f"on no screen: {live.id} {live.subject}"
    face = shown[live.id]
    seen = f"{live.subject} shows version {face['version']} of {live.version}"
    assert face["version"] == live.version, seen
    assert face["status"] == content.status, f"{seen}: {face['status']}, not {content.status}"
    enabled = [one["key"] for one in face["buttons"] if one["enabled"]]
    assert enabled == [one.key for one in content.buttons if one.enabled], seen


def wecom_card(live: LiveCard, content: Card, items: Sequence[Json], *, is_newest: bool) -> None:
    """What asks for something can be pressed, what is finished says so: in place, or in a card
    below it. Of several cards of one thing the newest is as it is now. A card that never had a
    button is a message and has no name."""
    shown = [one for one in items if one["card"]["id"].partition("@")[0] == live.id]
    wanted = [one.key for one in content.buttons if one.enabled][:BUTTONS]
    if not shown:
        assert not wanted, f"on no screen: {live.id} {live.subject}"
        return
    below = [one for one in items if one["seq"] >= shown[-1]["seq"]]
    last = shown[-1]["card"]
    enabled = [action_of(one["key"]) for one in last["buttons"] if one["enabled"]]
    if wanted:
        seen = f"{live.subject} shows {enabled}, not {wanted}"
        assert enabled == wanted or not is_newest, seen
    else:
        ends = [one for one in below if not one["card"]["buttons"]]
        told = any(one["card"]["title"] == content.title for one in ends)
        assert told, f"{live.subject} does not say how it ended: {last['title']}"


async def nothing_left(store: Store) -> None:
    async with store.reading() as session:
        rows = await session.execute(
            select(Out.why, Out.platform, Out.state, Delivery.code)
            .outerjoin(Delivery, Delivery.out_id == Out.id)
            .where(Out.state.not_in((OutState.SENT, OutState.SUPERSEDED)))
        )
        left = rows.all()
        failed = await session.scalar(
            select(func.count()).select_from(Heard).where(Heard.state != HeardState.DONE)
        )
    assert not left, f"never sent: {left}"
    assert failed == 0


async def chain_holds(store: Store, head: audit.Head) -> None:
    async with store.reading() as session:
        verdict = await audit.verify(session, head)
    assert verdict.broken_at is None, verdict.why
