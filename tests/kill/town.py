"""The people of the broker: what they say and click, and what of it was taken."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NoReturn, TypeVar

import aiohttp

from bot.desk import FILE_LOST
from tests.kill.history import History

DINGTALK, WECOM = "dingtalk", "wecom"
PLATFORMS = (DINGTALK, WECOM)
PRIVATE = "private"
DELIVERED = ("/v1.0/im/bot/messages/get", "回调", "aibot_msg_callback")  # on the wire
REQUEST = "申请查看客户"
NOT_MINE = ("非本人客户", "已申请查看")
HTTP_SECONDS = 15.0
CARD_SECONDS = 60.0
PATIENCE = 60.0  # seconds for which a person presses a button again before he gives up
CURIOUS = 0.5  # seconds between two requests: there are only so many clients
REDRAWN = 5.0  # seconds within which a card changes after a click
GLANCE = 0.1  # seconds between two looks at a screen
SILENCE = 5.0  # seconds without an answer after which a person says a line again
PRESSED_IN_VAIN = 1.5  # seconds after which he presses again: the card may have changed under him

PICTURE = "image"  # the kind of what was uploaded
FIRST_WORDS = {  # of a line, and its kind
    "记": "log",
    "待办": "task",
    "资金曲线": "curve",
    "持仓": "nobody",
    "开户": "opening",
    "证件": "opening",
}
ALARM = "【"  # how what is said of alerts begins
AGAIN = "(重发)"
OUR_CARDS = "qd"  # how the names that we give cards begin
OPENING = "开户 · "  # how a checklist is called, and what an older one is called then
OLDER = "清单已更新"

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Seat:
    """Somebody in one chat of one platform."""

    platform: str
    person: str
    chat: str = PRIVATE

    def __str__(self) -> str:
        return f"{self.platform}/{self.person}/{self.chat}"

    @property
    def forgetful(self) -> bool:
        """Whether a line is lost when nobody takes it: WeCom tells its bot everything once."""
        return self.platform == WECOM and self.chat != PRIVATE

    @property
    def threaded(self) -> bool:
        """Whether an answer says which line it answers: WeCom's application cannot."""
        return self.platform == DINGTALK or self.chat != PRIVATE


Screens = Mapping[Seat, list[Json]]

WANG, LI, ZHAO = (Seat(DINGTALK, name) for name in ("wangqiang", "limin", "zhaolei"))
WANG_TOO, ZHAO_TOO = (Seat(WECOM, name) for name in ("wangqiang", "zhaolei"))  # on both at once
MANAGERS = (WANG, LI, WANG_TOO, Seat(WECOM, "limin", "g-hz"))
APPLICANTS = (ZHAO, ZHAO_TOO)  # one client after the other, here and there
STRANGER = Seat(DINGTALK, "stranger")
DESKS = tuple(Seat(platform, "fengjun", "g-risk") for platform in PLATFORMS)
LOOKERS = tuple(Seat(platform, "limin") for platform in PLATFORMS)
HEADS = tuple(Seat(platform, "sunfang") for platform in PLATFORMS)


@dataclass(frozen=True, slots=True)
class Said:
    """One line that the platform took. ``mark`` is a word that no other line has; of a look-up it
    is the account, of a colleague's client the name."""

    seat: Seat
    kind: str  # log, task, look_up, curve, nobody, not_mine, opening, change, stranger
    mark: str
    message_id: str
    after: int = field(default=0, compare=False)  # its answer has a higher seq


@dataclass(frozen=True, slots=True)
class Pressed:
    """One button of one card that a person wanted pressed, and pressed until it was."""

    seat: Seat
    card: str
    action: str  # undo:5, task_done:7, ask_view:3, grant:1
    mark: str  # of the line that the card answers or tells of
    seq: int  # of the card
    key: str = field(default="", compare=False)  # the button as it was on the screen then

    def is_on(self, button: Json) -> bool:
        """Whether this is the button, in whichever version of the card."""
        return action_of(button["key"]) == self.action and bool(button["enabled"])


