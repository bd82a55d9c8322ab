"""What must be true when everything has come to rest, whatever happened before.

What can be told in plain lines is written to the history and judged by ``check_history``: that
nothing taken was lost, that each line, press and alarm had its effect once, that the audit chain
holds. What needs to know our cards and flows is judged here:

- An answer is what such a line should have, and what WeCom's bot says unasked has a reason.
- No card lies: each shows the store's newest version, and nothing that is finished can be pressed.
  On WeCom, which changes a card only so often, what is not finished may be an older version.
- Applications, alerts and changes: see ``openings``, ``falls`` and ``changes``.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.app.database import clock_of
from bot.app.stores import store_of
from bot.chat import codec
from bot.chat.message import Card
from bot.models import Heard, HeardState, LiveCard, Out, OutState
from bot.settings import load
from crm.kernel import audit
from crm.kernel.db import Store
from tests.kill import check_history, openings
from tests.kill.changes import ADMINS, in_force_once
from tests.kill.falls import WATCHERS, told_once
from tests.kill.openings import DECIDERS, decided_once
from tests.kill.rest import all_that_stands, is_answer, like
from tests.kill.town import (
    AGAIN,
    ALARM,
    APPLICANTS,
    DINGTALK,
    HEADS,
    LOOKERS,
    PRIVATE,
    STRANGER,
    WECOM,
    FarDown,
    Json,
    Said,
    Screens,
    Seat,
    Town,
    action_of,
)

REST_SECONDS = 60.0
RESTING = 3  # looks in a row that find nothing under way
UNSETTLED = (OutState.WAITING, OutState.SENDING)

ENDS = ("已撤销", "已完成")
UNDER_WAY = "已受理"
UNKNOWN = "您还没有开通期台"  # all that a stranger is told
OFFICES = {*DECIDERS, *ADMINS, *WATCHERS, STRANGER}
BUTTONS = 6  # that a card of WeCom shows


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
        journal, head = self._town.journal, audit.Head(self._settings.head_file)
        async with self._opened() as store:
            screens = await self._screens()
            await thread_cards(store, screens)
            lines = list(on_screens(self._town, screens))
            lost = await unheard(store, lines)
            if deaf:
                journal.lost.update(lost)
            journal.history.note_rest(
                await all_that_stands(
                    store, head, journal, screens, lines, showings=showings, lost=journal.lost
                )
            )
            wrong = check_history.check(journal.history)
            assert not wrong, "\n".join([f"{journal.history}:", *wrong])
            heard = [one for one in lines if one.message_id not in lost]
            answered_well(heard, screens)
            said_unasked_for_a_reason(screens)
            if ordered:
                await in_order(store, heard, screens)
            await no_card_lies(store, screens)
            await decided_once(store, self._town, screens)
            await in_force_once(store, self._town)
            await told_once(store, self._town)
            await details_open(store, head)

    async def read_back(self, seat: Seat, account: str) -> str:
        """What the bot itself says of a client's records."""
        said = await self._town.say(seat, "look_up", f"记录 {account}", f"记录 {account}")
        return str((await self._town.answer_to(said))["text"])

    async def _screens(self) -> dict[Seat, list[Json]]:
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
    """What WeCom told its bot and nobody heard."""
    async with store.reading() as session:
        heard = set(await session.scalars(select(Heard.key)))
    return {one.message_id for one in lines if one.seat.forgetful} - heard


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


def answered_well(said: Iterable[Said], screens: Screens) -> None:
    for line in said:
        shown = [item for item in screens[line.seat] if is_answer(item, line)]
        strange = [one["text"] for one in shown if not fits(one, line)]
        assert not strange, f"{line}: {strange}"


def said_unasked_for_a_reason(screens: Screens) -> None:
    """What WeCom's bot says in a group without answering anybody is something said before, or how
    a card ended that could not be changed."""
    for seat, items in screens.items():
        pushed = [one["text"] for one in items if one["from"] == "bot" and not one["reply_to"]]
        if seat.forgetful:
            allowed = (AGAIN, ALARM, *ENDS)
            strange = [one for one in pushed if not any(word in one for word in allowed)]
            assert not strange, f"nobody asked for it in {seat}: {strange[:3]}"


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
        firsts = {like(one): one for one in reversed(lines)}.values()
        seqs = [
            min(item["seq"] for item in items if is_answer(item, line))
            for line in lines
            if line in firsts and any(is_answer(item, line) for item in items)
        ]
        assert seqs == sorted(seqs), f"out of order: {seat}"


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


async def details_open(store: Store, head: audit.Head) -> None:
    """The trail as we verify it ourselves, with the keys to its details."""
    async with store.reading() as session:
        verdict = await audit.verify(session, head)
    assert verdict.broken_at is None, verdict.why
