"""What stands before two processes of a broker: a proxy that asks the next one where one does not
answer, as ``deploy/nginx.conf`` does."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

SECONDS = aiohttp.ClientTimeout(total=20, sock_connect=1, sock_read=5)
PASSED_ON = {"Content-Type", "Authorization"}


class Front:
    def __init__(self, behind: Sequence[str]) -> None:
        self._behind = behind
        self._turn = itertools.count()
        self.answered: set[str] = set()  # by which of them something was

    @asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncIterator["Front"]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        async with aiohttp.ClientSession(timeout=SECONDS, auto_decompress=False) as self._http:
            await web.TCPSite(runner, host, port).start()
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        """In turn; what is for the clock is told to both."""
        body, first = await request.read(), next(self._turn)
        both = request.path == "/control/clock"
        told = web.Response(status=503)
        for number in range(len(self._behind)):
            base = self._behind[(first + number) % len(self._behind)]
            answer = await self._ask(base, request, body)
            if answer is not None and answer.status != 503:
                self.answered.add(base)
                told = answer
                if not both:
                    break
        return told

    async def _ask(self, base: str, request: web.Request, body: bytes) -> web.Response | None:
        headers = {name: v for name, v in request.headers.items() if name in PASSED_ON}
        try:
            async with self._http.request(
                request.method, f"{base}{request.raw_path}", data=body, headers=headers
            ) as answer:
                kind = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
                return web.Response(status=answer.status, body=await answer.read(), headers=kind)
        except (aiohttp.ClientError, TimeoutError):
            return None