@dataclass(slots=True)
class Journal:
    """What was taken, by whom; kept over all lives of both sides."""

    history: History = field(default_factory=History)
    said: list[Said] = field(default_factory=list)
    pressed: list[Pressed] = field(default_factory=list)
    refused: int = 0  # not taken: nobody listened
    lost: set[str] = field(default_factory=set)  # ids of lines that nobody had to hear
    asked_for: set[str] = field(default_factory=set)  # accounts of a colleague's clients
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    openings: list[str] = field(default_factory=list)  # clients whose accounts were applied for
    changes: list[int] = field(default_factory=list)  # that were asked for and confirmed
    calls: list[int] = field(default_factory=list)  # alerts about which somebody telephoned
    calm: bool = True  # the market is where it was
    staffed: bool = False  # every desk has two people


class FarDown(Exception):
    """The far side is not there: whether it took something is not known."""


class Town:
    """Speaks to the sandbox as people do."""

    def __init__(self, url: str, http: aiohttp.ClientSession, journal: Journal) -> None:
        self.url = url
        self._http = http
        self.journal = journal
        self.accounts: dict[str, list[str]] = {}
        self._newest: dict[Seat, int] = {}  # seq of what was last seen there
        self.names: dict[str, str] = {}  # by account; of those whose name is nobody else's

    async def look_around(self) -> None:
        """Whose clients there are."""
        rows = await self._get("/sandbox/clients", limit="200")
        for row in rows:
            self.accounts.setdefault(row["owner"], []).append(row["account"])
        names = Counter(row["name"] for row in rows)
        self.names = {row["account"]: row["name"] for row in rows if names[row["name"]] == 1}

    def another(self) -> str:
        """A client of a colleague's whom nobody has asked to see; his name is his alone. Raises
        StopIteration when everybody has been asked for."""
        asked_for = self.journal.asked_for
        wanted = (one for one in self.accounts["wangqiang"] if one in self.names)
        account = next(one for one in wanted if one not in asked_for)
        asked_for.add(account)
        return account

    def mark(self) -> str:
        return f"K{next(self.journal.numbers):05d}"

    async def say(self, seat: Seat, kind: str, line: str, mark: str) -> Said:
        """Raises NotTaken when nobody listened, FarDown."""
        body = {
            "platform": seat.platform,
            "person": seat.person,
            "chat": seat.chat,
            "text": line,
            "mention": seat.chat != PRIVATE,
        }
        status, answer = await self._post("/sandbox/say", body)
        if status == 503:
            self._refused(seat, line)
        assert status == 200, answer
        said = Said(seat, kind, mark, answer["message_id"], self._newest.get(seat, 0))
        self._taken(said, line)
        return said

    def _refused(self, seat: Seat, line: str) -> NoReturn:
        self.journal.refused += 1
        self.journal.history.note("refused", on=str(seat), words=line)
        raise NotTaken

    def _taken(self, said: Said, words: str) -> None:
        self.journal.said.append(said)
        self.journal.history.note("said", on=str(said.seat), id=said.message_id, words=words)

    async def insist_on(self, seat: Seat, kind: str, line: str, mark: str) -> Said:
        """Say it; where it may have been lost, again until it is answered."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            said = await self.say(seat, kind, line, mark)
            if not seat.forgetful:
                return said
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE):
                    await self.answer_to(said)
                return said
        raise AssertionError(f"{seat} gave up saying {line}")

    async def log(self, seat: Seat, account: str) -> Said:
        mark = self.mark()
        return await self.insist_on(seat, "log", f"记 {account} 电话 询问螺纹钢 {mark}", mark)

    async def task(self, seat: Seat) -> Said:
        mark = self.mark()  # not 明天: after midnight it would be asked which day that is
        return await self.insist_on(seat, "task", f"待办 48小时后 交报表 {mark}", mark)

    def kind_of(self, seat: Seat, item: Json) -> tuple[str, str]:
        """What something said asks for, and its mark."""
        text = item["text"].removeprefix("@期台 ")
        if item["kind"] == PICTURE:
            return "opening", text
        words = text.split()
        first, last = words[0], words[-1]
        if seat == STRANGER:
            return "stranger", last
        if first.startswith("/"):
            return "change", text
        if seat.person == "limin" and last in self.journal.asked_for:
            return "not_mine", self.names[last]
        return FIRST_WORDS.get(first, "look_up"), last

    async def look_up(self, seat: Seat, account: str) -> Said:
        return await self.insist_on(seat, "look_up", account, account)

    async def ask_for_nobody(self, seat: Seat) -> Said:
        """Answered by a plain text that repeats the number: a text has no key of its own."""
        number = f"89{next(self.journal.numbers):06d}"
        return await self.insist_on(seat, "nobody", f"持仓 {number}", number)

    async def refused(self, seat: Seat, line: str) -> None:
        """Say something while nobody listens. Fails when it is taken."""
        try:
            said = await self.say(seat, "look_up", line, line)
        except NotTaken:
            return
        raise AssertionError(f"taken: {said}")

    async def upload(self, seat: Seat, name: str, content: bytes, mark: str) -> Said:
        """Send a picture. Raises like ``say``."""
        form = aiohttp.FormData()
        for key, value in (("platform", seat.platform), ("person", seat.person)):
            form.add_field(key, value)
        form.add_field("chat", seat.chat)
        form.add_field("file", content, filename=name)
        try:
            async with self._http.post(f"{self.url}/sandbox/upload", data=form) as response:
                if response.status == 503:
                    self._refused(seat, name)
                assert response.status == 200, await response.text()
                taken = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FarDown from error
        said = Said(seat, "opening", mark, taken["message_id"], self._newest.get(seat, 0))
        self._taken(said, name)
        return said

    async def sure(self, thing: Callable[[], Awaitable[T]]) -> T:
        """Do it; where nobody was there, again until somebody is."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                return await thing()
            except (NotTaken, FarDown):
                await asyncio.sleep(0.2)
        raise AssertionError("nobody was there for too long")

    async def newest(self, *seats: Seat) -> dict[Seat, int]:
        """The seq of what was shown last in each."""
        for seat in seats:
            await self.seen(seat, self._newest.get(seat, 0))
        return {seat: self._newest.get(seat, 0) for seat in seats}

    async def deliveries(self, said: Said) -> int:
        """How often the platform has pushed a line to the service."""
        last, times = 0, 0
        while page := await self._get("/sandbox/wire", after=str(last)):
            last = page[-1]["n"]
            pushed = [entry["body"] for entry in page if entry["what"].endswith(DELIVERED)]
            times += sum(said.message_id in str(body) for body in pushed)
        return times

    async def seen(self, seat: Seat, after: int = 0) -> list[Json]:
        query = {"platform": seat.platform, "person": seat.person, "chat": seat.chat}
        items: list[Json] = await self._get("/sandbox/seen", **query, after=str(after))
        if items:
            self._newest[seat] = items[-1]["seq"]
        return items

    async def answer_to(self, said: Said) -> Json:
        """The newest item that answers a line."""

        def is_it(item: Json) -> bool:
            return item["from"] == "bot" and answers(item, said)

        return await self._item(said.seat, said.after, is_it, f"answer to {said.kind} {said.mark}")

    async def button_on(self, seat: Seat, after: int, action: str, title: str = "") -> Pressed:
        """The newest button of this action on a card below ``after``, once it is there; the seat's
        owner means to press it. ``action`` may be a beginning."""

        def is_it(item: Json) -> bool:
            return bool(_buttons(item, action)) and title in item["card"]["title"]

        what = f"{action} {title}"
        item = await self.sure(lambda: self._item(seat, after, is_it, what))
        key = _buttons(item, action)[0]
        return Pressed(seat, item["card"]["id"], action_of(key), title, item["seq"], key)

    async def race(self, pressed: Iterable[Pressed]) -> None:
        """Everybody presses at once, until each was answered; then one of them presses what is an
        old card by now."""
        contenders = list(pressed)
        async with asyncio.TaskGroup() as tasks:
            for one in contenders:
                tasks.create_task(self.insist(one))
        with suppress(FarDown):
            await self.click(contenders[-1], contenders[-1].key)

    async def _item(self, seat: Seat, after: int, is_it: Callable[[Json], bool], what: str) -> Json:
        """The newest of these below ``after``, once it is there."""
        try:
            async with asyncio.timeout(CARD_SECONDS):
                while True:
                    for item in reversed(await self.seen(seat, after)):
                        if is_it(item):
                            return item
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            there = [item["text"][:80] for item in await self.seen(seat, after)]
            raise AssertionError(f"no {what} for {seat}, but {there[-10:]}") from None

    async def press(self, said: Said, action: str) -> None:
        """Press a button of the answer's card, and again as long as it stays and says that it
        failed, as a person would."""
        await self.insist(await self.button(said, action))

    async def button(self, said: Said, action: str) -> Pressed:
        """The answer's button, which somebody now means to press."""
        item = await self.answer_to(said)
        assert item["card"], f"{said}: {item['text']}"
        return self._means_to_press(said.seat, item, action, said.mark)

    def _means_to_press(self, seat: Seat, item: Json, action: str, mark: str) -> Pressed:
        keys = [one["key"] for one in item["card"]["buttons"]]
        [key] = [one for one in keys if one.partition(":")[0] == action]
        pressed = Pressed(seat, item["card"]["id"], action_of(key), mark, item["seq"])
        self.journal.pressed.append(pressed)
        return pressed

    async def request(self, head: Seat, name: str) -> Pressed:
        """The head's own card that asks for a look at a client; he means to grant it."""

        def is_it(item: Json) -> bool:
            card = item["card"]
            return bool(card) and card["title"] == REQUEST and name in item["text"]

        item = await self._item(head, self._newest.get(head, 0), is_it, f"request for {name}")
        return self._means_to_press(head, item, "grant", name)

    async def insist(self, pressed: Pressed) -> None:
        """Press it until it is gone: by then somebody's press has counted. An answer may also be
        that the card has changed meanwhile."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            await self._pressed(pressed, end)
            with suppress(FarDown, TimeoutError):
                async with asyncio.timeout(REDRAWN):
                    while await self._key_on_screen(pressed) is not None:
                        await asyncio.sleep(GLANCE)
                    return
        raise AssertionError(f"{pressed.seat} gave up pressing {pressed.action}")

    async def _pressed(self, pressed: Pressed, end: float) -> None:
        """Returns when the platform showed an answer, or the button is gone."""
        while time.monotonic() < end:
            try:
                key = await self._key_on_screen(pressed)
                if key is None or await self.click(pressed, key):
                    return
            except FarDown:
                pass  # he waits for the program to come back
            await asyncio.sleep(0.2)

    async def press_for(self, pressed: Pressed, after: int, action: str) -> Pressed:
        """Press what stays until it brings a card with a button of this action."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            await self._pressed(pressed, end)
            with suppress(TimeoutError):
                async with asyncio.timeout(PRESSED_IN_VAIN):
                    return await self.button_on(pressed.seat, after, action)
        raise AssertionError(f"{pressed.action} brings no {action} to {pressed.seat}")

    async def _key_on_screen(self, pressed: Pressed) -> str | None:
        """The button as it is now; None when it is gone."""
        for item in await self.seen(pressed.seat, pressed.seq - 1):
            if item["card"] and item["card"]["id"] == pressed.card:
                return next((b["key"] for b in item["card"]["buttons"] if pressed.is_on(b)), None)
        raise AssertionError(f"not on the screen any more: {pressed}")

    async def click(self, pressed: Pressed, key: str = "") -> bool:
        """Whether the platform showed an answer to it; False also when nobody listened."""
        action = key or await self._key_on_screen(pressed)
        body = {
            "platform": pressed.seat.platform,
            "person": pressed.seat.person,
            "card": pressed.card,
            "action": action,
        }
        status, answer = await self._post("/sandbox/click", body)
        assert status in (200, 503), answer
        said = "nobody listened" if status == 503 else answer["answer"]
        seat = str(pressed.seat)
        self.journal.history.note("clicked", on=seat, card=pressed.card, button=action, answer=said)
        return bool(status == 200 and answer["ok"])

    async def market(self, shocks: Mapping[str, float]) -> None:
        """Prices change by these factors."""
        status, answer = await self._post("/sandbox/market", {"shock": shocks})
        assert status == 200, answer
        self.journal.history.note("market", shock=dict(shocks))

    async def advance(self, span: str) -> None:
        """The clocks of both sides; of the service only when it is there."""
        await self._post("/sandbox/clock", {"advance": span})
        self.journal.history.note("clock", advance=span)

    async def waiting(self) -> int:
        """Messages that the platforms have and the service has not acknowledged."""
        state = await self._get("/sandbox/state")
        return sum(int(state["counters"][platform]["waiting"]) for platform in PLATFORMS)

    async def nobody_listens(self, platform: str) -> bool:
        """As far as the platform knows: it hears of a broken connection a moment later."""
        state = await self._get("/sandbox/state")
        return not state["connected"][platform]

    async def break_it(
        self,
        platform: str,
        kind: str,
        times: int,
        seconds: float = 30.0,
        app: str = "",
        after: int = 0,
    ) -> None:
        """``after``: so many deliveries or calls are let pass first."""
        body = {
            "platform": platform,
            "kind": kind,
            "count": times,
            "seconds": seconds,
            "app": app,
            "after": after,
        }
        status, answer = await self._post("/sandbox/faults", body)
        assert status == 200, answer
        self.journal.history.note("fault", **body)

    async def strokes_left(self, platform: str, kind: str) -> int:
        state = await self._get("/sandbox/state")
        left = [
            one for one in state["faults"] if (one["platform"], one["kind"]) == (platform, kind)
        ]
        return sum(int(one["count"]) for one in left)

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


