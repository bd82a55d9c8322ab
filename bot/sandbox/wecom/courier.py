"""Callbacks to the service: sealed, posted, and again until they are acknowledged.

What a person said is on disk before it goes out and comes again until the service has taken it,
also after a restart. Events, clicks among them, come again as often as WeCom tries.
"""

import asyncio
import contextlib
import secrets
from collections import defaultdict
from collections.abc import Callable
from io import BytesIO
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import aiohttp

from bot.sandbox.feed import News
from bot.sandbox.ground import Ground
from bot.sandbox.refused import NobodyListens, Refused
from bot.sandbox.wecom import xml
from bot.sandbox.wecom.calls import NAME
from bot.sandbox.wecom.company import WeComSettings
from bot.sandbox.wecom.crypto import NotOurs, Seal
from bot.sandbox.wecom.forgery import forge
from bot.sandbox.wecom.pushes import Answer, Push, PushStore, Request

LOOK_SECONDS = 1.0  # between two looks whether somebody listens, and for one look
VERIFY_SECONDS = 1.0  # the console waits no longer (official doc)
FORGED = "伪造的回调"  # on the wire
SCHEMA = "CREATE TABLE IF NOT EXISTS wecom_callback (one INTEGER PRIMARY KEY, url TEXT NOT NULL)"


