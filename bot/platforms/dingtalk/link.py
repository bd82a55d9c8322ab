"""One Stream connection from its handshake to its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote_plus

import aiohttp

from bot.platforms.dingtalk.api import Api
from bot.platforms.dingtalk.frames import SUBSCRIPTIONS, Frame, read_frame
from bot.platforms.dingtalk.socket import Socket
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

AGENT: Final = "qidesk-python/1.0"
FRAME_BYTES: Final = 1024 * 1024
DATA: Final = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds; the rules of a good Stream client, shortened only by tests."""

    open: float = 10.0  # for the handshake
    heartbeat: float = 25.0  # between our pings; a pong must come within half of it
    silence: float = 120.0  # without a frame of any kind
    grace: float = 15.0  # the old connection is still read after its notice
    close: float = 3.0
    first: float = 1.0  # back-off begins here,
    longest: float = 60.0  # doubles and ends here
    notices: int = 3  # connections that carried nothing may be replaced at once so often,
    refill: float = 10.0  # and once more after this time


class Link:
    """``over`` is set when no new frames will come by it, by notice or because it is closed.
    After a notice it is still read, and its frames answered, until the platform closes it."""

    def __init__(self, socket: Socket, patience: Patience) -> None:
        self.over = asyncio.Event()
        self.noticed = False
        self.carried = False  # a frame other than the notice
        self._socket = socket
        self._patience = patience

    async def read(self, take: Callable[[Frame], Awaitable[None]]) -> None:
        """Hands over every readable frame until the end; the network's troubles are an end."""
        clock = asyncio.get_running_loop().time
        patience = self._patience
        try:
            async with asyncio.timeout(patience.silence) as limit:
                due = clock()
                while (message := await self._socket.receive()).type in DATA:
                    if not self.noticed and clock() >= due:  # not for each: a timer is dear
                        limit.reschedule(clock() + patience.silence)
                        due = clock() + patience.silence / 50
                    frame = _readable(message.data)
                    if frame is not None:
                        await take(frame)
                    if self.noticed and not self.over.is_set():
                        limit.reschedule(clock() + patience.grace)
                        self.over.set()
        except TimeoutError:
            log.info("a Stream connection was given up: %s", "noticed" if self.noticed else "mute")
        except (ConnectionError, aiohttp.ClientError) as error:
            log.info("a Stream connection was lost: %s", type(error).__name__)
        finally:
            self.over.set()
            await self._close()

    def rest(self, seconds: float) -> None:
        self._socket.rest(seconds)

    def wake(self) -> None:
        self._socket.wake()

    async def answer(self, frame: bytes) -> bool:
        """On the socket that the question came from; False when it has gone.

        The wait ends with the heartbeat at the latest: a peer that does not read sends no pong.
        """
        return await self.answer_all((frame,))

    async def answer_all(self, frames: Iterable[bytes]) -> bool:
        """``answer`` for many at once."""
        try:
            await self._socket.send_all(frames)
        except (ConnectionError, aiohttp.ClientError):
            log.info("an answer came too late for its connection")
            return False
        return True

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._patience.close):
                await self._socket.close()
        except TimeoutError:
            log.info("a Stream connection did not close in time")


def _readable(data: bytes) -> Frame | None:
    try:
        return read_frame(data)
    except (ValueError, AttributeError):
        log.warning("an unreadable frame of %d bytes", len(data))
        return None


async def dial(api: Api, http: aiohttp.ClientSession, patience: Patience) -> Link:
    """A new connection of a session that makes ``Socket``s; each takes a new ticket. Raises
    OutsideError."""
    endpoint, ticket = await api.open_stream(SUBSCRIPTIONS, AGENT)
    try:
        async with asyncio.timeout(patience.open):
            socket = await http.ws_connect(
                f"{endpoint}?ticket={quote_plus(ticket)}",
                heartbeat=patience.heartbeat,
                max_msg_size=FRAME_BYTES,
                decode_text=False,
            )
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # From None: a refused handshake quotes its address, and with it the ticket.
        raise OutsideError("stream handshake", type(error).__name__, Outcome.RETRY) from None
    return Link(cast("Socket", socket), patience)
