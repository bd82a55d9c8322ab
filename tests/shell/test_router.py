"""From a word or a button to its handler; roles are checked on the way."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Ask, AskKind, Audience, Card, Chat, Click, Place, Text
from bot.chat.reply import Reply, say
from bot.grammar.reading import Reading
from bot.router import NotBuilt, OldCard, Router, Turn
from crm.kernel.calendar import Calendar
from crm.kernel.errors import NotAllowed
from crm.models import Role
from crm.people import Action, Person
from risk.book import Book
from tests.fakes.broker import MONDAY_TEN

CALENDAR = Calendar.shipped()
MANAGER = Person(id="wangqiang", name="王强", branch="HZ", roles=frozenset({Role.MANAGER}))
AUDITOR = Person(id="linlan", name="林岚", branch=None, roles=frozenset({Role.AUDIT_ADMIN}))
TURN = Turn(
    ask=Ask(
        message_id="m1",
        chat=Chat(platform="dingtalk", place=Place.PRIVATE, id="wangqiang"),
        user="wangqiang",
        at=MONDAY_TEN,
        kind=AskKind.TEXT,
        text="查 张三",
    ),
    person=MANAGER,
    audience=Audience.PRIVATE,
    at=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
    calendar=CALENDAR,
    book=Book(CALENDAR),
)
SESSION = AsyncSession()


async def look_up(turn: Turn, _: AsyncSession) -> Reply:
    return say(Text(text="找到了"))


async def undo(turn: Turn, _: AsyncSession) -> Reply:
    return say(Text(text="撤销了"))


async def card(
    session: AsyncSession, person: Person, number: int, audience: Audience, at: datetime
) -> Card:
    return Card(title=f"{person.name} {number} {audience}")


@pytest.fixture
def router() -> Router:
    router = Router()
    router.command("look_up", action=Action.LOOK_UP)(look_up)
    router.click("undo", action=Action.LOG)(undo)
    router.view("interaction")(card)
    return router


def line(verb: str | None, text: str = "查 张三", person: Person = MANAGER) -> Turn:
    ask = replace(TURN.ask, text=text)
    return replace(TURN, ask=ask, reading=Reading(verb=verb), person=person)


def button(action: str, person: Person = MANAGER) -> Turn:
    return replace(TURN, click=Click(card="qd1", version=1, action=action), person=person)


async def test_a_verb_and_a_button_find_their_handler(router: Router) -> None:
    assert await router.answer(line("look_up"), SESSION) == say(Text(text="找到了"))
    assert await router.answer(line("ask:look_up"), SESSION) == say(Text(text="找到了"))
    assert await router.answer(button("undo:17"), SESSION) == say(Text(text="撤销了"))


async def test_who_may_not_is_refused_before_the_handler(router: Router) -> None:
    for turn in (line("look_up", person=AUDITOR), button("undo:17", AUDITOR)):
        with pytest.raises(NotAllowed):
            await router.answer(turn, SESSION)


@pytest.mark.parametrize("text", ["压力 rb -5%", "", "  "])
async def test_a_verb_that_nobody_built_is_said_so(router: Router, text: str) -> None:
    for verb in ("stress", None):
        with pytest.raises(NotBuilt):
            await router.answer(line(verb, text), SESSION)


async def test_a_button_that_nobody_built_belongs_to_an_old_card(router: Router) -> None:
    with pytest.raises(OldCard):
        await router.answer(button("gone:17"), SESSION)


async def test_a_subject_is_drawn_by_its_view(router: Router) -> None:
    drawn = await router.draw(SESSION, MANAGER, "interaction:17", Audience.GROUP, TURN.at)
    assert drawn == Card(title="王强 17 group")
    assert await router.draw(SESSION, MANAGER, "alert:17", Audience.GROUP, TURN.at) is None
    assert await router.draw(SESSION, MANAGER, "", Audience.GROUP, TURN.at) is None


def test_help_lists_what_a_person_may_say(router: Router) -> None:
    assert router.may_use(MANAGER, "look_up")
    assert not router.may_use(AUDITOR, "look_up")
    assert not router.may_use(MANAGER, "stress")


def test_nothing_is_registered_twice(router: Router) -> None:
    other = Router()
    other.command("look_up")(look_up)
    with pytest.raises(ValueError, match="look_up"):
        router.include(other)
