"""Search keys of before: they find as they did, until a rebuild adds what is new."""

from collections.abc import Iterable

from sqlalchemy import text

from bot.store import schema
from crm.kernel.db import Store
from tests.store.test_migrations import empty as empty  # noqa: PLC0414  the fixture

CLIENT = (
    "INSERT INTO client (id, name, kind, tier, status, risk_level, referrer, remark, created_at,"
    " updated_at, version) VALUES (1, '张三', 'person', '', 'active', '', '', '',"
    " '2026-11-23 02:00:00', '2026-11-23 02:00:00', 1)"
)
BEFORE = {
    ("name", "张三"),
    ("gram", "张"),
    ("pinyin", "zhangsan"),
    ("sound", "san"),
    ("initials", "zs"),
    ("tail", "0023"),
    ("mobile", "ab" * 32),
}
AFTER = {"n张三", "g张", "pzhangsan", "lsan", "lzs", "t0023", "m" + "ab" * 16}


async def rows(store: Store, query: str) -> set[tuple[object, ...]]:
    async with store.engine.connect() as connection:
        return {tuple(row) for row in await connection.execute(text(query))}


async def run(store: Store, statements: Iterable[str]) -> None:
    async with store.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_the_keys_are_carried_over_and_back(empty: Store) -> None:
    await schema.upgrade(empty, "0002")
    keys = [
        f"INSERT INTO search_key (client_id, kind, key, rank) VALUES (1, '{kind}', '{key}', 2)"
        for kind, key in BEFORE
    ]
    await run(empty, [CLIENT, *keys])
    await schema.upgrade(empty, "0003")
    found = await rows(empty, "SELECT key, rank FROM search_key")
    assert found == {(key, 6) for key in AFTER}
    await schema.upgrade(empty, "-1")
    back = await rows(empty, "SELECT kind, key, rank FROM search_key")
    latin = {(kind, key, 2) for kind in ("sound", "initials") for key in ("san", "zs")}
    rest = {(k, v, 2) for k, v in BEFORE if k not in ("sound", "initials", "mobile")}
    assert back == latin | rest | {("mobile", "ab" * 16, 2)}
