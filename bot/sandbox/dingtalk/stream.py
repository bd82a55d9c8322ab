"""Stream mode: tickets, sockets, frames, acknowledgements, and delivery until acknowledged.

A bot message is on disk before its first frame goes out and stays there until the client has
acknowledged it; it is pushed again every ``redeliver_seconds`` while a socket is open, and on the
next socket after a restart. Events follow their own schedule. Card clicks are asked once.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import orjson
from aiohttp import web

from bot.sandbox.dingtalk.calls import NAME, PREFIX, Call, Calls, Problem, read_json
from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.dingtalk.link import Link
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.faults import Fault
from bot.sandbox.feed import News
from bot.sandbox.ground import Ground
from bot.sandbox.refused import NobodyListens

SYSTEM, CALLBACK, EVENT = "SYSTEM", "CALLBACK", "EVENT"
BOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
OPEN = "/v1.0/gateway/connections/open"
TICKET_SECONDS = 90
EVENT_SECONDS = 3.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_push (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app TEXT NOT NULL, type TEXT NOT NULL, topic TEXT NOT NULL,
  headers TEXT NOT NULL, data TEXT NOT NULL,
  failed INTEGER NOT NULL DEFAULT 0  -- 1: an event whose retries are used up
);
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    app: App
    topics: frozenset[tuple[str, str]]
    expires: int


@dataclass(eq=False, slots=True)
class Push:
    """Something to deliver. ``due`` is on the loop's clock, None while nobody listens."""

    id: int
    app: App
    type: str
    topic: str
    headers: Mapping[str, str]
    data: str
    tries: int = 0
    frames: list[str] = field(default_factory=list)  # message ids it went out under
    due: float | None = None
    timer: asyncio.TimerHandle | None = None
    resting: bool = False  # an event's pause between its deadline and its next try
    twice: bool = False  # send it once more after the acknowledgement


@dataclass(eq=False, slots=True)
class Question:
    """A card callback that waits for its answer on the socket it went out on."""

    link: Link
    answer: asyncio.Future[dict[str, Any]]


