"""How an app comes to its token, and how a page learns who looks at it."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.ground import Ground
from bot.sandbox.sign_in import CODE, CODE_LIFE, SignIn, with_query
from bot.sandbox.wecom.calls import NAME, PREFIX, Call, Calls, Problem
from bot.sandbox.wecom.company import WeComSettings, open_id
from bot.sandbox.wecom.contacts import Contacts, mobile_of
from bot.sandbox.wecom.tokens import Tokens

TICKET, TICKET_LIFE = "ticket", 1800_000  # milliseconds (official doc)
AUTHORIZE, SIGN_IN = "/connect/oauth2/authorize", "/wwlogin/sso/login"


class Login:
    def __init__(
        self, ground: Ground, settings: WeComSettings, tokens: Tokens, contacts: Contacts
    ) -> None:
        self._ground = ground
        self._sign_in = SignIn(ground, NAME, "企业微信登录")
        self._settings = settings
        self._tokens = tokens
        self._contacts = contacts

    def add_routes(self, calls: Calls) -> None:
        calls.open("GET", "/cgi-bin/gettoken", self._token)
        calls.api("GET", "/cgi-bin/getcallbackip", self._callback_ip)
        calls.api("GET", "/cgi-bin/get_jsapi_ticket", self._ticket)
        calls.api("GET", "/cgi-bin/ticket/get", self._ticket)
        calls.api("GET", "/cgi-bin/auth/getuserinfo", self._user_info)
        calls.api("GET", "/cgi-bin/user/getuserinfo", self._old_user_info)
        calls.api("POST", "/cgi-bin/auth/getuserdetail", self._user_detail)
        calls.routes.append(web.get(PREFIX + AUTHORIZE, self._authorize))
        calls.routes.append(web.get(PREFIX + SIGN_IN, self._authorize))

    async def _token(self, call: Call) -> dict[str, Any]:
        corp_id, secret = call.query("corpid"), call.query("corpsecret")
        if not corp_id:
            raise Problem(41002)
        if not secret:
            raise Problem(41004)
        if corp_id != self._settings.corp_id:
            raise Problem(40013)
        agent = self._settings.agent_of_secret(secret)
        if agent is None:
            raise Problem(40001)
        token, seconds = self._tokens.issue(agent)
        return {"access_token": token, "expires_in": seconds}

    async def _callback_ip(self, _call: Call) -> dict[str, Any]:
        return {"ip_list": ["127.0.0.1"]}

    async def _ticket(self, call: Call) -> dict[str, Any]:
        """The same for two hours."""
        kind = call.query("type") or "jsapi"
        hours = self._ground.clock.millis() // 7_200_000
        seed = f"{self._ground.seed}:{call.agent.name}:{kind}:{hours}"
        return {"ticket": hashlib.sha256(seed.encode()).hexdigest(), "expires_in": 7200}

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        """Shows whom one may be; with ``person`` goes on at once."""
        query = request.query
        target = query.get("redirect_uri", "")
        if query.get("appid") != self._settings.corp_id or not target:
            return web.Response(status=400, text="appid 或 redirect_uri 不对")
        trusted = self._settings.trusted_domain
        if trusted and urlsplit(target).netloc != trusted:
            return web.Response(status=400, text="50001 redirect_uri 与可信域名不符")
        state = query.get("state", "")
        if len(state) > 128 or not (state.isalnum() or not state):
            return web.Response(status=400, text="state 不对")
        person = self._sign_in.person(query.get("person", ""))
        if person is None:
            return self._sign_in.choose(request)
        app, scope = query.get("agentid", ""), query.get("scope", "snsapi_base")
        code = self._sign_in.issue(CODE, app, person.id, scope, CODE_LIFE)
        raise web.HTTPFound(with_query(target, {"code": code, "state": state}))

    async def _user_info(self, call: Call) -> dict[str, Any]:
        person, scope = self._redeem(call)
        if self._contacts.find(person) is None:
            return {"openid": open_id(person)}
        if scope != "snsapi_privateinfo":
            return {"userid": person}
        ticket = self._sign_in.issue(TICKET, call.agent.name, person, scope, TICKET_LIFE)
        return {"userid": person, "user_ticket": ticket, "expires_in": TICKET_LIFE // 1000}

    async def _old_user_info(self, call: Call) -> dict[str, Any]:
        person, _ = self._redeem(call)
        if self._contacts.find(person) is None:
            return {"OpenId": open_id(person)}
        return {"UserId": person, "DeviceId": ""}

    async def _user_detail(self, call: Call) -> dict[str, Any]:
        found = self._sign_in.find(TICKET, call.text("user_ticket", 84015))
        if found is None:
            raise Problem(84015, "invalid ticket")
        if found.expired:
            raise Problem(84014, "ticket expired")
        person = found.person
        return {
            "userid": person,
            "gender": "0",
            "avatar": "",
            "qr_code": "",
            "mobile": mobile_of(person),
            "email": "",
            "biz_mail": "",
            "address": "",
        }

    def _redeem(self, call: Call) -> tuple[str, str]:
        """Person and scope of a code, once. Raises Problem."""
        code = call.query("code")
        if not code:
            raise Problem(41008, "code missing")
        found = self._sign_in.redeem(code)
        if found is None:
            raise Problem(40029)
        return found.person, found.scope
