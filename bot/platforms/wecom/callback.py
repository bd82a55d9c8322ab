"""The application's callback: signed and sealed XML over HTTP (reference 1).

Nothing is read before its signature holds; a message is acknowledged only after it was stored, and
comes again otherwise. What comes again has the same key, so a replay is heard once. Only clicks are
answered here and now: the clicker's own copy of the card shows what came of it.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from aiohttp import StreamReader, web
from yarl import URL

from bot import crashpoint
from bot.chat.message import Ask
from bot.chat.ports import Health
from bot.chat.raw import Raw, raw_of
from bot.platforms.wecom.crypto import Crypto, Unreadable
from bot.platforms.wecom.hearing import Hearing, failed, is_noop
from bot.platforms.wecom.markup import Malformed, read_envelope, read_xml, write_xml
from bot.platforms.wecom.parse import (
    FallingAsleep,
    Heard,
    Nothing,
    PeopleChanged,
    Pressed,
    read_callback,
    read_text,
)
from bot.platforms.wecom.passive import grey_buttons, update_card
from bot.platforms.wecom.settings import CALLBACK_BYTES, WeComSettings
from bot.platforms.wecom.template import Drawn
from crm.kernel.clock import Clock, SystemClock
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

PATHS: Final = ("/wecom/callback", "/wecom/callback/")  # the console has refused the first (seen)
WINDOW_SECONDS: Final = 600
# The address as WeCom writes it; any other is taken apart with care.
ORDINARY: Final = re.compile(r"msg_signature=([0-9a-f]+)&timestamp=([0-9]+)&nonce=([0-9A-Za-z]+)")
READ_SECONDS: Final = 3.0
ASLEEP: Final = (
    "企业微信即将停用期台应用",
    "企业微信提示应用长期不用、即将停用。请管理员在后台打开应用详情页处理，否则企业微信里收不到消息",
)


class Signed(NamedTuple):
    """What stands in the address of a callback."""

    signature: str
    timestamp: str
    nonce: str


class Callback:
    """``real`` is the wall clock, by which timestamps are judged even where the sandbox moves the
    service's own."""

    def __init__(
        self, settings: WeComSettings, hearing: Hearing, clock: Clock, real: Clock | None = None
    ) -> None:
        self._settings = settings
        self._hearing = hearing
        self._clock = clock
        self._real = real or SystemClock()
        self._crypto = Crypto(settings.token, settings.encoding_aes_key, settings.corp_id)
        self.last_heard: datetime | None = None
        self.asleep = ""  # what WeCom said of switching the application off
        self._apart = 0.0  # seconds between our time and the last stamp, where that was too much

    def health(self) -> Health:
        """A callback cannot be known to work before it was called."""
        said = "企业微信回调已就绪"
        if self.asleep:
            said += "；企业微信提示应用即将因长期不用而停用，请管理员在后台处理"
        if self._apart:
            minutes = round(self._apart / 60)
            said += f"；拒收了与本机时间相差 {minutes} 分钟的回调，收不到消息时请校正本机时间"
        if trouble := self._hearing.wecom.api.trouble:
            said += f"；发不出消息：{trouble}"
        return Health(ok=True, detail=said, since=self.last_heard)

    async def verify(self, request: web.Request) -> web.Response:
        """The console's question whether we hold the keys."""
        # A form's blank was a plus (reference 10.4).
        echo = request.query.get("echostr", "").replace(" ", "+")
        opened = self._opened(self._signed(request.rel_url), echo)
        return web.Response(body=opened, content_type="text/plain")

    async def receive(self, request: web.Request) -> web.StreamResponse:
        signed = self._signed(request.rel_url)
        body = await self._body(request)
        try:
            encrypted = read_envelope(body)
        except Malformed:
            raise web.HTTPBadRequest from None
        plain = self._opened(signed, encrypted)
        raw = read_text(plain, app=self._settings.agent_id)
        if raw is None:
            return await self._unusual(request, plain)
        self.last_heard = self._clock.now()
        await self._store(raw)
        return web.Response()

    async def _unusual(self, request: web.Request, plain: bytes) -> web.StreamResponse:
        """Whatever is not simply a text."""
        try:
            heard = read_callback(read_xml(plain), plain, now=self._clock.now())
        except ValueError as error:
            # Signed by WeCom and yet no message: to hear it again would not help.
            log.error("a callback is unreadable: %s", type(error).__name__)  # noqa: TRY400
            return web.Response()
        self.last_heard = self._clock.now()
        return await self._take(request, heard)

    async def _take(self, request: web.Request, heard: Heard) -> web.StreamResponse:
        match heard:
            case Ask():
                await self._store(raw_of(self._settings.agent_id, heard))
            case Pressed():
                return await self._click(request, heard)
            case PeopleChanged():
                await self._people(heard)
            case FallingAsleep():
                self.asleep = heard.event
                log.error("WeCom will switch the application off for want of use: %s", heard.event)
                await self._hearing.alarm(*ASLEEP)
            case Nothing():
                log.debug("nothing to do for %s", heard.what)
        return web.Response()

    async def _store(self, raw: Raw) -> None:
        try:
            await self._hearing.store(raw)
        except Exception as error:  # noqa: BLE001 - whatever it was, the message comes again
            failed("message", raw.key, error)
            raise web.HTTPServiceUnavailable from None
        crashpoint.here("callback.before_ack")

    async def _people(self, changed: PeopleChanged) -> None:
        try:
            await self._hearing.people(changed.users)
        except OutsideError as error:
            log.warning("people were not looked up: %s", error)
            if error.outcome is not Outcome.REFUSED:
                raise web.HTTPServiceUnavailable from None
        except Exception as error:  # noqa: BLE001 - the event comes again
            failed("event", "change_contact", error)
            raise web.HTTPServiceUnavailable from None

    async def _click(self, request: web.Request, pressed: Pressed) -> web.StreamResponse:
        ask = pressed.ask
        if is_noop(ask):
            return web.Response()
        try:
            card = await self._hearing.click(pressed)
        except Exception as error:  # noqa: BLE001 - one click's bug must not end the others
            failed("click", ask.message_id, error)
            raise web.HTTPServiceUnavailable from None
        drawn = self._hearing.wecom.draw(card) if card is not None else None
        response = self._passive(ask, drawn)
        # Written here rather than returned: only then is it known to have gone out.
        await response.prepare(request)
        await response.write_eof()
        crashpoint.here("callback.after_ack")
        if card is not None and drawn is not None:
            await self._hearing.answered(ask, card, drawn)
        return response

    def _passive(self, ask: Ask, drawn: Drawn | None) -> web.Response:
        at = int(self._real.now().timestamp())
        if drawn is None:
            answer = grey_buttons(ask.user, self._settings.corp_id, at)
        else:
            answer = update_card(ask.user, self._settings.corp_id, at, drawn.json)
        return web.Response(text=self._sealed(answer, at), content_type="text/xml")

    def _sealed(self, answer: bytes, at: int) -> str:
        encrypted, nonce = self._crypto.encrypt(answer), secrets.token_hex(8)
        signature = self._crypto.signature(str(at), nonce, encrypted)
        fields = {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": at, "Nonce": nonce}
        return write_xml(fields)

    def _signed(self, url: URL) -> Signed:
        """Raises HTTPBadRequest for what is missing."""
        found = ORDINARY.fullmatch(url.raw_query_string)
        if found is not None:
            signed = Signed(*found.groups())
        else:
            told = url.query.get
            signed = Signed(told("msg_signature", ""), told("timestamp", ""), told("nonce", ""))
        stamp = signed.timestamp
        if not all(signed) or not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 11):
            raise web.HTTPBadRequest
        return signed

    def _opened(self, signed: Signed, encrypted: str) -> bytes:
        """What was sealed for us, lately. Raises HTTPForbidden: which part is wrong is not told."""
        if not self._crypto.is_signed(*signed, encrypted):
            raise web.HTTPForbidden
        apart = abs(self._real.now().timestamp() - int(signed.timestamp))
        self._apart = apart if apart > WINDOW_SECONDS else 0.0
        if self._apart:
            log.warning("a callback was refused: its stamp is %.0f s from our time", apart)
            raise web.HTTPForbidden
        try:
            return self._crypto.decrypt(encrypted)
        except Unreadable:
            raise web.HTTPForbidden from None

    @staticmethod
    async def _body(request: web.Request) -> bytes:
        """At most CALLBACK_BYTES, whatever the server itself would take."""
        size = request.content_length or 0
        try:
            if request.content.is_eof():  # all of it has come: there is nothing to wait for
                data = request.content.read_nowait()
                size = max(size, len(data))
            else:
                data, size = await _awaited(request.content, size)
        except web.RequestPayloadError:  # a broken encoding of the body
            request.content.feed_eof()  # else the server reads on, and fails aloud
            raise web.HTTPBadRequest(headers={"Connection": "close"}) from None
        if size > CALLBACK_BYTES:
            raise web.HTTPRequestEntityTooLarge(CALLBACK_BYTES, size)
        return data


async def _awaited(content: StreamReader, size: int) -> tuple[bytes, int]:
    """What comes in time, and how much it is at least; no more is read than is allowed."""
    data = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            while size <= CALLBACK_BYTES and (piece := await content.readany()):
                data += piece
                size = max(size, len(data))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(data), size


Current = Callable[[], Callback | None]
"""The callback's end, None while the service is being built or without WeCom."""


def callback_routes(current: Current) -> list[web.RouteDef]:
    """``/wecom/callback`` for a server that may listen before the service is up: 503 until then."""

    async def verify(request: web.Request) -> web.Response:
        return await _there(current).verify(request)

    async def receive(request: web.Request) -> web.StreamResponse:
        return await _there(current).receive(request)

    return [
        *(web.get(path, verify) for path in PATHS),
        *(web.post(path, receive) for path in PATHS),
    ]


def _there(current: Current) -> Callback:
    callback = current()
    if callback is None:
        raise web.HTTPServiceUnavailable
    return callback
