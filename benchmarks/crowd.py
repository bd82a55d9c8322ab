"""A broker with very many clients, for measuring what depends on their number."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox import broker
from bot.store import schema
from crm import clients, filing
from crm.clients import NewClient
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from crm.models import Branch, Login, PersonalKind, Role, Staff, StaffRole
from crm.people import Person

OWNED = 200  # clients of each manager
MANAGERS_OF_A_BRANCH = 25
MANAGER = Person(id="m00000", name="经理", branch="b0000", roles=frozenset({Role.MANAGER}))
RISK = Person(id="risk", name="风控", branch=None, roles=frozenset({Role.RISK}))
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """What people know of a client when they look for one."""

    client_id: int
    name: str
    account: str
    mobile: str


def open_crowd(folder: Path) -> Store:
    vault = Vault.create(folder / "keys")
    return open_store(f"sqlite+aiosqlite:///{folder}/b.db", vault, SystemClock())


async def fill(store: Store, count: int) -> tuple[list[Known], float]:
    """``count`` clients, the first ``OWNED`` the manager's; and the seconds that storing took."""
    await schema.upgrade(store)
    made = list(_new_clients(count))
    known: list[Known] = []
    started = time.perf_counter()
    async with store.writing() as session:
        session.add_all(_branches(count))
        await session.flush()
        session.add_all(_staff(store, count))
        await session.flush()
        async with filing.at_once(session):
            for start in range(0, count, AT_ONCE):
                batch = made[start : start + AT_ONCE]
                ids = await clients.add_many(session, batch, by="bench")
                known += map(_known, ids, batch)
    return known, time.perf_counter() - started


def _new_clients(count: int) -> Iterator[NewClient]:
    for place, client in enumerate(broker.invent(7, count).clients):
        manager = place // OWNED
        yield NewClient(
            name=client.name.text,
            accounts=[(account.account, account.currency) for account in client.accounts],
            owner=f"m{manager:05}",
            branch=f"b{manager // MANAGERS_OF_A_BRANCH:04}",
            personal={PersonalKind.MOBILE: [client.mobile]},
        )


def _known(client_id: int, new: NewClient) -> Known:
    return Known(client_id, new.name, new.accounts[0][0], new.personal[PersonalKind.MOBILE][0])


def _branches(count: int) -> Sequence[Branch]:
    number = count // OWNED // MANAGERS_OF_A_BRANCH + 1
    return [Branch(code=f"b{n:04}", name=f"第{n}营业部") for n in range(number)]


def _staff(store: Store, count: int) -> Sequence[Staff]:
    at = store.clock.now()
    managers = [
        Staff(
            id=f"m{n:05}", name=f"经理{n}", branch=f"b{n // MANAGERS_OF_A_BRANCH:04}", created_at=at
        )
        for n in range(count // OWNED + 1)
    ]
    risk = Staff(id=RISK.id, name=RISK.name, created_at=at)
    for person, row in ((MANAGER, managers[0]), (RISK, risk)):
        row.roles = [StaffRole(role=role) for role in person.roles]
        row.logins = [Login(platform="dingtalk", user=person.id)]
    return [*managers, risk]
