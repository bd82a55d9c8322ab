"""What an aibot says: answers to messages, welcomes, new cards for clicked ones, and pushes."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.ground import Ground
from bot.sandbox.refused import NobodyListens
from bot.sandbox.screens import PRIVATE
from bot.sandbox.wecom.bot_questions import Question, Questions
from bot.sandbox.wecom.bots import BAD_REQUEST, EVENT, MESSAGE, TOO_OLD, Bots, Command
from bot.sandbox.wecom.calls import Problem, as_object, as_texts
from bot.sandbox.wecom.card_rules import Channel, read_card
from bot.sandbox.wecom.card_store import CardStore
from bot.sandbox.wecom.cards import Cards, Clicked
from bot.sandbox.wecom.company import AiBot, WeComSettings
from bot.sandbox.wecom.content import STREAM_BYTES, Reader, markdown, need
from bot.sandbox.wecom.files import Files
from bot.sandbox.wecom.meter import Meter
from bot.sandbox.wecom.posts import Posts

ANSWER_MILLIS = 24 * 3_600_000
STREAM_MILLIS = 6 * 60_000
SENT = frozenset({"markdown", "image", "file", "voice", "video"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that may be answered until ``until``, on the monotonic clock."""

    bot: AiBot
    kind: Literal["click", "enter_chat"]
    until: float
    person: str
    click: Clicked | None = None
    done: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an answer appears, and which message it answers."""

    chat: str
    person: str
    reply_to: str = ""

    @property
    def conversation(self) -> str:
        return self.person if self.chat == PRIVATE else self.chat


class BotAnswers:
    def __init__(
        self,
        ground: Ground,
        settings: WeComSettings,
        bots: Bots,
        questions: Questions,
        cards: Cards,
        store: CardStore,
        posts: Posts,
        files: Files,
        meter: Meter,
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._bots = bots
        self._questions = questions
        self._cards = cards
        self._store = store
        self._posts = posts
        self._files = files
        self._meter = meter
        self._waiting: dict[str, Waiting] = {}
        bots.serve("aibot_respond_msg", self._respond)
        bots.serve("aibot_respond_welcome_msg", self._welcome)
        bots.serve("aibot_respond_update_msg", self._update)
        bots.serve("aibot_send_msg", self._push)
        cards.ask_bots_with(self.ask)

    # Telling and asking

    def listens(self, bot: AiBot) -> bool:
        return self._bots.live(bot) is not None

    def hear(self, bot: AiBot, question: Question, body: Mapping[str, Any]) -> None:
        """A person's message. Raises NobodyListens."""
        if not self.listens(bot):
            raise NobodyListens
        group = question.chat != PRIVATE
        head = {
            "msgid": question.message,
            "aibotid": bot.bot_id,
            **({"chatid": question.chat} if group else {}),
            "chattype": "group" if group else "single",
            "from": {"userid": question.person},
        }
        with self._ground.disk.transaction():
            self._questions.activate(bot, question.chat, question.person)
            request_id = self._bots.tell(bot, MESSAGE, head | dict(body))
            self._questions.keep(request_id, bot, question)

    async def ask(self, clicked: Clicked) -> bool:
        bot = self._settings.bot_of_id(clicked.card.owner)
        if bot is None or not self.listens(bot):
            raise NobodyListens
        waiting = self._wait(bot, "click", clicked.person, clicked)
        pressed = {
            "card_type": clicked.copy.card["card_type"],
            "event_key": clicked.action,
            "task_id": clicked.card.task,
            "selected_items": {
                "selected_item": [
                    {"question_key": key, "option_ids": {"option_id": list(ids)}}
                    for key, ids in clicked.chosen.items()
                ]
            },
        }
        event = {"eventtype": "template_card_event", "template_card_event": pressed}
        request_id = self._tell_event(waiting, clicked.chat, event)
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                return await waiting.done
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(request_id, None)

    def enter_chat(self, bot: AiBot, person: str) -> None:
        """A person opens the robot's chat, for the first time today."""
        self._questions.activate(bot, PRIVATE, person)
        self._tell_event(
            self._wait(bot, "enter_chat", person), PRIVATE, {"eventtype": "enter_chat"}
        )

    def tell_event(self, bot: AiBot, person: str, event: Mapping[str, Any]) -> None:
        """One that is not answered."""
        self._bots.tell(bot, EVENT, self._event_body(bot, PRIVATE, person, event))

    def _wait(
        self,
        bot: AiBot,
        kind: Literal["click", "enter_chat"],
        person: str,
        click: Clicked | None = None,
    ) -> Waiting:
        return Waiting(bot, kind, time.monotonic() + self._settings.answer_seconds, person, click)

    def _tell_event(self, waiting: Waiting, chat: str, event: Mapping[str, Any]) -> str:
        body = self._event_body(waiting.bot, chat, waiting.person, event)
        request_id = self._bots.tell(waiting.bot, EVENT, body)
        self._waiting[request_id] = waiting
        return request_id

    def _event_body(
        self, bot: AiBot, chat: str, person: str, event: Mapping[str, Any]
    ) -> dict[str, Any]:
        group = chat != PRIVATE
        return {
            **self._bots.head(bot),
            **({"chatid": chat} if group else {}),
            "chattype": "group" if group else "single",
            "from": {"userid": person},
            "msgtype": "event",
            "event": dict(event),
        }

    # What the robot says

    async def _respond(self, command: Command) -> None:
        question = self._questions.find(command.request_id, command.bot)
        if question is None or self._ground.clock.millis() - question.at > ANSWER_MILLIS:
            raise Problem(BAD_REQUEST)
        spot = Spot(question.chat, question.person, question.message)
        if command.body.get("msgtype") == "stream":
            self._stream(command, spot)
        else:
            self._say(command, spot)

    async def _welcome(self, command: Command) -> None:
        waiting = self._awaited(command, "enter_chat")
        spot = Spot(PRIVATE, waiting.person)
        if command.body.get("msgtype") == "text":
            shown = self._reader(command.bot).read("text", command.body)
            with self._ground.disk.transaction():
                self._posts.show(shown, self._posts.new_id(), spot.chat, spot.person)
        elif command.body.get("msgtype") == "template_card":
            self._say(command, spot)
        else:
            raise Problem(40008)
        del self._waiting[command.request_id]

    async def _update(self, command: Command) -> None:
        waiting = self._awaited(command, "click")
        clicked = waiting.click
        if clicked is None or command.body.get("response_type") != "update_template_card":
            raise Problem(40008)
        given = as_object(command.body.get("template_card"))
        fresh = read_card(given, Channel.BOT, updating=True)
        if clicked.card.task and given.get("task_id") != clicked.card.task:
            raise Problem(40035, "task_id is not that of the clicked card")
        owners = self._store.people(clicked.card.key)
        named = as_texts(command.body.get("userids"))
        people = [one for one in owners if one in named] if named else owners
        self._cards.replace(clicked.card, people, fresh)
        del self._waiting[command.request_id]
        if not waiting.done.done():
            waiting.done.set_result(True)

    async def _push(self, command: Command) -> None:
        """The robot speaks first: only where somebody has spoken to it before."""
        chat = command.body.get("chatid")
        if not isinstance(chat, str) or not chat:
            raise Problem(86201, "chatid is missing")
        spot = self._spot(command, chat)
        if self._settings.needs_activation and not self._questions.is_active(command.bot, chat):
            raise Problem(self._settings.not_activated, "no conversation with this chat yet")
        self._say(command, spot)

    def _spot(self, command: Command, chat: str) -> Spot:
        kind = command.body.get("chat_type", 0)
        if kind in (0, 2) and self._ground.world.robots_group(chat):
            return Spot(chat, "")
        if kind in (0, 1) and self._ground.world.person(chat):
            return Spot(PRIVATE, chat)
        raise Problem(86201, "chatid is unknown")

    def _say(self, command: Command, spot: Spot) -> None:
        kind, bot = str(command.body.get("msgtype") or ""), command.bot
        extra = {"app": f"aibot:{bot.name}", "reply_to": spot.reply_to}
        if kind == "template_card":
            card = read_card(command.body.get("template_card"), Channel.BOT)
            if self._store.knows_task(bot.bot_id, str(card.get("task_id") or "")):
                raise Problem(42014)
            self._take_quota(bot, spot)
            with self._ground.disk.transaction():
                self._posts.new_card(Channel.BOT, bot.bot_id, card, spot.chat, spot.person, extra)
            return
        if kind not in SENT:
            raise Problem(40008)
        shown = self._reader(bot).read(kind, command.body)
        self._take_quota(bot, spot)
        with self._ground.disk.transaction():
            self._posts.show(shown, self._posts.new_id(), spot.chat, spot.person, extra)

    def _stream(self, command: Command, spot: Spot) -> None:
        """The whole text each time; refreshes are not counted as messages (unsure)."""
        part, bot = as_object(command.body.get("stream")), command.bot
        id_ = need(part, "id", "body.stream")
        words = str(part.get("content") or "")
        if len(words.encode()) > STREAM_BYTES:
            raise Problem(45002)
        running = self._questions.stream(bot, id_)
        if running is None:
            self._take_quota(bot, spot)
        elif running.request != command.request_id:
            raise Problem(BAD_REQUEST)
        elif running.finished or self._ground.clock.millis() - running.at > STREAM_MILLIS:
            raise Problem(TOO_OLD)
        finished = part.get("finish") is True
        extra = {"app": f"aibot:{bot.name}", "reply_to": spot.reply_to, "streaming": not finished}
        shown = markdown(words)
        with self._ground.disk.transaction():
            if running is None:
                seq = self._posts.show(shown, self._posts.new_id(), spot.chat, spot.person, extra)
                self._questions.begin_stream(bot, id_, command.request_id, seq)
            else:
                self._ground.screens.rewrite(running.seq, shown.body | extra)
            if finished:
                self._questions.finish_stream(bot, id_)

    def _awaited(self, command: Command, kind: str) -> Waiting:
        waiting = self._waiting.get(command.request_id)
        if waiting is None or waiting.kind != kind or waiting.bot is not command.bot:
            raise Problem(BAD_REQUEST)
        if time.monotonic() > waiting.until:
            del self._waiting[command.request_id]
            raise Problem(BAD_REQUEST)
        return waiting

    def _take_quota(self, bot: AiBot, spot: Spot) -> None:
        if self._meter.bot_too_fast(bot, spot.conversation):
            raise Problem(45009)

    def _reader(self, bot: AiBot) -> Reader:
        def find(media_id: object) -> Any:
            return self._files.find(media_id, bot.bot_id)

        return Reader(find, markdown_bytes=STREAM_BYTES)
