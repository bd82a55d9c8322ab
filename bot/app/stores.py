"""The store of the settings: its keys, its clock, its audit chain."""

import json
from datetime import timedelta
from pathlib import Path

from bot import schema
from bot.settings import Settings
from crm.kernel import audit
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store
from crm.kernel.errors import SettingsError
from crm.kernel.vault import Algorithm, Vault


def open_vault(settings: Settings) -> Vault:
    """The key ring. Raises KeyFileWrong; made anew only by ``prepare``."""
    return Vault(settings.security.key_file)


def store_of(settings: Settings, clock: SystemClock) -> Store:
    """The store with its vault and audit chain. Raises KeyFileWrong."""
    store = open_store(settings.store.url, open_vault(settings), clock)
    audit.attach(store, audit.Head(settings.head_file))
    return store


def clock_of(settings: Settings) -> SystemClock:
    if settings.sandbox is None:
        return SystemClock()
    return SystemClock(timedelta(seconds=_offset(settings.sandbox.clock_file)))


def _offset(file: Path) -> float:
    try:
        return float(json.loads(file.read_text())["offset_seconds"])
    except FileNotFoundError:
        return 0.0


def make_keys(settings: Settings) -> bool:
    """Make the key file of a new installation; False when there is one."""
    if settings.security.key_file.exists():
        return False
    Vault.create(settings.security.key_file, Algorithm(settings.security.algorithm))
    return True


async def check_version(store: Store) -> None:
    """Raises SettingsError when the tables are not this program's."""
    if await schema.current(store) != schema.newest():
        raise SettingsError("数据库版本与程序不符，请先运行：qidesk db upgrade")
