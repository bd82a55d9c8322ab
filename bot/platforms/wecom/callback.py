"""The application's callback: signed and sealed XML over HTTP (reference 1).

Nothing is read before its signature holds; a message is acknowledged only after it was stored, and
comes again otherwise. What comes again has the same key, so a replay is heard once. Only clicks are
answered here and now: the clicker's own copy of the card shows what came of it.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from bot import crashpoint
from bot.chat.message import Ask
from bot.platforms.wecom.crypto import Crypto, Unreadable
from bot.platforms.wecom.hearing import Hearing, failed, is_noop
from bot.platforms.wecom.markup import Malformed, read_envelope, read_xml, write_xml
from bot.platforms.wecom.parse import (
    FallingAsleep,
    Heard,
    PeopleChanged,
    Pressed,
    read_callback,
)
from bot.platforms.wecom.passive import grey_buttons, update_card
from bot.platforms.wecom.settings import CALLBACK_BYTES, WeComSettings
from bot.platforms.wecom.template import Drawn
from crm.kernel.clock import Clock, SystemClock
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

PATHS: Final = ("/wecom/callback", "/wecom/callback/")  # the console has refused the first (seen)
WINDOW: Final = timedelta(minutes=10)
READ_SECONDS: Final = 3.0
SIGNED: Final = ("msg_signature", "timestamp", "nonce")


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

    async def verify(self, request: web.Request) -> web.Response:
        """The console's question whether we hold the keys."""
        # A form's blank was a plus (reference 10.4).
        echo = request.query.get("echostr", "").replace(" ", "+")
        return web.Response(body=self._opened(request.query, echo), content_type="text/plain")

    async def receive(self, request: web.Request) -> web.StreamResponse:
        self._check_query(request.query)
        body = await self._body(request)
        try:
            encrypted = read_envelope(body)
        except Malformed:
            raise web.HTTPBadRequest from None
        plain = self._opened(request.query, encrypted)
        try:
            heard = read_callback(read_xml(plain), plain, now=self._clock.now())
        except ValueError as error:
            # Signed by WeCom and yet no message: to hear it again would not help.
            log.error("a callback is unreadable: %s", type(error).__name__)  # noqa: TRY400
            return web.Response()
        self.last_heard = self._clock.now()
        return await self._take(request, heard, plain)

    async def _take(self, request: web.Request, heard: Heard, plain: bytes) -> web.StreamResponse:
        match heard:
            case Ask():
                await self._store(heard, plain)
            case Pressed():
                return await self._click(request, heard, plain)
            case PeopleChanged():
                await self._people(heard)
            case FallingAsleep():
                self.asleep = heard.event
                log.error("WeCom will switch the application off for want of use: %s", heard.event)
            case _:
                log.debug("nothing to do for %s", heard.what)
        return web.Response()

    async def _store(self, ask: Ask, plain: bytes) -> None:
        try:
            await self._hearing.message(ask, plain)
        except Exception as error:  # noqa: BLE001 - whatever it was, the message comes again
            failed("message", ask.message_id, error)
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

    async def _click(
        self, request: web.Request, pressed: Pressed, plain: bytes
    ) -> web.StreamResponse:
        ask = pressed.ask
        if is_noop(ask):
            return web.Response()
        try:
            card = await self._hearing.click(pressed, plain)
        except Exception as error:  # noqa: BLE001 - one click's bug must not end the others
            failed("click", ask.message_id, error)
            raise web.HTTPServiceUnavailable from None
        drawn = self._hearing.wecom.draw(card) if card is not None else None
        response = self._passive(ask, drawn)
        # Written here rather than returned: only then is it known to have gone out.
        await response.prepare(request)
        await response.write_eof()
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

    def _check_query(self, query: Mapping[str, str]) -> None:
        """Raises HTTPBadRequest for what is missing, HTTPForbidden outside of the window."""
        if not all(query.get(name) for name in SIGNED):
            raise web.HTTPBadRequest
        stamp = query["timestamp"]
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 11):
            raise web.HTTPBadRequest
        if abs(self._real.now().timestamp() - int(stamp)) > WINDOW.total_seconds():
            raise web.HTTPForbidden

    def _opened(self, query: Mapping[str, str], encrypted: str) -> bytes:
        """What was sealed for us. Raises HTTPForbidden: which part is wrong is not told."""
        self._check_query(query)
        signature, timestamp, nonce = (query[name] for name in SIGNED)
        if not self._crypto.is_signed(signature, timestamp, nonce, encrypted):
            raise web.HTTPForbidden
        try:
            return self._crypto.decrypt(encrypted)
        except Unreadable:
            raise web.HTTPForbidden from None

    @staticmethod
    async def _body(request: web.Request) -> bytes:
        """At most CALLBACK_BYTES, whatever the server itself would take."""
        size = request.content_length or 0
        data = bytearray()
        try:
            async with asyncio.timeout(READ_SECONDS):
                while size <= CALLBACK_BYTES and (piece := await request.content.readany()):
                    data += piece
                    size = max(size, len(data))
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        if size > CALLBACK_BYTES:
            raise web.HTTPRequestEntityTooLarge(CALLBACK_BYTES, size)
        return bytes(data)


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
