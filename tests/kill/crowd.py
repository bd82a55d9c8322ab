"""Several people of the broker at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.kill.changes import change_a_rule, staff_the_desks
from tests.kill.falls import a_fall
from tests.kill.openings import open_an_account
from tests.kill.town import (
    APPLICANTS,
    CURIOUS,
    DESKS,
    HEADS,
    LOOKERS,
    MANAGERS,
    PRIVATE,
    FarDown,
    NotTaken,
    Seat,
    Town,
)

MOST_CHANGES = 1  # of a crowd: each is several people's work
MOST_OPENINGS = 1


class Crowd:
    """Several people at once, each saying one thing after another, until told to stop."""

    def __init__(self, town: Town, seed: int, *, desks: bool = True) -> None:
        """``desks``: approvers, admins and the risk desk are at work too."""
        self._town = town
        self._seed = seed
        self._desks = desks
        self._enough = asyncio.Event()
        self._staffed = asyncio.Event()
        self.pause = 0.05  # seconds between two lines of a person

    def enough(self) -> None:
        """Everybody finishes what he is at."""
        self._enough.set()

    async def live(self, lines: int = 1_000_000) -> None:
        """Each person says so many lines."""
        async with asyncio.TaskGroup() as people:
            for number, seat in enumerate(MANAGERS):
                chance = random.Random(self._seed * 1000 + number)
                people.create_task(self._manager(seat, chance, lines))
            for seat in DESKS:
                people.create_task(self._desk(seat, lines // 2))
            people.create_task(self._curious(lines // 4))
            if self._desks:
                people.create_task(self._admins(min(lines, MOST_CHANGES)))
                people.create_task(self._applicants(min(lines, MOST_OPENINGS)))
                people.create_task(a_fall(self._town))

    async def _manager(self, seat: Seat, chance: random.Random, lines: int) -> None:
        accounts = self._town.accounts[seat.person]

        async def one_thing(_number: int) -> None:
            await self._one_thing(seat, chance, chance.choice(accounts))

        await self._each(lines, one_thing)

    async def _one_thing(self, seat: Seat, chance: random.Random, account: str) -> None:
        town = self._town
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                await town.log(seat, account)
            case 4 | 5:
                await town.press(await town.log(seat, account), "undo")
            case 6:
                await town.press(await town.task(seat), "task_done")
            case 7:
                await town.look_up(seat, account)
            case _ if seat.chat == PRIVATE:
                await town.ask_for_nobody(seat)
            case _:
                await town.look_up(seat, account)

    async def _desk(self, seat: Seat, lines: int) -> None:
        """The risk desk looks clients up in its group."""
        accounts = self._town.accounts["wangqiang"]

        async def one_thing(number: int) -> None:
            await self._town.look_up(seat, accounts[number % len(accounts)])

        await self._each(lines, one_thing)

    async def _curious(self, lines: int) -> None:
        """A manager asks for looks at a colleague's clients, now here, now there; the head, who
        sees each request on both platforms, decides on the other one."""
        town = self._town

        async def one_thing(_number: int) -> None:
            try:
                account = town.another()
            except StopIteration:
                return
            here = len(town.journal.asked_for) % 2
            seat, head = LOOKERS[here], HEADS[1 - here]
            name = town.names[account]
            said = await town.insist_on(seat, "not_mine", account, name)
            await town.press(said, "ask_view")
            await town.insist(await town.request(head, name))
            await asyncio.sleep(CURIOUS)

        await self._each(lines, one_thing)

    async def _admins(self, changes: int) -> None:
        await staff_the_desks(self._town)
        self._staffed.set()
        await self._each(changes, lambda number: change_a_rule(self._town, number))

    async def _applicants(self, openings: int) -> None:
        """When there are two for each step that can have two."""
        await self._staffed.wait()

        async def one_thing(number: int) -> None:
            await open_an_account(self._town, APPLICANTS[(self._seed + number) % 2], number)

        await self._each(openings, one_thing)

    async def _each(self, lines: int, one_thing: Callable[[int], Awaitable[None]]) -> None:
        for number in range(lines):
            if self._enough.is_set():
                return
            try:
                await one_thing(number)
            except (NotTaken, FarDown):
                await asyncio.sleep(0.1)  # he sees that it was not sent
            await asyncio.sleep(self.pause)
