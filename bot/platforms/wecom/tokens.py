"""The access token of one secret: one request at a time, believed as long as WeCom says."""

import asyncio
from collections.abc import Awaitable, Callable

from crm.kernel.clock import Clock
from crm.kernel.errors import OutsideError

EARLY = 300.0  # seconds
CALM_SECONDS = 1.0  # a failure is everybody's answer for this long: no queue of doomed requests,
LONGEST_CALM = 60.0  # and of refused ones even less: 2,000 an hour block the company (staff answer)

Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""A token and the seconds it lives. Raises OutsideError."""


class Tokens:
    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._until: float | None = None  # by the steady clock
        self._failed: tuple[float, OutsideError] | None = None

    async def get(self) -> str:
        """A token that the platform should accept. Raises OutsideError."""
        if self._fresh():
            return self._token
        async with self._lock:
            return self._token if self._fresh() else await self._renewed()

    async def renew(self, refused: str) -> str:
        """Another token than ``refused``, unless somebody has just fetched it."""
        async with self._lock:
            if self._fresh() and self._token != refused:
                return self._token
            return await self._renewed()

    def _fresh(self) -> bool:
        return self._until is not None and self._clock.steady() < self._until

    async def _renewed(self) -> str:
        now = asyncio.get_running_loop().time()
        if self._failed is not None and now < self._failed[0]:
            raise self._failed[1].with_traceback(None)
        try:
            self._token, seconds = await self._fetch()
        except OutsideError as error:
            calm = min(max(error.wait_seconds or 0, CALM_SECONDS), LONGEST_CALM)
            self._failed = (now + calm, error)
            self._until = None
            raise
        self._failed = None
        self._until = self._clock.steady() + max(seconds - EARLY, seconds / 2)
        return self._token
