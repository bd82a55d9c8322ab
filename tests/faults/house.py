"""Both sides in one process: the far side, the service beside it, and the people of the town."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from bot.app.running import running
from bot.app.service import Service
from bot.commands import trial
from bot.sandbox.launch import Options
from tests.kill.history import History
from tests.kill.oracle import Oracle
from tests.kill.processes import neighbours
from tests.kill.town import Journal, Town, town_of

HURRY_SECONDS = 0.15
HURRIED = "3s"  # what the platforms wait before they send again


@dataclass(kw_only=True)
class House:
    home: Path
    service: Service
    town: Town
    oracle: Oracle

    @asynccontextmanager
    async def hurry(self) -> AsyncIterator[None]:
        """Time passes quickly: whoever waits before he tries again waits less."""

        async def pass_time() -> None:
            while True:
                await asyncio.sleep(HURRY_SECONDS)
                await self.town.advance(HURRIED)

        async with running(pass_time()):
            yield


def options_at(home: Path, url: str = "") -> Options:
    """A quiet market, both platforms, 200 clients; ``url``: on another database than a file."""
    if url:
        (home / "qidesk.toml").write_text(tomli_w.dumps({"store": {"url": url}}))
    port = neighbours()
    return Options(
        host="127.0.0.1",
        port=port,
        service_port=port,
        data_dir=home,
        seed=7,
        clients=200,
        market=False,
        wecom=True,
    )


@asynccontextmanager
async def open_house(home: Path, url: str = "") -> AsyncIterator[House]:
    options = options_at(home, url)
    journal = Journal(History(home / "history.jsonl"))
    async with (
        trial.together(options, {}) as service,
        town_of(options.url, journal) as town,
    ):
        yield House(home=home, service=service, town=town, oracle=Oracle(options.config, town))
