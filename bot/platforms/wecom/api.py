"""One call to WeCom and what became of it: token, time limits, honest outcomes."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from bot.chat.ports import Tally
from bot.platforms.wecom.errors import STALE_TOKEN, Answer, advice, check, read_answer, unanswered
from bot.platforms.wecom.settings import FETCH_BYTES, PLATFORM, WeComSettings
from bot.platforms.wecom.tokens import Tokens
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

CALL_SECONDS: Final = 8.0
UPLOAD_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 5.0

LARGE: Final = 1 << 20  # bytes; more is written in pieces, so as not to hold up everybody else

POOL: Final = "api"
JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}
UNQUOTED = re.compile(r'[\r\n"\\]')

Attempt = Callable[[str], Awaitable[Answer]]
"""One try with this token."""

NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""Failures before a byte of the request left: nothing can have happened."""


@asynccontextmanager
async def http_session(settings: WeComSettings) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that goes through the configured proxy and never follows cookies."""
    async with aiohttp.ClientSession(
        proxy=settings.proxy or None,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
    ) as session:
        yield session


def uncounted(platform: str, pool: str) -> None:
    """A tally for those who need none."""


class Api:
    """``effect`` says that a call may show something to somebody, so that an answer that never
    came leaves its outcome UNKNOWN instead of RETRY. Every verb raises OutsideError."""

    def __init__(
        self,
        settings: WeComSettings,
        http: aiohttp.ClientSession,
        clock: Clock,
        tally: Tally = uncounted,
        *,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._settings = settings
        self._http = http
        self._tally = tally
        self._call_seconds = call_seconds
        self._tokens = Tokens(self._fetch_token, clock)
        self.trouble = ""  # what an admin should mend before we can send again

    async def send(self, path: str, body: Mapping[str, Any], *, effect: bool = True) -> Answer:
        """A posting call of the application."""
        data = orjson.dumps(body)  # real UTF-8: escapes can be refused with 40033 (official doc)

        async def attempt(token: str) -> Answer:
            params = {"access_token": token}
            return await self._exchange(path, "POST", params=params, data=data, effect=effect)

        try:
            answer = await self._with_token(attempt)
        except OutsideError as error:
            if error.code.isdecimal():  # else nobody at WeCom said it
                self.trouble = advice(error)
            raise
        self.trouble = ""
        self._tally(PLATFORM, POOL)
        return answer

    async def ask(self, path: str, **params: str) -> Answer:
        """A reading call of the application."""

        async def attempt(token: str) -> Answer:
            return await self._exchange(path, "GET", params={"access_token": token, **params})

        return await self._with_token(attempt)

    async def upload(self, kind: str, name: str, data: bytes) -> str:
        """The media id, good for three days, of bytes. ``kind`` is image, voice, video or file."""

        async def attempt(token: str) -> Answer:
            return await self._exchange(
                "/cgi-bin/media/upload",
                "POST",
                params={"access_token": token, "type": kind},
                data=_form(name, data),
                seconds=UPLOAD_SECONDS,
            )

        return str((await self._with_token(attempt)).get("media_id", ""))

    async def download(self, media_id: str) -> bytes:
        """The bytes of a file that a person sent."""
        where = "/cgi-bin/media/get"

        async def fetch(token: str) -> Answer:
            params = {"access_token": token, "media_id": media_id}
            kind, data = await self._read(where, self._settings.api_base + where, params)
            if kind.endswith("json"):
                refused = orjson.loads(data) if data[:1] == b"{" else {}
                if isinstance(refused, dict) and "errcode" in refused:
                    check(where, refused)
            return {"data": data}

        return bytes((await self._with_token(fetch))["data"])

    async def download_link(self, url: str) -> bytes:
        """The bytes behind an address that is its own permission."""
        _, data = await self._read("bot media", url, {})
        return data

    async def robot(self, key: str, body: Mapping[str, Any]) -> Answer:
        """Into the group of a webhook robot; its key is never named in an error."""
        return await self._exchange(
            "/cgi-bin/webhook/send",
            "POST",
            params={"key": key},
            data=orjson.dumps(body),
            effect=True,
        )

    async def robot_upload(self, key: str, name: str, data: bytes) -> str:
        answer = await self._exchange(
            "/cgi-bin/webhook/upload_media",
            "POST",
            params={"key": key, "type": "file"},
            data=_form(name, data),
            seconds=UPLOAD_SECONDS,
        )
        return str(answer.get("media_id", ""))

    async def check_token(self) -> None:
        """Raises OutsideError when the credentials give no token."""
        await self._tokens.get()

    async def _with_token(self, attempt: Attempt) -> Answer:
        """One refresh and one more try when the platform no longer takes the token."""
        token = await self._tokens.get()
        try:
            return await attempt(token)
        except OutsideError as error:
            if error.code not in STALE_TOKEN:
                raise
        return await attempt(await self._tokens.renew(token))

    async def _fetch_token(self) -> tuple[str, float]:
        path = "/cgi-bin/gettoken"
        params = {"corpid": self._settings.corp_id, "corpsecret": self._settings.secret}
        try:
            answer = await self._exchange(path, "GET", params=params)
        except OutsideError as error:
            if error.code not in STALE_TOKEN:
                raise
            # Here it is the secret that is wrong, not a token.
            raise OutsideError(path, error.code, Outcome.RETRY, wait_seconds=60) from None
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not (isinstance(token, str) and token and isinstance(seconds, int | float)):
            raise OutsideError(path, "shape", Outcome.RETRY)
        return token, float(seconds)

    async def _read(self, where: str, url: str, params: Mapping[str, str]) -> tuple[str, bytes]:
        """(content type, bytes), at most as many as a person may send us."""
        data = bytearray()
        try:
            async with (
                asyncio.timeout(UPLOAD_SECONDS),
                self._http.get(url, params=params) as response,
            ):
                if response.status != 200:
                    outcome = Outcome.RETRY if response.status >= 500 else Outcome.REFUSED
                    raise OutsideError(where, f"http{response.status}", outcome)
                async for piece in response.content.iter_any():
                    data += piece
                    if len(data) > FETCH_BYTES:
                        raise OutsideError(where, "file.tooLarge", Outcome.REFUSED)
                return response.content_type, bytes(data)
        except aiohttp.InvalidURL:
            raise OutsideError(where, "badAddress", Outcome.REFUSED) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OutsideError(where, type(error).__name__, Outcome.RETRY) from None

    async def _exchange(
        self,
        path: str,
        method: str,
        *,
        params: Mapping[str, str],
        data: bytes | aiohttp.MultipartWriter | None = None,
        effect: bool = False,
        seconds: float | None = None,
    ) -> Answer:
        """Errors are raised from None: aiohttp's own quote addresses, and ours hold secrets."""
        headers = JSON if isinstance(data, bytes) else None
        url = self._settings.api_base + path
        sent = io.BytesIO(data) if isinstance(data, bytes) and len(data) > LARGE else data
        try:
            async with (
                asyncio.timeout(seconds or self._call_seconds),
                self._http.request(
                    method, url, data=sent, headers=headers, params=params, allow_redirects=False
                ) as response,
            ):
                body = await response.read()
        except aiohttp.InvalidURL:
            raise OutsideError(path, "badAddress", Outcome.REFUSED) from None
        except NOT_SENT as error:
            raise OutsideError(path, type(error).__name__, Outcome.RETRY) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unanswered(path, type(error).__name__, effect=effect) from None
        return read_answer(path, response.status, body, effect=effect)


def _form(name: str, data: bytes) -> aiohttp.MultipartWriter:
    """One part ``media``, its name in bare UTF-8: the ``filename*=`` form loses it (seen in several
    issues)."""
    form = aiohttp.MultipartWriter("form-data")
    part = form.append(io.BytesIO(data), {"Content-Type": "application/octet-stream"})
    part.headers["Content-Disposition"] = (
        f'form-data; name="media"; filename="{UNQUOTED.sub("_", name)}"; filelength={len(data)}'
    )
    return form
