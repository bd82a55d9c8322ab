"""A message between its adapter and the desk: in the form in which it is stored.

The desk reads it from this form whether it was heard just now or before a crash, and only after
the platform has its acknowledgement.
"""

from functools import cache
from typing import NamedTuple

import orjson
from pydantic import TypeAdapter

from bot.chat.message import Ask


class Raw(NamedTuple):
    platform: str
    app: str
    key: str  # unique within platform and app: the platform's message id
    body: bytes  # the Ask as JSON

    @property
    def ask(self) -> Ask:
        return load_ask(self.body)


def raw_of(app: str, ask: Ask) -> Raw:
    """``ask`` as ``app`` heard it."""
    return Raw(ask.chat.platform, app, ask.message_id, dump_ask(ask))


def load_ask(body: bytes | str) -> Ask:
    return _asks().validate_json(body)


@cache
def _asks() -> TypeAdapter[Ask]:  # takes 10 ms, so not at every start
    return TypeAdapter(Ask)


def dump_ask(ask: Ask) -> bytes:
    """What has its default is left out."""
    chat, hook = ask.chat, ask.hook
    fields: dict[str, object] = {
        "message_id": ask.message_id,
        "chat": {"platform": chat.platform, "place": chat.place, "id": chat.id},
        "user": ask.user,
        "at": ask.at,
        "kind": ask.kind,
    }
    if ask.text:
        fields["text"] = ask.text
    if ask.mentioned:
        fields["mentioned"] = True
    if ask.files:
        fields["files"] = ask.files
    if ask.click is not None:
        fields["click"] = ask.click
    if hook is not None:
        fields["hook"] = {"url": hook.url, "expires": hook.expires}
    return orjson.dumps(fields)
