"""The trail: whatever is done to it from outside is found."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from crm.kernel import audit
from crm.kernel.audit import Head, Verdict
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault

ROWS = 12
MOBILE = "13800138000"


async def write(store: Store, *actions: str, actor: str = "wangqiang") -> None:
    """One transaction with a row for each action."""
    async with store.writing() as session:
        for action in actions:
            audit.note(session, actor, action, "client:17", trace="1F", reason=f"电话 {MOBILE}")


async def check(store: Store, head: Head) -> Verdict:
    async with store.reading() as session:
        return await audit.verify(session, head)


@pytest.fixture
async def chain(store: Store, head: Head) -> Store:
    """A store whose trail has ``ROWS`` rows, written two at a time."""
    for number in range(ROWS // 2):
        await write(store, f"act{number}.a", f"act{number}.b")
    verdict = await check(store, head)
    assert verdict == Verdict(ROWS, None, "")
    return store


async def tamper(store: Store, *statements: str) -> None:
    async with store.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


CHANGES = {
    "actor": "'limin'",
    "action": "'client.see'",
    "object": "'client:18'",
    "trace": "'2F'",
    "at": "'2026-11-23 01:00:00.000000'",
    "detail": "(SELECT detail FROM audit WHERE seq = {other})",
    "digest": "(SELECT digest FROM audit WHERE seq = {other})",
    "hash": "(SELECT hash FROM audit WHERE seq = {other})",
    "seq": "1000",
}


@pytest.mark.parametrize(
    ("column", "seq"), [*((column, 7) for column in CHANGES), ("actor", 1), ("actor", ROWS)]
)
async def test_a_changed_row_is_found_where_it_is(
    chain: Store, head: Head, column: str, seq: int
) -> None:
    async with chain.writing() as session:  # a detail of its own, to be put elsewhere
        audit.note(session, "limin", "other", "client:18", why="other")
    value = CHANGES[column].format(other=ROWS + 1)
    await tamper(chain, f"UPDATE audit SET {column} = {value} WHERE seq = {seq}")
    verdict = await check(chain, head)
    assert verdict.broken_at == seq
    assert str(seq) in verdict.why


async def test_a_detail_that_does_not_open_is_found_where_it_is(chain: Store, head: Head) -> None:
    await tamper(chain, "UPDATE audit SET detail = hash WHERE seq = 5")
    assert (await check(chain, head)).broken_at == 5


async def test_a_moment_that_is_none_is_found_where_it_is(
    sqlite_url: str, vault: Vault, clock: StoppedClock, head: Head
) -> None:
    store = open_store(sqlite_url, vault, clock)
    audit.attach(store, head)
    await write(store, "one", "two", "three")
    await tamper(store, "UPDATE audit SET at = 'yesterday' WHERE seq = 2")
    assert (await check(store, head)).broken_at == 2
    await store.close()


@pytest.mark.parametrize("seq", [1, 7])
async def test_a_removed_row_is_found_where_it_was(chain: Store, head: Head, seq: int) -> None:
    await tamper(chain, f"DELETE FROM audit WHERE seq = {seq}")
    assert (await check(chain, head)).broken_at == seq


async def test_rows_that_changed_places_are_found(chain: Store, head: Head) -> None:
    await tamper(
        chain,
        "UPDATE audit SET seq = 900 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 5",
        "UPDATE audit SET seq = 5 WHERE seq = 900",
    )
    assert (await check(chain, head)).broken_at == 4


async def test_a_row_put_in_between_is_found(chain: Store, head: Head) -> None:
    await tamper(
        chain,
        "UPDATE audit SET seq = -seq WHERE seq > 6",
        "INSERT INTO audit SELECT 7, at, actor, action, object, trace, detail, digest, hash"
        " FROM audit WHERE seq = 3",
        "UPDATE audit SET seq = 1 - seq WHERE seq < 0",
    )
    assert (await check(chain, head)).broken_at == 7


@pytest.mark.parametrize("cut", [1, 5, ROWS])
async def test_newest_rows_that_were_cut_off_are_found(chain: Store, head: Head, cut: int) -> None:
    await tamper(chain, f"DELETE FROM audit WHERE seq > {ROWS - cut}")
    verdict = await check(chain, head)
    assert verdict.broken_at == ROWS - cut + 1
    assert "截断" in verdict.why


async def test_rows_that_were_cut_off_are_found_though_the_tip_was_set_back_too(
    chain: Store, head: Head
) -> None:
    await tamper(
        chain,
        "DELETE FROM audit WHERE seq > 6",
        "UPDATE audit_tip SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)",
    )
    assert (await check(chain, head)).broken_at == 7


async def test_rows_above_the_head_that_were_cut_off_are_found_by_the_tip(
    chain: Store, head: Head
) -> None:
    behind = head.path.read_text()
    await write(chain, "one", "two")
    head.path.write_text(behind)  # as after a crash between the commit and the head
    await tamper(chain, f"DELETE FROM audit WHERE seq > {ROWS + 1}")
    assert (await check(chain, head)).broken_at == ROWS + 2


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)
@given(data=st.data())
def test_whatever_bytes_are_changed_it_is_found(data: st.DataObject, tampered: "Tampered") -> None:
    seq = data.draw(st.integers(1, ROWS))
    column = data.draw(st.sampled_from(["actor", "action", "object", "trace", "detail", "digest"]))
    place = data.draw(st.integers(0, 10**6))
    assert tampered.verdict(seq, column, place).broken_at == seq


class Tampered:
    """A trail on SQLite in which one byte of one field is turned, and turned back afterwards."""

    def __init__(self, url: str, folder: Path, clock: StoppedClock) -> None:
        self._url, self._clock = url, clock
        self._vault = Vault.create(folder / "tampered.keys")
        self._head = Head(folder / "tampered.head")
        asyncio.run(self._fill())

    def _open(self) -> Store:
        store = open_store(self._url, self._vault, self._clock)
        audit.attach(store, self._head)
        return store

    async def _fill(self) -> None:
        store = self._open()
        for number in range(ROWS):
            await write(store, f"act{number}")
        await store.close()

    def verdict(self, seq: int, column: str, place: int) -> Verdict:
        return asyncio.run(self._verdict(seq, column, place))

    async def _verdict(self, seq: int, column: str, place: int) -> Verdict:
        store = self._open()

        def turned(value: str | bytes) -> str | bytes:
            raw = bytearray(value.encode() if isinstance(value, str) else value)
            raw[place % len(raw)] ^= 1
            return raw.decode() if isinstance(value, str) else bytes(raw)

        async with store.reading() as session:
            before = await session.scalar(text(f"SELECT {column} FROM audit WHERE seq = {seq}"))
            query = text(f"UPDATE audit SET {column} = :value WHERE seq = {seq}")
            await session.execute(query, {"value": turned(before)})
            verdict = await audit.verify(session, self._head)
            await session.rollback()
        await store.close()
        return verdict


@pytest.fixture
def tampered(sqlite_url: str, tmp_path: Path, clock: StoppedClock) -> Tampered:
    return Tampered(sqlite_url, tmp_path, clock)


async def test_a_head_behind_the_tip_is_accepted(chain: Store, head: Head) -> None:
    behind = head.path.read_text()
    await write(chain, "after the last head")
    head.path.write_text(behind)
    assert (await check(chain, head)).broken_at is None


async def test_a_head_that_is_not_in_the_chain_fails(chain: Store, head: Head) -> None:
    head.path.write_text(f"{ROWS} {bytes(32).hex()}\n")
    assert (await check(chain, head)).broken_at is not None


async def test_a_head_is_never_set_back(chain: Store, head: Head) -> None:
    late = Head(head.path)  # of a process that knows only old rows
    async with chain.reading() as session:
        session.info["audit_tip"] = (1, bytes(32))
        await late.publish(session)
    assert head.read() is not None
    assert head.path.read_text().startswith(f"{ROWS} ")


async def test_a_transaction_that_is_rolled_back_leaves_no_row(chain: Store, head: Head) -> None:
    with pytest.raises(LookupError):
        async with chain.writing() as session:
            audit.note(session, "wangqiang", "lost", "client:17")
            raise LookupError
    await write(chain, "next")
    assert (await check(chain, head)) == Verdict(ROWS + 1, None, "")


async def test_a_new_key_for_new_rows_leaves_the_chain_sound(chain: Store, head: Head) -> None:
    chain.vault.rotate()
    await write(chain, "after the rotation")
    assert (await check(chain, head)) == Verdict(ROWS + 1, None, "")


async def test_many_writers_at_once_keep_one_chain(store: Store, head: Head) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(30):
            tasks.create_task(write(store, f"a{number}", f"b{number}", actor=f"person{number}"))
    assert await check(store, head) == Verdict(60, None, "")
    assert head.path.read_text().startswith("60 ")


async def test_writers_of_two_processes_keep_one_chain(
    store: Store, database_url: str, head: Head, clock: StoppedClock
) -> None:
    other = open_store(database_url, Vault(store.vault.path), clock)
    other_head = Head(head.path)
    audit.attach(other, other_head)
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(write((store, other)[number % 2], f"a{number}"))
    await other.close()
    assert await check(store, head) == Verdict(20, None, "")
    assert head.path.read_text().startswith("20 ")


async def test_the_table_shows_nothing_personal_and_the_export_everything(chain: Store) -> None:
    async with chain.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM audit"))).all()
    assert MOBILE not in repr(rows)
    assert MOBILE.encode() not in b"".join(row.detail for row in rows)
    async with chain.reading() as session:
        told = [row async for row in audit.export(session)]
    assert [row["seq"] for row in told] == list(range(1, ROWS + 1))
    assert told[0]["detail"] == {"reason": f"电话 {MOBILE}"}
    assert told[0]["at"] == "2026-11-23T02:00:00+00:00"


async def test_a_head_that_cannot_be_written_does_not_undo_what_was_done(
    chain: Store, head: Head
) -> None:
    later: list[str] = []

    async def note_down(_: object) -> None:
        later.append("told")

    chain.after_commit.append(note_down)
    head.path.unlink()
    head.path.mkdir()
    await write(chain, "done")
    head.path.rmdir()
    assert later == ["told"]
    await write(chain, "next")  # writes the head again
    assert (await check(chain, head)) == Verdict(ROWS + 2, None, "")


async def test_a_head_that_is_gone_is_found(chain: Store, head: Head) -> None:
    head.path.unlink()
    assert "链头文件缺失" in (await check(chain, head)).why
