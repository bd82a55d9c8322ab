"""The bot's one connection: subscribed, kept alive, replaced when it ends.

WeCom allows one live connection for each bot and lets the newest win. So only the holder of the
lease connects, and when it is thrown out by another client it does not fight: it tells the admins,
stays away for a minute, and each time that it happens again for twice as long.
"""

import asyncio
import logging
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import aiohttp

from bot.chat.ports import Health
from bot.platforms.wecom.errors import ANSWER_LOST, BAD_BOT, Answer, check
from bot.platforms.wecom.frames import (
    EVENT,
    MESSAGE,
    PING,
    SUBSCRIBE,
    Frame,
    is_kick,
    new_id,
    read_frame,
    write_frame,
)
from bot.platforms.wecom.settings import AiBotSettings
from crm.kernel.clock import Clock
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

FRAME_BYTES: Final = 4 << 20
REMEMBERED: Final = 1_000
IN_HAND: Final = 256  # frames being worked on; beyond that no more are read

Take = Callable[[Frame], Awaitable[None]]
"""Works on one message or event; called beside the reading, which it may not hold up."""

ThrownOut = Callable[[float], Coroutine[Any, Any, None]]
"""Another client uses this bot; we stay away for so many seconds."""

Lease = Callable[[], Awaitable[bool]]
"""Whether this process is the one that may be connected now."""

Socket = aiohttp.ClientWebSocketResponse[bool]


async def always() -> bool:
    """The lease of a service that is one process."""
    return True


async def untold(_seconds: float) -> None:
    """For those who tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds; the rules of a good client, shortened only by tests."""

    open: float = 10.0
    answer: float = 5.0  # for the answer to one of our frames
    heartbeat: float = 30.0  # between pings; two without an answer end the connection
    lease: float = 1.0  # between two questions for the lease
    first: float = 1.0  # back-off begins here,
    longest: float = 30.0  # doubles and ends here
    kicked: float = 60.0  # at least, after somebody else connected; doubles with each time,
    banned: float = 3600.0  # ends here,
    settled: float = 900.0  # and begins anew after a connection that lasted so long
    refused: float = 60.0  # after wrong credentials: subscribing is rationed
    close: float = 3.0
    life: float = 86_400.0  # then it is renewed: pings alone do not prove that messages come
    quiet: float = 600.0  # but only when nobody has said anything for so long


