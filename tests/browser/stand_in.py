"""A stand-in for the sandbox's HTTP: screens in memory and a bot of canned answers.

It lets the page be tested alone, with transcripts as product.md tells them.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.sandbox.page import PAGE_DIR
from bot.sandbox.world import World
from tests.browser import scenes

Json = dict[str, Any]

WORLD = World()
PRICES: Json = {
    "rb2701": {"name": "螺纹钢", "last": "3120", "prev_settle": "3131", "change": "-0.0035"},
    "hc2701": {"name": "热卷", "last": "3288", "prev_settle": "3292", "change": "-0.0012"},
    "i2701": {"name": "铁矿石", "last": "789.5", "prev_settle": "785.5", "change": "0.0051"},
    "m2701-C-3000": {"name": "豆粕", "last": "66", "prev_settle": "66", "change": "0.0000"},
}


class StandIn:
    """``connected`` False answers 503 as when the service is away."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], list[Json]] = {}  # (chat, person or "") → items
        self.marks: dict[tuple[str, str], int] = {}
        self.prices: Json = {name: dict(quote) for name, quote in PRICES.items()}
        self.paused = False
        self._recalled: dict[tuple[str, str], list[Json]] = {}
        self.said: list[Json] = []
        self.clicked: list[Json] = []
        self.uploaded: list[str] = []
        self.asked: list[Json] = []  # market, clock, faults
        self.media: dict[str, tuple[str, bytes]] = {"curve": ("image/svg+xml", scenes.CURVE)}
        self.connected = True
        self.click_answer: Json = {"ok": True, "answer": "updated"}
        self.offset = timedelta()
        self._seq = count(1)
        self._watchers: list[asyncio.Queue[tuple[str, str, Json]]] = []
        self._frames: list[Json] = []
        self._held = asyncio.Event()
        self._held.set()

    def hold_clicks(self) -> None:
        self._held.clear()

    def let_clicks_go(self) -> None:
        self._held.set()

    # What a test puts on the screens.

    def show(self, chat: str, person: str, **item: Any) -> Json:
        """Add an item; ``person`` is whose private chat it is."""
        at = item.pop("at", None) or self.now()
        whole = {
            "seq": next(self._seq),
            "from": "bot",
            "reply_to": None,
            "kind": "text",
            "text": "",
            "card": None,
            "url": None,
            "at": at.isoformat(),
            "updated": at.isoformat(),
            **item,
        }
        self.items.setdefault(self._key(chat, person), []).append(whole)
        self.tell(
            "screen", person if chat == "private" else "", {"chat": chat, "seq": whole["seq"]}
        )
        return whole

    def change(self, chat: str, person: str, seq: int, **changes: Any) -> None:
        for item in self.items[self._key(chat, person)]:
            if item["seq"] == seq:
                item.update(changes, updated=self.now().isoformat())
        self.tell("screen", person if chat == "private" else "", {"chat": chat, "seq": seq})

    def recall(self, chat: str, person: str, seq: int) -> None:
        key = self._key(chat, person)
        self.items[key] = [item for item in self.items[key] if item["seq"] != seq]
        gone = {"seq": seq, "updated": self.now().isoformat(), "recalled": True}
        self._recalled.setdefault(key, []).append(gone)
        self.tell("screen", person if chat == "private" else "", {"chat": chat, "seq": seq})

    def now(self) -> datetime:
        return scenes.NOW + self.offset

    def tell(self, event: str, person: str, data: Json) -> None:
        for queue in self._watchers:
            queue.put_nowait((event, person, data))

    def hang_up(self) -> None:
        """End every event stream, as a restart of the sandbox does."""
        self.tell("", "", {})

    @staticmethod
    def _key(chat: str, person: str) -> tuple[str, str]:
        return (chat, person if chat == "private" else "")

    # HTTP.

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/sandbox/", self._index)
        app.router.add_static("/sandbox/static/", PAGE_DIR)
        app.router.add_get("/sandbox/media/{id}", self._media)
        app.router.add_get("/sandbox/events", self._events)
        for name in ("people", "platforms", "state", "chats", "seen", "wire"):
            app.router.add_get(f"/sandbox/{name}", getattr(self, f"_{name}"))
        for name in ("say", "upload", "click", "read", "market", "scene", "clock", "faults"):
            app.router.add_post(f"/sandbox/{name}", getattr(self, f"_{name}"))
        app.router.add_get("/sandbox/market", self._quotes)
        app.router.add_delete("/sandbox/faults", self._clear)
        return app

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE_DIR / "index.html")

    async def _media(self, request: web.Request) -> web.Response:
        kind, body = self.media[request.match_info["id"]]
        return web.Response(body=body, content_type=kind)

    async def _people(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(person) for person in WORLD.people])

    async def _platforms(self, _: web.Request) -> web.Response:
        return web.json_response({"dingtalk": {}})

    async def _state(self, _: web.Request) -> web.Response:
        faults = [ask for ask in self.asked if "kind" in ask]
        seconds = (self.now() - datetime.now(UTC)).total_seconds()
        return web.json_response(
            {
                "connected": {"dingtalk": 2 if self.connected else 0},
                "faults": faults,
                "clock_offset_seconds": seconds,
                "now": self.now().isoformat(),
                "counters": {},
            }
        )

    async def _chats(self, request: web.Request) -> web.Response:
        person = request.query["person"]
        names = {"private": ("期台", (person,))} | {
            group.id: (group.name, group.members) for group in WORLD.groups
        }
        return web.json_response(
            [
                self._chat(chat, title, members, person)
                for chat, (title, members) in names.items()
                if person in members
            ]
        )

    def _chat(self, chat: str, title: str, members: tuple[str, ...], person: str) -> Json:
        items = self.items.get(self._key(chat, person), [])
        mark = self.marks.get((chat, person), 0)
        return {
            "id": chat,
            "title": title,
            "last": one_line(items[-1]) if items else "",
            "at": items[-1]["at"] if items else None,
            "unread": sum(item["seq"] > mark and item["from"] != person for item in items),
            "members": [
                {"id": one.id, "name": one.name, "role": one.role}
                for one in WORLD.people
                if one.id in members
            ],
        }

    async def _seen(self, request: web.Request) -> web.Response:
        key = self._key(request.query["chat"], request.query["person"])
        since = request.query.get("since", "")
        items = [item for item in self.items.get(key, []) if item["updated"] >= since]
        gone = self._recalled.get(key, []) if since else []
        return web.json_response(items + gone)

    async def _wire(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        return web.json_response([entry for entry in self._frames if entry["n"] > after])

    def log(self, direction: str, what: str, summary: str, body: Any) -> None:
        entry = {
            "n": len(self._frames) + 1,
            "at": self.now().isoformat(),
            "platform": "dingtalk",
            "direction": direction,
            "what": what,
            "summary": summary,
            "body": body,
        }
        self._frames.append(entry)
        self.tell("wire", "", {"n": entry["n"]})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b": hello\n\n")
        queue: asyncio.Queue[tuple[str, str, Json]] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            while True:
                event, person, data = await queue.get()
                if not event:
                    return stream
                if person in ("", request.query["person"]):
                    await stream.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        finally:
            self._watchers.remove(queue)

    async def _say(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not self.connected:
            return web.json_response({"error": "期台没有连上平台，消息没有发出"}, status=503)
        self.said.append(body)
        chat, person = body["chat"], body["person"]
        self.show(chat, person, **{"from": person}, text=body["text"])
        self.log("out", "/v1.0/im/bot/messages/get", body["text"], {"text": body["text"]})
        if body["mention"] or chat == "private":
            for part in scenes.answer(body["text"]):
                self.show(chat, person, **part)
        return web.json_response({"message_id": f"msg{len(self.said)}"})

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        person, chat = str(form["person"]), str(form["chat"])
        self.uploaded.append(file.filename)
        self.media[file.filename] = (file.content_type, file.file.read())
        kind = "image" if file.content_type.startswith("image/") else "file"
        url = f"/sandbox/media/{file.filename}"
        text = "" if kind == "image" else file.filename
        self.show(chat, person, **{"from": person}, kind=kind, url=url, text=text)
        return web.json_response({"message_id": "upload"})

    async def _click(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.clicked.append(body)
        await self._held.wait()
        if self.click_answer["answer"] == "updated":
            for (chat, _), items in self.items.items():
                for item in items:
                    if item["card"] and item["card"]["id"] == body["card"]:
                        after = scenes.pressed(item["card"], body["action"])
                        self.change(chat, body["person"], item["seq"], card=after)
        return web.json_response(self.click_answer)

    async def _read(self, request: web.Request) -> web.Response:
        body = await request.json()
        items = self.items.get(self._key(body["chat"], body["person"]), [])
        self.marks[body["chat"], body["person"]] = items[-1]["seq"] if items else 0
        self.tell("screen", body["person"], {"chat": body["chat"], "seq": 0})
        return web.json_response({})

    async def _market(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        self.paused = body.get("pause", self.paused)
        prices = {name: str(price) for name, price in body.get("set", {}).items()}
        for name, price in prices.items():
            self.prices[name]["last"] = price
        return web.json_response({"paused": self.paused, "prices": prices})

    async def _quotes(self, _: web.Request) -> web.Response:
        return web.json_response({"paused": self.paused, "prices": self.prices})

    async def _scene(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        return web.json_response({})

    async def _clock(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        amount, unit = int(body["advance"][:-1]), body["advance"][-1]
        self.offset += timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[unit]: amount})
        return web.json_response({"ok": True})

    async def _faults(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        return web.json_response({"ok": True})

    async def _clear(self, _: web.Request) -> web.Response:
        self.asked = [ask for ask in self.asked if "kind" not in ask]
        return web.json_response({"ok": True})


def one_line(item: Json) -> str:
    """An item as the chat list shows it."""
    if item["kind"] == "card":
        return f"[卡片] {item['card']['title']}"
    signs = {"image": "[图片] ", "file": "[文件] "}
    return signs.get(item["kind"], "") + str(item["text"]).split("\n", maxsplit=1)[0]


@asynccontextmanager
async def serving(stand_in: StandIn) -> AsyncIterator[str]:
    """The page's address while it lasts."""
    server = TestServer(stand_in.app())
    await server.start_server()
    try:
        yield str(server.make_url("/sandbox/"))
    finally:
        stand_in.let_clicks_go()
        stand_in.hang_up()
        await server.close()
