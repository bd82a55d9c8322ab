"""A platform that shows everything at once, and remembers when."""

import time

from bot.chat.message import FileIn
from bot.chat.ports import Capabilities, Outgoing, Receipt


class Screen:
    capabilities = Capabilities(
        update_in_place=True, buttons=True, inputs=True, files=True, text_bytes=15_000
    )

    def __init__(self) -> None:
        self.shown: dict[str, float] = {}  # when, by the message that was answered

    def idempotent(self, _out: Outgoing) -> bool:
        return True

    def buckets(self, _out: Outgoing) -> tuple[str, ...]:
        return ()

    async def fetch(self, _file: FileIn) -> bytes:
        return b""

    async def send(self, out: Outgoing) -> Receipt:
        self.shown.setdefault(out.reply_to, time.perf_counter())
        return Receipt()
