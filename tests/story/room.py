"""The whole program in one room: the far side, the service beside it, and people who talk."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.service import Service
from bot.commands import trial
from bot.sandbox.launch import Options
from crm.kernel.clock import SHANGHAI
from crm.models import Staff
from risk import history
from tests.databases import Server
from tests.filled import Filled, fill

Item = dict[str, Any]
START = datetime(2026, 11, 23, 14, 35, tzinfo=SHANGHAI)  # a Monday, in the afternoon session
CLIENTS = 1400
EARLIER = timedelta(minutes=5)  # the broker was there before its room is opened
PATIENCE = 20.0
WORKED_ON = "处理中"  # a click past its budget


@dataclass
class Room:
    """Speaks to the sandbox as its page does. ``service`` is there for a look behind."""

    url: str
    http: aiohttp.ClientSession
    service: Service
    options: Options

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self.http.post(f"{self.url}{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def screen(self, person: str, chat: str = "private") -> list[Item]:
        query = {"platform": "dingtalk", "person": person, "chat": chat}
        async with self.http.get(f"{self.url}/sandbox/seen", params=query) as answer:
            found: list[Item] = await answer.json()
            return found

    async def say(
        self,
        person: str,
        text: str,
        chat: str = "private",
        *,
        count: int = 1,
        mention: bool = True,
        kind: str = "text",
    ) -> list[Item]:
        """Say it and wait for ``count`` answers to this very message."""
        said = await self.post(
            "/sandbox/say",
            {
                "platform": "dingtalk",
                "person": person,
                "chat": chat,
                "text": text,
                "mention": mention,
                "kind": kind,
            },
        )
        return await self.answers(person, chat, said["message_id"], count) if count else []

    async def upload(self, person: str, name: str, content: bytes) -> Item:
        """Send a file or picture; the one answer to it."""
        form = aiohttp.FormData()
        for key, value in (("platform", "dingtalk"), ("person", person), ("chat", "private")):
            form.add_field(key, value)
        form.add_field("file", content, filename=name)
        async with self.http.post(f"{self.url}/sandbox/upload", data=form) as answer:
            assert answer.status < 300, await answer.text()
            said = await answer.json()
        [item] = await self.answers(person, "private", said["message_id"], 1)
        return item

    async def answers(self, person: str, chat: str, message_id: str, count: int) -> list[Item]:
        def answered(items: list[Item]) -> list[Item]:
            found = [item for item in items if item["reply_to"] == message_id]
            return found if len(found) >= count else []

        return await self.until(person, answered, chat)

    async def ask(self, person: str, text: str, chat: str = "private") -> Item:
        """The one answer."""
        [item] = await self.say(person, text, chat)
        return item

    async def until(
        self, person: str, wanted: Callable[[list[Item]], list[Item]], chat: str = "private"
    ) -> list[Item]:
        """Look at the screen until what is wanted is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = wanted(await self.screen(person, chat))
                if found:
                    return found
                await asyncio.sleep(0.02)

    async def click(
        self, person: str, item: Item, label: str, inputs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Press the button with this label; gives what the platform says."""
        key = next(b["key"] for b in item["card"]["buttons"] if b["label"] == label)
        body = {
            "platform": "dingtalk",
            "person": person,
            "card": item["card"]["id"],
            "action": key,
            "inputs": inputs or {},
        }
        return await self.post("/sandbox/click", body)

    async def now_showing(self, person: str, item: Item, chat: str = "private") -> Item:
        """The same item as it is now; a click that is still worked on is waited for."""

        def settled(items: list[Item]) -> list[Item]:
            same = [each for each in items if each["seq"] == item["seq"]]
            return [i for i in same if not i["card"] or i["card"]["status"] != WORKED_ON]

        return (await self.until(person, settled, chat))[0]

    async def newest(self, person: str, title: str, chat: str = "private") -> Item:
        """The newest card whose title holds these words, once it is there."""
        found = await self.until(
            person,
            lambda items: [i for i in items if i["card"] and title in i["card"]["title"]],
            chat,
        )
        return found[-1]

    async def newest_text(self, person: str, words: str) -> Item:
        """The newest thing on the screen that holds these words, once it is there."""
        found = await self.until(person, lambda items: [i for i in items if words in i["text"]])
        return found[-1]

    async def history_of(self, account: str) -> None:
        """Returns when the settled days of an account have come."""
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.service.store.reading() as session:
                    if await history.last_days(session, account, 2):
                        return
                await asyncio.sleep(0.1)

    async def leaves(self, person: str) -> None:
        """Somebody leaves the company; returns when the service knows."""
        body = {"platform": "dingtalk", "type": "user_leave_org", "data": {"userId": [person]}}
        await self.post("/sandbox/event", body)
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.service.store.reading() as session:
                    staff = await session.get_one(Staff, person)
                if staff.disabled_at is not None:
                    return
                await asyncio.sleep(0.02)

    async def client_of(self, person: str | None) -> dict[str, Any]:
        """The first client of this manager; of None the first that nobody looks after."""
        async with self.http.get(f"{self.url}/sandbox/clients?limit=5000") as answer:
            found: dict[str, Any] = next(c for c in await answer.json() if c["owner"] == person)
            return found

    async def namesakes_of(self, person: str) -> list[dict[str, Any]]:
        """Two clients of one name, both of this manager."""
        async with self.http.get(f"{self.url}/sandbox/clients?limit=5000") as answer:
            clients = [c for c in await answer.json() if c["owner"] == person]
        for client in clients:
            twins = [c for c in clients if c["name"] == client["name"]]
            if len(twins) > 1:
                return twins
        raise LookupError("no namesakes")

    async def advance(self, span: str) -> None:
        await self.post("/sandbox/clock", {"advance": span})


@asynccontextmanager
async def open_room(
    data_dir: Path, environ: Mapping[str, str], *, wecom: bool = False
) -> AsyncIterator[Room]:
    """A demo on a free port with a quiet market; ``environ`` overrides settings."""
    options = Options(
        host="127.0.0.1",
        port=free_port(),
        data_dir=data_dir,
        seed=7,
        clients=CLIENTS,
        market=False,
        service_port=0,
        wecom=wecom,
    )
    options = Options(**{**_fields(options), "service_port": options.port})
    set_clock(data_dir, START)
    async with (
        trial.together(options, environ) as service,
        aiohttp.ClientSession() as http,
    ):
        yield Room(options.url, http, service, options)


async def furnish(home: Path, server: Server | None = None) -> Filled:
    """A broker for many rooms."""
    set_clock(home, START - EARLIER)
    return await fill(home, CLIENTS, server)


def set_clock(data_dir: Path, at: datetime) -> None:
    """It is ``at`` now."""
    far = data_dir / "sandbox"
    far.mkdir(parents=True, exist_ok=True)
    ahead = (at.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    (far / "clock.json").write_text(json.dumps({"offset_seconds": ahead}))


def _fields(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in Options.__slots__}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fact(item: Item, label: str) -> str:
    """The value beside a label on a card."""
    return next((f["value"] for f in item["card"]["fields"] if f["label"] == label), "")


def labels(item: Item) -> list[str]:
    return [button["label"] for button in item["card"]["buttons"]]
