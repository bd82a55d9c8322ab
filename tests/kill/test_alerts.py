"""Given a crash between a market's fall and its telling: every alert is there and told once."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Select, select

from bot.app.database import clock_of
from bot.app.stores import store_of
from bot.crashpoint import OF_THE_WATCH
from bot.models import Out, OutState
from bot.settings import load
from risk.models import Alert, AlertEvent, AlertKind
from tests.kill.processes import KILLED, Stage, until
from tests.kill.town import Town

DOWN, BACK = {"shock": {"rb": -0.05}}, {"shock": {"rb": 1 / 0.95 - 1}}
HOPS = ("outbox.before_send", "outbox.after_send", "outbox.after_mark")


async def titles(town: Town) -> list[str]:
    """Of the cards in the risk group on DingTalk."""
    items = await town._get("/sandbox/seen", platform="dingtalk", person="chenxi", chat="g-risk")
    return [item["card"]["title"] for item in items if item["card"]]


async def rows(stage: Stage, query: "Select[*tuple[Any, ...]]") -> list[Any]:
    """From the store, past the service."""
    settings = load(stage.config, {})
    store = store_of(settings, clock_of(settings))
    try:
        async with store.reading() as session:
            return list((await session.execute(query)).all())
    finally:
        await store.close()


async def raised(stage: Stage) -> list[tuple[str, str]]:
    """(account, what) of the desk's alerts that are open."""
    query = (
        select(Alert.account, AlertEvent.what)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(Alert.kind == AlertKind.MARGIN, Alert.open_key.is_not(None))
        .where(AlertEvent.what.in_(("raised", "rose")))
    )
    return [(account, what) for account, what in await rows(stage, query)]


async def all_is_sent(stage: Stage) -> None:
    """Returns when nothing waits: a crash at sending is then one of what comes."""
    left = select(Out.id).where(Out.state.in_((OutState.WAITING, OutState.SENDING)))

    async def nothing_left() -> bool:
        return not await rows(stage, left)

    await until(nothing_left, "everything is sent", 30)


@pytest.mark.parametrize("point", [*OF_THE_WATCH, *HOPS])
async def test_after_a_crash_there_each_alert_is_told_once(
    stage: Stage, town: Town, point: str
) -> None:
    if not stage.service.alive:
        await stage.open_service()
        await asyncio.sleep(2)  # the first look of this life
    await all_is_sent(stage)
    before = len(await titles(town))
    stage.service.kill()
    await stage.open_service(QIDESK_CRASH_AT=point)
    await town._post("/sandbox/market", DOWN)
    assert await stage.service.death() == KILLED
    await stage.open_service()

    async def told() -> bool:
        return len(await titles(town)) > before

    await until(told, "the alerts are in the group", 30)
    await asyncio.sleep(2)
    opened = await raised(stage)
    assert opened
    assert len(opened) == len({account for account, _ in opened})
    fresh = (await titles(town))[before:]
    assert len(fresh) == len({title.split(" · ")[0] for title in fresh})
    await town._post("/sandbox/market", BACK)

    async def over() -> bool:
        await asyncio.sleep(1)
        await town.advance("2m")
        return not await raised(stage)

    await until(over, "everything is resolved", 30)
