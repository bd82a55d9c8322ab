"""Stream mode's delivery: which socket gets what, and again until it is acknowledged.

A bot message is on disk before its first frame goes out and stays there until the client has
acknowledged it; it is pushed again every ``redeliver_seconds`` while a socket is open, and on the
next socket after a restart. Events follow their own schedule. Card clicks are asked once.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bot.sandbox.dingtalk.calls import NAME, Call, Calls
from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.dingtalk.frames import (
    BOT_TOPIC,
    CALLBACK,
    CARD_TOPIC,
    EVENT,
    SYSTEM,
    frame,
    is_taken,
    response_of,
)
from bot.sandbox.dingtalk.link import Link
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.pushes import Push, PushStore
from bot.sandbox.faults import Fault
from bot.sandbox.feed import News
from bot.sandbox.ground import Ground
from bot.sandbox.refused import NobodyListens

EVENT_SECONDS = 3.0


@dataclass(eq=False, slots=True)
class Question:
    """A card callback that waits for its answer on the socket it went out on."""

    link: Link
    answer: asyncio.Future[dict[str, Any]]


class Stream:
    def __init__(self, ground: Ground, settings: DingTalkSettings, meter: Meter) -> None:
        self._ground = ground
        self._settings = settings
        self._meter = meter
        self._random = random.Random(ground.seed)  # noqa: S311
        self._store = PushStore(ground.disk, settings)
        self._links: list[Link] = []
        self._pushes = {push.id: push for push in self._store.unacknowledged()}
        self._out: dict[str, Push] = {}
        self._questions: dict[str, Question] = {}
        self._held: list[Push] = []
        self._release: asyncio.TimerHandle | None = None

    def add_routes(self, calls: Calls) -> None:
        path = "/call_back/get_call_back_failed_result"
        calls.oapi("GET", path, self._failed_events)

    # Saying and asking

    def listening(self, app: App, topic: str) -> bool:
        return any(link.takes(app, CALLBACK, topic) for link in self._links)

    def connected(self) -> int:
        desk = self._settings.desk
        return sum(link.app is desk and not link.draining for link in self._links)

    def waiting(self) -> int:
        """Pushes that nobody has acknowledged yet."""
        return len(self._pushes)

    def store_message(self, app: App, payload: Mapping[str, Any]) -> Push:
        """Durable with the transaction it is called in; ``send`` it after the commit."""
        return self._store.add(app, CALLBACK, BOT_TOPIC, payload, {})

    def store_event(
        self, app: App, topic: str, data: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Push:
        return self._store.add(app, EVENT, topic, data, headers)

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
        answer = asyncio.get_running_loop().create_future()
        message_id = self.post(link, CALLBACK, CARD_TOPIC, orjson.dumps(data).decode())
        self._questions[message_id] = Question(link, answer)
        self._meter.count_stream()
        self._disconnect_after(link)
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                return response_of(await answer)
        except TimeoutError:
            return None
        finally:
            del self._questions[message_id]

    def strike(self, fault: Fault) -> None:
        """Disconnect sockets now; what is left of the count strikes after later pushes."""
        name = fault.app or self._settings.desk.name
        for link in [one for one in self._links if one.app.name == name and not one.draining]:
            if fault.alive:
                fault.count -= 1
                self.part(link, fault.how)

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

    # Sockets come and go

    def sockets_of(self, app: App) -> int:
        return sum(link.app is app for link in self._links)

    def arrive(self, link: Link) -> None:
        """What waited for a socket goes out."""
        self._links.append(link)
        self._tell_connected(f"{link.app.name} 已连接")
        for push in sorted(self._pushes.values(), key=lambda one: one.id):
            if push.due is None and link.takes(push.app, push.type, push.topic):
                self._push(push)

    def leave(self, link: Link) -> None:
        """At once, or later if dead sockets are to be chosen for a while."""
        clean = link.ws.close_code in (1000, 1001)
        if self._settings.zombie_seconds and not clean and not link.draining:
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.zombie_seconds, self._forget, link)
        else:
            self._forget(link)

    def part(self, link: Link, how: str = "") -> None:
        """``disconnect`` frame, silence, and the end of the TCP link; ruder if asked."""
        link.draining = True
        match how:
            case "reset":
                link.abort()
            case "silent":
                link.close()
            case _:
                reason = orjson.dumps({"reason": "connection is expired"}).decode()
                self.post(link, SYSTEM, "disconnect", reason)
                hold = self._settings.disconnect_hold_seconds
                asyncio.get_running_loop().call_later(hold, link.close)

    def post(
        self,
        link: Link,
        type_: str,
        topic: str,
        data: str,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Put a frame on this socket; answers its message id."""
        now = self._ground.clock.millis()
        message_id = f"{self._random.getrandbits(32):08x}_{secrets.token_hex(4)}_{now:x}"
        whole = {
            "appId": link.app.client_id,
            "connectionId": link.id,
            "messageId": message_id,
            "time": str(now),
            "topic": topic,
            **(headers or {}),
        }
        body = frame(type_, data, whole)
        self._ground.wire.note(NAME, "out", f"{type_} {topic}", message_id, body)
        link.post(orjson.dumps(body))
        return message_id

    def _forget(self, link: Link) -> None:
        self._links.remove(link)
        self._tell_connected(f"{link.app.name} 已断开")

    def _tell_connected(self, what: str) -> None:
        self._ground.wire.note(NAME, "in", what, f"现有 {self.connected()} 条连接")
        data: dict[str, object] = {"connected": self.connected() > 0}
        self._ground.feed.tell(News("connected", NAME, None, data))

    # Delivering

    def _push(self, push: Push) -> None:
        link = self._choose(push.app, push.type, push.topic)
        if link is None:
            push.due = None
            return
        if push.topic == BOT_TOPIC and self._take("duplicate", push.app):
            push.twice = True
        message_id = self.post(link, push.type, push.topic, push.data, push.headers)
        push.tries += 1
        push.frames.append(message_id)
        self._out[message_id] = push
        self._meter.count_stream()
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
            self._store.given_up(push)
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
            self.part(link, fault.how)

    # Acknowledgements

    def hear(self, link: Link, text: str) -> None:
        """Whatever a client sends: acknowledgements, answers, pongs, nonsense."""
        try:
            ack = orjson.loads(text)
            message_id = ack["headers"]["messageId"]
        except (ValueError, KeyError, TypeError):
            self._ground.wire.note(NAME, "in", "无法识别的应答", "", text)
            return
        self._ground.wire.note(NAME, "in", "ACK", str(message_id), ack)
        if message_id not in self._out and message_id not in self._questions:
            if link.opaque and link.opaque in str(ack.get("data")):
                link.answered.set()
        elif self._take("no_ack", link.app):
            return
        elif self._take("late_ack", link.app):
            late = 1.5 * max(self._settings.redeliver_seconds, self._settings.answer_seconds)
            asyncio.get_running_loop().call_later(late, self._settle, link, message_id, ack)
        else:
            self._settle(link, message_id, ack)

    def _settle(self, link: Link, message_id: str, ack: dict[str, Any]) -> None:
        """An answer counts on its own socket only; an acknowledgement may come by any."""
        if question := self._questions.get(message_id):
            if question.link is link and not question.answer.done():
                question.answer.set_result(ack)
            return
        push = self._out.get(message_id)
        if push and is_taken(push.type, ack):
            self._store.done(push)
            self._drop(push)
            if push.twice or self._random.random() < self._settings.repeat_share:
                self._repeat(push)

    def _repeat(self, push: Push) -> None:
        """A duplicate of what is already acknowledged; nobody waits for its answer."""
        if link := self._choose(push.app, push.type, push.topic):
            self.post(link, push.type, push.topic, push.data, push.headers)

    def _drop(self, push: Push) -> None:
        self._pushes.pop(push.id, None)
        for message_id in push.frames:
            self._out.pop(message_id, None)
        if push.timer:
            push.timer.cancel()

    def _take(self, kind: str, app: App) -> bool:
        return self._ground.faults.take(NAME, kind, app.name) is not None

    async def _failed_events(self, call: Call) -> dict[str, Any]:
        failed, more = self._store.take_failed(call.app)
        return {"failed_list": failed, "has_more": more}
