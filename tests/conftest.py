"""The ground that tests of the store stand on: both databases, a stopped clock, fresh keys."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from crm.kernel import audit
from crm.kernel.clock import SHANGHAI, StoppedClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from tests.databases import TEMPLATE, Server, migrate, postgres_server

hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")

MONDAY_TEN = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The server with a migrated database to copy."""
    keys = tmp_path_factory.mktemp("template") / "keys"
    asyncio.run(postgres.run(f"CREATE DATABASE {TEMPLATE}"))
    asyncio.run(migrate(postgres.url(TEMPLATE), keys))
    return postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    folder = tmp_path_factory.mktemp("template")
    asyncio.run(migrate(f"sqlite+aiosqlite:///{folder}/template.db", folder / "keys"))
    return folder / "template.db"


@pytest.fixture
async def postgres_url(postgres_template: Server) -> AsyncIterator[str]:
    """A migrated PostgreSQL database for one test."""
    name = f"t{uuid4().hex}"
    await postgres_template.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield postgres_template.url(name)
    await postgres_template.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file for one test."""
    shutil.copy(sqlite_template, tmp_path / "qidesk.db")
    return f"sqlite+aiosqlite:///{tmp_path}/qidesk.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each database in turn."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(kind))


@pytest.fixture
def clock() -> StoppedClock:
    """Stands at ten on a Monday morning in Shanghai, a trading day."""
    return StoppedClock(MONDAY_TEN)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "qidesk.keys")


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
