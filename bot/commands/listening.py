"""The HTTP server, and what becomes of those who send without end or hang up."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import StreamReader, web

BODY_LIMIT: Final = 1 << 20  # bytes of a body that nobody has set a limit of its own for
LINGER_SECONDS: Final = 2.0  # in which whoever still sends may see that he was answered
DRAUGHTS: Final = 8  # that empty what was read ahead; aiohttp reads on as long as some is left

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    app.middlewares.append(hung_up)
    app.on_response_prepare.append(read_no_more)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3, lingering_time=LINGER_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


@web.middleware
async def hung_up(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whoever hangs up in the middle of his body is nobody's mistake: no answer, no line in the
    log."""
    try:
        return await handler(request)
    except ConnectionResetError:
        if request.transport is not None:
            raise  # another connection was reset, not his
        return web.Response(status=400)


async def read_no_more(request: web.Request, response: web.StreamResponse) -> None:
    """Of a long body that still comes when its answer goes out nothing more is read: aiohttp would
    read, and forget, all of it. Its connection is closed a little later, so that the answer gets
    there. Of a packed one, which is as long as it likes, nothing more is unpacked: aiohttp would do
    it in one go, and hold up everybody."""
    content, length = request.content, request.content_length
    if content.is_eof() or content.exception() is not None:
        return
    packed = "Content-Encoding" in request.headers
    if not packed and length is not None and length <= BODY_LIMIT:
        return  # it ends soon, and the connection can be used again
    response.headers["Connection"] = "close"
    response.force_close()
    if packed:
        content.feed_eof()
    else:
        _let_go(content)
    if request.transport is not None:
        request.transport.pause_reading()


def _let_go(content: StreamReader) -> None:
    for _ in range(DRAUGHTS):
        if not content.read_nowait():
            return
