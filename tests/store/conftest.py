"""A broker on each database in turn."""

import pytest

from crm.kernel.db import Store
from tests.fakes.broker import Broker, open_broker


@pytest.fixture
async def broker(store: Store) -> Broker:
    return await open_broker(store)
