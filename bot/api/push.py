"""Taking trading data in."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.api import body
from bot.api.problem import Problem, answer
from risk.sources.pieces import NotJson
from risk.sources.push import Busy, PushSource, Taken
from risk.sources.wire import NotReadable

LISTED = 10_000  # rejected rows that an answer names
RETRY_SECONDS = "2"


async def snapshot(sources: Mapping[str, PushSource], request: web.Request) -> web.Response:
    source = _chosen(sources, request)
    return await _taken(source.take_snapshot, await body.read(request, body.SNAPSHOT))


async def ticks(sources: Mapping[str, PushSource], request: web.Request) -> web.Response:
    source = _chosen(sources, request)
    return await _taken(source.take_ticks, await body.read(request, body.TICKS))


def _chosen(sources: Mapping[str, PushSource], request: web.Request) -> PushSource:
    if not sources:
        raise Problem(404, '没有开通推送，请配置 [sources.名称] kind = "push"')
    name = request.query.get("source", "")
    if not name and len(sources) == 1:
        return next(iter(sources.values()))
    if name not in sources:
        raise Problem(404, f"请用参数 source 指明数据源，可选：{'、'.join(sources)}")
    return sources[name]


async def _taken(take: Callable[[bytearray], Awaitable[Taken]], told: bytearray) -> web.Response:
    try:
        found = await take(told)
    except NotJson:
        raise Problem(400, "请求体不是有效的 JSON（UTF-8）") from None
    except NotReadable as error:
        raise Problem(422, str(error)) from None
    except Busy:
        raise Problem(429, "推送太快，请稍后再试", headers={"Retry-After": RETRY_SECONDS}) from None
    rejected = [{"path": each.path, "why": each.why} for each in found.rejected[:LISTED]]
    more = len(found.rejected) - len(rejected)
    if more:
        rejected.append({"path": "", "why": f"另有 {more} 行没有列出"})
    return answer({"accepted": found.accepted, "rejected": rejected}, 202)