class Courier:
    def __init__(self, ground: Ground, settings: WeComSettings) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._settings = settings
        desk = settings.desk
        self._seal = Seal(desk.token, desk.encoding_aes_key, settings.corp_id)
        self._store = PushStore(ground.disk)
        self._queue: asyncio.Queue[Push | Request] = asyncio.Queue()
        self._lanes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sooner = asyncio.Event()
        self._passed = asyncio.Event()
        self._reached = False
        self._last: Request | None = None  # the newest honest request, to be replayed
        self._replied: Callable[[Push, Element], None] | None = None
        self._http: aiohttp.ClientSession | None = None

    # The address

    @property
    def url(self) -> str:
        """Where callbacks go, "" for nowhere."""
        row = self._ground.disk.row("SELECT url FROM wecom_callback")
        return str(row["url"]) if row else self._settings.callback_url

    def turn(self, url: str) -> None:
        """Callbacks go to ``url`` from now on, what waits included."""
        self._ground.disk.run("INSERT OR REPLACE INTO wecom_callback VALUES (1, ?)", url)
        self._reached = False
        self._hurry()

    async def verify(self) -> bool:
        """What the console asks before it saves an address: can the other side decrypt?"""
        plain = str(secrets.randbelow(10**19))
        timestamp, nonce = self._stamp()
        sealed = self._seal.close(plain, timestamp, nonce)
        query = self._query(sealed.signature, timestamp, nonce) | {"echostr": sealed.encrypt}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, UnicodeDecodeError):
            async with asyncio.timeout(VERIFY_SECONDS):
                async with self._client.get(self.url, params=query) as response:
                    return response.status == 200 and await response.text() == plain
        return False

    @property
    def reached(self) -> bool:
        return self._reached

    async def look(self) -> None:
        """Find out whether somebody listens where callbacks go."""
        before, self._reached = self._reached, await listens(self.url)
        if before != self._reached:
            what = "回调地址可达" if self._reached else "回调地址不可达"
            self._ground.wire.note(NAME, "in", what, self.url)
            data: dict[str, object] = {"connected": self._reached}
            self._ground.feed.tell(News("connected", NAME, None, data))

    # Sending

    def show_replies_with(self, replied: Callable[[Push, Element], None]) -> None:
        self._replied = replied

    def store(self, person: str, message: str, plain: str) -> Push:
        """Durable with the transaction it is called in; ``send`` it after the commit."""
        return self._store.add(person, message, plain)

    def send(self, push: Push) -> None:
        self._queue.put_nowait(push)

    def forge(self, how: str, sender: str) -> None:
        """Post what no honest WeCom sends; the wire shows what it was answered with."""
        if how == "replay":
            if self._last is None:
                raise Refused("还没有可以重放的回调")
            self._queue.put_nowait(self._last)
        else:
            stamp, nonce = self._stamp()
            self._queue.put_nowait(forge(how, sender, stamp, nonce, self._settings))

    async def ask(self, push: Push) -> Answer | None:
        """The answer to the first delivery, None when it failed. Raises NobodyListens before
        anything is sent."""
        self.send(push)
        return await push.first

    async def need_listener(self) -> None:
        """Raises NobodyListens."""
        await self.look()
        if not self._reached:
            raise NobodyListens

    def waiting(self) -> int:
        """Callbacks that nobody has acknowledged yet."""
        return self._store.waiting()

    def clock_moved(self) -> None:
        self._hurry()

    async def run(self) -> None:
        """Deliver until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as self._http,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._keep_looking())
            for push in self._store.unacknowledged():
                group.create_task(self._deliver(push))
            while True:
                match await self._queue.get():
                    case Push() as push:
                        group.create_task(self._deliver(push))
                    case Request() as forged:
                        group.create_task(self._post_forged(forged))

    async def _keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _deliver(self, push: Push) -> None:
        """Until it is taken or its retries are used up."""
        limit = self._settings.message_retries if push.message else self._settings.event_retries
        while True:
            if push.message and self._take("reorder"):
                await self._be_overtaken()
            answer = await self._try(push)
            push.tries += 1
            if answer and answer.passive is not None:
                self._hand_on(push, answer.passive)
            push.settle(answer)
            if answer is not None:
                self._store.done(push)
                if self._take("duplicate"):
                    await self._post(push)
                return
            if limit is not None and push.tries > limit:
                self._store.lose(push)
                self._ground.wire.note(NAME, "out", "放弃投递", str(push.tries))
                return
            await self._rest()

    async def _try(self, push: Push) -> Answer | None:
        """One delivery; a person's words go out one after another, events beside them."""
        async with self._lanes[push.person] if push.message else contextlib.nullcontext():
            answer = await self._post(push)
        self._passed.set()
        self._passed = asyncio.Event()
        if answer is None or self._take("no_ack"):
            return None
        if self._take("late_ack"):  # it counts, but only after the next try has gone out
            push.settle(None)
            await self._rest()
            await self._post(push)
            return Answer(None)
        return answer

    async def _post(self, push: Push) -> Answer | None:
        request = self._request(push)
        self._ground.wire.note(NAME, "out", "回调", f"第 {push.tries + 1} 次", push.xml)
        try:
            async with (
                asyncio.timeout(self._settings.answer_seconds),
                self._client.post(
                    self.url,
                    params=request.query,
                    data=request.body,
                    headers={"Content-Type": "text/xml"},
                    allow_redirects=False,
                ) as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as error:
            self._ground.wire.note(NAME, "in", "回调没有应答", type(error).__name__)
            return None
        if response.status != 200:
            self._ground.wire.note(NAME, "in", "回调被拒绝", str(response.status))
            return None
        return self._read(text)

    def _request(self, push: Push) -> Request:
        """Sealed anew for each delivery, unless retries repeat themselves."""
        if self._settings.same_ciphertext and push.request:
            return push.request
        timestamp, nonce = self._stamp()
        sealed = self._seal.close(push.xml, timestamp, nonce)
        agent = self._settings.desk.agent_id
        body = xml.write(
            {"ToUserName": self._settings.corp_id, "AgentID": agent, "Encrypt": sealed.encrypt}
        )
        query = self._query(sealed.signature, timestamp, nonce)
        push.request = self._last = Request(query, body.encode())
        return push.request

    async def _post_forged(self, forged: Request) -> None:
        status = "没有应答"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                asyncio.timeout(self._settings.answer_seconds),
                self._client.post(
                    self.url, params=forged.query, data=BytesIO(forged.body)
                ) as response,
            ):
                status = str(response.status)
        self._ground.wire.note(NAME, "in", FORGED, status)

    def _read(self, text: str) -> Answer:
        """The acknowledgement; a passive answer that cannot be opened is none."""
        if not text.lstrip().startswith("<xml"):
            self._ground.wire.note(NAME, "in", "回调应答", text[:40])
            return Answer(None)
        try:
            root = xml.read(text)
            encrypt, signature, timestamp, nonce = (
                xml.word(root, name) for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
            )
            plain = self._seal.open(encrypt, signature, timestamp, nonce)
            passive = xml.read(plain)
        except (xml.NotXml, NotOurs) as error:
            self._ground.wire.note(NAME, "in", "被动回复无效", str(error), text[:2000])
            return Answer(None)
        self._ground.wire.note(NAME, "in", "被动回复", xml.word(passive, "MsgType"), plain)
        return Answer(passive)

    def _stamp(self) -> tuple[str, str]:
        """Timestamp and nonce. The timestamp is real: replay windows are judged by real time."""
        clock = self._ground.clock
        return str(int((clock.now() - clock.offset).timestamp())), secrets.token_hex(8)

    def _query(self, signature: str, timestamp: str, nonce: str) -> dict[str, str]:
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    async def _be_overtaken(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.reorder_seconds):
                await self._passed.wait()

    async def _rest(self) -> None:
        """The pause before the next try, cut short when clock or address change."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.redeliver_seconds):
                await self._sooner.wait()

    def _hurry(self) -> None:
        self._sooner.set()
        self._sooner = asyncio.Event()

    def _hand_on(self, push: Push, passive: Element) -> None:
        if self._replied:
            self._replied(push, passive)

    def _take(self, kind: str) -> bool:
        return self._ground.faults.take(NAME, kind) is not None

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the courier has not started")
        return self._http


async def listens(url: str) -> bool:
    """Whether a connection to the address is taken."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
    except (OSError, TimeoutError):
        return False
    return True
