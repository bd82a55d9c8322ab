"""Who left while nobody listened is found in the night; a hidden directory is no exodus."""

import pytest
from sqlalchemy import select

from bot.jobs.people_left import roll_call
from crm.kernel.errors import Outcome, OutsideError
from crm.models import Staff
from tests.fakes.broker import STAFF, Broker


class Directory:
    def __init__(self, *gone: str, silent: bool = False) -> None:
        self._gone = gone
        self._silent = silent

    async def is_active(self, user: str) -> bool:
        if self._silent:
            raise OutsideError("user", "TimeoutError", Outcome.RETRY)
        return user not in self._gone


async def disabled(broker: Broker) -> set[str]:
    async with broker.store.reading() as session:
        left = await session.scalars(select(Staff.id).where(Staff.disabled_at.is_not(None)))
        return set(left)


async def test_who_left_loses_access(broker: Broker) -> None:
    assert await roll_call(broker.store, "dingtalk", Directory("limin", "zhaolei")) == 0
    assert await disabled(broker) == {"limin", "zhaolei"}
    assert await roll_call(broker.store, "dingtalk", Directory("limin", "zhaolei", "wuhao")) == 0
    assert await disabled(broker) == {"limin", "zhaolei", "wuhao"}


async def test_too_many_at_once_are_not_believed(broker: Broker) -> None:
    gone = ("limin", "zhaolei", "wuhao")
    assert await roll_call(broker.store, "dingtalk", Directory(*gone)) == len(gone)
    assert await roll_call(broker.store, "dingtalk", Directory(*STAFF)) == len(STAFF)
    assert await disabled(broker) == set()


async def test_of_another_platform_nothing_follows(broker: Broker) -> None:
    assert await roll_call(broker.store, "wecom", Directory(*STAFF)) == 0
    assert await disabled(broker) == set()


async def test_a_directory_that_does_not_answer_ends_it(broker: Broker) -> None:
    with pytest.raises(OutsideError):
        await roll_call(broker.store, "dingtalk", Directory(silent=True))
    assert await disabled(broker) == set()
