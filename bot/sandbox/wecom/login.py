"""How an app comes to its token, and how a page learns who looks at it."""

import hashlib
import html
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from bot.sandbox.ground import Ground
from bot.sandbox.wecom.calls import PREFIX, Call, Calls, Problem
from bot.sandbox.wecom.company import WeComSettings, open_id
from bot.sandbox.wecom.contacts import Contacts, mobile_of
from bot.sandbox.wecom.tokens import Tokens

CODE_LIFE, TICKET_LIFE = 5 * 60_000, 1800_000  # milliseconds (official doc)
AUTHORIZE, SIGN_IN = "/connect/oauth2/authorize", "/wwlogin/sso/login"
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_login (
  secret TEXT PRIMARY KEY, kind TEXT NOT NULL, person TEXT NOT NULL, scope TEXT NOT NULL,
  expires INTEGER NOT NULL
);
"""
PAGE = """<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8"><title>企业微信登录</title>
<body><h1>以谁的身份登录</h1><ul>{people}</ul></body></html>"""


class Login:
    def __init__(
        self, ground: Ground, settings: WeComSettings, tokens: Tokens, contacts: Contacts
    ) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
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
        person = self._contacts.find(query.get("person", ""))
        if person is None:
            return self._choose(request)
        code = self._issue("code", person.id, query.get("scope", "snsapi_base"), CODE_LIFE)
        raise web.HTTPFound(with_query(target, {"code": code, "state": state}))

    def _choose(self, request: web.Request) -> web.Response:
        rows = []
        for person in self._ground.world.people:
            address = html.escape(str(request.url.update_query(person=person.id).relative()))
            rows.append(f'<li><a href="{address}">{html.escape(person.name)}</a></li>')
        return web.Response(text=PAGE.format(people="".join(rows)), content_type="text/html")

    async def _user_info(self, call: Call) -> dict[str, Any]:
        person, scope = self._redeem(call)
        if self._contacts.find(person) is None:
            return {"openid": open_id(person)}
        if scope != "snsapi_privateinfo":
            return {"userid": person}
        ticket = self._issue("ticket", person, scope, TICKET_LIFE)
        return {"userid": person, "user_ticket": ticket, "expires_in": TICKET_LIFE // 1000}

    async def _old_user_info(self, call: Call) -> dict[str, Any]:
        person, _ = self._redeem(call)
        return {"UserId": person, "DeviceId": ""}

    async def _user_detail(self, call: Call) -> dict[str, Any]:
        row = self._find(call.text("user_ticket", 84015), "ticket")
        if row is None:
            raise Problem(84015, "invalid ticket")
        if row[2] <= self._ground.clock.millis():
            raise Problem(84014, "ticket expired")
        person = row[0]
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
        row = self._find(code, "code")
        self._ground.disk.run("DELETE FROM wecom_login WHERE secret = ? AND kind = 'code'", code)
        if row is None or row[2] <= self._ground.clock.millis():
            raise Problem(40029)
        return row[0], row[1]

    def _issue(self, kind: str, person: str, scope: str, life: int) -> str:
        value = secrets.token_urlsafe(48)
        expires = self._ground.clock.millis() + life
        sql = "INSERT INTO wecom_login VALUES (?, ?, ?, ?, ?)"
        self._ground.disk.run(sql, value, kind, person, scope, expires)
        return value

    def _find(self, value: str, kind: str) -> tuple[str, str, int] | None:
        sql = "SELECT * FROM wecom_login WHERE secret = ? AND kind = ?"
        row = self._ground.disk.row(sql, value, kind)
        return (row["person"], row["scope"], row["expires"]) if row else None


def with_query(address: str, more: dict[str, str]) -> str:
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return urlunsplit(parts._replace(query=query))
