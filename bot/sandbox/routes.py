"""``/sandbox/*``: how people, pages and tests act on the far side and look at it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable
from urllib.parse import quote, unquote

import orjson
from aiohttp import BodyPartReader, web

from bot.sandbox.clock import read_span
from bot.sandbox.faults import read_fault
from bot.sandbox.ground import Ground, Platform, Press, Saying
from bot.sandbox.refused import Refused
from bot.sandbox.screens import PRIVATE
from crm.kernel.errors import UserError

UPLOAD_BYTES = 20 << 20
JSON_BYTES = 1 << 20
HEARTBEAT = 15.0  # seconds without news after which a page gets a comment line
SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Far(Protocol):
    """What the sandbox shows of rooms it does not own. Each may raise UserError."""

    async def market(self, body: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def quotes(self) -> Mapping[str, Any]: ...

    async def clients(self, limit: int) -> Sequence[Mapping[str, Any]]: ...

    async def scene(self, body: Mapping[str, Any]) -> Mapping[str, Any]: ...


@runtime_checkable
class CalledBack(Protocol):
    """A platform that delivers by callback."""

    async def turn(self, url: str) -> bool:
        """Callbacks go to ``url``, "" for nowhere; whether who answers there can decrypt."""
        ...


ClockMoved = Callable[[float], Awaitable[None]]
"""Told the offset in seconds; returns when the jobs that became due have run."""


class SandboxRoutes:
    def __init__(
        self,
        ground: Ground,
        platforms: Sequence[Platform],
        far: Far | None,
        clock_moved: ClockMoved | None,
    ) -> None:
        self._ground = ground
        self._platforms = {one.name: one for one in platforms}
        self._far = far
        self._clock_moved = clock_moved

    def routes(self) -> list[web.RouteDef]:
        get: dict[str, Handler] = {
            "platforms": self._list_platforms,
            "people": self._people,
            "clients": self._clients,
            "market": self._quotes,
            "seen": self._seen,
            "chats": self._chats,
            "wire": self._wire,
            "state": self._state,
            "events": self._events,
            "media/{id}": self._media,
        }
        post: dict[str, Handler] = {
            "say": self._say,
            "upload": self._upload,
            "click": self._click,
            "read": self._read,
            "event": self._event,
            "faults": self._break,
            "market": self._market,
            "scene": self._scene,
            "clock": self._clock,
            "callback": self._callback,
        }
        return [
            *(web.get(f"/sandbox/{path}", polite(handler)) for path, handler in get.items()),
            *(web.post(f"/sandbox/{path}", polite(handler)) for path, handler in post.items()),
            web.delete("/sandbox/faults", polite(self._mend)),
        ]

    # Looking

    async def _list_platforms(self, request: web.Request) -> web.Response:
        address = self._ground.address(request)
        return answer({name: one.describe(address) for name, one in self._platforms.items()})

    async def _people(self, _request: web.Request) -> web.Response:
        names = list(self._platforms)
        return answer([asdict(one) | {"platforms": names} for one in self._ground.world.people])

    async def _clients(self, request: web.Request) -> web.Response:
        return answer(await self._needed().clients(number(request, "limit", 100)))

    async def _quotes(self, _request: web.Request) -> web.Response:
        return answer(await self._needed().quotes())

    async def _seen(self, request: web.Request) -> web.Response:
        """With ``since``, also those taken back since then, as ``{"seq","recalled":true}``."""
        platform, person = self._viewer(request)
        chat = request.query.get("chat", "")
        if since := request.query.get("since", ""):
            return answer(self._ground.screens.changed(platform, person, chat or PRIVATE, since))
        items = self._ground.screens.seen(
            platform, person, chat, number(request, "after", 0), number(request, "limit", 5000)
        )
        return answer(items)

    async def _chats(self, request: web.Request) -> web.Response:
        return answer(self._ground.screens.chats(*self._viewer(request)))

    async def _wire(self, request: web.Request) -> web.Response:
        return answer(self._ground.wire.after(number(request, "after", 0)))

    async def _state(self, _request: web.Request) -> web.Response:
        clock = self._ground.clock
        return answer(
            {
                "connected": {name: one.connected() for name, one in self._platforms.items()},
                "faults": self._ground.faults.listed(),
                "clock_offset_seconds": clock.offset_seconds,
                "now": clock.iso(),
                "counters": {name: one.counters() for name, one in self._platforms.items()},
            }
        )

    async def _media(self, request: web.Request) -> web.StreamResponse:
        medium = self._ground.media.find(request.match_info["id"])
        if medium is None:
            raise Refused("没有这个文件", status=404)
        headers = {**SAFE, "Content-Type": medium.mime}
        if not medium.is_picture:  # never let a sent page run as ours
            headers["Content-Type"] = "application/octet-stream"
            headers["Content-Disposition"] = attachment(medium.name)
        return web.FileResponse(medium.path, headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        platform, person = self._viewer(request)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        await response.prepare(request)
        with (
            self._ground.feed.watch(platform, person) as watcher,
            suppress(ConnectionError),
        ):
            connected = self._platforms[platform].connected() > 0
            await write_event(response, "connected", {"connected": connected})
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        news = await watcher.take()
                except TimeoutError:
                    await response.write(b":\n\n")
                    continue
                if news is None:
                    break
                for one in news:
                    await write_event(response, one.event, one.data)
        return response

    # Acting

    async def _say(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        saying = Saying(
            person=text(body, "person"),
            chat=text(body, "chat", PRIVATE),
            text=text(body, "text"),
            mention=flag(body, "mention"),
            kind=text(body, "kind", "text"),
            app=text(body, "app", ""),
            quote=text(body, "quote", ""),
        )
        platform = self._platform(body)
        await platform.look()
        return answer({"message_id": platform.say(saying, self._ground.address(request))})

    async def _upload(self, request: web.Request) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            raise Refused("请用 multipart/form-data 上传")
        words: dict[str, str] = {}
        name, body = "", b""
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file":
                name, body = unquote(part.filename or "文件"), await read_file(part)
            elif part.name:
                words[part.name] = await part.text()
        if not body:
            raise Refused("没有文件")
        platform = self._platform(words)
        saying = Saying(
            person=text(words, "person"),
            chat=text(words, "chat", PRIVATE),
            app=text(words, "app", ""),
        )
        self._ground.screens.member(saying.person, saying.chat)
        medium = await self._ground.media.keep("@lUP", name, body)
        await platform.look()
        message = platform.upload(saying, medium, self._ground.address(request))
        return answer({"message_id": message})

    async def _click(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        version = body.get("version")
        if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
            raise Refused("version 应是整数")
        press = Press(
            person=text(body, "person"),
            card=text(body, "card"),
            action=text(body, "action"),
            inputs=read_inputs(body.get("inputs")),
            version=version,
        )
        outcome = await self._platform(body).click(press)
        return answer({"ok": outcome["answer"] != "failed", **outcome})

    async def _read(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        platform = self._platform(body)
        self._ground.screens.read(platform.name, text(body, "person"), text(body, "chat", PRIVATE))
        return answer({"ok": True})

    async def _event(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        data = body.get("data", {})
        if not isinstance(data, dict):
            raise Refused("data 应是一个对象")
        platform, what = self._platform(body), text(body, "type")
        return answer({"event_id": platform.happen(what, data, text(body, "app", ""))})

    async def _break(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        platform = self._platform(body)
        fault = read_fault(body, platform.fault_kinds)
        self._ground.faults.add(fault)
        platform.strike(fault)
        return answer({"faults": self._ground.faults.listed()})

    async def _mend(self, request: web.Request) -> web.Response:
        name = request.query.get("platform", "")
        if request.can_read_body:
            name = str((await read_object(request)).get("platform", name))
        if name:
            self._platform({"platform": name})
        self._ground.faults.clear(name)
        return answer({"faults": self._ground.faults.listed()})

    async def _market(self, request: web.Request) -> web.Response:
        return answer(await self._needed().market(await read_object(request)))

    async def _scene(self, request: web.Request) -> web.Response:
        return answer(await self._needed().scene(await read_object(request)))

    async def _clock(self, request: web.Request) -> web.Response:
        span = read_span(text(await read_object(request), "advance"))
        clock = self._ground.clock
        clock.advance(span)
        for platform in self._platforms.values():
            platform.clock_moved(span.total_seconds())
        if self._clock_moved:
            await self._clock_moved(clock.offset_seconds)
        return answer({"now": clock.iso(), "offset_seconds": clock.offset_seconds})

    async def _callback(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        platform, url = self._platform(body), body.get("url")
        if url is not None and (
            not isinstance(url, str) or not url.startswith(("http://", "https://"))
        ):
            raise Refused("url 应是网址或 null")
        if not isinstance(platform, CalledBack):
            raise Refused("这个平台不用回调")
        verified = await platform.turn(url or "")
        return answer({"url": url, "verified": verified})

    def _viewer(self, request: web.Request) -> tuple[str, str]:
        platform = self._platform(request.query)
        person = text(request.query, "person")
        self._ground.screens.member(person)
        return platform.name, person

    def _platform(self, words: Mapping[str, Any]) -> Platform:
        name = text(words, "platform")
        if name not in self._platforms:
            raise Refused(f"没有这个平台：{name}")
        return self._platforms[name]

    def _needed(self) -> Far:
        if self._far is None:
            raise Refused("这个沙箱没有接上行情与客户", status=501)
        return self._far


def polite(handler: Handler) -> Handler:
    """Turns what a person cannot have into JSON with one sentence."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return answer({"error": refused.text}, status=refused.status)
        except UserError as error:
            return answer({"error": error.text}, status=400)

    return handle