def _buttons(item: Json, action: str) -> list[str]:
    """The keys of a card's living buttons that begin so."""
    buttons = item["card"]["buttons"] if item["card"] else ()
    return [one["key"] for one in buttons if one["enabled"] and one["key"].startswith(action)]


def action_of(key: str) -> str:
    """A button's action; WeCom's keys carry the card's version behind it."""
    return key.partition("#")[0]


def answers(item: Json, line: Said) -> bool:
    """Whether an item of the bot answers a line: where it does not say so, its words tell."""
    if line.kind == "stranger":  # told the same whatever he says, by whatever way is open
        return True
    if item["reply_to"] or line.seat.threaded:
        return bool(item["reply_to"] == line.message_id)
    card, head = item["card"] or {"title": "", "status": ""}, item["text"].partition("\n")[0]
    match line.kind:
        case "look_up":  # an alert's card has the account in its title too
            return line.mark in card["title"] and not card["title"].endswith("处理")
        case "opening":
            older = not line.mark and OLDER in head
            return card["title"].startswith(OPENING + line.mark) or older or FILE_LOST in head
        case "not_mine":
            return bool(line.mark == card["title"] and card["status"] in NOT_MINE)
        case "curve":  # a talk's card has the name too
            return f"{line.mark} · 权益" in head
        case "log":  # a client's card quotes the last talk too
            return line.mark in item["text"] and ("已记录" in head or "已撤销" in head)
        case _:
            return line.mark in head


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
