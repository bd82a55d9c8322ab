"""How an app comes to its token, the new way and the old."""

from typing import Any

from bot.sandbox.dingtalk.calls import Call, Calls, Manner, Problem, too_fast
from bot.sandbox.dingtalk.company import DingTalkSettings
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.tokens import LIFE, Tokens


class Login:
    def __init__(self, settings: DingTalkSettings, tokens: Tokens, meter: Meter) -> None:
        self._settings = settings
        self._tokens = tokens
        self._meter = meter

    def add_routes(self, calls: Calls) -> None:
        calls.open("POST", "/v1.0/oauth2/accessToken", self._new, Manner.API)
        calls.open("GET", "/gettoken", self._old, Manner.OAPI)

    async def _new(self, call: Call) -> dict[str, Any]:
        app = self._settings.app_of_client(call.body.get("appKey"))
        if app is None or call.body.get("appSecret") != app.client_secret:
            raise Problem("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        if self._meter.tokens_too_fast(app):
            raise too_fast(Manner.API)
        return {"accessToken": self._tokens.issue(app), "expireIn": LIFE}

    async def _old(self, call: Call) -> dict[str, Any]:
        query = call.request.query
        app = self._settings.app_of_client(query.get("appkey"))
        if app is None or query.get("appsecret") != app.client_secret:
            raise Problem(40089, "不合法的corpid或corpsecret")
        if self._meter.tokens_too_fast(app):
            raise too_fast(Manner.OAPI)
        return {"access_token": self._tokens.issue(app), "expires_in": LIFE}
