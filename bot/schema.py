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


def _migrate(connection: Connection, to: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    if to == "base" or to.startswith("-"):
        command.downgrade(config, to)
    else:
        command.upgrade(config, to)
