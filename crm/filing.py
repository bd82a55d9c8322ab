"""What clients are filed under: written with every change, compared and mended by a rebuild."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm import names
from crm.kernel.db import table
from crm.models import Client, ClientStatus, FundAccount, Personal, PersonalKind, SearchKey
from crm.search import stored_key

KEYS = table(SearchKey)
AT_ONCE = 500  # clients of one statement
STATUS_RANK: Mapping[ClientStatus, int] = {
    ClientStatus.ACTIVE: 0,
    ClientStatus.RESTRICTED: 1,
    ClientStatus.DORMANT: 2,
    ClientStatus.CLOSED: 3,
}
_PLACES = names.UNFINISHED + 1

Shelf = tuple[str | None, str | None, int]  # owner, branch, rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """As much of a client as decides where he is found."""

    client_id: int
    name: str
    owner: str | None
    branch: str | None
    status: ClientStatus
    accounts: Sequence[str]
    mobiles: Sequence[str]


async def file(session: AsyncSession, clients: Sequence[Filed]) -> None:
    """The keys of new clients."""
    rows = [
        _row(client.client_id, key, shelf)
        for client in clients
        for key, shelf in _wanted(session, client).items()
    ]
    if rows:
        await session.execute(insert(KEYS), rows)


@asynccontextmanager
async def at_once(session: AsyncSession) -> AsyncIterator[None]:
    """For the first clients of an empty store, by the hundred thousand: the indexes are made when
    all are there, which takes a tenth of the time. Within the transaction nobody else sees it."""
    connection = await session.connection()
    indexes = sorted(KEYS.indexes, key=lambda index: str(index.name))
    for index in indexes:
        await connection.run_sync(index.drop)
    yield
    await session.flush()
    for index in indexes:
        await connection.run_sync(index.create)


async def move(session: AsyncSession, ids: Sequence[int], owner: str | None) -> None:
    for part in _parts(ids):
        await session.execute(update(KEYS).where(KEYS.c.client_id.in_(part)).values(owner=owner))


async def mend(session: AsyncSession, ids: Sequence[int]) -> int:
    """Make the keys of clients what they should be; gives how many were not."""
    return sum([await _mend(session, part) for part in _parts(ids)])


async def wrong(session: AsyncSession, ids: Sequence[int]) -> bool:
    """Whether a key of these clients is not what it should be."""
    for part in _parts(ids):
        stored, clients = await _stored(session, part), await _clients(session, part)
        if any(_wanted(session, one) != stored.get(one.client_id, {}) for one in clients):
            return True
    return False


async def _mend(session: AsyncSession, ids: Sequence[int]) -> int:
    clients = await _clients(session, ids, lock=True)
    stored = await _stored(session, ids)
    gone, changed, new = [], [], []
    for client in clients:
        has, wanted = stored.get(client.client_id, {}), _wanted(session, client)
        gone += [{"of": client.client_id, "under": key} for key in has.keys() - wanted.keys()]
        for key, shelf in wanted.items():
            if key not in has:
                new.append(_row(client.client_id, key, shelf))
            elif has[key] != shelf:
                owner, branch, rank = shelf
                changed.append(
                    {
                        "of": client.client_id,
                        "under": key,
                        "owner": owner,
                        "branch": branch,
                        "rank": rank,
                    }
                )
    this = (KEYS.c.client_id == bindparam("of")) & (KEYS.c.key == bindparam("under"))
    for statement, rows in (
        (delete(KEYS).where(this), gone),
        (update(KEYS).where(this), changed),
        (insert(KEYS), new),
    ):
        if rows:
            await session.execute(statement, rows)
    return len(gone) + len(changed) + len(new)


async def _clients(session: AsyncSession, ids: Sequence[int], *, lock: bool = False) -> list[Filed]:
    """``lock``: against writers whose change would be filed as it was before."""
    query = (
        select(Client.id, Client.name, Client.owner, Client.branch, Client.status)
        .where(Client.id.in_(ids))
        .order_by(Client.id)
    )
    rows = (await session.execute(query.with_for_update() if lock else query)).all()
    accounts = await session.execute(
        select(FundAccount.client_id, FundAccount.account).where(FundAccount.client_id.in_(ids))
    )
    mobiles = await session.execute(
        select(Personal.client_id, Personal.value).where(
            Personal.client_id.in_(ids), Personal.kind == PersonalKind.MOBILE
        )
    )
    held, called = _by_client(accounts.all()), _by_client(mobiles.all())
    return [
        Filed(
            client_id=client_id,
            name=name,
            owner=owner,
            branch=branch,
            status=status,
            accounts=held.get(client_id, ()),
            mobiles=called.get(client_id, ()),
        )
        for client_id, name, owner, branch, status in rows
    ]


def _by_client(rows: Iterable[Row[int, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for client_id, value in rows:
        found.setdefault(client_id, []).append(value)
    return found


async def _stored(session: AsyncSession, ids: Sequence[int]) -> dict[int, dict[str, Shelf]]:
    rows = await session.execute(select(KEYS).where(KEYS.c.client_id.in_(ids)))
    found: dict[int, dict[str, Shelf]] = {}
    for client_id, key, owner, branch, rank in rows:
        found.setdefault(client_id, {})[key] = (owner, branch, rank)
    return found


def _wanted(session: AsyncSession, client: Filed) -> dict[str, Shelf]:
    """By stored key. A client who is here comes before one who left, then what begins a name."""
    keys = names.search_keys(client.name, accounts=client.accounts, mobiles=client.mobiles)
    first = STATUS_RANK[client.status] * _PLACES
    return {
        stored_key(session, *key): (client.owner, client.branch, first + place)
        for key, place in keys.items()
    }


def _row(client_id: int, key: str, shelf: Shelf) -> dict[str, object]:
    owner, branch, rank = shelf
    return {"client_id": client_id, "key": key, "owner": owner, "branch": branch, "rank": rank}


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
