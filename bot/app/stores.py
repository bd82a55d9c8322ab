"""The store of the settings, with its audit chain."""

from bot.app.database import NOT_OURS, database_of
from bot.settings import Settings
from bot.store import schema
from bot.store.versions import newest
from crm.kernel import audit
from crm.kernel.clock import SystemClock
from crm.kernel.database import Database
from crm.kernel.db import Store, store_on
from crm.kernel.errors import SettingsError


def store_of(settings: Settings, clock: SystemClock) -> Store:
    """Raises KeyFileWrong."""
    return audited(settings, database_of(settings, clock))


def audited(settings: Settings, database: Database) -> Store:
    """Writing its audit rows, whose head is kept outside."""
    store = store_on(database)
    audit.attach(store, audit.Head(settings.head_file))
    return store


async def check_version(store: Store) -> None:
    """Raises SettingsError when the tables are not this program's."""
    if await schema.current(store) != newest():
        raise SettingsError(NOT_OURS)
