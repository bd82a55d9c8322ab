"""The gate in front of every DingTalk call: token, scope, limits, faults, and its error envelopes.

Two hosts, two manners. ``api`` says what is wrong by HTTP status and ``code``; ``oapi`` and the
webhooks always answer 200 and say it by ``errcode``.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web

from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.tokens import Tokens
from bot.sandbox.ground import Ground

NAME = "dingtalk"
PREFIX = "/sim/dingtalk"
TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 - a header's name
BODY_BYTES = 4 << 20
SLOWEST = 20  # medians
NO_APP = App(name="", client_id="", client_secret="", robot_code="")
BLOCKED = "<!DOCTYPE html><html><body><h1>405</h1><p>您的访问被阻断</p></body></html>"


class Manner(StrEnum):
    API = "api"
    OAPI = "oapi"
    HOOK = "hook"  # a webhook: oapi's envelope, no token


class Problem(Exception):
    """``code`` is a word on the api host (HTTP ``status``) and a number on oapi."""

    def __init__(
        self, code: str | int, message: str = "", status: int = 400, **extra: object
    ) -> None:
        super().__init__(str(code))
        self.code = code
        self.message = message or str(code)
        self.status = status
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gate. ``app`` is the caller's, empty where no token is needed;
    ``person`` is in whose name it calls, where that is asked."""

    app: App
    body: dict[str, Any]
    request: web.Request
    person: str = ""

    def text(self, key: str, problem: str) -> str:
        """A string that must be there. Raises Problem."""
        value = self.body.get(key)
        if not isinstance(value, str) or not value:
            raise Problem(problem, f"{key} is empty")
        return value


Serve = Callable[[Call], Awaitable[dict[str, Any]]]


