"""Finding a client among very many, as a manager with 200 clients and as the risk desk.

The floor is an equality on a unique column through the same driver and session, its statement
built once; ``inline`` is the way of a command (``crm.kernel.inline_sqlite``). Found means: among
the matches, by paging. ``--long`` is a million clients.
"""
# ruff: noqa: S311, T201  nothing here is a secret, and a benchmark prints

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from statistics import median, quantiles

from opencc import OpenCC
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks import crowd
from benchmarks.crowd import MANAGER, OWNED, RISK, Known
from benchmarks.screen import Screen
from bot.app.speech import make_router
from bot.chat.message import Ask, AskKind, Chat, Place
from bot.chat.raw import raw_of
from bot.commands.run import calm
from bot.desk import Desk
from bot.inbox.ears import Ears
from bot.inbox.inbox import Inbox
from bot.outbox.dispatch import Dispatcher
from bot.outbox.limits import Limits
from bot.store.bell import Bell
from crm import names, search
from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.db import Store
from crm.people import Person
from risk.book import Book

CLIENTS, MANY = 200_000, 1_000_000
ASKED, FIRMS = 200, 50
LINES = 150  # said to the desk
WARM = 20
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
FLOOR = "equality (floor)"
EQUALITY = text("SELECT client_id FROM fund_account WHERE account = :account")


def whole(name: str) -> str:
    return "".join(names.pinyin(name)[0])


def homophone(name: str, random: Random) -> str:
    """One character replaced by another of the same sound."""
    syllables = names.pinyin(name)[0]
    first = len(name) - len(syllables) + 1  # a surname of two characters is one entry
    place = random.randrange(first, len(name)) if len(syllables) > 1 else 0
    others = _of_sound()[syllables[place - len(name)]]
    swapped = random.choice([char for char in others if char != name[place]] or [name[place]])
    return name[:place] + swapped + name[place + 1 :]


@lru_cache(maxsize=1)
def _of_sound() -> Mapping[str, list[str]]:
    """The everyday characters of each syllable."""
    found = defaultdict(list)
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            char = bytes((high, low)).decode("gb2312", "ignore")
            if char:
                found[names.pinyin(f"公司{char}公司")[0][2]].append(char)
    return found


def one_letter_off(letters: str, random: Random) -> str:
    place = random.randrange(len(letters))
    other = random.choice(ALPHABET.replace(letters[place], ""))
    return random.choice(
        (
            letters[:place] + other + letters[place:],
            letters[:place] + other + letters[place + 1 :],
            letters[:place] + letters[place + 1 :],
        )
    )


def fragment(name: str, random: Random, length: int) -> str:
    start = random.randrange(max(1, len(name) - length + 1))
    return name[start : start + length]


def short(name: str) -> str:
    return names.short_names(name)[0] if names.is_company(name) else ""


TRADITIONAL = OpenCC("s2t")
FORMS: Mapping[str, Callable[[Known, Random], str]] = {  # "": this client has no such form
    "account": lambda known, _: known.account,
    "mobile": lambda known, _: known.mobile,
    "tail": lambda known, _: known.account[-4:],
    "tail of the mobile": lambda known, _: known.mobile[-4:],
    "name": lambda known, _: known.name,
    "name, traditional": lambda known, _: TRADITIONAL.convert(known.name),
    "first character": lambda known, _: known.name[0],
    "two neighbours": lambda known, random: fragment(known.name, random, 2),
    "company, short": lambda known, _: short(known.name),
    "company, four neighbours": lambda known, random: (
        fragment(known.name, random, 4) if names.is_company(known.name) else ""
    ),
    "pinyin": lambda known, _: whole(known.name),
    "pinyin, two letters": lambda known, _: whole(known.name)[:2],
    "pinyin, four letters": lambda known, _: whole(known.name)[:4],
    "pinyin, six letters": lambda known, _: whole(known.name)[:6],
    "initials": lambda known, _: names.initials(known.name),
    "homophone": lambda known, random: homophone(known.name, random),
    "one letter off": lambda known, random: (
        "" if names.is_company(known.name) else one_letter_off(whole(known.name), random)
    ),
}


@dataclass(slots=True)
class Figures:
    """Of one form: milliseconds of each look-up, and whether its client was found."""

    taken: list[float] = field(default_factory=list)
    inline: list[float] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)


async def measure(store: Store, person: Person, asked: list[Known]) -> dict[str, Figures]:
    """Each client by each form, the floor among them."""
    figures: dict[str, Figures] = defaultdict(Figures)
    async with store.reading() as session, store.reading(brief=True) as inline:
        for known, said in _said(asked):
            floor = figures[FLOOR]
            floor.taken.append(await _milliseconds(equality(session, known)))
            floor.inline.append(await _milliseconds(equality(inline, known)))
            for form, words in said.items():
                of, probes = figures[form], names.query_keys(words)
                of.taken.append(await _milliseconds(search.find(session, person, probes)))
                of.inline.append(await _milliseconds(search.find(inline, person, probes)))
        for known, said in _said(asked):
            for form, words in said.items():
                figures[form].found.append(await is_found(session, person, words, known))
    return figures


