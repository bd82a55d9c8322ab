"""Four channels with different powers: which one is taken, what follows when it does not get there,
and what becomes of every kind of card in each."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.chat.message import (
    Button,
    Card,
    Chat,
    Document,
    Fact,
    Input,
    InputKind,
    Picture,
    Place,
    ReplyHook,
    Table,
    Text,
)
from bot.chat.ports import Outgoing
from bot.platforms.wecom.channels import Channel
from bot.platforms.wecom.client import WeCom, open_wecom
from bot.platforms.wecom.errors import check
from bot.platforms.wecom.notes import Kind
from bot.platforms.wecom.parse import HOOK
from bot.platforms.wecom.render import Said, Shown, Written
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import OutsideError
from tests.contract.rig import Shelf
from tests.fakes.wecom import APP_CHAT, ROBOT, SEND, FakeWeCom, fake_wecom, refuses
from tests.fakes.wecom_notes import MemoryNotes

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
WANG = Chat(platform="wecom", place=Place.PRIVATE, id="wangqiang")
WITH_ROBOT = Chat(platform="wecom", place=Place.GROUP, id="g-risk")
OWN = Chat(platform="wecom", place=Place.GROUP, id="riskopen01")
OTHER = Chat(platform="wecom", place=Place.GROUP, id="g-other")
ASKED = ReplyHook(url=f"{HOOK}R1", expires=NOON + timedelta(hours=24))
PRESS = (Button("ok:1", "同意"), Button("no:1", "驳回"))
CHOICE = Input(key="to", label="转给", kind=InputKind.SELECT, options=(("a", "甲"), ("b", "乙")))
TICKS = Input(
    key="who", label="谁", kind=InputKind.MULTI_SELECT, options=(("a", "甲"), ("b", "乙"))
)
TYPED = Input(key="why", label="意见", required=True)

READ = Card(id="k", title="收盘", facts=(Fact("权益", "1,234.00 元"),))
LONG = Card(id="k", title="风险榜", table=Table(("户", "率"), (("甲", "90%"),) * 60))
CARDS: Mapping[str, Card] = {
    "to read": READ,
    "long to read": LONG,
    "buttons": Card(id="k", title="t", buttons=PRESS),
    "eight buttons": Card(
        id="k", title="t", buttons=tuple(Button(f"n:{n}", str(n)) for n in range(8))
    ),
    "a choice": Card(id="k", title="t", inputs=(CHOICE,), buttons=PRESS),
    "choices": Card(
        id="k",
        title="t",
        inputs=(CHOICE, Input(key="b", label="再", kind=InputKind.SELECT, options=CHOICE.options)),
        buttons=PRESS[:1],
    ),
    "ticks": Card(id="k", title="t", inputs=(TICKS,), buttons=PRESS[:1]),
    "must be typed": Card(id="k", title="t", inputs=(TYPED,), buttons=PRESS[:1]),
    "long with buttons": Card(id="k", title="t", table=LONG.table, buttons=PRESS),
}

NOTICE, WORDS = "text_notice", "markdown"
PRESSED = "button_interaction"
SHOWN_AS: Mapping[str, Mapping[str, list[str]]] = {
    # channel: what each of CARDS becomes, message by message
    "app": {
        "to read": [NOTICE],
        "long to read": [WORDS],
        "buttons": [PRESSED],
        "eight buttons": [f"{PRESSED} + menu"],
        "a choice": [PRESSED],
        "choices": ["multiple_interaction"],
        "ticks": ["vote_interaction"],
        "must be typed": [NOTICE],
        "long with buttons": [WORDS, PRESSED],
    },
    "bot": {
        "to read": [NOTICE],
        "long to read": [WORDS],
        "buttons": [PRESSED],
        "eight buttons": [f"{PRESSED} + menu"],
        "a choice": [PRESSED],
        "choices": ["multiple_interaction"],
        "ticks": ["vote_interaction"],
        "must be typed": [WORDS],
        "long with buttons": [WORDS, PRESSED],
    },
    "robot": {kind: [NOTICE if kind == "to read" else WORDS] for kind in CARDS},
    "appchat": {kind: [WORDS] for kind in CARDS},
}


@asynccontextmanager
async def near(**settings: Any) -> AsyncIterator[tuple[FakeWeCom, WeCom, MemoryNotes]]:
    clock = StoppedClock(NOON)
    notes = MemoryNotes(clock)
    async with fake_wecom() as fake:
        told = fake.settings(**{"aibot": fake.bot_settings(), **settings})
        async with open_wecom(
            told, clock, Shelf({"p": b"\x89PNG x", "f": b"PK x"}), notes
        ) as wecom:
            yield fake, wecom, notes


def out(part: Any = Text(text="x"), chat: Chat = WANG, **more: Any) -> Outgoing:  # noqa: B008
    return Outgoing(key="o1", chat=chat, part=part, **more)


def ways(wecom: WeCom, chat: Chat, **more: Any) -> list[str]:
    return [way.name for way in wecom.ways(out(chat=chat, **more))]


def channels(wecom: WeCom) -> dict[str, Channel]:
    assert wecom._bot is not None
    return {way.name: way for way in (wecom._app, wecom._bot, wecom._robots, wecom._app_chat)}


def kind_of(message: object) -> str:
    match message:
        case Shown(json=json):
            return f"{json['card_type']}{' + menu' * ('action_menu' in json)}"
        case Written():
            return WORDS
        case Said():
            return "text"
    return "attached"


class TestWhichWay:
    async def test_an_answer_goes_where_the_question_came_from(self) -> None:
        async with near() as (_, wecom, _notes):
            assert ways(wecom, WANG, hook=ASKED) == ["bot", "app"]
            assert ways(wecom, WITH_ROBOT, hook=ASKED) == ["bot", "robot"]

    async def test_unasked_a_person_hears_from_the_application(self) -> None:
        async with near() as (_, wecom, _notes):
            assert ways(wecom, WANG) == ["app"]
            await wecom.met(WANG)
            assert ways(wecom, WANG) == ["app", "bot"]

    async def test_without_a_callback_people_are_better_off_with_the_bot(self) -> None:
        async with near(clickable=False) as (_, wecom, _notes):
            assert ways(wecom, WANG) == ["app"]
            await wecom.met(WANG)
            assert ways(wecom, WANG) == ["bot", "app"]

    async def test_a_group_hears_from_the_bot_once_somebody_spoke_to_it_there(self) -> None:
        async with near() as (_, wecom, _notes):
            assert ways(wecom, WITH_ROBOT) == ["robot"]
            assert ways(wecom, OWN) == ["appchat"]
            assert ways(wecom, OTHER) == ["bot"]
            await wecom.met(WITH_ROBOT)
            await wecom.met(OWN)
            assert ways(wecom, WITH_ROBOT) == ["bot", "robot"]
            assert ways(wecom, OWN) == ["bot", "appchat"]

    async def test_without_a_bot_a_group_has_its_robot_or_the_applications_own(self) -> None:
        async with near(aibot=None) as (_, wecom, _notes):
            assert ways(wecom, WITH_ROBOT) == ["robot"]
            assert ways(wecom, OWN) == ["appchat"]


class TestWhenItDoesNotGetThere:
    async def test_a_bot_that_was_taken_out_of_the_group_gives_way_to_the_robot(self) -> None:
        async with near() as (fake, wecom, notes):
            await wecom.met(WITH_ROBOT)
            bot = _Deaf(wecom, 846607)
            await wecom.send(out(chat=WITH_ROBOT))
            assert bot.tried == 1
            assert len(fake.to(ROBOT)) == 1
            assert ways(wecom, WITH_ROBOT) == ["robot"]
            assert await notes.read(Kind.MET, WITH_ROBOT.id) is None
            await wecom.met(WITH_ROBOT)  # somebody speaks to it again
            assert ways(wecom, WITH_ROBOT) == ["bot", "robot"]

    async def test_what_is_wrong_with_the_message_is_no_reason_to_leave(self) -> None:
        async with near() as (fake, wecom, _notes):
            await wecom.met(WITH_ROBOT)
            _Deaf(wecom, 40007)
            with pytest.raises(OutsideError):
                await wecom.send(out(chat=WITH_ROBOT))
            assert fake.to(ROBOT) == []
            assert ways(wecom, WITH_ROBOT) == ["bot", "robot"]

    @pytest.mark.parametrize("code", [60020, 81013, 48002])
    async def test_where_the_application_may_not_the_bot_speaks_to_whoever_it_knows(
        self, code: int
    ) -> None:
        async with near() as (fake, wecom, _notes):
            fake.script(SEND, refuses(code))
            with pytest.raises(OutsideError):
                await wecom.send(out())
            await wecom.met(WANG)
            bot = _Deaf(wecom, 0)
            fake.script(SEND, refuses(code))
            await wecom.send(out())
            assert bot.tried == 1

    async def test_a_group_that_is_not_the_applications_is_refused(self) -> None:
        async with near(aibot=None) as (fake, wecom, _notes):
            fake.script(APP_CHAT, refuses(86008))
            with pytest.raises(OutsideError):
                await wecom.send(out(chat=OWN))


class TestDegrading:
    @pytest.mark.parametrize("channel", list(SHOWN_AS))
    @pytest.mark.parametrize("kind", list(CARDS))
    async def test_every_card_has_its_form_in_every_channel(self, channel: str, kind: str) -> None:
        async with near() as (_, wecom, _notes):
            messages = wecom._messages(out(CARDS[kind]), channels(wecom)[channel])
            assert [kind_of(one) for one in messages] == SHOWN_AS[channel][kind]

    @pytest.mark.parametrize("channel", list(SHOWN_AS))
    @pytest.mark.parametrize("kind", [name for name, card in CARDS.items() if card.buttons])
    async def test_every_button_can_be_used_in_every_channel(self, channel: str, kind: str) -> None:
        async with near() as (_, wecom, _notes):
            messages = wecom._messages(out(CARDS[kind]), channels(wecom)[channel])
            everything = "".join(str(one) for one in messages).replace("＃", "#")
            for button in CARDS[kind].buttons:
                pressed = f"'{button.key}#1'" in everything
                said = f"按 {button.key} #k.1" in everything
                assert pressed or said, button.key

    async def test_lines_say_where_they_are_heard(self) -> None:
        card = CARDS["must be typed"]
        async with near() as (_, wecom, _notes):
            shown = {
                name: str(wecom._messages(out(card), way)) for name, way in channels(wecom).items()
            }
        assert "回复下面一行" in shown["app"]
        assert "@我回复" in shown["bot"]
        assert "应用「期台」的会话里" in shown["robot"]
        assert "应用「期台」的会话里" in shown["appchat"]
        async with near(clickable=False) as (_, wecom, _notes):
            assert "智能机器人「期台」的会话里" in str(wecom._messages(out(card), wecom._app))

    @pytest.mark.parametrize("channel", list(SHOWN_AS))
    async def test_files_and_pictures_go_everywhere(self, channel: str) -> None:
        async with near() as (_, wecom, _notes):
            way = channels(wecom)[channel]
            assert way.capabilities.files
            for part in (Picture(blob="p", caption="曲线"), Document(blob="f", name="月报.xlsx")):
                assert kind_of(wecom._messages(out(part), way)[-1]) == "attached"


class _Deaf:
    """Stands in for the bot's connection: refuses every frame with ``code``, or takes it."""

    def __init__(self, wecom: WeCom, code: int) -> None:
        assert wecom.bot is not None
        self.tried = 0
        self._code = code
        wecom.bot.call = self._call  # type: ignore[assignment, method-assign]

    async def _call(
        self, command: str, _body: Mapping[str, Any], _req_id: str = "", *, effect: bool = True
    ) -> dict[str, Any]:
        self.tried += 1
        check(command, {"errcode": self._code})
        return {}
