"""Given several who decide one thing at the same moment: one of them did, the others are told so,
and nothing that is decided can be pressed any more."""

import asyncio
import random
from collections.abc import Sequence
from itertools import count

import pytest

from crm.kernel import audit
from tests.faults.house import House
from tests.faults.races import Press, Race, over_a_change, over_applications, over_tasks
from tests.kill.changes import staff_the_desks
from tests.kill.lives import SEED, SOAK
from tests.kill.oracle import no_card_lies
from tests.kill.town import Seat, Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600 if SOAK else 180)]

RACES = 500 if SOAK else 7  # on each database
BATCH = 10 if SOAK else 7  # of applications or tasks, all at once
SAYS = ("已由", "已有新的", "撤回", "已经", "不用再处理", "已失效")
LATER = "9h"  # longer than a step may take: its deputies are seated while others decide
KINDS = ("applications", "tasks", "change", "applications")


async def test_one_outcome_each_and_everybody_knows_it(house: House) -> None:
    chance = random.Random(SEED)
    await staff_the_desks(house.town)
    done, numbers = 0, count()
    while done < RACES:
        number = next(numbers)
        kind = KINDS[number % len(KINDS)]
        races = await prepare(house.town, chance, kind, number)
        house.town.journal.history.note("races", kind=kind, number=len(races), seed=SEED)
        await race(house, chance, races, late=kind == "applications" and number % 8 == 0)
        done += len(races)
    async with house.service.store.reading() as session:
        verdict = await audit.verify(session, audit.Head(house.service.settings.head_file))
    assert verdict.broken_at is None, verdict.why


async def prepare(town: Town, chance: random.Random, kind: str, number: int) -> list[Race]:
    match kind:
        case "applications":
            return await over_applications(town, chance, BATCH)
        case "tasks":
            return await over_tasks(town, chance, BATCH)
        case _:
            return await over_a_change(town, chance, number)


async def race(house: House, chance: random.Random, races: Sequence[Race], *, late: bool) -> None:
    presses = [press for one in races for press in one.presses]
    chance.shuffle(presses)
    seats = sorted({press.seat for press in presses})
    await house.oracle.rest()
    since = await house.town.newest(*seats)
    await at_once(presses, house, late=late)
    await house.oracle.rest()
    async with house.service.store.reading() as session:
        effects = sum([await one.effects(session) for one in races])
    screens = {seat: await house.town.seen(seat) for seat in seats}
    fresh = [i for seat, items in screens.items() for i in items if i["seq"] > since[seat]]
    told = [item["text"] for item in fresh if item["from"] == "bot" and not item["card"]]
    polite = [text for text in told if any(word in text for word in SAYS)]
    assert polite == told, f"not polite: {set(told) - set(polite)}"
    losers = len(presses) - effects
    assert len(told) == losers, f"{losers} of {len(presses)} lost, told: {told}"
    await no_card_lies(house.service.store, screens)


async def at_once(presses: Sequence[Press], house: House, *, late: bool) -> None:
    """``late``: and time runs out meanwhile."""
    async with asyncio.TaskGroup() as tasks:
        for press in presses:
            tasks.create_task(click(house.town, press))
        if late:
            tasks.create_task(house.town.advance(LATER))


async def click(town: Town, press: Press) -> None:
    seat: Seat = press.seat
    body = {
        "platform": seat.platform,
        "person": seat.person,
        "card": press.card,
        "action": press.action if seat.platform == "dingtalk" else f"{press.action}#1",
        "inputs": dict(press.inputs),
        "version": 1,
    }
    status, answer = await town._post("/sandbox/click", body)
    assert status == 200, answer
    town.journal.history.note("clicked", on=str(seat), **body, answer=answer["answer"])
