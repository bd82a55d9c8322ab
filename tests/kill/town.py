"""The people of the broker: what they say and click, and what of it was taken."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

PRIVATE = "private"
BOT_TOPIC = "/v1.0/im/bot/messages/get"
MANAGERS = ("wangqiang", "limin", "zhaolei")
HTTP_SECONDS = 15.0
CARD_SECONDS = 60.0
PATIENCE = 60.0  # seconds for which a person presses a button again before he gives up

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One line that the platform took. ``mark`` is a word that no other line has."""

    person: str
    chat: str
    kind: str  # log, task, look_up, nobody
    mark: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """One button of one card that a person wanted pressed, and pressed until it was."""

    said: Said
    card: str
    action: str  # undo:5, task_done:7


@dataclass(slots=True)
class Journal:
    """What was taken, by whom; kept over all lives of both sides."""

    said: list[Said] = field(default_factory=list)
    pressed: list[Pressed] = field(default_factory=list)
    refused: int = 0  # not taken: nobody listened
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


class FarDown(Exception):
    """The far side is not there: whether it took something is not known."""


class Town:
    """Speaks to the sandbox as people do."""

    def __init__(self, url: str, http: aiohttp.ClientSession, journal: Journal) -> None:
        self.url = url
        self._http = http
        self.journal = journal
        self.accounts: dict[str, list[str]] = {}

    async def look_around(self) -> None:
        """Whose clients there are."""
        for row in await self._get("/sandbox/clients", limit="200"):
            self.accounts.setdefault(row["owner"], []).append(row["account"])

    def mark(self) -> str:
        return f"K{next(self.journal.numbers):05d}"

    async def say(self, person: str, kind: str, line: str, mark: str, chat: str = PRIVATE) -> Said:
        """Raises NotTaken when nobody listened, FarDown."""
        body = {
            "platform": "dingtalk",
            "person": person,
            "chat": chat,
            "text": line,
            "mention": chat != PRIVATE,
        }
        status, answer = await self._post("/sandbox/say", body)
        if status == 503:
            self.journal.refused += 1
            raise NotTaken
        assert status == 200, answer
        said = Said(person, chat, kind, mark, answer["message_id"])
        self.journal.said.append(said)
        return said

    async def log(self, person: str, account: str) -> Said:
        mark = self.mark()
        return await self.say(person, "log", f"记 {account} 电话 询问螺纹钢 {mark}", mark)

    async def task(self, person: str) -> Said:
        mark = self.mark()
        return await self.say(person, "task", f"待办 明天下午三点 交报表 {mark}", mark)

    async def look_up(self, person: str, account: str, chat: str = PRIVATE) -> Said:
        return await self.say(person, "look_up", account, account, chat)

    async def ask_for_nobody(self, person: str) -> Said:
        """Answered by a plain text that repeats the number: a text has no key of its own."""
        number = f"89{next(self.journal.numbers):06d}"
        return await self.say(person, "nobody", f"持仓 {number}", number)

    async def refused(self, person: str, line: str) -> None:
        """Say something while nobody listens. Fails when it is taken."""
        try:
            said = await self.say(person, "look_up", line, line)
        except NotTaken:
            return
        raise AssertionError(f"taken: {said}")

    async def deliveries(self, said: Said) -> int:
        """How often the platform has pushed a line to the service."""
        last, times = 0, 0
        while page := await self._get("/sandbox/wire", after=str(last)):
            last = page[-1]["n"]
            pushed = [entry["body"] for entry in page if entry["what"].endswith(BOT_TOPIC)]
            times += sum(said.message_id in str(body) for body in pushed)
        return times

    async def seen(self, person: str, chat: str = PRIVATE, after: int = 0) -> list[Json]:
        found = await self._get(
            "/sandbox/seen", platform="dingtalk", person=person, chat=chat, after=str(after)
        )
        return list(found)

    async def card_of(self, said: Said) -> Json:
        """The card that answers a line."""
        async with asyncio.timeout(CARD_SECONDS):
            while True:
                for item in reversed(await self.seen(said.person, said.chat)):
                    if item["reply_to"] == said.message_id:
                        assert item["card"], f"{said}: {item['text']}"
                        return dict(item["card"])
                await asyncio.sleep(0.05)

    async def press(self, said: Said, action: str) -> None:
        """Press a button of the answer's card, and again as long as it stays and says that it
        failed, as a person would."""
        await self.insist(await self.button(said, action))

    async def button(self, said: Said, action: str) -> Pressed:
        """The answer's button, which somebody now means to press."""
        card = await self.card_of(said)
        [key] = [one["key"] for one in card["buttons"] if one["key"].partition(":")[0] == action]
        pressed = Pressed(said, card["id"], key)
        self.journal.pressed.append(pressed)
        return pressed

    async def insist(self, pressed: Pressed) -> None:
        person = pressed.said.person
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if await self.click(person, pressed.card, pressed.action):
                    return
                if not await self._still_there(pressed):
                    return
            except FarDown:
                pass  # he waits for the program to come back
            await asyncio.sleep(0.2)
        raise AssertionError(f"{person} gave up pressing {pressed.action}")

    async def _still_there(self, pressed: Pressed) -> bool:
        card = await self.card_of(pressed.said)
        return any(one["key"] == pressed.action and one["enabled"] for one in card["buttons"])

    async def click(self, person: str, card: str, action: str) -> bool:
        """Whether the platform showed an answer to it; False also when nobody listened."""
        body = {"platform": "dingtalk", "person": person, "card": card, "action": action}
        status, answer = await self._post("/sandbox/click", body)
        if status == 503:
            return False
        assert status == 200, answer
        return bool(answer["ok"])

    async def waiting(self) -> int:
        """Messages that the platform has and the service has not acknowledged."""
        state = await self._get("/sandbox/state")
        return int(state["counters"]["dingtalk"]["waiting"])

    async def break_it(self, kind: str, times: int, seconds: float = 30.0) -> None:
        body = {"platform": "dingtalk", "kind": kind, "count": times, "seconds": seconds}
        status, answer = await self._post("/sandbox/faults", body)
        assert status == 200, answer

    async def strokes_left(self, kind: str) -> int:
        state = await self._get("/sandbox/state")
        return sum(int(one["count"]) for one in state["faults"] if one["kind"] == kind)

    async def mend(self) -> None:
        async with self._http.delete(f"{self.url}/sandbox/faults") as response:
            assert response.status == 200

    async def _get(self, path: str, **query: str) -> Any:
        try:
            async with self._http.get(self.url + path, params=query) as response:
                assert response.status == 200, await response.text()
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FarDown from error

    async def _post(self, path: str, body: Mapping[str, object]) -> tuple[int, Json]:
        try:
            async with self._http.post(self.url + path, json=body) as response:
                return response.status, await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FarDown from error


