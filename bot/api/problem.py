"""What went wrong, as ``application/problem+json`` with one clear Chinese sentence."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import orjson
from aiohttp import web

if TYPE_CHECKING:  # the book's side is loaded later
    from risk.sources.wire import Rejected

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
TITLES: Final[Mapping[int, str]] = {
    400: "请求读不懂",
    401: "没有有效的令牌",
    403: "令牌没有这项权限",
    404: "没有找到",
    405: "不支持这个方法",
    413: "请求体过大",
    415: "只接受 JSON",
    422: "内容不对",
    429: "请稍后再试",
    500: "出错了",
    503: "期台还没有就绪",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """Ends a request. ``wrong`` lists places of the body."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        wrong: "Sequence[Rejected]" = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.wrong = wrong
        self.headers = headers or {}


def answer(body: object, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        content_type=content_type,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every ending that is not the good one, in one form."""
    try:
        return await handler(request)
    except Problem as problem:
        return _told(problem)
    except web.HTTPException as error:
        if error.status not in TITLES:
            raise
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return _told(Problem(error.status, _sentence(error.status), headers=allowed))
    except Exception:
        number = token_hex(2).upper()
        log.exception("api request broke, number %s", number)
        return _told(Problem(500, f"出错了，编号 {number}"))


def _sentence(status: int) -> str:
    return {
        404: "没有这个地址，见 /api/docs",
        405: "这个地址不支持该方法，见 /api/docs",
    }.get(status, TITLES[status])


def _told(problem: Problem) -> web.Response:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": TITLES[problem.status],
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.wrong:
        body["errors"] = [{"path": each.path, "why": each.why} for each in problem.wrong]
    response = answer(body, problem.status, CONTENT_TYPE)
    response.headers.update(problem.headers)
    return response
