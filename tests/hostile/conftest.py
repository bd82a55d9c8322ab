"""Bad input at the service's outer edges: every class of it has a defined and polite outcome.

A running service on each database is talked to as the outside does: by HTTP, by callbacks that are
signed, by what people write. Nothing crashes it, and no log line quotes a person.
"""

from pathlib import Path

import pytest

from bot.settings import Settings
from crm.kernel.vault import Vault
from tests.ops.conftest import desk, settings, settings_at
from tests.story.conftest import furniture, room

__all__ = ["desk", "furniture", "room", "settings"]


@pytest.fixture
def sqlite_settings(sqlite_url: str, tmp_path: Path, vault: Vault) -> Settings:
    """An installation without people, where the database does not matter."""
    return settings_at(sqlite_url, tmp_path)
