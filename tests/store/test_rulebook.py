"""Documents of the rulebook: versions that are never altered, seen as of any moment."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel import rulebook
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from crm.kernel.rulebook import Superseded, canonical, diff

DAY = timedelta(days=1)
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
BODIES = st.dictionaries(
    st.text("abc", min_size=1, max_size=2),
    VALUES | st.dictionaries(st.text("xyz", min_size=1, max_size=1), VALUES, min_size=1),
    max_size=4,
)


async def put(store: Store, base: int, call: str, name: str = "") -> None:
    async with store.writing() as session:
        await rulebook.put(
            session,
            "ladder",
            name,
            {"call": call},
            base=base,
            asked_by="hejing",
            asked_at=store.clock.now(),
            confirmed_by="tangyu",
        )


async def test_the_newest_is_in_force_at_once_for_every_reader(store: Store) -> None:
    async with store.reading() as session:
        assert await rulebook.current(session, "ladder") is None
    await put(store, 0, "1")
    await put(store, 1, "1.05")
    async with store.reading() as session:
        found = await rulebook.current(session, "ladder")
        assert found is not None
        assert (found.version, found.body["call"]) == (2, "1.05")
        assert [each.version for each in await rulebook.versions(session, "ladder")] == [2, 1]
        assert await rulebook.current(session, "flow") is None


async def test_any_past_moment_shows_what_was_in_force_then(
    store: Store, clock: StoppedClock
) -> None:
    start = clock.now()
    for number in range(4):
        await put(store, number, str(number))
        clock.advance(DAY)
    async with store.reading() as session:
        assert await rulebook.as_of(session, "ladder", start - timedelta(microseconds=1)) is None
        for number in range(4):
            for at in (start + number * DAY, start + (number + 1) * DAY - timedelta(seconds=1)):
                found = await rulebook.as_of(session, "ladder", at)
                assert found is not None
                assert found.body["call"] == str(number)


async def test_a_version_that_is_not_built_on_the_newest_is_refused(store: Store) -> None:
    await put(store, 0, "1")
    for base in (0, 2):
        with pytest.raises(Superseded):
            await put(store, base, "9")
    async with store.reading() as session:
        assert len(await rulebook.versions(session, "ladder")) == 1


async def test_documents_of_one_kind_are_kept_apart_by_name(store: Store) -> None:
    await put(store, 0, "1", "b")
    await put(store, 0, "2", "a")
    async with store.reading() as session:
        assert await rulebook.names(session, "ladder") == ["a", "b"]
        found = await rulebook.version(session, "ladder", 1, "a")
        assert found is not None
        assert found.body["call"] == "2"


@given(BODIES, BODIES)
def test_a_diff_is_empty_just_when_two_bodies_are_the_same(one: dict, two: dict) -> None:  # type: ignore[type-arg]
    def without_none(body: dict) -> object:  # type: ignore[type-arg]
        return {
            key: without_none(value) if isinstance(value, dict) else value
            for key, value in body.items()
            if value is not None and value != {}
        }

    same = canonical(without_none(one)) == canonical(without_none(two))  # type: ignore[arg-type]
    if same:
        assert all(each.before == each.after for each in diff(one, two))
    for each in diff(one, two):
        assert each.before != each.after


@given(BODIES)
def test_there_is_one_spelling_of_a_body(body: dict) -> None:  # type: ignore[type-arg]
    turned = dict(reversed(body.items()))
    assert canonical(body) == canonical(turned)