class AiBot:
    """``call`` raises OutsideError; what is sent while nobody is connected is refused for now."""

    def __init__(
        self,
        settings: AiBotSettings,
        http: aiohttp.ClientSession,
        clock: Clock,
        *,
        lease: Lease = always,
        patience: Patience | None = None,
    ) -> None:
        self.settings = settings
        self._http = http
        self._clock = clock
        self._lease = lease
        self._patience = patience or Patience()
        self._socket: Socket | None = None
        self._live = False
        self._since: datetime | None = None
        self._why = "尚未连接"
        self._standby = False
        self._kicked = asyncio.Event()
        self._kicks = 0  # in a row
        self._answers: dict[str, asyncio.Future[Answer]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lost: deque[str] = deque(maxlen=REMEMBERED)

    def health(self) -> Health:
        if self._live:
            return Health(ok=True, detail="企业微信智能机器人已连接", since=self._since)
        if self._standby:
            return Health(ok=True, detail="企业微信智能机器人由另一个进程连接", since=self._since)
        return Health(ok=False, detail=f"企业微信智能机器人{self._why}", since=self._since)

    async def call(
        self, command: str, body: Mapping[str, Any], req_id: str = "", *, effect: bool = True
    ) -> Answer:
        """Send one frame and wait for its answer; one at a time for each ``req_id``, because
        answers are told apart by nothing else. For the same reason an id whose answer never came
        is not used again: a late one would be taken for the next."""
        if req_id in self._lost:
            raise OutsideError(command, ANSWER_LOST, Outcome.REFUSED)
        name = req_id or new_id(command)
        turn = self._turns[name]
        try:
            async with turn:
                return await self._exchange(command, name, body, effect=effect)
        finally:
            if not turn.locked():
                self._turns.pop(name, None)

    async def run(self, take: Take, thrown_out: ThrownOut = untold) -> None:
        """Keeps one connection until cancelled; what was read is worked on beyond its end."""
        pause = 0.0
        async with asyncio.TaskGroup() as hands:
            while True:
                await asyncio.sleep(pause * random.uniform(1.0, 1.25))  # noqa: S311 - jitter
                if not await self._may_connect():
                    pause = self._patience.lease
                    continue
                pause = await self._connected_once(hands, take, pause)
                if self._kicked.is_set() and not self._standby:
                    hands.create_task(thrown_out(pause))

    async def _connected_once(self, hands: asyncio.TaskGroup, take: Take, pause: float) -> float:
        """One connection, and how long to wait after it."""
        patience, begin = self._patience, asyncio.get_running_loop().time()
        longer = min(patience.longest, max(patience.first, pause * 2))
        trouble: OutsideError | None = None
        proven = False
        try:
            proven = await self._connection(hands, take)
        except OutsideError as error:
            trouble = error
        if self._kicked.is_set() and not await self._may_connect():
            return 0.0  # by the process that leads now
        if self._kicked.is_set():
            return self._away(lasted=asyncio.get_running_loop().time() - begin)
        if trouble is None:
            self._why = "连接已断开，正在重连"
            return 0.0 if proven else longer
        log.warning("the bot is not connected: %s", trouble)
        if trouble.code == BAD_BOT:
            self._why = "凭证被拒：请核对 [wecom.aibot] bot_id 和 secret"
            return patience.refused
        self._why = f"连接失败（{trouble.code}）"
        return longer

    def _away(self, *, lasted: float) -> float:
        """Thrown out: for how long to stay away."""
        patience = self._patience
        self._kicks = 1 if lasted > patience.settled else self._kicks + 1
        self._why = "被另一个客户端挤下线：请确认只有一处在使用这个 BotID"
        away: float = min(patience.banned, patience.kicked * 2 ** (self._kicks - 1))
        log.error("another client is using this bot id: staying away for %.0f s", away)
        return away

    async def _may_connect(self) -> bool:
        mine = await self._lease()
        if self._standby == mine:
            self._standby = not mine
            self._since = self._clock.now()
        return mine

    async def _connection(self, hands: asyncio.TaskGroup, take: Take) -> bool:
        """From the handshake to the end; True when it has proven itself. Raises OutsideError when
        it never came about."""
        self._kicked.clear()
        begin = asyncio.get_running_loop().time()
        socket = await self._dial()
        reader = Reading(socket, hands, take, answered=self._answered, kicked=self._kicked)
        trouble: OutsideError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(reader.run())
                self._socket = socket
                try:
                    await self._subscribe()
                    keeping = group.create_task(self._keep_alive(reader))
                    await asyncio.wait({reading, keeping}, return_when=asyncio.FIRST_COMPLETED)
                    keeping.cancel()
                except OutsideError as error:
                    trouble = error
                reading.cancel()
        finally:
            self._hang_up()
            await self._close(socket)
        if trouble is not None:
            raise trouble
        lasted = asyncio.get_running_loop().time() - begin
        return reader.carried or lasted > self._patience.heartbeat

    async def _dial(self) -> Socket:
        try:
            async with asyncio.timeout(self._patience.open):
                return await self._http.ws_connect(
                    self.settings.ws_url, max_msg_size=FRAME_BYTES, autoping=True
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OutsideError("aibot handshake", type(error).__name__, Outcome.RETRY) from None

    async def _subscribe(self) -> None:
        body = {"bot_id": self.settings.bot_id, "secret": self.settings.secret}
        await self.call(SUBSCRIBE, body, effect=False)
        self._live = True
        self._since = self._clock.now()

    async def _keep_alive(self, reader: "Reading") -> None:
        """Pings by frame, not by WebSocket. Returns when two in a row had no answer, when somebody
        else connected, when the lease is another's, or when the connection is old and quiet."""
        patience, now = self._patience, asyncio.get_running_loop().time
        missed, end, next_ping = 0, now() + patience.life, now() + patience.heartbeat
        while missed < 2 and (now() < end or now() - reader.last_at < patience.quiet):
            try:
                async with asyncio.timeout(min(patience.lease, next_ping - now())):
                    await self._kicked.wait()
            except TimeoutError:
                if not await self._may_connect():
                    return
                if now() >= next_ping:
                    missed = 0 if await self._ping() else missed + 1
                    next_ping = now() + patience.heartbeat
            else:
                return

    async def _ping(self) -> bool:
        try:
            await self.call(PING, {}, effect=False)
        except OutsideError:
            return False
        return True

    async def _exchange(
        self, command: str, req_id: str, body: Mapping[str, Any], *, effect: bool
    ) -> Answer:
        if self._socket is None or (not self._live and command != SUBSCRIBE):
            raise OutsideError(command, "not connected", Outcome.RETRY, wait_seconds=1)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[req_id] = answer
        try:
            async with asyncio.timeout(self._patience.answer):
                await self._socket.send_str(write_frame(command, req_id, body))
                found = await answer
        except (ConnectionError, aiohttp.ClientError, TimeoutError) as error:
            self._lost.append(req_id)
            lost = Outcome.UNKNOWN if effect else Outcome.RETRY
            raise OutsideError(command, type(error).__name__, lost) from None
        finally:
            self._answers.pop(req_id, None)
        check(command, found)
        return found

    def _answered(self, frame: Frame) -> None:
        """An answer to one of ours; one that nobody waits for comes too late or names nothing."""
        waiting = self._answers.get(frame.req_id)
        if waiting is None or waiting.done():
            code = frame.answer.get("errcode")
            log.warning("an answer that nobody waits for: %s", code if isinstance(code, int) else 0)
            return
        waiting.set_result(frame.answer)

    def _hang_up(self) -> None:
        """Whoever waits for an answer is told that none will come."""
        if self._live:
            self._since = self._clock.now()
        self._live = False
        self._socket = None
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError())

    async def _close(self, socket: Socket) -> None:
        try:
            async with asyncio.timeout(self._patience.close):
                await socket.close()
        except TimeoutError:
            log.info("the bot's connection did not close in time")


class Reading:
    """Reads frames until the socket ends. Messages are worked on beside it, begun in the order in
    which they came: the answers to our own frames come by the same socket."""

    def __init__(
        self,
        socket: Socket,
        hands: asyncio.TaskGroup,
        take: Take,
        *,
        answered: Callable[[Frame], None],
        kicked: asyncio.Event,
    ) -> None:
        self.carried = False  # a message or an event
        self.last_at = 0.0  # on the loop's clock
        self._socket = socket
        self._hands = hands
        self._take = take
        self._answered = answered
        self._kicked = kicked
        self._room = asyncio.Semaphore(IN_HAND)

    async def run(self) -> None:
        async for message in self._socket:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return
            frame = self._read(message.data)
            if frame is None:
                continue
            if is_kick(frame):  # before the close that follows it
                self._kicked.set()
                return
            if frame.command in (MESSAGE, EVENT):
                self.carried = True
                self.last_at = asyncio.get_running_loop().time()
                await self._room.acquire()
                self._hands.create_task(self._work(frame))
            elif not frame.command:
                self._answered(frame)

    async def _work(self, frame: Frame) -> None:
        try:
            await self._take(frame)
        finally:
            self._room.release()

    @staticmethod
    def _read(data: bytes | str) -> Frame | None:
        try:
            return read_frame(data)
        except ValueError:
            log.warning("an unreadable frame of %d bytes", len(data))
            return None
