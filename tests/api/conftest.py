"""The API on a loopback port, with a store on each database and a book that is pushed to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bot.api.addresses import PATH, api_app
from bot.api.door import digest
from bot.models import ApiToken
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from risk.book import Book
from risk.sources.push import PushSource

TOKEN = "qd_test"
Json = dict[str, Any]


@dataclass
class Behind:
    store: Store
    book: Book
    pushes: dict[str, PushSource] = field(default_factory=dict)
    leads: bool = True


@dataclass
class Api:
    """Speaks HTTP; ``behind`` is there for a look."""

    http: TestClient[web.Request, web.Application]
    behind: Behind
    clock: StoppedClock
    token: str = TOKEN

    async def post(self, path: str, body: object = None, **options: Any) -> ClientResponse:
        options.setdefault("headers", self.headers)
        if "data" not in options:
            options["json"] = body
        return await self.http.post(f"/api/v1/{path}", **options)

    async def get(self, path: str, **options: Any) -> ClientResponse:
        options.setdefault("headers", self.headers)
        return await self.http.get(f"/api/v1/{path}", **options)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def push(self, body: Json) -> Json:
        answer = await self.post("push/snapshot", body)
        assert answer.status == 202, await answer.text()
        found: Json = await answer.json()
        return found

    async def tick(self, instrument: str, last: str, at: str | None = None) -> Json:
        answer = await self.post(
            "push/ticks", {"ticks": [{"instrument": instrument, "last": last, "at": at}]}
        )
        assert answer.status == 202, await answer.text()
        found: Json = await answer.json()
        return found

    async def risk(self, account: str = "90000001") -> Json:
        answer = await self.get(f"accounts/{account}/risk")
        assert answer.status == 200, await answer.text()
        found: Json = await answer.json()
        return found


async def give_token(
    store: Store, token: str, scopes: Sequence[str], *, expires_at: datetime | None = None
) -> None:
    at = store.clock.now()
    async with store.writing() as session:
        row = ApiToken(
            name="test",
            digest=digest(token),
            scopes=list(scopes),
            created_at=at,
            expires_at=expires_at or at + timedelta(days=400),
        )
        session.add(row)


@pytest.fixture
async def api(store: Store, clock: StoppedClock) -> AsyncIterator[Api]:
    await give_token(store, TOKEN, ["data:push", "risk:read"])
    book = Book(Calendar.shipped())
    source = PushSource("push", clock, book.expect("push").is_stale)
    behind = Behind(store, book, {"push": source})

    async def there() -> Behind:
        return behind

    app = web.Application()
    app.add_subapp(PATH, api_app(there))
    async with TestClient(TestServer(app)) as http, asyncio.TaskGroup() as tasks:
        following = tasks.create_task(book.run(source))
        yield Api(http, behind, clock)
        following.cancel()
