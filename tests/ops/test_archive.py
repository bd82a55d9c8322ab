"""Old and finished rows leave the tables for files; the rest stays and the chain still holds."""

import base64
import gzip
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from bot.jobs.archive import archive
from bot.models import Delivery, Heard, HeardState, LiveCard, Out, OutState
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from crm.models import Staff, Task, TaskState

YEAR = timedelta(days=365)


def heard(store: Store, key: str, state: HeardState) -> Heard:
    at = store.clock.now()
    done_at = None if state is HeardState.NEW else at
    return Heard(
        platform="dingtalk",
        app="a",
        key=key,
        body=key.encode(),
        at=at,
        state=state,
        done_at=done_at,
    )


def out(store: Store, key: str, state: OutState) -> Out:
    at = store.clock.now()
    return Out(
        key=key,
        lane="l",
        priority=2,
        platform="dingtalk",
        item=key,
        card=key,
        why="",
        trace="",
        state=state,
        not_before=at,
        created_at=at,
        ended_at=None if state in (OutState.WAITING, OutState.SENDING) else at,
    )


def card(store: Store, name: str, subject: str = "") -> LiveCard:
    return LiveCard(
        id=name,
        subject=subject,
        receiver="limin",
        drawn_for="limin",
        platform="dingtalk",
        place="private",
        chat="limin",
        version=1,
        content=name,
        at=store.clock.now(),
    )


async def fill(store: Store, prefix: str) -> None:
    """One row of every state."""
    async with store.writing() as session:
        for heard_state in HeardState:
            session.add(heard(store, f"{prefix}{heard_state}", heard_state))
        outs = [out(store, f"{prefix}{out_state}", out_state) for out_state in OutState]
        session.add_all(outs)
        await session.flush()
        for row in outs:
            session.add(
                Delivery(out_id=row.id, platform="dingtalk", at=store.clock.now(), outcome="sent")
            )


async def left(store: Store, column: InstrumentedAttribute[Any]) -> Sequence[Any]:
    async with store.reading() as session:
        return sorted(await session.scalars(select(column)))


def lines(directory: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in sorted(directory.glob(f"{table}-*.jsonl.gz")):
        assert file.stat().st_mode & 0o077 == 0
        with gzip.open(file, "rt", encoding="utf-8") as text:
            found += [json.loads(line) for line in text]
    return found


async def test_only_what_is_finished_and_old_leaves(
    store: Store, clock: StoppedClock, tmp_path: Path
) -> None:
    await fill(store, "old ")
    clock.advance(2 * YEAR)
    await fill(store, "new ")
    done = await archive(store, tmp_path)
    assert done.counts == {"heard": 1, "outbox": 3, "delivery": 3}
    assert await left(store, Heard.key) == sorted(
        ["old failed", "old new", *(f"new {state}" for state in HeardState)]
    )
    kept = ("old dead", "old held", "old sending", "old waiting")
    assert await left(store, Out.key) == sorted([*kept, *(f"new {state}" for state in OutState)])
    assert len(await left(store, Delivery.id)) == len(kept) + len(OutState)
    gone = {"old sent", "old superseded", "old dropped"}
    assert {line["key"] for line in lines(tmp_path, "outbox")} == gone
    assert len(lines(tmp_path, "delivery")) == len(gone)


async def test_archived_values_stay_sealed_and_open_with_the_key_ring(
    store: Store, clock: StoppedClock, tmp_path: Path
) -> None:
    await fill(store, "secret ")
    clock.advance(YEAR)
    await archive(store, tmp_path)
    [line] = lines(tmp_path, "heard")
    sealed = base64.b64decode(line["body"])
    assert b"secret" not in sealed
    assert store.vault.open(sealed, "heard.body") == b"secret done"


async def test_a_second_run_finds_nothing_and_a_limited_one_stops_there(
    store: Store, clock: StoppedClock, tmp_path: Path
) -> None:
    for n in range(5):
        await fill(store, f"{n} ")
    clock.advance(YEAR)
    first = await archive(store, tmp_path, most_rows=3)
    second = await archive(store, tmp_path)
    third = await archive(store, tmp_path)
    assert [one.counts.get("heard", 0) for one in (first, second, third)] == [3, 2, 0]
    assert sorted(line["key"] for line in lines(tmp_path, "heard")) == [
        f"{n} done" for n in range(5)
    ]


async def test_an_old_card_stays_while_its_task_is_open_or_something_is_under_way(
    store: Store, clock: StoppedClock, tmp_path: Path
) -> None:
    at = clock.now()
    async with store.writing() as session:
        session.add(Staff(id="limin", name="李敏", created_at=at))
        await session.flush()
        tasks = [
            Task(staff="limin", text="回电", due_at=at, created_at=at, state=state)
            for state in (TaskState.OPEN, TaskState.DONE)
        ]
        session.add_all(tasks)
        await session.flush()
        session.add(card(store, "open", f"task:{tasks[0].id}"))
        session.add(card(store, "done", f"task:{tasks[1].id}"))
        session.add(card(store, "waiting"))
        session.add(card(store, "alone"))
        session.add(out(store, "waiting", OutState.WAITING))
    clock.advance(2 * YEAR)
    async with store.writing() as session:
        session.add(card(store, "young"))
    await archive(store, tmp_path)
    assert await left(store, LiveCard.id) == ["open", "waiting", "young"]


async def put_down(store: Store, count: int) -> None:
    for n in range(count):
        async with store.writing() as session:
            audit.note(session, "limin", "look", f"client:{n}")


async def test_the_rest_of_the_audit_chain_still_holds_and_a_change_in_it_shows(
    store: Store, clock: StoppedClock, head: audit.Head, tmp_path: Path
) -> None:
    await put_down(store, 5)
    clock.advance(6 * YEAR)
    await put_down(store, 2)
    done = await archive(store, tmp_path)
    assert done.counts["audit"] == 5
    assert [line["seq"] for line in lines(tmp_path, "audit")] == [1, 2, 3, 4, 5]
    async with store.reading() as session:
        verdict = await audit.verify(session, head)
    assert (verdict.rows, verdict.broken_at) == (8, None)  # and the archiving itself
    async with store.writing() as session:
        row = await session.get_one(AuditRow, 6)
        row.actor = "nobody"
    async with store.reading() as session:
        assert (await audit.verify(session, head)).broken_at == 6


async def test_the_archived_rows_join_on_to_those_that_stayed(
    store: Store, clock: StoppedClock, tmp_path: Path
) -> None:
    await put_down(store, 3)
    clock.advance(6 * YEAR)
    await archive(store, tmp_path)  # all of them are old; what it notes itself stays
    archived = lines(tmp_path, "audit")
    async with store.reading() as session:
        mark = await session.get_one(audit.AuditTip, audit.ARCHIVED)
    assert (mark.seq, mark.hash) == (3, base64.b64decode(archived[-1]["hash"]))
    assert await left(store, AuditRow.seq) == [4, 5]
