"""A real Chromium before the page; whatever it complains about fails the test."""

import shutil
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.stand_in import StandIn, serving

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Viewer:
    """Opens pages and remembers what went wrong in them. ``excused`` texts are expected."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.complaints: list[str] = []
        self.excused: list[str] = []
        self._contexts: list[BrowserContext] = []

    async def open(self, place: str = "", **context: Any) -> Page:
        """The page at ``#place``, e.g. ``dingtalk/wangqiang/private``."""
        options = {"viewport": {"width": 1280, "height": 860}, "locale": "zh-CN"} | context
        fresh = await self.browser.new_context(**options)
        fresh.set_default_timeout(10_000)
        self._contexts.append(fresh)
        page = await fresh.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))
        await page.goto(f"{self.url}#{place}")
        return page

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()

    def verdict(self) -> list[str]:
        return [
            text for text in self.complaints if not any(excuse in text for excuse in self.excused)
        ]

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def _request(self, url: str) -> None:
        asked = urlsplit(url)
        if asked.scheme in ("http", "https", "ws") and asked.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"another host was asked: {url}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    async with async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=chromium, args=QUIET)
        yield running
        await running.close()


@pytest.fixture
def sandbox() -> StandIn:
    return StandIn()


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(browser: Browser, sandbox: StandIn) -> AsyncIterator[Viewer]:
    async with serving(sandbox) as url:
        looking = Viewer(browser, url)
        yield looking
        await looking.close()
    assert looking.verdict() == []
