"""Who may come in: bearer tokens of machine users, each with its scopes."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from aiohttp import web
from sqlalchemy import bindparam, select

from bot.api.problem import Problem
from bot.models import ApiToken
from crm.kernel.db import Store

SCOPES: Final[Mapping[str, str]] = {
    "data:push": "推送行情与资金",
    "risk:read": "读风险与告警",
    "rules:evaluate": "规则试算",
    "clients:read": "读客户（脱敏）",
    "pii:read": "读个人信息",
}
HOW: Final = "请带上请求头 Authorization: Bearer 令牌；令牌由 qidesk token create 生成"
LONGEST: Final = 256  # characters of a token

_TOKEN = select(ApiToken.scopes, ApiToken.expires_at, ApiToken.revoked_at).where(
    ApiToken.digest == bindparam("digest")
)


def digest(token: str) -> str:
    """As ``ApiToken.digest`` holds it. A token is 256 random bits: a plain hash is enough."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


async def let_in(store: Store, request: web.Request, scope: str) -> None:
    """Raises Problem 401 or 403."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if kind.casefold() != "bearer" or not token or len(token) > LONGEST:
        raise _unknown(HOW)
    async with store.reading(brief=True) as session:
        found = await session.execute(_TOKEN, {"digest": digest(token)})
        row = found.one_or_none()
    if row is None or row.revoked_at is not None:
        raise _unknown("令牌无效，可能已被吊销")
    if row.expires_at <= store.clock.now():
        raise _unknown("令牌已过期，请用 qidesk token create 重新生成")
    if scope not in row.scopes:
        detail = f"令牌没有 {scope}（{SCOPES[scope]}）权限"
        raise Problem(403, detail, headers={"WWW-Authenticate": _challenge(scope)})


def _unknown(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="qidesk"'})


def _challenge(scope: str) -> str:
    return f'Bearer realm="qidesk", error="insufficient_scope", scope="{scope}"'
