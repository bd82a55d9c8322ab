"""Passive replies to messages and events: words in the acknowledgement, shown as a message."""

from typing import Any
from xml.etree.ElementTree import Element

from bot.sandbox.ground import Ground
from bot.sandbox.wecom import xml
from bot.sandbox.wecom.calls import NAME, Problem
from bot.sandbox.wecom.cards import Cards
from bot.sandbox.wecom.content import Reader
from bot.sandbox.wecom.files import Files
from bot.sandbox.wecom.posts import Posts
from bot.sandbox.wecom.pushes import Push


class Replies:
    def __init__(self, ground: Ground, cards: Cards, posts: Posts, files: Files) -> None:
        self._ground = ground
        self._cards = cards
        self._posts = posts
        self._reader = Reader(files.find)

    def show(self, push: Push, passive: Element) -> None:
        """Whatever is no card for a click and no message, or not to who spoke, is noted
        and dropped."""
        if self._cards.answered(push, passive):
            return
        kind, to = xml.word(passive, "MsgType"), xml.word(passive, "ToUserName")
        if to.lower() != push.person.lower():
            self._ground.wire.note(NAME, "in", "被动回复无效", "ToUserName is not who spoke")
            return
        try:
            shown = self._reader.read(kind, {kind: body_of(kind, passive)})
        except Problem as problem:
            self._ground.wire.note(NAME, "in", "被动回复无效", problem.message)
            return
        with self._ground.disk.transaction():
            extra = {"reply_to": push.message or None}
            self._posts.show(shown, self._posts.new_id(), person=push.person, extra=extra)


def body_of(kind: str, passive: Element) -> dict[str, Any]:
    """As ``message/send`` has it."""
    match kind:
        case "text":
            return {"content": xml.word(passive, "Content")}
        case "image" | "voice" | "video":
            return {"media_id": xml.word(passive, f"{kind.capitalize()}/MediaId")}
        case "news":
            return {
                "articles": [
                    {
                        "title": xml.word(one, "Title"),
                        "description": xml.word(one, "Description"),
                        "url": xml.word(one, "Url"),
                    }
                    for one in passive.findall("Articles/item")
                ]
            }
        case _:
            return {}
