"""One call to DingTalk and what became of it: hosts, tokens, time limits, honest outcomes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import aiohttp
import orjson

from bot.chat.ports import Tally
from bot.platforms.dingtalk.errors import STALE_TOKEN, Answer, read_answer, unanswered
from bot.platforms.dingtalk.settings import API_POOL, PLATFORM, PUSH_POOL, DingTalkSettings
from bot.platforms.dingtalk.socket import Socket
from bot.platforms.dingtalk.tokens import Tokens
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

CALL_SECONDS: Final = 8.0
UPLOAD_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 5.0

JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}
TOKEN_HEADER: Final = "x-acs-dingtalk-access-token"  # noqa: S105 - a header's name

Attempt = Callable[[str], Awaitable[Answer]]
"""One try with this token."""

NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""Failures before a byte of the request left: nothing can have happened."""


@asynccontextmanager
async def http_session(settings: DingTalkSettings) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that goes through the configured proxy and never follows cookies."""
    async with aiohttp.ClientSession(
        proxy=settings.proxy or None,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
        ws_response_class=cast("Any", Socket),  # aiohttp's type knows one of its two kinds
    ) as session:
        yield session


def uncounted(platform: str, pool: str) -> None:
    """A tally for those who need none."""


class Api:
    """Both hosts. ``effect`` says that a call may show something to somebody, so that an answer
    that never came leaves its outcome UNKNOWN instead of RETRY."""

    def __init__(
        self,
        settings: DingTalkSettings,
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

    async def call(
        self, method: str, path: str, body: Mapping[str, Any], *, effect: bool = True
    ) -> Answer:
        """A call to the api host, which counts against the month's quota. Raises OutsideError."""
        url = self._settings.api_base + path
        data = orjson.dumps(body)

        async def attempt(token: str) -> Answer:
            headers = {**JSON, TOKEN_HEADER: token}
            return await self._exchange(
                path, method, url, headers=headers, data=data, effect=effect
            )

        async with self._counted(API_POOL):
            return await self._with_token(attempt)

    async def old(self, path: str, body: Mapping[str, Any]) -> Answer:
        """A reading call to the oapi host. Raises OutsideError."""
        url = self._settings.oapi_base + path
        data = orjson.dumps(body)

        async def attempt(token: str) -> Answer:
            return await self._exchange(
                path, "POST", url, params={"access_token": token}, headers=JSON, data=data
            )

        return await self._with_token(attempt)

    async def user_token(self, code: str) -> str:
        """The token of the person who came back from DingTalk's login with ``code``, which is good
        once. Raises OutsideError."""
        path = "/v1.0/oauth2/userAccessToken"
        body = {
            "clientId": self._settings.client_id,
            "clientSecret": self._settings.client_secret,
            "code": code,
            "grantType": "authorization_code",
        }
        answer = await self._exchange(
            path, "POST", self._settings.api_base + path, headers=JSON, data=orjson.dumps(body)
        )
        token = answer.get("accessToken")
        if not isinstance(token, str):
            raise OutsideError(path, "shape", Outcome.RETRY)
        return token

    async def as_user(self, token: str, path: str) -> Answer:
        """A reading call to the api host in the name of the person whose ``token`` it is. Login and
        contacts cost no quota (official doc). Raises OutsideError."""
        headers = {**JSON, TOKEN_HEADER: token}
        return await self._exchange(path, "GET", self._settings.api_base + path, headers=headers)

    async def upload(self, kind: str, name: str, data: bytes) -> str:
        """The media id of stored bytes. ``kind`` is image or file. Raises OutsideError."""

        async def attempt(token: str) -> Answer:
            form = aiohttp.FormData({"type": kind})
            form.add_field("media", data, filename=name, content_type="application/octet-stream")
            return await self._exchange(
                "/media/upload",
                "POST",
                self._settings.oapi_base + "/media/upload",
                params={"access_token": token},
                data=form,
                seconds=UPLOAD_SECONDS,
            )

        answer = await self._with_token(attempt)
        return str(answer.get("media_id", ""))

    async def webhook(
        self, where: str, url: str, body: Mapping[str, Any], params: Mapping[str, str] | None = None
    ) -> Answer:
        """A post to an address that is its own permission; it is never named in an error."""
        data = orjson.dumps(body)
        async with self._counted(PUSH_POOL):
            return await self._exchange(
                where, "POST", url, params=params, headers=JSON, data=data, effect=True
            )

    async def open_stream(self, subscriptions: list[dict[str, str]], agent: str) -> tuple[str, str]:
        """The address and single-use ticket of a new Stream connection. Raises OutsideError."""
        path = "/v1.0/gateway/connections/open"
        body = {
            "clientId": self._settings.client_id,
            "clientSecret": self._settings.client_secret,
            "subscriptions": subscriptions,
            "ua": agent,
        }
        answer = await self._exchange(
            path,
            "POST",
            self._settings.api_base + path,
            headers=JSON,
            data=orjson.dumps(body),
            seconds=CONNECT_SECONDS,
        )
        endpoint, ticket = answer.get("endpoint"), answer.get("ticket")
        if not (isinstance(endpoint, str) and isinstance(ticket, str)):
            raise OutsideError(path, "shape", Outcome.RETRY)
        return endpoint, ticket

    async def check_token(self) -> None:
        """Raises OutsideError when the credentials give no token."""
        await self._tokens.get()

    async def download(self, url: str, limit: int) -> bytes:
        """The bytes behind a signed address, at most ``limit``. Raises OutsideError."""
        where = "file download"
        data = bytearray()
        try:
            async with asyncio.timeout(UPLOAD_SECONDS), self._http.get(url) as response:
                if response.status != 200:
                    outcome = Outcome.RETRY if response.status >= 500 else Outcome.REFUSED
                    raise OutsideError(where, f"http{response.status}", outcome)
                async for piece in response.content.iter_any():
                    data += piece
                    if len(data) > limit:
                        raise OutsideError(where, "file.tooLarge", Outcome.REFUSED)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OutsideError(where, type(error).__name__, Outcome.RETRY) from None
        return bytes(data)

    @asynccontextmanager
    async def _counted(self, pool: str) -> AsyncIterator[None]:
        """Calls that were throttled or never got there are free (official doc)."""
        try:
            yield
        except OutsideError as error:
            if error.outcome is not Outcome.RETRY:
                self._tally(PLATFORM, pool)
            raise
        self._tally(PLATFORM, pool)

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
        path = "/v1.0/oauth2/accessToken"
        body = {"appKey": self._settings.client_id, "appSecret": self._settings.client_secret}
        answer = await self._exchange(
            path, "POST", self._settings.api_base + path, headers=JSON, data=orjson.dumps(body)
        )
        token, seconds = answer.get("accessToken"), answer.get("expireIn")
        if not (isinstance(token, str) and isinstance(seconds, int | float)):
            raise OutsideError(path, "shape", Outcome.RETRY)
        return token, float(seconds)

    async def _exchange(
        self,
        where: str,
        method: str,
        url: str,
        *,
        data: bytes | aiohttp.FormData | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        effect: bool = False,
        seconds: float | None = None,
    ) -> Answer:
        """Errors are raised from None: aiohttp's own quote addresses, and ours hold secrets."""
        try:
            async with (
                asyncio.timeout(seconds or self._call_seconds),
                self._http.request(
                    method, url, data=data, headers=headers, params=params, allow_redirects=False
                ) as response,
            ):
                body = await response.read()
        except aiohttp.InvalidURL:
            raise OutsideError(where, "badAddress", Outcome.REFUSED) from None
        except NOT_SENT as error:
            raise OutsideError(where, type(error).__name__, Outcome.RETRY) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unanswered(where, type(error).__name__, effect=effect) from None
        return read_answer(where, response.status, body, effect=effect)
