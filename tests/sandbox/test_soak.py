"""Many messages through every fault of delivery at once: each arrives, none is lost."""

import asyncio
import json
from collections import Counter

from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.sandbox.room import OpenRoom, Room

MESSAGES = 300


class Client:
    """Keeps two connections, opens a new one as soon as it is told to part, and acknowledges."""

    def __init__(self, room: Room, group: asyncio.TaskGroup) -> None:
        self.room = room
        self.group = group
        self.heard: Counter[str] = Counter()
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        socket = await self.room.connect()
        self.tasks.append(self.group.create_task(self.read(socket.ws)))

    async def read(self, ws: ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            if frame["type"] == "SYSTEM":
                await self.connect()
                continue
            key = json.loads(frame["data"])["msgId"]
            self.heard[key] += 1
            self.order.append(key)
            headers = {"messageId": frame["headers"]["messageId"]}
            ack = {"code": 200, "headers": headers, "message": "", "data": "{}"}
            if not ws.closed:
                await ws.send_json(ack)

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()


async def test_nothing_is_lost_and_faults_show(open_room: OpenRoom) -> None:
    room = await open_room()
    said: list[str] = []
    async with asyncio.TaskGroup() as group:
        client = Client(room, group)
        await client.connect()
        await client.connect()
        for kind in ("no_ack", "late_ack", "duplicate", "reorder", "disconnect"):
            await room.break_it(kind, count=20)
        while len(said) < MESSAGES:
            answer = await room.say("wangqiang", f"第 {len(said)} 句")
            if answer.status == 200:  # 503 while every socket drains: nothing was taken
                said.append(answer.body["message_id"])
        async with asyncio.timeout(30):
            while (await room.get("state"))["counters"]["dingtalk"]["waiting"]:
                pass
        client.stop()
    assert set(client.heard) == set(said)
    assert max(client.heard.values()) > 1
    assert list(dict.fromkeys(client.order)) != said
    assert len(await room.seen("wangqiang")) == MESSAGES
