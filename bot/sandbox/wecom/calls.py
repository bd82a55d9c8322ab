"""The gate in front of every WeCom call: token, limits, faults, and the one error envelope.

HTTP says 200 to everything; what went wrong is in ``errcode``.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from bot.sandbox.ground import Ground
from bot.sandbox.wecom.company import Agent, WeComSettings
from bot.sandbox.wecom.meter import Meter
from bot.sandbox.wecom.tokens import Tokens

NAME = "wecom"
PREFIX = "/sim/wecom"
BODY_BYTES = 4 << 20
SLOWEST = 20  # medians
BLOCKED = "<!DOCTYPE html><html><body><h1>403</h1><p>访问被拦截</p></body></html>"
HELP = "https://open.work.weixin.qq.com/devtool/query?e="

WORDS = {
    -1: "system busy",
    40001: "invalid credential",
    40003: "invalid userid",
    40004: "invalid media file type",
    40005: "invalid type",
    40006: "invalid media size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40029: "invalid code",
    40033: "invalid charset",
    40035: "invalid parameter",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "secret missing",
    42001: "access_token expired",
    42014: "taskid has existed or empty or exceed max len",
    42045: "card_action missing or invalid",
    44001: "empty media data",
    44004: "text content is empty",
    45001: "multimedia file size out of limit",
    45002: "text content size out of limit",
    45008: "article size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    50001: "redirect_url not in trusted domain",
    60003: "department not found",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    81013: "user & party & tag all invalid",
    93000: "invalid webhook url",
    301002: "not allow operate another agent with this accesstoken",
}


class Problem(Exception):
    """``extra`` goes into the answer beside the code."""

    def __init__(self, code: int, message: str = "", **extra: object) -> None:
        super().__init__(str(code))
        self.code = code
        self.message = message or WORDS.get(code, "error")
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gate; ``caller`` is None where no token is needed."""

    caller: Agent | None
    body: dict[str, Any]
    request: web.Request

    @property
    def agent(self) -> Agent:
        """The app whose token it is. Raises Problem."""
        if self.caller is None:
            raise Problem(41001)
        return self.caller

    def query(self, key: str) -> str:
        return self.request.query.get(key, "")

    def text(self, key: str, code: int = 40058) -> str:
        """A string that must be there. Raises Problem."""
        value = self.body.get(key)
        if not isinstance(value, str) or not value:
            raise Problem(code, f"missing field {key}")
        return value

    def own_agent(self) -> Agent:
        """The caller, if ``agentid`` says so too. Raises Problem."""
        given = self.body.get("agentid")
        if given is None:
            raise Problem(41011, "agentid missing")
        if str(given) != str(self.agent.agent_id):
            raise Problem(301002 if str(given).isdecimal() else 40056)
        return self.agent


Serve = Callable[[Call], Awaitable[dict[str, Any] | web.StreamResponse]]


