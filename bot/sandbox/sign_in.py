"""Signing in to a page by a chat program: whom one may be, and what stands for that person.

Whoever has left the company, and whoever was never of it, still has an account at the platform.
"""

import html
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from bot.sandbox.ground import Ground
from bot.sandbox.world import OUTSIDER, Person

CODE, CODE_LIFE = "code", 5 * 60_000  # milliseconds
SCHEMA = """
CREATE TABLE IF NOT EXISTS sign_in (
  secret TEXT PRIMARY KEY, platform TEXT NOT NULL, kind TEXT NOT NULL, app TEXT NOT NULL,
  person TEXT NOT NULL, scope TEXT NOT NULL, expires INTEGER NOT NULL
);
"""
PAGE = """<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<body><h1>{title}：以谁的身份</h1><ul>{people}</ul></body></html>"""


@dataclass(frozen=True, slots=True)
class Grant:
    """``scope`` is what the person agreed to, ``app`` who asked."""

    app: str
    person: str
    scope: str
    expired: bool


class SignIn:
    """One platform's login page and the secrets that it gives out."""

    def __init__(self, ground: Ground, platform: str, title: str) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._platform = platform
        self._title = title

    @property
    def people(self) -> tuple[Person, ...]:
        return (*self._ground.world.people, OUTSIDER)

    def person(self, id_: str) -> Person | None:
        """Upper or lower case."""
        return next((one for one in self.people if one.id.lower() == id_.lower()), None)

    def choose(self, request: web.Request) -> web.Response:
        """Whom one may be; each leads to the same address with ``person``."""
        rows = []
        for person in self.people:
            address = html.escape(str(request.url.update_query(person=person.id).relative()))
            rows.append(f'<li><a href="{address}">{html.escape(person.name)}</a></li>')
        page = PAGE.format(title=self._title, people="".join(rows))
        return web.Response(text=page, content_type="text/html")

    def issue(self, kind: str, app: str, person: str, scope: str, life: int) -> str:
        """A secret that is good for ``life`` milliseconds."""
        value = secrets.token_urlsafe(48)
        expires = self._ground.clock.millis() + life
        sql = "INSERT INTO sign_in VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._ground.disk.run(sql, value, self._platform, kind, app, person, scope, expires)
        return value

    def find(self, kind: str, value: str) -> Grant | None:
        sql = "SELECT * FROM sign_in WHERE secret = ? AND platform = ? AND kind = ?"
        row = self._ground.disk.row(sql, value, self._platform, kind)
        if row is None:
            return None
        expired = row["expires"] <= self._ground.clock.millis()
        return Grant(row["app"], row["person"], row["scope"], expired)

    def redeem(self, code: str) -> Grant | None:
        """What a code stands for, once and in time."""
        found = self.find(CODE, code)
        self._ground.disk.run("DELETE FROM sign_in WHERE secret = ? AND kind = ?", code, CODE)
        return None if found is None or found.expired else found


def with_query(address: str, more: dict[str, str]) -> str:
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return urlunsplit(parts._replace(query=query))
