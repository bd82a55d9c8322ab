"""A fall of the market and its end, and what must be true of the alerts afterwards.

- Each account has one alert at a time; each level of it was told once to everybody whom
  it concerns.
- Of two who claim at once one has it; what he does is in the history once.
- When the market is back nothing is open, and no card of it can be pressed.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise

from sqlalchemy import select

from bot.chat import codec
from bot.chat.message import Card
from bot.chat.ports import Outgoing
from bot.models import LiveCard, Out
from crm.kernel.db import Store
from crm.models import Interaction
from risk.alerts import TELLING
from risk.models import Alert, AlertEvent, AlertKind, AlertNotice
from tests.kill.processes import until
from tests.kill.town import (
    DESKS,
    DINGTALK,
    PATIENCE,
    PLATFORMS,
    WECOM,
    FarDown,
    Json,
    Pressed,
    Seat,
    Town,
)

DOWN, DEEPER = {"rb": -0.04}, {"rb": -0.01}  # to 追保, then to 强平, which nobody silences
BACK = {"rb": 1 / (0.96 * 0.99) - 1}
GROUP = "g-risk"
FENG, CHEN = (Seat(DINGTALK, person, GROUP) for person in ("fengjun", "chenxi"))
CHEN_TOO = Seat(WECOM, "chenxi")  # on duty: has a card of her own where the group's cannot change
HEAD = Seat(DINGTALK, "sunfang", GROUP)  # sees it, and may not touch it
WATCHERS = (*DESKS, *(Seat(platform, "chenxi") for platform in PLATFORMS))
SETTLED = "2m"  # longer than an account must stay below a line
REDRAWN = 0.5  # seconds
LOOK = 0.8  # seconds within which the watch mostly has looked


async def a_fall(town: Town) -> None:
    """Steel falls; two claim at once, one telephones, one silences; it falls deeper, and is then
    as it was."""
    since = await town.sure(lambda: town.newest(FENG, CHEN_TOO))
    town.journal.calm = False
    await town.sure(lambda: town.market(DOWN))
    called = await town.button_on(FENG, since[FENG], "alerts_claim:", "【追保】")
    private = await town.button_on(CHEN_TOO, since[CHEN_TOO], called.action)
    not_his = Pressed(HEAD, called.card, called.action, called.mark, called.seq, called.key)
    with_her = Pressed(CHEN, called.card, called.action, called.mark, called.seq, called.key)
    await town.sure(lambda: town.click(not_his, called.key))
    await town.race((called, with_her, private))
    async with asyncio.TaskGroup() as both:
        both.create_task(_telephone(town, called))
        both.create_task(_silence(town, since[FENG]))
    await town.sure(lambda: town.market(DEEPER))
    await town.button_on(FENG, since[FENG], "alert:", "【强平】")
    await town.sure(lambda: town.market(BACK))
    await _calm(town, since[FENG])
    town.journal.calm = True


async def _telephone(town: Town, group: Pressed) -> None:
    """She opens the first case of the group, and says what came of the call."""
    after = (await town.sure(lambda: town.newest(CHEN)))[CHEN]
    opening = await town.button_on(CHEN, group.seq - 1, "alert:")
    case = opening.action.partition(":")[2]
    asking = await town.press_for(opening, after, f"alert_called:{case}")
    await town.insist(await town.press_for(asking, after, f"alert_call:{case}:0"))
    town.journal.calls.append(int(case))


async def _silence(town: Town, since: int) -> None:
    """Returns when the open case says so."""
    button = await town.button_on(FENG, since, "alerts_silence:")

    async def silent() -> bool:
        with suppress(FarDown):
            await town.click(button)
            await asyncio.sleep(REDRAWN)
            cards = [item["card"] for item in await town.seen(FENG, since) if item["card"]]
            return any(one["label"] == "静默" for card in cards for one in card["fields"])
        return False

    await until(silent, "the alerts are silent", PATIENCE)


async def _calm(town: Town, since: int) -> None:
    """Returns when every card of the group says that it is over; time is helped along."""
    end = time.monotonic() + PATIENCE
    while True:
        await asyncio.sleep(LOOK)
        try:
            await town.advance(SETTLED)
            await asyncio.sleep(LOOK)
            cards = [item["card"] for item in await town.seen(FENG, since) if item["card"]]
        except FarDown:
            continue
        if not any(_is_open(card) for card in cards):
            return
        assert time.monotonic() < end, "the alerts do not end"


def _is_open(card: Json) -> bool:
    return bool(card["title"].startswith("【") and card["buttons"])


# ── what must be true ────────────────────────────────────────────────────────────────────────


async def told_once(store: Store, town: Town) -> None:
    """What a history does not tell: it knows which alarms were shown, not why."""
    async with store.reading() as session:
        alerts = (await session.scalars(select(Alert).order_by(Alert.id))).all()
        events = (await session.scalars(select(AlertEvent).order_by(AlertEvent.id))).all()
        notices = (await session.scalars(select(AlertNotice))).all()
        outs = {row.id: row for row in await session.scalars(select(Out).where(Out.why == "alert"))}
        talks = set(await session.scalars(select(Interaction.id)))
        cards = (
            await session.scalars(select(LiveCard).where(LiveCard.subject.startswith("alert")))
        ).all()
    for alert in alerts:
        assert alert.kind is not AlertKind.SOURCE or alert.open_key is None
        history = [one for one in events if one.alert_id == alert.id]
        _nobody_told_too_often(alert, history, [n for n in notices if n.alert_id == alert.id])
        _rose_and_fell(alert, history)
    if town.journal.calm:
        _nothing_to_press(cards)
    called = [event for event in events if event.what == "called"]
    assert Counter(one.alert_id for one in called) == Counter(town.journal.calls)
    made = [one.facts["interaction"] for one in called]
    assert len(set(made)) == len(made)
    assert talks.issuperset(made)
    told = {number: codec.load_outgoing(row.item) for number, row in outs.items()}
    _nothing_put_out_for_nothing(told, {one.out_id for one in notices})


def _nothing_put_out_for_nothing(told: Mapping[int, Outgoing], noted: Collection[int]) -> None:
    """Each new card was about an alert that somebody had to be told of."""
    cards = {n for n, out in told.items() if isinstance(out.part, Card) and not out.update}
    assert cards <= set(noted), f"cards about nothing new: {sorted(cards - set(noted))}"


def _rose_and_fell(alert: Alert, events: Sequence[AlertEvent]) -> None:
    """To a higher level or a lower one, as it says."""
    steps = [event for event in events if event.what in ("raised", "rose", "fell")]
    for one, two in pairwise(steps):
        assert (two.level > one.level) == (two.what == "rose"), f"alert {alert.id}: {two.what}"


def _nobody_told_too_often(
    alert: Alert, events: Sequence[AlertEvent], notices: Sequence[AlertNotice]
) -> None:
    """Nobody has more cards of it than there was something to say."""
    reasons = sum(event.what in TELLING or event.what == "escalated" for event in events)
    told = Counter((one.platform, one.place, one.receiver, one.why) for one in notices)
    assert max(told.values(), default=0) <= max(reasons, 1), f"alert {alert.id}: {told}"


def _nothing_to_press(cards: Iterable[LiveCard]) -> None:
    for card in cards:
        alive = [one.key for one in codec.load_card(card.content).buttons if one.enabled]
        assert not alive, f"{card.subject} is over, and can be pressed: {alive}"