class Calls:
    def __init__(
        self, ground: Ground, settings: WeComSettings, tokens: Tokens, meter: Meter
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._tokens = tokens
        self._meter = meter
        self._random = random.Random(ground.seed)  # noqa: S311
        self._running = 0
        self.routes: list[web.RouteDef] = []

    def api(self, method: str, path: str, serve: Serve) -> None:
        async def gated(call: Call) -> dict[str, Any] | web.StreamResponse:
            self._check(call.request, path)
            return await serve(call)

        self._add(method, path, gated)

    def hook(self, path: str, serve: Serve) -> None:
        """A webhook: no token, no trusted address."""
        self._add("POST", path, serve)

    def open(self, method: str, path: str, serve: Serve) -> None:
        """A call without token or fault: it is how a client comes in."""

        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(None, await read_json(request), request)
            self._note_in(call, path)
            return self._note_out(path, await answered(serve, call))

        self.routes.append(web.route(method, PREFIX + path, handle))

    def _add(self, method: str, path: str, serve: Serve) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            if spoiled := self._spoiled_before(request):
                self._note_in(Call(None, {}, request), path)
                return self._note_out(path, spoiled)
            caller = self._tokens.agent_of(request.query.get("access_token", ""))
            call = Call(caller, await read_json(request), request)
            self._note_in(call, path)
            if self._running >= self._settings.quotas.at_once:
                return self._note_out(path, envelope(Problem(45033), request))
            self._running += 1
            try:
                response = await answered(serve, call)
                await self._linger()
                return await self._spoil_after(request, self._note_out(path, response))
            finally:
                self._running -= 1

        self.routes.append(web.route(method, PREFIX + path, handle))

    def _check(self, request: web.Request, path: str) -> None:
        """Raises Problem for a bad token, a stranger's address or a limit."""
        value = request.query.get("access_token", "")
        if not value:
            raise Problem(41001)
        if self._tokens.agent_of(value) is None:
            raise Problem(40014)
        if not self._tokens.alive(value):
            raise Problem(42001)
        trusted = self._settings.trusted_ips
        if trusted is not None and request.remote not in trusted:
            raise Problem(60020)
        if path != "/cgi-bin/message/send" and self._meter.api_too_fast(path):
            raise Problem(45009)

    def _spoiled_before(self, request: web.Request) -> web.Response | None:
        """What a fault answers instead, before any effect."""
        take = self._ground.faults.take
        if take(NAME, "http_5xx"):
            return web.Response(status=502, text="Bad Gateway")
        if take(NAME, "throttle"):
            return envelope(Problem(45009), request)
        if take(NAME, "html"):
            return web.Response(status=403, text=BLOCKED, content_type="text/html")
        token = request.query.get("access_token", "")
        if token and take(NAME, "token_expired"):
            self._tokens.expire(token)
            return envelope(Problem(42001), request)
        return None

    async def _spoil_after(
        self, request: web.Request, response: web.StreamResponse
    ) -> web.StreamResponse:
        """The effect stands; a fault may keep the answer or half of it."""
        faults = self._ground.faults
        if fault := faults.take(NAME, "hang"):
            await faults.hang(min(fault.seconds_left, self._settings.hang_seconds))
            if request.transport:
                request.transport.abort()
            return response
        if isinstance(response, web.Response) and faults.take(NAME, "half_body"):
            return await half(request, response)
        return response

    async def _linger(self) -> None:
        """Answers take their time: half of them longer than the median, a few much longer."""
        if median := self._settings.latency_seconds:
            await asyncio.sleep(min(median * self._random.lognormvariate(0, 0.7), SLOWEST * median))

    def _note_in(self, call: Call, path: str) -> None:
        summary = str(call.body.get("msgtype") or "")
        self._ground.wire.note(NAME, "in", f"{call.request.method} {path}", summary, call.body)

    def _note_out(self, path: str, response: web.StreamResponse) -> web.StreamResponse:
        body = response.body if isinstance(response, web.Response) else b""
        shown = body if isinstance(body, bytes) and response.content_type != "image/jpeg" else b""
        self._ground.wire.note(NAME, "out", path, str(response.status), shown[:20_000])
        return response


async def read_json(request: web.Request) -> dict[str, Any]:
    """The body if it is a JSON object; {} for a form, which its reader takes apart."""
    if request.content_type.startswith("multipart/") or not request.can_read_body:
        return {}
    raw = b""
    async for chunk in request.content.iter_chunked(1 << 16):
        raw += chunk
        if len(raw) > BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(BODY_BYTES, len(raw))
    try:
        body = orjson.loads(raw)
    except ValueError:
        return {}
    return as_object(body)


def as_object(given: object) -> dict[str, Any]:
    """``given`` if it is a JSON object, else an empty one: clients send anything."""
    return given if isinstance(given, dict) else {}


def as_objects(given: object) -> list[dict[str, Any]]:
    """The JSON objects in a list."""
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def as_texts(given: object) -> list[str]:
    return [str(one) for one in given] if isinstance(given, list) else []


async def answered(serve: Serve, call: Call) -> web.StreamResponse:
    try:
        body = await serve(call)
    except Problem as problem:
        return envelope(problem, call.request)
    if isinstance(body, web.StreamResponse):
        return body
    return web.json_response(body=orjson.dumps({"errcode": 0, "errmsg": "ok", **body}))


def envelope(problem: Problem, request: web.Request) -> web.Response:
    number = secrets.token_hex(12)
    errmsg = (
        f"{problem.message}, hint: [{number[:10]}_{number[10:13]}_{number[13:]}],"
        f" from ip: {request.remote or ''}, more info at {HELP}{problem.code}"
    )
    body = {"errcode": problem.code, "errmsg": errmsg, **problem.extra}
    return web.json_response(body=orjson.dumps(body))


async def half(request: web.Request, response: web.Response) -> web.StreamResponse:
    """The headers promise all of it, the connection ends in the middle."""
    body = response.body if isinstance(response.body, bytes) else b""
    cut = web.StreamResponse(status=response.status)
    cut.content_type = response.content_type
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return cut
