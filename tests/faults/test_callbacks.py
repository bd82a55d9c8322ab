"""Given thousands of callbacks that come several times, late and in any order: each counts once,
and in the end everything is as if they had come once and in turn."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy import func, select

from bot.chat import codec
from bot.models import Heard, HeardState, LiveCard, Out, OutState
from crm.kernel import audit
from crm.models import Client, FundAccount, Interaction, Task, TaskState
from tests.fakes.dingtalk import CREATE
from tests.faults.doors import Call, Doors
from tests.kill.lives import SEED, SOAK
from tests.kill.processes import until
from tests.kill.town import PLATFORMS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900 if SOAK else 180)]

BOT = "WeCom's bot"
WAYS = (*PLATFORMS, BOT)
GROUP = "g-hz"
PEOPLE = ("wangqiang", "limin", "zhaolei")
DELIVERIES = 5_000 if SOAK else 300  # on each database, clicks among them
COPIES = 5  # of each on average
HANDS = 16  # that deliver at the same time
WAITING = (OutState.WAITING, OutState.SENDING)


async def test_each_counts_once_and_the_order_changes_nothing(doors: Doors) -> None:
    chance = random.Random(SEED)
    accounts = await accounts_of(doors)
    lines = [line(doors, chance, accounts, number) for number in range(DELIVERIES // COPIES // 2)]
    await deliver(doors, chance, lines)
    await at_rest(doors)
    cards = await cards_of(doors)
    pressed = chance.sample(cards, len(cards) * 2 // 3)
    clicks = [click for card in pressed for click in two_clicks(doors, chance, card)]
    await doors.reconnect_bot()
    old = chance.sample(lines, len(lines) // 4)
    await deliver(doors, chance, [*clicks, *old])
    await at_rest(doors)
    ended = {card.subject for card in pressed}
    await as_if_in_turn(doors, lines, clicks, ended)


# ── what comes ───────────────────────────────────────────────────────────────────────────────


async def accounts_of(doors: Doors) -> dict[str, list[str]]:
    async with doors.service.store.reading() as session:
        rows = await session.execute(
            select(Client.owner, FundAccount.account)
            .join(FundAccount)
            .where(Client.owner.in_(PEOPLE))
            .order_by(FundAccount.account)
        )
        found: dict[str, list[str]] = {}
        for owner, account in rows:
            found.setdefault(str(owner), []).append(account)
    return found


def line(doors: Doors, chance: random.Random, accounts: dict[str, list[str]], number: int) -> Call:
    """A talk or a task, of one of them here or there."""
    person, way = chance.choice(PEOPLE), chance.choice(WAYS)
    if chance.random() < 0.7:
        text = f"记 {chance.choice(accounts[person])} 电话 询问螺纹钢 K{number:05d}"
    else:
        text = f"待办 48小时后 交报表 K{number:05d}"
    if way == BOT:
        return doors.line_to_bot(person, text, chance.choice(("", GROUP)))
    return doors.line(way, person, text)


def two_clicks(doors: Doors, chance: random.Random, card: LiveCard) -> Iterable[Call]:
    """Somebody presses a card's own button, and his finger trembles: one of them is too late."""
    keys = [one.key for one in codec.load_card(card.content).buttons]
    [action] = [key for key in keys if key.startswith(("undo:", "task_done:"))]
    for _ in range(chance.choice((1, 2, 2))):
        yield doors.click(card.receiver or card.drawn_for, card, action)


async def deliver(doors: Doors, chance: random.Random, calls: Sequence[Call]) -> None:
    """Each at least once, and all of them as often as that makes together; by several at a time,
    in any order."""
    wanted = DELIVERIES // 2
    coming = [*calls, *chance.choices(calls, k=max(0, wanted - len(calls)))]
    chance.shuffle(coming)
    waiting = iter(coming)

    async def hand() -> None:
        for call in waiting:
            await doors.deliver(call)

    async with asyncio.TaskGroup() as hands:
        for _ in range(HANDS):
            hands.create_task(hand())


async def at_rest(doors: Doors) -> None:
    """Returns when nothing is under way."""
    new = select(func.count()).select_from(Heard).where(Heard.state == HeardState.NEW)
    unsent = select(func.count()).select_from(Out).where(Out.state.in_(WAITING))
    before = -1

    async def resting() -> bool:
        nonlocal before
        async with doors.service.store.reading() as session:
            heard = await session.scalar(select(func.count()).select_from(Heard)) or 0
            left = (await session.scalar(new) or 0) + (await session.scalar(unsent) or 0)
        steady, before = heard == before, heard
        return steady and not left

    await until(resting, "everything is served and sent", 120)


async def cards_of(doors: Doors) -> list[LiveCard]:
    """The answers' cards."""
    async with doors.service.store.reading() as session:
        rows = await session.scalars(
            select(LiveCard)
            .where(LiveCard.subject.startswith("interaction:") | LiveCard.subject.like("task:%"))
            .order_by(LiveCard.id)
        )
        return list(rows)


# ── what must be true ────────────────────────────────────────────────────────────────────────


async def as_if_in_turn(
    doors: Doors, lines: Sequence[Call], clicks: Sequence[Call], ended: set[str]
) -> None:
    service = doors.service
    async with service.store.reading() as session:
        heard = Counter(await session.scalars(select(Heard.state)))
        talks = (await session.scalars(select(Interaction))).all()
        tasks = (await session.scalars(select(Task))).all()
        noted = Counter(
            (row.action, row.object)
            for row in await session.scalars(select(audit.AuditRow))
            if row.action in ("interaction.undo", "task.done", "interaction.log", "task.add")
        )
        states = Counter(await session.scalars(select(Out.state)))
        cards = await cards_of(doors)
        verdict = await audit.verify(session, audit.Head(service.settings.head_file))
    assert heard == {HeardState.DONE: len(lines) + len(clicks)}
    made = Counter([*(one.source for one in talks), *(one.source for one in tasks)])
    assert made == Counter(f"{one.platform}:{one.key}" for one in lines), "lost, or made twice"
    assert {f"interaction:{one.id}" for one in talks if one.undone_at} | {
        f"task:{one.id}" for one in tasks if one.state is TaskState.DONE
    } == ended
    assert set(noted.values()) == {1}, noted.most_common(2)
    assert {thing for action, thing in noted if action.endswith(("undo", "done"))} == ended
    assert set(states) <= {OutState.SENT, OutState.SUPERSEDED}, states
    for card in cards:
        alive = [one.key for one in codec.load_card(card.content).buttons if one.enabled]
        assert bool(alive) == (card.subject not in ended), f"{card.subject}: {alive}"
    created = Counter(call.body["outTrackId"] for call in doors.dingtalk.to(CREATE))
    assert set(created.values()) == {1}, "a card was created twice"
    assert set(doors.cards_of_bot().values()) == {1}, "the bot said a card twice"
    assert verdict.broken_at is None, verdict.why
