"""What people do while a call fails: each of them once, from beginning to end."""

from collections.abc import Awaitable, Callable

from tests.kill.changes import staff_the_desks
from tests.kill.falls import a_fall
from tests.kill.openings import open_an_account
from tests.kill.town import APPLICANTS, WANG, WANG_TOO, Town

Scenario = Callable[[Town, int], Awaitable[None]]


async def a_talk(town: Town, number: int) -> None:
    """Logged and undone, and a question that is answered in plain words; now here, now there."""
    seat = (WANG, WANG_TOO)[number % 2]
    asked = await town.sure(lambda: town.ask_for_nobody(seat))
    await town.answer_to(asked)
    said = await town.sure(lambda: town.log(seat, town.accounts["wangqiang"][number % 5]))
    await town.press(said, "undo")


async def a_picture(town: Town, number: int) -> None:
    """Now here, now there; of a client by his name, by which an answer on WeCom is known."""
    named = [town.names[one] for one in town.accounts["wangqiang"] if one in town.names]
    seat, name = (WANG, WANG_TOO)[number % 2], named[number % 5]
    said = await town.sure(lambda: town.insist_on(seat, "curve", f"资金曲线 {name}", name))
    await town.answer_to(said)


async def an_opening(town: Town, number: int) -> None:
    """Applied for and approved by two at once, step by step."""
    await staff_the_desks(town)
    await open_an_account(town, APPLICANTS[number % 2], number)


async def an_alert(town: Town, _number: int) -> None:
    """Raised, claimed, called about, silenced, risen, and over."""
    await a_fall(town)


SCENARIOS: dict[str, Scenario] = {
    one.__name__: one for one in (a_talk, a_picture, an_opening, an_alert)
}
