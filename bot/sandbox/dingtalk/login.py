"""How an app comes to its token, the new way and the old, and how a page learns who looks at it."""

import secrets
from typing import Any

from aiohttp import web

from bot.sandbox.dingtalk.calls import NAME, PREFIX, Call, Calls, Manner, Problem, too_fast
from bot.sandbox.dingtalk.company import CORP_ID, App, DingTalkSettings, digest, union_id
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.tokens import LIFE, Tokens
from bot.sandbox.ground import Ground
from bot.sandbox.sign_in import CODE, CODE_LIFE, SignIn, with_query

AUTHORIZE = "/oauth2/auth"
ME = "me"


class Login:
    def __init__(
        self, ground: Ground, settings: DingTalkSettings, tokens: Tokens, meter: Meter
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._meter = meter
        self._sign_in = SignIn(ground, NAME, "钉钉登录")

    def add_routes(self, calls: Calls) -> None:
        calls.open("POST", "/v1.0/oauth2/accessToken", self._new, Manner.API)
        calls.open("GET", "/gettoken", self._old, Manner.OAPI)
        calls.open("POST", "/v1.0/oauth2/userAccessToken", self._user_token, Manner.API)
        scope = "Contact.User.Read"
        calls.personal("GET", "/v1.0/contact/users/{union}", self._user, scope=scope)
        calls.routes.append(web.get(PREFIX + AUTHORIZE, self._authorize))

    async def _new(self, call: Call) -> dict[str, Any]:
        app = self._app(call.body.get("appKey"), call.body.get("appSecret"))
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

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        """Shows whom one may be; with ``person`` goes on at once."""
        query = request.query
        if wrong := self._wrong(request):
            return web.Response(status=400, text=wrong)
        person = self._sign_in.person(query.get("person", ""))
        if person is None:
            return self._sign_in.choose(request)
        app, scope = query["client_id"], query["scope"]
        code = self._sign_in.issue(CODE, app, person.id, scope, CODE_LIFE)
        back = {"authCode": code, "state": query.get("state", "")}
        raise web.HTTPFound(with_query(query["redirect_uri"], back))

    def _wrong(self, request: web.Request) -> str:
        """What is wrong with the address, "" when nothing is."""
        query = request.query
        if self._settings.app_of_client(query.get("client_id")) is None:
            return "client_id 不对"
        target, allowed = query.get("redirect_uri", ""), self._settings.redirect_urls
        if not target or (allowed and target not in allowed):
            return "redirect_uri 没有登记"
        if query.get("response_type") != "code" or query.get("prompt") != "consent":
            return "response_type 应是 code，prompt 应是 consent"
        if "openid" not in query.get("scope", "").split():
            return "scope 不对"
        if query.get("corpId", CORP_ID) != CORP_ID:
            return "corpId 不对"
        return ""

    async def _user_token(self, call: Call) -> dict[str, Any]:
        app = self._app(call.body.get("clientId"), call.body.get("clientSecret"))
        if call.body.get("grantType") != "authorization_code":
            raise Problem("invalidParameter.grantType", "不合法的grantType")
        given = self._sign_in.redeem(call.text("code", "invalidParameter.authCode.notFound"))
        if given is None or given.app != app.client_id:
            raise Problem("invalidParameter.authCode.notFound", "不合法的临时授权码")
        token = self._tokens.issue_to(app, given.person)
        company = {"corpId": CORP_ID} if "corpid" in given.scope.split() else {}
        return {
            "accessToken": token,
            "refreshToken": secrets.token_hex(16),
            "expireIn": LIFE,
            **company,
        }

    async def _user(self, call: Call) -> dict[str, Any]:
        """Of the person who signed in alone."""
        union = union_id(call.person)
        if call.request.match_info["union"] not in (ME, union):
            raise Problem("invalidParameter.unionId", "不合法的unionId")
        person = self._sign_in.person(call.person)
        return {
            "nick": person.name if person else call.person,
            "unionId": union,
            "openId": digest("open", call.app.client_id, call.person),
            "avatarUrl": "",
            "stateCode": "86",
        }

    def _app(self, client_id: object, secret: object) -> App:
        """Raises Problem."""
        app = self._settings.app_of_client(client_id)
        if app is None or secret != app.client_secret:
            raise Problem("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        return app