class NotTaken(Exception):
    """The platform had nobody to give it to, said so, and keeps nothing."""


@asynccontextmanager
async def town_of(url: str, journal: Journal) -> AsyncIterator[Town]:
    """The town at a far side that answers."""
    timeout = aiohttp.ClientTimeout(total=HTTP_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        town = Town(url, http, journal)
        await town.look_around()
        yield town


class Crowd:
    """Several people at once, each saying one thing after another, until told to stop."""

    def __init__(self, town: Town, seed: int, managers: Sequence[str] = MANAGERS) -> None:
        self._town = town
        self._seed = seed
        self._managers = managers
        self._enough = asyncio.Event()
        self.pause = 0.05  # seconds between two lines of a person

    def enough(self) -> None:
        """Everybody finishes what he is at."""
        self._enough.set()

    async def live(self, lines: int = 1_000_000) -> None:
        """Each person says so many lines."""
        async with asyncio.TaskGroup() as people:
            for number, person in enumerate(self._managers):
                chance = random.Random(self._seed * 1000 + number)
                people.create_task(self._manager(person, chance, lines))
            people.create_task(self._desk("fengjun", lines // 2))

    async def _manager(self, person: str, chance: random.Random, lines: int) -> None:
        accounts = self._town.accounts[person]
        for _ in range(lines):
            if self._enough.is_set():
                return
            try:
                await self._one_thing(person, chance, chance.choice(accounts))
            except (NotTaken, FarDown):
                await asyncio.sleep(0.1)  # he sees that it was not sent
            await asyncio.sleep(self.pause)

    async def _one_thing(self, person: str, chance: random.Random, account: str) -> None:
        town = self._town
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                await town.log(person, account)
            case 4 | 5:
                await town.press(await town.log(person, account), "undo")
            case 6:
                await town.press(await town.task(person), "task_done")
            case 7:
                await town.look_up(person, account)
            case _:
                await town.ask_for_nobody(person)

    async def _desk(self, person: str, lines: int) -> None:
        """The risk desk looks clients up in its group."""
        accounts = self._town.accounts["wangqiang"]
        for number in range(lines):
            if self._enough.is_set():
                return
            try:
                await self._town.look_up(person, accounts[number % len(accounts)], "g-risk")
            except (NotTaken, FarDown):
                await asyncio.sleep(0.1)
            await asyncio.sleep(self.pause)
