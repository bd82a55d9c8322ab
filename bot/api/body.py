"""The body of a request, within its limit."""

import asyncio
from typing import Any, Final

import orjson
from aiohttp import web

from bot.api.problem import Problem

SNAPSHOT: Final = 64 << 20  # bytes
TICKS: Final = 8 << 20
QUESTION: Final = 1 << 20
SECONDS: Final = 60.0  # for a body to arrive


async def read(request: web.Request, limit: int) -> bytearray:
    """Raises Problem 400, 413 or 415."""
    if request.content_type != "application/json":
        raise Problem(415, "请求体应为 JSON，请求头 Content-Type: application/json")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    parts = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.content.iter_any():
                parts += part
                if len(parts) > limit:
                    raise _too_large(limit)
                await asyncio.sleep(0)  # what is packed is all here, and would come in one go
    except (web.RequestPayloadError, ConnectionResetError):
        request.content.feed_eof()  # else the server reads on, and fails aloud
        close = {"Connection": "close"}
        raise Problem(400, "请求体没有完整到达，或压缩已损坏", headers=close) from None
    except TimeoutError:
        raise Problem(400, f"请求体没有在 {SECONDS:.0f} 秒内到齐") from None
    return parts


async def read_object(request: web.Request) -> dict[str, Any]:
    """Of a question. Raises Problem 400, 413, 415 or 422."""
    try:
        found = orjson.loads(await read(request, QUESTION))
    except orjson.JSONDecodeError:
        raise Problem(400, "请求体不是有效的 JSON（UTF-8）") from None
    if not isinstance(found, dict):
        raise Problem(422, "请求体应为 JSON 对象")
    return found


def _too_large(limit: int) -> Problem:
    detail = f"请求体超过 {limit >> 20} MiB，请分批提交"
    return Problem(413, detail, headers={"Connection": "close"})
