"""The tables' version: upgrading a store and telling which version it has."""

from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from crm.kernel.db import Store


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("bot") / "migrations"))
    return config


def newest() -> str:
    """The version that this program wants."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def knows(version: str) -> bool:
    """Whether this program can bring a store of that version up to date."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(version) is not None
    except CommandError:
        return False


async def current(store: Store) -> str:
    """The version that the store has; "" for an empty one."""
    async with store.engine.connect() as connection:
        return await connection.run_sync(version_of)


def version_of(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


async def upgrade(store: Store, to: str = "head") -> None:
    """Bring the tables up to this program's version; does nothing when they are."""
    async with store.engine.begin() as connection:
        await connection.run_sync(_migrate, to)


async def downgrade(store: Store, to: str) -> None:
    """Bring the tables back to an earlier version; what only later ones had is gone then."""
    async with store.engine.begin() as connection:
        await connection.run_sync(_take_back, to)


def is_before(version: str, other: str) -> bool:
    """Whether both are known and the one came earlier."""
    newest_first = [
        each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()
    ]
    if not {version, other} <= set(newest_first):
        return False
    return newest_first.index(version) > newest_first.index(other)


def _migrate(connection: Connection, to: str) -> None:
    if to == "base" or to.startswith("-"):
        _take_back(connection, to)
    else:
        command.upgrade(_on(connection), to)


def _take_back(connection: Connection, to: str) -> None:
    command.downgrade(_on(connection), to)


def _on(connection: Connection) -> Config:
    config = _config()
    config.attributes["connection"] = connection
    return config
