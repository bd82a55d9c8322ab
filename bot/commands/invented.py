"""The store of the invented broker."""

from bot.app.database import clock_of, make_keys
from bot.app.stores import store_of
from bot.sandbox.seed import seed
from bot.settings import Settings
from bot.store import schema
from crm.kernel.database import sqlite_path


async def make_invented_store(settings: Settings) -> None:
    """Tables, keys and the invented broker, where the store has none."""
    sandbox_section = settings.sandbox
    if sandbox_section is None:
        return
    make_keys(settings)
    file = sqlite_path(settings.store.url)
    if file is not None and not file.exists():
        file.touch(0o600)  # client names lie open in it
    store = store_of(settings, clock_of(settings))
    try:
        await schema.upgrade(store)
        await seed(store, sandbox_section.seed, sandbox_section.clients)
    finally:
        await store.close()
