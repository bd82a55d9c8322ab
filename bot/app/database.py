"""The database of the settings: its keys and its clock."""

import json
from datetime import timedelta
from pathlib import Path

from bot.settings import Settings
from crm.kernel.clock import SystemClock
from crm.kernel.database import Database
from crm.kernel.vault import Algorithm, Vault

NOT_OURS = "数据库版本与程序不符，请先运行：qidesk db upgrade"


def database_of(settings: Settings, clock: SystemClock) -> Database:
    """Raises KeyFileWrong."""
    return Database(settings.store.url, open_vault(settings), clock)


def open_vault(settings: Settings) -> Vault:
    """The key ring. Raises KeyFileWrong; made only by ``make_keys``."""
    return Vault(settings.security.key_file)


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
