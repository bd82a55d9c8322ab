"""Finding a client among many, as a manager with 200 clients and as the risk desk.

The floor is an equality on the primary key through the same driver and session.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median, quantiles

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.table import show
from bot import schema
from bot.sandbox.broker import invent
from crm import clients, names, search
from crm.clients import NewClient
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from crm.models import FundAccount, PersonalKind, Role, Staff
from crm.people import Person

CLIENTS = 20_000
OWNED = 200
ASKED = 200
MANAGER = Person(id="manager", name="经理", branch="HZ", roles=frozenset({Role.MANAGER}))
RISK = Person(id="risk", name="风控", branch=None, roles=frozenset({Role.RISK}))


async def fill(store: Store, count: int) -> list[NewClient]:
    """``count`` clients; the first ``OWNED`` are the manager's."""
    await schema.upgrade(store)
    broker = invent(7, count)
    made = [
        NewClient(
            name=client.name.text,
            accounts=[(account.account, account.currency) for account in client.accounts],
            owner=MANAGER.id if number < OWNED else None,
            personal={PersonalKind.MOBILE: [client.mobile]},
        )
        for number, client in enumerate(broker.clients)
    ]
    async with store.writing() as session:
        session.add(Staff(id=MANAGER.id, name=MANAGER.name, created_at=store.clock.now()))
    for start in range(0, len(made), 1000):
        async with store.writing() as session:
            await clients.add_many(session, made[start : start + 1000], by="bench")
    return made


def forms(client: NewClient) -> dict[str, str]:
    """The ways in which people name one client."""
    return {
        "account": client.accounts[0][0],
        "full name": client.name,
        "first character": client.name[:1],
        "pinyin in full": "".join(names.pinyin(client.name)[0]),
        "initials": names.initials(client.name),
        "tail": client.accounts[0][0][-4:],
    }


async def floor(session: AsyncSession, account: str) -> None:
    await session.execute(select(FundAccount.client_id).where(FundAccount.account == account))


async def measure(store: Store, person: Person, asked: list[NewClient]) -> dict[str, list[float]]:
    """Milliseconds of each look-up, by form; the floor among them, interleaved."""
    taken: dict[str, list[float]] = {"equality (floor)": []}
    async with store.reading() as session:
        for client in asked:
            started = time.perf_counter()
            await floor(session, client.accounts[0][0])
            taken["equality (floor)"].append((time.perf_counter() - started) * 1000)
            for form, words in forms(client).items():
                started = time.perf_counter()
                await search.find(session, person, names.query_keys(words))
                taken.setdefault(form, []).append((time.perf_counter() - started) * 1000)
    return taken


async def run(count: int) -> None:
    folder = Path(tempfile.mkdtemp())
    vault = Vault.create(folder / "keys")
    store = open_store(f"sqlite+aiosqlite:///{folder}/b.db", vault, SystemClock())
    try:
        made = await fill(store, count)
        for person in (MANAGER, RISK):
            pool = made[:OWNED] if person is MANAGER else made
            asked = Random(7).sample(pool, ASKED)  # noqa: S311  not a secret
            taken = await measure(store, person, asked)
            for what, of in (("p50", median), ("p99", lambda v: quantiles(v, n=100)[98])):
                figures = {form: of(values) for form, values in taken.items()}
                title = f"look-up among {count:,} clients as {person.id}, {what}"
                show(title, figures, floor="equality (floor)", unit="ms")
    finally:
        await store.close()


def main(count: int = CLIENTS) -> None:
    asyncio.run(run(count))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS)
