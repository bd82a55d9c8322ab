"""The ground that tests of the store stand on: both databases, a stopped clock, keys, a broker."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from crm.kernel import audit
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from tests.databases import TEMPLATE, Server, migrate, postgres_server
from tests.fakes.broker import MONDAY_TEN, Broker, open_broker

if TYPE_CHECKING:
    from tests.filled import Filled

hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")

WITH_BROKER = "with_broker"
KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file to copy, so that templates may hold sealed values."""
    path = tmp_path_factory.mktemp("keys") / "qidesk.keys"
    Vault.create(path)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Server, keys: Path) -> Server:
    """The server with a migrated database."""
    asyncio.run(postgres.run(f"CREATE DATABASE {TEMPLATE}"))
    asyncio.run(migrate(postgres.url(TEMPLATE), keys))
    asyncio.run(postgres.keep(TEMPLATE))
    return postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}", keys))
    return path


@pytest.fixture
async def postgres_url(postgres_template: Server) -> str:
    """A migrated PostgreSQL database for one test."""
    return await postgres_template.bring_back(TEMPLATE)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file for one test."""
    shutil.copy(sqlite_template, tmp_path / "qidesk.db")
    return f"sqlite+aiosqlite:///{tmp_path}/qidesk.db"


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """Each database in turn."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(kind))


@pytest.fixture
def clock() -> StoppedClock:
    """Stands at ten on a Monday morning in Shanghai, a trading day."""
    return StoppedClock(MONDAY_TEN)


@pytest.fixture
def vault(tmp_path: Path, keys: Path) -> Vault:
    shutil.copy(keys, tmp_path / "qidesk.keys")
    return Vault(tmp_path / "qidesk.keys")


@pytest.fixture
def head(tmp_path: Path) -> audit.Head:
    return audit.Head(tmp_path / "qidesk.head")


@pytest.fixture
async def store(
    database_url: str, vault: Vault, clock: StoppedClock, head: audit.Head
) -> AsyncIterator[Store]:
    """A migrated store on each database in turn, with its audit chain."""
    store = open_store(database_url, vault, clock)
    audit.attach(store, head)
    yield store
    await store.close()


@dataclass(frozen=True)
class Furnished:
    """A store with a broker in it: ``database`` is a file, or a name on the server."""

    broker: Broker
    database: str
    head: Path


async def furnish(url: str, keys: Path, head: Path) -> Broker:
    store = open_store(url, Vault(keys), StoppedClock(MONDAY_TEN))
    audit.attach(store, audit.Head(head))
    try:
        return await open_broker(store)
    finally:
        await store.close()


@pytest.fixture(scope="session")
def sqlite_furnished(
    sqlite_template: Path, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Furnished:
    folder = tmp_path_factory.mktemp("furnished")
    shutil.copy(sqlite_template, folder / "qidesk.db")
    url = f"sqlite+aiosqlite:///{folder}/qidesk.db"
    broker = asyncio.run(furnish(url, keys, folder / "head"))
    return Furnished(broker, f"{folder}/qidesk.db", folder / "head")


@pytest.fixture(scope="session")
def postgres_furnished(
    postgres_template: Server, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Furnished:
    head = tmp_path_factory.mktemp("furnished") / "head"
    server, url = postgres_template, postgres_template.url(WITH_BROKER)
    asyncio.run(server.run(f"CREATE DATABASE {WITH_BROKER}"))
    asyncio.run(migrate(url, keys))
    broker = asyncio.run(furnish(url, keys, head))
    asyncio.run(server.keep(WITH_BROKER))
    return Furnished(broker, WITH_BROKER, head)


@pytest.fixture(scope="session")
def sqlite_furniture(tmp_path_factory: pytest.TempPathFactory) -> "Filled":
    from tests.story.room import furnish  # the whole program: most tests do without

    return asyncio.run(furnish(tmp_path_factory.mktemp("furniture")))


@pytest.fixture(scope="session")
def postgres_furniture(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> "Filled":
    from tests.story.room import furnish

    return asyncio.run(furnish(tmp_path_factory.mktemp("furniture"), postgres))


@pytest.fixture
def sqlite_broker(sqlite_furnished: Furnished, tmp_path: Path) -> tuple[Furnished, str]:
    shutil.copy(sqlite_furnished.database, tmp_path / "qidesk.db")
    return sqlite_furnished, f"sqlite+aiosqlite:///{tmp_path}/qidesk.db"


@pytest.fixture
async def postgres_broker(postgres_furnished: Furnished, postgres: Server) -> tuple[Furnished, str]:
    return postgres_furnished, await postgres.bring_back(postgres_furnished.database)


@pytest.fixture(params=KINDS)
def broker_database(request: pytest.FixtureRequest) -> tuple[Furnished, str]:
    """Each database in turn."""
    kind = "sqlite_broker" if request.param == "sqlite" else "postgres_broker"
    found: tuple[Furnished, str] = request.getfixturevalue(kind)
    return found


@pytest.fixture
async def broker(
    broker_database: tuple[Furnished, str], vault: Vault, clock: StoppedClock, head: audit.Head
) -> AsyncIterator[Broker]:
    """A broker on each database in turn, with its audit chain."""
    furnished, url = broker_database
    shutil.copy(furnished.head, head.path)
    store = open_store(url, vault, clock)
    audit.attach(store, head)
    yield replace(furnished.broker, store=store)
    await store.close()
