"""What people say and send: onto the screens and, where an app or an aibot hears it, to it."""

import json
from dataclasses import dataclass
from typing import Any

from bot.sandbox.ground import Ground, Saying
from bot.sandbox.media import Medium
from bot.sandbox.refused import NobodyListens, Refused
from bot.sandbox.screens import PRIVATE, Item
from bot.sandbox.wecom import inbound
from bot.sandbox.wecom.bot_answers import BotAnswers
from bot.sandbox.wecom.bot_media import BotMedia
from bot.sandbox.wecom.bot_questions import Question
from bot.sandbox.wecom.calls import NAME
from bot.sandbox.wecom.company import AiBot, WeComSettings
from bot.sandbox.wecom.content import Shown
from bot.sandbox.wecom.courier import Courier
from bot.sandbox.wecom.files import Files

AIBOT = "aibot"  # as ``app``: the desk's own aibot
KINDS = frozenset({"text", "voice", "location", "link", "rich", "unknown"})

Told = tuple[str, dict[str, Any]] | None
"""Message type and body as somebody hears it; None who cannot hear such a thing."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """``app`` and ``bot``: what either is told if the person's words go there."""

    shown: Shown
    app: Told
    bot: Told


class Speech:
    def __init__(
        self,
        ground: Ground,
        settings: WeComSettings,
        courier: Courier,
        answers: BotAnswers,
        files: Files,
        bot_media: BotMedia,
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._courier = courier
        self._answers = answers
        self._files = files
        self._bot_media = bot_media

    def say(self, saying: Saying, _address: str) -> str:
        if saying.kind not in KINDS:
            raise Refused(f"没有这种消息：{saying.kind}")
        if not saying.text.strip():
            raise Refused("消息是空的")
        bot = self._bot(saying)
        with self._ground.disk.transaction():
            return self._utter(saying, self._words(saying, bot), bot)

    def upload(self, saying: Saying, medium: Medium, address: str) -> str:
        bot = self._bot(saying)
        with self._ground.disk.transaction():
            said = self._sent(medium, address, private(saying))
            if bot is None and said.app is None and self._answers.listens(self._settings.bot):
                bot = self._settings.bot  # people drop a file where it is taken
            return self._utter(saying, said, bot)

    def _utter(self, saying: Saying, said: Utterance, bot: AiBot | None) -> str:
        """Onto the screens and to whoever hears it. Raises NobodyListens, then nothing is
        taken."""
        self._ground.screens.member(saying.person, saying.chat)
        message = str(7_400_000_000_000_000_000 + self._ground.disk.count("wecom:message"))
        extra = {"app": f"aibot:{bot.name}" if bot else self._settings.desk.name}
        self._ground.screens.put(
            Item(
                platform=NAME,
                chat=saying.chat,
                person=saying.person,
                sender=saying.person,
                kind=said.shown.kind,
                message=message,
                body=said.shown.body | extra,
            )
        )
        if not private(saying) and not self._is_called(saying):
            return message
        if bot is None:
            self._tell_app(saying.person, message, said.app)
        elif said.bot:
            kind, body = said.bot
            question = Question(saying.chat, saying.person, message, self._ground.clock.millis())
            self._answers.hear(bot, question, {"msgtype": kind, **body})
        return message

    def _tell_app(self, person: str, message: str, told: Told) -> None:
        if not self._courier.reached:
            raise NobodyListens
        if told is None:
            return
        kind, body = told
        envelope = inbound.Envelope(
            corp_id=self._settings.corp_id,
            agent_id=self._settings.desk.agent_id,
            sender=person,
            at=self._ground.clock.millis() // 1000,
        )
        plain = inbound.message(envelope, kind, message, body)
        self._courier.send(self._courier.store(person, message, plain))

    def _bot(self, saying: Saying) -> AiBot | None:
        """The aibot that hears it; None for the app, which hears private words alone."""
        if saying.app in (AIBOT, self._settings.bot.name):
            return self._settings.bot
        if saying.app:
            bot = next((one for one in self._settings.bots if one.name == saying.app), None)
            if bot is None:
                raise Refused(f"没有这个应用：{saying.app}")
            return bot
        return None if private(saying) and self._courier.url else self._settings.bot

    def _is_called(self, saying: Saying) -> bool:
        return saying.mention and self._ground.world.robots_group(saying.chat) is not None

    def _words(self, saying: Saying, bot: AiBot | None) -> Utterance:
        text = saying.text
        if not private(saying) and saying.mention and bot:
            text = f"@{bot.called} {text}"
        shown = Shown("text", {"text": text, "voice": saying.kind == "voice"})
        quote = self._quoted(saying)
        match saying.kind:
            case "voice":
                spoken = ("voice", {"voice": {"content": text}} | quote)
                app = inbound.voice_body(self._files.spoken()) if bot is None else {}
                return Utterance(shown, ("voice", app), spoken if private(saying) else None)
            case "location":
                return Utterance(shown, ("location", inbound.location_body(text)), None)
            case "link":
                return Utterance(shown, ("link", inbound.link_body(text)), None)
            case "rich":
                lines = [{"msgtype": "text", "text": {"content": one}} for one in text.splitlines()]
                mixed = ("mixed", {"mixed": {"msg_item": lines}} | quote)
                return Utterance(shown, ("text", inbound.text_body(text)), mixed)
            case "unknown":
                return Utterance(shown, ("unknown", {}), ("unknown", {}))
            case _:
                told = ("text", {"text": {"content": text}} | quote)
                return Utterance(shown, ("text", inbound.text_body(text)), told)

    def _sent(self, medium: Medium, address: str, in_private: bool) -> Utterance:
        """A picture, a video or another file. An app is not told of files, an aibot hears all
        three in private."""
        item = {"text": medium.name, "url": medium.url, "name": medium.name, "size": medium.size}
        app: Told = None
        if medium.is_picture:
            kind, shown = "image", Shown("image", item)
            app = ("image", inbound.image_body(medium.id, address + medium.url))
        elif medium.mime == "video/mp4":
            kind, shown = "video", Shown("file", item)
            app = ("video", inbound.video_body(medium.id))
        else:
            kind, shown = "file", Shown("file", item)
            if self._settings.receive_files:
                app = ("file", inbound.file_body(medium.id, medium.name))
        self._files.own(medium, kind)
        bot: Told = (kind, {kind: self._bot_media.part(medium, address)}) if in_private else None
        return Utterance(shown, app, bot)

    def _quoted(self, saying: Saying) -> dict[str, Any]:
        if not saying.quote:
            return {}
        row = self._ground.screens.message(NAME, saying.quote)
        if row is None:
            raise Refused("没有这条被引用的消息")
        text = str(json.loads(row["body"]).get("text", ""))
        return {"quote": {"msgtype": "text", "text": {"content": text}}}


def private(saying: Saying) -> bool:
    return saying.chat == PRIVATE