class Stream:
    def __init__(self, ground: Ground, settings: DingTalkSettings, meter: Meter) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._settings = settings
        self._meter = meter
        self._random = random.Random(ground.seed)  # noqa: S311
        self._tickets: dict[str, Ticket] = {}
        self._links: list[Link] = []
        self._pushes: dict[int, Push] = {}
        self._out: dict[str, Push] = {}
        self._questions: dict[str, Question] = {}
        self._held: list[Push] = []
        self._release: asyncio.TimerHandle | None = None
        self._load()

    def add_routes(self, calls: Calls) -> None:
        calls.routes.append(web.post(PREFIX + OPEN, self._open_in_either_language))
        calls.routes.append(web.get(PREFIX + "/connect", self._connect))
        failed = "/call_back/get_call_back_failed_result"
        calls.oapi("GET", failed, self._failed_events)

    # What people do

    def listening(self, app: App, topic: str, type_: str = CALLBACK) -> bool:
        return any(link.takes(app, type_, topic) for link in self._links)

    def connected(self) -> int:
        desk = self._settings.desk
        return sum(link.app is desk and not link.draining for link in self._links)

    def waiting(self) -> int:
        """Pushes that nobody has acknowledged yet."""
        return len(self._pushes)

    def store(
        self,
        app: App,
        type_: str,
        topic: str,
        data: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> Push:
        """Durable with the transaction it is called in; ``send`` it after the commit."""
        text = orjson.dumps(data).decode()
        id_ = self._ground.disk.insert(
            "INSERT INTO dingtalk_push (app, type, topic, headers, data) VALUES (?, ?, ?, ?, ?)",
            app.client_id,
            type_,
            topic,
            orjson.dumps(headers or {}).decode(),
            text,
        )
        return Push(id_, app, type_, topic, headers or {}, text)

    def send(self, push: Push) -> None:
        self._pushes[push.id] = push
        if push.topic == BOT_TOPIC and self._take("reorder", push.app):
            self._hold(push)
            return
        self._push(push)
        if self._held:
            self._let_go()

    async def ask(self, app: App, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The client's answer to a card callback, None when it came late, never or as an error.

        Raises NobodyListens.
        """
        link = self._choose(app, CALLBACK, CARD_TOPIC)
        if link is None:
            raise NobodyListens
        message_id = self._message_id()
        answer = asyncio.get_running_loop().create_future()
        self._questions[message_id] = Question(link, answer)
        self._meter.count_stream()
        self._post(link, message_id, CALLBACK, CARD_TOPIC, {}, orjson.dumps(data).decode())
        self._disconnect_after(link)
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                ack = await answer
        except TimeoutError:
            return None
        finally:
            del self._questions[message_id]
        return response_of(ack)

    def strike(self, fault: Fault) -> None:
        """Disconnect sockets now; what is left of the count strikes after later pushes."""
        for link in [one for one in self._links if not one.draining]:
            if fault.app in ("", link.app.name) and (fault.app or link.app is self._settings.desk):
                if not fault.alive:
                    return
                fault.count -= 1
                self._part(link, fault.how)

    def clock_moved(self, seconds: float) -> None:
        """What was due within ``seconds`` is due sooner."""
        for push in self._pushes.values():
            if push.due is not None:
                self._arm(push, max(0.0, push.due - time.monotonic() - seconds))

    async def close(self) -> None:
        for push in self._pushes.values():
            if push.timer:
                push.timer.cancel()
        if self._release:
            self._release.cancel()
        for link in list(self._links):
            await link.ws.close(code=1001)

    # Opening

    async def _open_in_either_language(self, request: web.Request) -> web.Response:
        """XML unless the client says that it accepts JSON (SDK source)."""
        body = await read_json(request)
        self._ground.wire.note(NAME, "in", f"POST {OPEN}", str(body.get("ua", "")), body)
        try:
            answer, status = self._open(body, self._ground.address(request)), 200
        except Problem as problem:
            answer = {"code": str(problem.code), "message": problem.message}
            answer["requestid"] = secrets.token_hex(16).upper()
            status = problem.status
        self._ground.wire.note(NAME, "out", OPEN, str(status), answer)
        accept = request.headers.get("Accept", "")
        if "json" in accept or "*/*" in accept:
            return web.json_response(answer, status=status)
        fields = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in answer.items())
        return web.Response(
            status=status, text=f"<result>{fields}</result>", content_type="application/xml"
        )

    def _open(self, body: Mapping[str, Any], address: str) -> dict[str, str]:
        app = self._settings.app_of_client(body.get("clientId"))
        if app is None or body.get("clientSecret") != app.client_secret:
            raise Problem("authFailed", "鉴权失败", 401)
        topics = read_subscriptions(body.get("subscriptions"))
        if sum(link.app is app for link in self._links) >= self._settings.quotas.connections:
            raise Problem("connection.overMax", "连接数超过上限", 403)
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = Ticket(
            app, topics, self._ground.clock.millis() + TICKET_SECONDS * 1000
        )
        socket = address.replace("http", "ws", 1) + PREFIX + "/connect"
        return {"endpoint": socket, "ticket": ticket}

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ticket = self._tickets.pop(request.query.get("ticket", ""), None)
        if ticket is None or ticket.expires <= self._ground.clock.millis():
            return web.Response(status=401)
        ws = web.WebSocketResponse(compress=False, autoping=not self._settings.swallow_pings)
        await ws.prepare(request)
        transport = request.transport
        if transport is None:
            return ws
        link = Link(
            id=secrets.token_hex(8),
            app=ticket.app,
            topics=ticket.topics,
            ws=ws,
            transport=transport,
            buffer_bytes=self._settings.buffer_bytes,
        )
        self._arrive(link)
        try:
            await link.carry(self._hear, self._keep_alive(link))
        finally:
            self._leave(link)
        return ws

    def _arrive(self, link: Link) -> None:
        self._links.append(link)
        self._tell_connected(f"{link.app.name} 已连接")
        for push in sorted(self._pushes.values(), key=lambda one: one.id):
            if push.due is None and link.takes(push.app, push.type, push.topic):
                self._push(push)

    def _leave(self, link: Link) -> None:
        clean = link.ws.close_code in (1000, 1001)
        if self._settings.zombie_seconds and not clean and not link.draining:
            asyncio.get_running_loop().call_later(self._settings.zombie_seconds, self._forget, link)
        else:
            self._forget(link)

    def _forget(self, link: Link) -> None:
        self._links.remove(link)
        self._tell_connected(f"{link.app.name} 已断开")

    def _tell_connected(self, what: str) -> None:
        self._ground.wire.note(NAME, "in", what, f"现有 {self.connected()} 条连接")
        data: dict[str, object] = {"connected": self.connected() > 0}
        self._ground.feed.tell(News("connected", NAME, None, data))

    async def _keep_alive(self, link: Link) -> None:
        """Ask for a sign of life; end the link at the end of its time."""
        try:
            async with asyncio.timeout(self._settings.life_seconds):
                while await self._alive(link):
                    pass
            link.close()
        except TimeoutError:
            self._part(link, "")

    async def _alive(self, link: Link) -> bool:
        await asyncio.sleep(self._settings.ping_seconds)
        link.opaque = secrets.token_hex(8)
        link.answered.clear()
        data = orjson.dumps({"opaque": link.opaque}).decode()
        self._post(link, self._message_id(), SYSTEM, "ping", {}, data)
        try:
            async with asyncio.timeout(self._settings.pong_seconds):
                await link.answered.wait()
        except TimeoutError:
            return False
        return True

    def _part(self, link: Link, how: str) -> None:
        """``disconnect`` frame, silence, and the end of the TCP link; or ruder if asked."""
        link.draining = True
        match how:
            case "reset":
                link.abort()
            case "silent":
                link.close()
            case _:
                data = orjson.dumps({"reason": "connection is expired"}).decode()
                self._post(link, self._message_id(), SYSTEM, "disconnect", {}, data)
                hold = self._settings.disconnect_hold_seconds
                asyncio.get_running_loop().call_later(hold, link.close)

    # Delivering

    def _load(self) -> None:
        for row in self._ground.disk.rows("SELECT * FROM dingtalk_push WHERE failed = 0"):
            app = self._settings.app_of_client(row["app"])
            if app:
                headers = orjson.loads(row["headers"])
                self._pushes[row["id"]] = Push(
                    row["id"], app, row["type"], row["topic"], headers, row["data"]
                )

    def _push(self, push: Push) -> None:
        link = self._choose(push.app, push.type, push.topic)
        if link is None:
            push.due = None
            return
        message_id = self._message_id()
        push.tries += 1
        push.frames.append(message_id)
        self._out[message_id] = push
        if push.topic == BOT_TOPIC and self._take("duplicate", push.app):
            push.twice = True
        self._meter.count_stream()
        self._post(link, message_id, push.type, push.topic, push.headers, push.data)
        wait = EVENT_SECONDS if push.type == EVENT else self._settings.redeliver_seconds
        self._arm(push, wait)
        self._disconnect_after(link)

    def _arm(self, push: Push, seconds: float) -> None:
        if push.timer:
            push.timer.cancel()
        push.due = time.monotonic() + seconds
        push.timer = asyncio.get_running_loop().call_later(seconds, self._overdue, push)

    def _overdue(self, push: Push) -> None:
        push.timer = None
        if push.type != EVENT or push.resting:
            push.resting = False
            self._push(push)
        elif push.tries > len(self._settings.event_retries):
            self._ground.disk.run("UPDATE dingtalk_push SET failed = 1 WHERE id = ?", push.id)
            self._drop(push)
        else:
            push.resting = True
            self._arm(push, self._settings.event_retries[push.tries - 1])

    def _choose(self, app: App, type_: str, topic: str) -> Link | None:
        """One live socket, as the real gateway: at random, no fan-out."""
        live = [link for link in self._links if link.takes(app, type_, topic)]
        match self._settings.choose:
            case _ if not live:
                return None
            case "sticky":
                return live[0]
            case "newest":
                return live[-1]
            case _:
                return self._random.choice(live)

    def _hold(self, push: Push) -> None:
        self._held.append(push)
        if self._release is None:
            self._release = asyncio.get_running_loop().call_later(
                self._settings.reorder_seconds, self._let_go
            )

    def _let_go(self) -> None:
        """What was held goes out, the newest first."""
        if self._release:
            self._release.cancel()
            self._release = None
        held, self._held = self._held, []
        for push in reversed(held):
            self._push(push)

    def _disconnect_after(self, link: Link) -> None:
        if fault := self._ground.faults.take(NAME, "disconnect", link.app.name):
            self._part(link, fault.how)

    def _post(
        self,
        link: Link,
        message_id: str,
        type_: str,
        topic: str,
        headers: Mapping[str, str],
        data: str,
    ) -> None:
        frame = {
            "specVersion": "1.0",
            "type": type_,
            "headers": {
                "appId": link.app.client_id,
                "connectionId": link.id,
                "contentType": "application/json",
                "messageId": message_id,
                "time": str(self._ground.clock.millis()),
                "topic": topic,
                **headers,
            },
            "data": data,
        }
        self._ground.wire.note(NAME, "out", f"{type_} {topic}", message_id, frame)
        link.post(orjson.dumps(frame))

    def _message_id(self) -> str:
        now = self._ground.clock.millis()
        return f"{self._random.getrandbits(32):08x}_{secrets.token_hex(4)}_{now:x}"

    # Acknowledgements

    def _hear(self, link: Link, text: str) -> None:
        try:
            ack = orjson.loads(text)
            message_id = ack["headers"]["messageId"]
        except (ValueError, KeyError, TypeError):
            self._ground.wire.note(NAME, "in", "无法识别的应答", "", text)
            return
        self._ground.wire.note(NAME, "in", "ACK", str(message_id), ack)
        if message_id not in self._out and message_id not in self._questions:
            self._hear_pong(link, ack)
        elif self._take("no_ack", link.app):
            return
        elif self._take("late_ack", link.app):
            late = 1.5 * max(self._settings.redeliver_seconds, self._settings.answer_seconds)
            asyncio.get_running_loop().call_later(late, self._settle, link, message_id, ack)
        else:
            self._settle(link, message_id, ack)

    def _hear_pong(self, link: Link, ack: Mapping[str, Any]) -> None:
        if link.opaque and link.opaque in str(ack.get("data")):
            link.answered.set()

    def _settle(self, link: Link, message_id: str, ack: dict[str, Any]) -> None:
        """An answer counts on its own socket only; an acknowledgement may come by any."""
        if question := self._questions.get(message_id):
            if question.link is link and not question.answer.done():
                question.answer.set_result(ack)
            return
        push = self._out.get(message_id)
        if push and taken(push, ack):
            self._ground.disk.run("DELETE FROM dingtalk_push WHERE id = ?", push.id)
            self._drop(push)
            if push.twice:
                self._repeat(push)

    def _repeat(self, push: Push) -> None:
        """A duplicate of what is already acknowledged; nobody waits for its answer."""
        if link := self._choose(push.app, push.type, push.topic):
            self._post(link, self._message_id(), push.type, push.topic, push.headers, push.data)

    def _drop(self, push: Push) -> None:
        self._pushes.pop(push.id, None)
        for message_id in push.frames:
            self._out.pop(message_id, None)
        if push.timer:
            push.timer.cancel()

    def _take(self, kind: str, app: App) -> bool:
        return self._ground.faults.take(NAME, kind, app.name) is not None

    async def _failed_events(self, call: Call) -> dict[str, Any]:
        rows = self._ground.disk.rows(
            "DELETE FROM dingtalk_push WHERE failed = 1 AND app = ? RETURNING headers, data",
            call.app.client_id,
        )
        failed = []
        for row in rows[:200]:
            headers = orjson.loads(row["headers"])
            tag = headers["eventType"]
            failed.append(
                {
                    "call_back_tag": tag,
                    "event_time": int(headers["eventBornTime"]),
                    tag: orjson.loads(row["data"]),
                }
            )
        return {"failed_list": failed, "has_more": False}


def read_subscriptions(given: object) -> frozenset[tuple[str, str]]:
    """As (type, topic). Raises Problem."""
    if not isinstance(given, list) or not given:
        raise Problem("param.subscriptionsEmpty", "subscriptions is empty")
    topics = set()
    for one in given:
        if not isinstance(one, dict) or one.get("type") not in (SYSTEM, EVENT, CALLBACK):
            raise Problem("param.invalid", "subscription type must be EVENT or CALLBACK")
        if one["type"] == EVENT and one.get("topic") != "*":
            raise Problem("param.invalid", "the topic of EVENT must be *")
        topics.add((str(one["type"]), str(one.get("topic"))))
    return frozenset(topics)


def taken(push: Push, ack: Mapping[str, Any]) -> bool:
    """Whether the client says that it has it; LATER and any code but 200 mean no."""
    if ack.get("code") != 200:
        return False
    if push.type != EVENT:
        return True
    return bool(data_of(ack).get("status", "SUCCESS") == "SUCCESS")


def response_of(ack: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a card callback was answered; {} for an answer without a card."""
    if ack.get("code") != 200:
        return None
    response = data_of(ack).get("response")
    return response if isinstance(response, dict) else {}


def data_of(ack: Mapping[str, Any]) -> dict[str, Any]:
    try:
        data = orjson.loads(ack.get("data") or "{}")
    except (ValueError, TypeError):
        return {}
    return data if isinstance(data, dict) else {}
