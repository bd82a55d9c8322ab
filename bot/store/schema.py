"""The tables' version: upgrading a store and telling which version it has.

Alembic, which takes longer to load than the store, is loaded when tables change.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from bot.store import versions
from crm.kernel.db import Store

if TYPE_CHECKING:
    from alembic.config import Config


async def current(store: Store) -> str:
    """The version that the store has; "" for an empty one."""
    async with store.engine.connect() as connection:
        return await connection.run_sync(version_of)


def version_of(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


async def upgrade(store: Store, to: str = "head") -> None:
    """Bring the tables up to this program's version; does nothing when they are."""
    async with store.engine.begin() as connection:
        await connection.run_sync(_migrate, to)


async def downgrade(store: Store, to: str) -> None:
    """Bring the tables back to an earlier version; what only later ones had is gone then."""
    async with store.engine.begin() as connection:
        await connection.run_sync(_take_back, to)


def _migrate(connection: Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - see above

    if to == "base" or to.startswith("-"):
        _take_back(connection, to)
    else:
        command.upgrade(_on(connection), to)


def _take_back(connection: Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - see above

    command.downgrade(_on(connection), to)


def _on(connection: Connection) -> "Config":
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(versions.FOLDER))
    return config