class Calls:
    def __init__(
        self, ground: Ground, settings: DingTalkSettings, tokens: Tokens, meter: Meter
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._tokens = tokens
        self._meter = meter
        self._random = random.Random(ground.seed)  # noqa: S311
        self.routes: list[web.RouteDef] = []

    def api(
        self, method: str, path: str, serve: Serve, *, scope: str = "", counted: bool = True
    ) -> None:
        self._add(Manner.API, method, path, serve, scope, counted)

    def personal(self, method: str, path: str, serve: Serve, *, scope: str) -> None:
        """A call with the token of a person instead of an app's own; it is not counted."""
        self._add(Manner.API, method, path, serve, scope, counted=False, personal=True)

    def oapi(self, method: str, path: str, serve: Serve, *, scope: str = "") -> None:
        """Contacts and media, which the monthly quota does not count."""
        self._add(Manner.OAPI, method, path, serve, scope, counted=False)

    def hook(self, path: str, serve: Serve) -> None:
        self._add(Manner.HOOK, "POST", path, serve, "", counted=False)

    def open(self, method: str, path: str, serve: Serve, manner: Manner) -> None:
        """A call without token, limit or fault: it is how a client comes in."""

        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(NO_APP, await read_json(request), request)
            self._note_in(call, path)
            return self._answer(path, await answered(manner, serve, call))

        self.routes.append(web.route(method, PREFIX + path, handle))

    def _add(
        self,
        manner: Manner,
        method: str,
        path: str,
        serve: Serve,
        scope: str,
        counted: bool,
        personal: bool = False,
    ) -> None:
        async def gated(call: Call) -> dict[str, Any]:
            self._check(manner, call.app, path, scope)
            if counted:
                self._meter.count_api()
            if manner is Manner.HOOK:
                self._meter.count_stream()
            return await serve(call)

        async def handle(request: web.Request) -> web.StreamResponse:
            spoiled = self._spoiled_before(manner, request)
            if spoiled:
                self._note_in(Call(NO_APP, {}, request), path)
                return self._answer(path, spoiled)
            app, person = self._caller(manner, request, personal=personal)
            call = Call(app, await read_json(request), request, person)
            self._note_in(call, path)
            response = await answered(manner, gated, call)
            await self._linger()
            return await self._spoil_after(call, self._answer(path, response))

        self.routes.append(web.route(method, PREFIX + path, handle))

    def _caller(self, manner: Manner, request: web.Request, *, personal: bool) -> tuple[App, str]:
        if manner is Manner.HOOK:
            return NO_APP, ""
        if personal:
            return self._tokens.owner(token_of(request)) or (NO_APP, "")
        return self._tokens.app_of(token_of(request)) or NO_APP, ""

    def _check(self, manner: Manner, app: App, path: str, scope: str) -> None:
        """Raises Problem for a bad token, a missing scope or a limit."""
        if manner is Manner.HOOK:
            return
        api = manner is Manner.API
        if app is NO_APP:
            raise bad_token(manner)
        if scope and scope not in app.scopes:
            if not api:
                raise Problem(60011, "no privilege to access/modify contact/party/agent")
            raise Problem(
                "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                f"应用尚未开通所需的权限：[{scope}]",
                403,
                accessdenieddetail={"requiredScopes": [scope]},
            )
        if self._meter.too_fast(app, path):
            raise too_fast(manner)
        if api and self._meter.api_spent():
            raise Problem("Forbidden.AccessDenied.ApiCountLimitForOrg", "企业本月调用量已用完", 403)

    def _spoiled_before(self, manner: Manner, request: web.Request) -> web.Response | None:
        """What a fault answers instead, before any effect."""
        take = self._ground.faults.take
        token = token_of(request)
        app = self._tokens.app_of(token)
        name = app.name if app else ""
        if take(NAME, "http_5xx", name):
            return envelope(Manner.API, Problem("system.busy", "系统繁忙", 500))
        if take(NAME, "throttle", name):
            return envelope(manner, too_fast(manner))
        if take(NAME, "html", name):
            return web.Response(status=403, text=BLOCKED, content_type="text/html")
        if app and take(NAME, "token_expired", name):
            self._tokens.revoke(token)
            return envelope(manner, bad_token(manner))
        return None

    async def _spoil_after(self, call: Call, response: web.Response) -> web.StreamResponse:
        """The effect stands; a fault may keep the answer or half of it."""
        faults, request = self._ground.faults, call.request
        if fault := faults.take(NAME, "hang", call.app.name):
            await faults.hang(min(fault.seconds_left, self._settings.hang_seconds))
            if request.transport:
                request.transport.abort()
            return response
        if faults.take(NAME, "half_body", call.app.name):
            return await half(request, response)
        return response

    async def _linger(self) -> None:
        """Answers take their time: half of them longer than the median, a few much longer."""
        if median := self._settings.latency_seconds:
            await asyncio.sleep(min(median * self._random.lognormvariate(0, 0.7), SLOWEST * median))

    def _note_in(self, call: Call, path: str) -> None:
        summary = str(call.body.get("msgKey") or call.body.get("outTrackId") or "")
        self._ground.wire.note(NAME, "in", f"{call.request.method} {path}", summary, call.body)

    def _answer(self, path: str, response: web.Response) -> web.Response:
        body = response.body if isinstance(response.body, bytes) else b""
        self._ground.wire.note(NAME, "out", path, str(response.status), body)
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


async def answered(manner: Manner, serve: Serve, call: Call) -> web.Response:
    try:
        body = await serve(call)
    except Problem as problem:
        return envelope(manner, problem)
    if manner is not Manner.API:
        body = {"errcode": 0, "errmsg": "ok", **body}
    return web.json_response(body=orjson.dumps(body))


def envelope(manner: Manner, problem: Problem) -> web.Response:
    number = secrets.token_hex(16).upper()
    if manner is Manner.API or isinstance(problem.code, str):
        request_id = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))
        body = {
            "code": str(problem.code),
            "requestid": request_id,
            "message": problem.message,
            **problem.extra,
        }
        return web.json_response(body=orjson.dumps(body), status=problem.status)
    old = {"errcode": problem.code, "errmsg": problem.message, "request_id": number.lower()}
    return web.json_response(body=orjson.dumps(old | problem.extra))


def token_of(request: web.Request) -> str:
    return request.headers.get(TOKEN_HEADER) or request.query.get("access_token", "")


def bad_token(manner: Manner) -> Problem:
    if manner is Manner.API:
        return Problem("InvalidAuthentication", "不合法的access_token")
    return Problem(40014, "不合法的access_token")


def too_fast(manner: Manner) -> Problem:
    match manner:
        case Manner.API:
            code = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
            return Problem(code, "调用钉钉开放平台当前接口的请求被暂时禁用了", 403)
        case Manner.OAPI:
            return Problem(90018, "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
        case Manner.HOOK:
            return Problem(410100, "send too fast")


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