def answer(body: object, status: int = 200) -> web.Response:
    return web.json_response(body=orjson.dumps(body, default=str), status=status)


async def read_object(request: web.Request) -> dict[str, Any]:
    raw = await request.content.read(JSON_BYTES + 1)
    while len(raw) <= JSON_BYTES and (more := await request.content.read(JSON_BYTES)):
        raw += more
    if len(raw) > JSON_BYTES:
        raise Refused("请求太大", status=413)
    try:
        body = orjson.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("请求应是一个 JSON 对象")
    return body


async def read_file(part: BodyPartReader) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(1 << 16):
        body += chunk
        if len(body) > UPLOAD_BYTES:
            raise Refused("文件超过 20 MB", status=413)
    return bytes(body)


def text(body: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = body.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise Refused(f"{key} 应是非空的文字")
    return value


def flag(body: Mapping[str, Any], key: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise Refused(f"{key} 应是 true 或 false")
    return value


def number(request: web.Request, key: str, default: int) -> int:
    value = request.query.get(key, str(default))
    if not value.isdecimal() or len(value) > 15:
        raise Refused(f"{key} 应是非负整数")
    return int(value)


def read_inputs(given: object) -> dict[str, str | list[str]]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Refused("inputs 应是一个对象")
    for key, value in given.items():
        words = value if isinstance(value, list) else [value]
        if not all(isinstance(word, str) for word in words):
            raise Refused(f"inputs.{key} 应是文字或文字的列表")
    return given


def attachment(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


async def write_event(response: web.StreamResponse, event: str, data: Mapping[str, object]) -> None:
    await response.write(b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(data)))