def _said(asked: list[Known]) -> Iterator[tuple[Known, dict[str, str]]]:
    random = Random(7)
    for known in asked:
        forms = {form: said(known, random) for form, said in FORMS.items()}
        yield known, {form: words for form, words in forms.items() if words}


async def equality(session: AsyncSession, known: Known) -> None:
    (await session.execute(EQUALITY, {"account": known.account})).all()


async def _milliseconds(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return (time.perf_counter() - started) * 1000


async def is_found(session: AsyncSession, person: Person, words: str, known: Known) -> bool:
    async for page in search.pages(session, person, names.query_keys(words), most=2000):
        if any(hit.client_id == known.client_id for hit in page):
            return True
    return False


def show(title: str, figures: Mapping[str, Figures]) -> None:
    print(f"\n{title}")
    print(f"  {'milliseconds':<26}{'p50':>7}{'':>9}{'p99':>8}  {'inline':>9}{'':>9}{'found':>9}")
    for form, of in figures.items():
        row = f"  {form:<26}"
        for taken, floor in ((of.taken, figures[FLOOR].taken), (of.inline, figures[FLOOR].inline)):
            row += f"{median(taken):>7.2f}{median(taken) / median(floor):>7.2f} ×"
            row += f"{p99(taken):>8.2f}  " if taken is of.taken else ""
        print(row + (f"{sum(of.found) / len(of.found):>9.1%}" if of.found else ""))


def p99(taken: list[float]) -> float:
    return quantiles(taken, n=100)[98]


async def through_the_desk(store: Store, asked: Mapping[Person, list[Known]]) -> list[float]:
    """Milliseconds from the message's arrival to the sender, one message at a time: stored,
    understood, looked up, answered, put out."""
    platform, calendar, clock = Screen(), Calendar.shipped(), store.clock
    lines = [
        (person, words)
        for person, some in asked.items()
        for known in some[: LINES // 3]
        for words in (known.name, whole(known.name), names.initials(known.name))
    ]
    taken: list[float] = []
    dispatcher = Dispatcher(store, {"dingtalk": platform}, Limits(clock, {}), Bell(store.database))
    async with Inbox(store.database).open() as inbox, asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(dispatcher.run())
        desk = Desk(
            store=store,
            router=make_router(),
            senders={"dingtalk": platform},
            calendar=calendar,
            book=Book(calendar),
            bell=Bell(store.database),
        )
        async with desk.open(), asyncio.timeout(600):
            ears = Ears(inbox)
            ears.desk.put(desk)
            await desk.serve()
            for number, (person, words) in enumerate(lines):
                ask = Ask(
                    message_id=f"m{number}",
                    chat=Chat(platform="dingtalk", place=Place.PRIVATE, id=person.id),
                    user=person.id,
                    at=clock.now(),
                    kind=AskKind.TEXT,
                    text=words,
                )
                started = time.perf_counter()
                await ears.hear(raw_of("bench", ask))
                while ask.message_id not in platform.shown:  # noqa: ASYNC110
                    await asyncio.sleep(0.0005)
                taken.append((platform.shown[ask.message_id] - started) * 1000)
        delivering.cancel()
    return taken[WARM:]


def sample(pool: list[Known]) -> list[Known]:
    """Some clients, with some companies more, of which there are few."""
    firms = [known for known in pool if names.is_company(known.name)]
    return Random(7).sample(pool, ASKED) + firms[:FIRMS]


async def run(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = crowd.open_crowd(Path(folder))
        audit.attach(store, audit.Head(Path(folder) / "head"))
        try:
            known, seconds = await crowd.fill(store, count)
            calm()  # as the service is
            size = (Path(folder) / "b.db").stat().st_size / 1e6
            print(f"\n{count:,} clients stored in {seconds:.0f} s, {size:,.0f} MB")
            pools = {MANAGER: known[:OWNED], RISK: known}
            asked = {person: sample(pool) for person, pool in pools.items()}
            for person, some in asked.items():
                await measure(store, person, some[-WARM:])  # as after the first minute
                figures = await measure(store, person, some)
                show(f"look-up among {count:,} clients as {person.name} ({person.id})", figures)
            taken = await through_the_desk(store, asked)
            print(f"\nfrom inbox to sender, {len(taken)} lines one at a time")
            print(f"  p50{median(taken):>9.1f} ms\n  p99{p99(taken):>9.1f} ms")
        finally:
            await store.close()


def main(count: int = CLIENTS) -> None:
    asyncio.run(run(count))


if __name__ == "__main__":
    given = [MANY if argument == "--long" else int(argument) for argument in sys.argv[1:]]
    main(*given)
