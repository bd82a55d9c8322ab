"""The way in: a ticket for a connection, the connection itself, and how long it lives."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import orjson
from aiohttp import web

from bot.sandbox.dingtalk.calls import NAME, PREFIX, Calls, Problem, read_json
from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.dingtalk.frames import CALLBACK, EVENT, EVERY_EVENT, SYSTEM
from bot.sandbox.dingtalk.link import Link
from bot.sandbox.dingtalk.stream import Stream
from bot.sandbox.ground import Ground

OPEN = "/v1.0/gateway/connections/open"
CONNECT = "/connect"
TICKET_MILLIS = 90_000

Topics = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Ticket:
    app: App
    topics: Topics
    expires: int  # Unix milliseconds


class Gateway:
    def __init__(self, ground: Ground, settings: DingTalkSettings, stream: Stream) -> None:
        self._ground = ground
        self._settings = settings
        self._stream = stream
        self._tickets: dict[str, Ticket] = {}

    def add_routes(self, calls: Calls) -> None:
        calls.routes.append(web.post(PREFIX + OPEN, self._open))
        calls.routes.append(web.get(PREFIX + CONNECT, self._connect))

    async def _open(self, request: web.Request) -> web.Response:
        """XML unless the client says that it accepts JSON (SDK source)."""
        body = await read_json(request)
        self._ground.wire.note(NAME, "in", f"POST {OPEN}", str(body.get("ua", "")), body)
        try:
            answer, status = self._admit(body, self._ground.address(request)), 200
        except Problem as problem:
            number = secrets.token_hex(16).upper()
            answer = {"code": str(problem.code), "requestid": number, "message": problem.message}
            status = problem.status
        self._ground.wire.note(NAME, "out", OPEN, str(status), answer)
        accept = request.headers.get("Accept", "")
        if "json" in accept or "*/*" in accept:
            return web.json_response(answer, status=status)
        fields = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in answer.items())
        return web.Response(
            status=status, text=f"<result>{fields}</result>", content_type="application/xml"
        )

    def _admit(self, body: Mapping[str, Any], address: str) -> dict[str, str]:
        """Endpoint and ticket. Raises Problem."""
        app = self._settings.app_of_client(body.get("clientId"))
        if app is None or body.get("clientSecret") != app.client_secret:
            raise Problem("authFailed", "鉴权失败", 401)
        topics = read_subscriptions(body.get("subscriptions"))
        if self._stream.sockets_of(app) >= self._settings.quotas.connections:
            raise Problem("connection.overMax", "连接数超过上限", 403)
        now = self._ground.clock.millis()
        self._tickets = {key: one for key, one in self._tickets.items() if one.expires > now}
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = Ticket(app, topics, now + TICKET_MILLIS)
        return {"endpoint": address.replace("http", "ws", 1) + PREFIX + CONNECT, "ticket": ticket}

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ticket = self._tickets.pop(request.query.get("ticket", ""), None)
        if ticket is None or ticket.expires <= self._ground.clock.millis():
            return web.Response(status=401)
        ws = web.WebSocketResponse(compress=False, autoping=not self._settings.swallow_pings)
        await ws.prepare(request)
        if request.transport is None:
            return ws
        link = Link(
            id=secrets.token_hex(8),
            app=ticket.app,
            topics=ticket.topics,
            ws=ws,
            transport=request.transport,
            buffer_bytes=self._settings.buffer_bytes,
        )
        self._stream.arrive(link)
        try:
            await link.carry(self._stream.hear, self._keep_alive(link))
        finally:
            self._stream.leave(link)
        return ws

    async def _keep_alive(self, link: Link) -> None:
        """Ask for a sign of life; part when the connection is old."""
        try:
            async with asyncio.timeout(self._settings.life_seconds):
                while await self._is_alive(link):
                    pass
        except TimeoutError:
            self._stream.part(link)
        else:
            link.close()

    async def _is_alive(self, link: Link) -> bool:
        await asyncio.sleep(self._settings.ping_seconds)
        link.opaque = secrets.token_hex(8)
        link.answered.clear()
        data = orjson.dumps({"opaque": link.opaque}).decode()
        self._stream.post(link, SYSTEM, "ping", data)
        try:
            async with asyncio.timeout(self._settings.pong_seconds):
                await link.answered.wait()
        except TimeoutError:
            return False
        return True


def read_subscriptions(given: object) -> Topics:
    """As (type, topic). Raises Problem."""
    if not isinstance(given, list) or not given:
        raise Problem("param.subscriptionsEmpty", "subscriptions is empty")
    topics = set()
    for one in given:
        if not isinstance(one, dict) or one.get("type") not in (SYSTEM, EVENT, CALLBACK):
            raise Problem("param.invalid", "subscription type must be EVENT or CALLBACK")
        if one["type"] == EVENT and one.get("topic") != EVERY_EVENT:
            raise Problem("param.invalid", "the topic of EVENT must be *")
        topics.add((str(one["type"]), str(one.get("topic"))))
    return frozenset(topics)
