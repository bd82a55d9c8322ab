"""What must be true when everything has come to rest, whatever happened before.

- Every line that the platform took was answered as it should be, and answered once. A second
  answer is marked (重发), and only a plain text may have one: a card has a key.
- Every logged line is one record, every task line one task.
- Every button that was pressed worked once: one audit row each.
- No card lies: each shows the store's newest version, and nothing that is finished can be pressed.
- Nothing waits, nothing was given up, and the audit chain holds.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.app import clock_of, store_of
from bot.chat import codec
from bot.models import Heard, HeardState, LiveCard, Out, OutState
from bot.settings import load
from crm.kernel import audit
from crm.kernel.db import Store
from crm.models import Interaction, Task, TaskState
from tests.kill.town import PRIVATE, FarDown, Journal, Json, Pressed, Said, Town

AGAIN = "(重发)"
REST_SECONDS = 60.0
RESTING = 3  # looks in a row that find nothing under way
UNSETTLED = (OutState.WAITING, OutState.SENDING)

Screens = dict[tuple[str, str], list[Json]]


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

    async def judge(self, *, showings: int = 1, ordered: bool = False) -> None:
        """Wait for rest, then check everything. ``showings``: so often a text may be seen whose
        outcome was unknown; 1 where none was, and then nothing is marked. ``ordered``: nothing
        was served again after a crash, so answers keep the order."""
        await self.rest()
        journal = self._town.journal
        screens = await self._screens(journal)
        lines = on_screens(screens)
        assert {one.message_id for one in journal.said} <= {one.message_id for one in lines}
        answered_once(lines, screens, showings)
        async with self._opened() as store:
            if ordered:
                await in_order(store, lines, screens)
            await recorded_once(store, lines)
            await pressed_once(store, journal.pressed)
            await no_card_lies(store, screens)
            await nothing_left(store)
            await chain_holds(store, audit.Head(self._settings.head_file))

    async def read_back(self, person: str, account: str) -> str:
        """What the bot itself says of a client's records."""
        said = await self._town.say(person, "look_up", f"记录 {account}", f"记录 {account}")
        await self._town.card_of(said)
        [text] = [
            item["text"]
            for item in await self._town.seen(person)
            if item["reply_to"] == said.message_id
        ]
        return str(text)

    async def _screens(self, journal: Journal) -> Screens:
        places = {(said.person, said.chat) for said in journal.said}
        return {place: await self._town.seen(*place) for place in sorted(places)}

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Store]:
        store = store_of(self._settings, clock_of(self._settings))
        try:
            yield store
        finally:
            await store.close()


def on_screens(screens: Screens) -> list[Said]:
    """Every line that people see as sent, also one whose sending ended in a broken connection."""
    return [
        Said(person, chat, *_kind_of(item["text"].removeprefix("@期台 ")), item["message_id"])
        for (person, chat), items in screens.items()
        for item in items
        if item["from"] == person
    ]


def _kind_of(text: str) -> tuple[str, str]:
    """What a line asks for, and its last word."""
    kinds = {"记": "log", "待办": "task", "持仓": "nobody"}
    words = text.split()
    return kinds.get(words[0], "look_up"), words[-1]


def answered_once(said: Iterable[Said], screens: Screens, showings: int) -> None:
    for line in said:
        items = screens[line.person, line.chat]
        answers = [one for one in items if one["from"] == "bot" and answers_to(one, line)]
        assert answers, f"no answer: {line}"
        assert all(fits(one, line) for one in answers), f"{line}: {answers[0]['text']!r}"
        assert len(answers) <= showings, f"shown {len(answers)} times: {line}"
        marked = [one["text"].startswith(AGAIN) for one in answers]
        assert all(marked[1:]), f"again without the mark: {line}"
        assert showings > 1 or not any(marked), f"marked for no reason: {line}"
        assert len(answers) == 1 or not any(one["card"] for one in answers), f"twice: {line}"


def answers_to(item: Json, line: Said) -> bool:
    if item["reply_to"]:
        return bool(item["reply_to"] == line.message_id)
    return line.kind == "nobody" and item["kind"] == "text" and line.mark in item["text"]


