"""Tells systemd, where it started us, that people are served, that the loop turns, and the end.

The protocol is a datagram to the socket that ``NOTIFY_SOCKET`` names (sd_notify(3)).
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bot.app.running import running
from bot.chat.ports import Health
from bot.web import Current, is_ready, parts_of

log = logging.getLogger(__name__)

WATCH_SECONDS = 30.0  # where systemd does not say how long it waits for a word
PATIENCE = 3  # words within that time
BUILDING: Mapping[str, Health] = {"service": Health(ok=False, detail="正在启动")}
LOOK_SECONDS = 1.0  # between two looks while people are not served yet


@asynccontextmanager
async def told_to_systemd(
    current: Current, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[None]:
    """Keeps it told for the length of the block; does nothing where nobody listens."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        yield
        return
    limit = float(environ.get("WATCHDOG_USEC", WATCH_SECONDS * 1e6)) / 1e6
    with _Line(address) as line:
        async with running(_keep_telling(current, line, limit)):
            yield
            line.say("STOPPING=1")


async def _keep_telling(current: Current, line: "_Line", limit: float) -> None:
    """``READY=1`` once; until then more time is asked for, so that only a loop that stands still is
    ended, and never one that waits for a platform."""
    ready, trouble = False, None
    while True:
        line.say("WATCHDOG=1" if ready else f"EXTEND_TIMEOUT_USEC={limit * 1e6:.0f}")
        service = current()
        parts = BUILDING if service is None else await parts_of(service)
        ailing = _in_one_line(parts)
        if ailing != trouble:
            trouble = ailing
            line.say(f"STATUS={ailing or '正常'}")
        if not ready and is_ready(parts):
            ready = True
            line.say("READY=1")
        await asyncio.sleep(limit / PATIENCE if ready else min(LOOK_SECONDS, limit / PATIENCE))


def _in_one_line(parts: Mapping[str, Health]) -> str:
    """What is not well; a second line would be an assignment of its own to systemd."""
    told = "；".join(f"{name} {part.detail}" for name, part in parts.items() if not part.ok)
    return " ".join(told.split())


class _Line:
    """To the socket; ``@`` stands for an abstract name."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, word: str) -> None:
        """What is not taken at once is not waited for: the next word comes soon."""
        try:
            self._socket.sendto(word.encode(), self._address)
        except OSError as error:
            log.warning("systemd: not told (%s)", type(error).__name__)