def fits(item: Json, line: Said) -> bool:
    """Whether it is the answer that such a line should have, and the first of its kind."""
    if line.kind == "nobody":
        return item["kind"] == "text" and f"「{line.mark}」" in item["text"]
    title, text = item["card"]["title"] if item["card"] else "", item["text"]
    match line.kind:
        case "log":
            return title.startswith(("已记录", "已撤销")) and line.mark in text
        case "task":
            return line.mark in title
        case _:
            return bool(title)


async def in_order(store: Store, said: Iterable[Said], screens: Screens) -> None:
    """Each chat shows its answers in the order in which its lines were heard: of two connections
    either may be quicker, so that need not be the order in which they were said."""
    async with store.reading() as session:
        heard = dict((await session.execute(select(Heard.key, Heard.id))).all())
    for (person, chat), items in screens.items():
        lines = [line for line in said if (line.person, line.chat) == (person, chat)]
        lines.sort(key=lambda line: heard[line.message_id])
        seqs = [
            min(one["seq"] for one in items if one["from"] == "bot" and answers_to(one, line))
            for line in lines
        ]
        assert seqs == sorted(seqs), f"out of order in {chat} of {person}"


async def recorded_once(store: Store, said: Iterable[Said]) -> None:
    async with store.reading() as session:
        logged = Counter(await session.scalars(select(Interaction.source)))
        tasks = Counter(await session.scalars(select(Task.source)))
    for kind, found in (("log", logged), ("task", tasks)):
        wanted = {f"dingtalk:{one.message_id}" for one in said if one.kind == kind}
        twice = {source for source, number in found.items() if number > 1}
        assert not twice, f"{kind} twice: {twice}"
        assert set(found) == wanted, f"{kind}: lost {wanted - set(found)}, {set(found) - wanted}"


async def pressed_once(store: Store, pressed: Iterable[Pressed]) -> None:
    actions = {"undo": "interaction.undo", "task_done": "task.done"}
    wanted = Counter(_object_of(one) for one in pressed)
    async with store.reading() as session:
        rows = await session.execute(
            select(audit.AuditRow.object).where(audit.AuditRow.action.in_(actions.values()))
        )
        effects = Counter(rows.scalars())
        undone = set(
            await session.scalars(select(Interaction.id).where(Interaction.undone_at.is_not(None)))
        )
        done = set(await session.scalars(select(Task.id).where(Task.state == TaskState.DONE)))
    assert set(effects) == set(wanted), f"{set(wanted) - set(effects)} {set(effects) - set(wanted)}"
    assert max(effects.values(), default=1) == 1, f"more than once: {effects.most_common(3)}"
    states = {f"interaction:{one}" for one in undone} | {f"task:{one}" for one in done}
    assert states == set(wanted)


def _object_of(pressed: Pressed) -> str:
    action, _, number = pressed.action.partition(":")
    return f"{'interaction' if action == 'undo' else 'task'}:{number}"


async def no_card_lies(store: Store, screens: Screens) -> None:
    faces = [one["card"] for items in screens.values() for one in items if one["card"]]
    shown = {face["id"]: face for face in faces}
    places = {person if chat == PRIVATE else chat for person, chat in screens}
    async with store.reading() as session:
        cards = await session.scalars(
            select(LiveCard).where(LiveCard.platform == "dingtalk", LiveCard.chat.in_(places))
        )
        for live in cards:
            assert live.id in shown, f"on no screen: {live.id} {live.subject}"
            face, content = shown[live.id], codec.load_card(live.content)
            seen = f"{live.subject} shows version {face['version']} of {live.version}"
            assert face["version"] == live.version, seen
            assert face["status"] == content.status, seen
            enabled = [one["key"] for one in face["buttons"] if one["enabled"]]
            assert enabled == [one.key for one in content.buttons if one.enabled], seen
    for card in shown.values():
        if card["title"].startswith("已撤销") or card["status"] == "已完成":
            assert not card["buttons"], f"finished, and can be pressed: {card['title']}"


async def nothing_left(store: Store) -> None:
    async with store.reading() as session:
        rows = await session.execute(select(Out.state, func.count()).group_by(Out.state))
        states = dict(rows.all())
        failed = await session.scalar(
            select(func.count()).select_from(Heard).where(Heard.state != HeardState.DONE)
        )
    assert set(states) <= {OutState.SENT, OutState.SUPERSEDED}, states
    assert failed == 0


async def chain_holds(store: Store, head: audit.Head) -> None:
    async with store.reading() as session:
        verdict = await audit.verify(session, head)
    assert verdict.broken_at is None, verdict.why
