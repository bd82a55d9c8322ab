"""A very small bot on DingTalk's stream protocol, so that the page meets the real simulator."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.browser import scenes

Json = dict[str, Any]
BOT = "/v1.0/im/bot/messages/get"
CLICK = "/v1.0/card/instances/callback"
SPACES = {
    "imGroupOpenSpaceModel": {"supportForward": False},
    "imRobotOpenSpaceModel": {"supportForward": False},
}


class StreamBot:
    """Answers ``卡片`` with a card and everything else with markdown; a click finishes the card."""

    def __init__(self, http: aiohttp.ClientSession, base: str, platform: Json) -> None:
        self.heard: list[str] = []
        self.clicked: list[Json] = []
        self._http = http
        self._api = f"{base}/sim/dingtalk"
        self._app = platform
        self._token = ""

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        body = {
            "clientId": self._app["client_id"],
            "clientSecret": self._app["client_secret"],
            "subscriptions": [{"type": "CALLBACK", "topic": topic} for topic in (BOT, CLICK)],
        }
        opened = await self._post("/v1.0/gateway/connections/open", body)
        keys = {"appKey": self._app["client_id"], "appSecret": self._app["client_secret"]}
        self._token = (await self._post("/v1.0/oauth2/accessToken", keys))["accessToken"]
        return await self._http.ws_connect(opened["endpoint"], params={"ticket": opened["ticket"]})

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            frame = json.loads(message.data)
            topic, data = frame["headers"]["topic"], json.loads(frame["data"])
            answer = self._press(data) if topic == CLICK else data if topic == "ping" else {}
            ack = {
                "code": 200,
                "headers": {
                    "messageId": frame["headers"]["messageId"],
                    "contentType": "application/json",
                },
                "message": "OK",
                "data": json.dumps(answer),
            }
            await socket.send_str(json.dumps(ack))
            if topic == BOT:
                await self._reply(data)

    async def deliver(self, card: Json, space: str) -> None:
        """``space`` is ``IM_ROBOT.person`` or ``IM_GROUP.group``."""
        robot = {"spaceType": "IM_ROBOT", "robotCode": self._app["robot_code"]}
        body = {
            "outTrackId": card["id"],
            "cardTemplateId": "qidesk-desk.schema",
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": params(card)},
            "openSpaceId": f"dtv1.card//{space}",
            "imRobotOpenDeliverModel": robot,
            "imGroupOpenDeliverModel": {"robotCode": self._app["robot_code"]},
            **SPACES,
        }
        await self._post("/v1.0/card/instances/createAndDeliver", body)

    async def _reply(self, data: Json) -> None:
        text = data.get("text", {}).get("content", data["msgtype"]).strip()
        self.heard.append(text)
        if text == "卡片":
            group = data["conversationType"] == "2"
            place = data["conversationId"] if group else data["senderStaffId"]
            space = f"IM_GROUP.{place}" if group else f"IM_ROBOT.{place}"
            await self.deliver(scenes.approval()["card"], space)
            return
        markdown = {"title": "收到", "text": f"收到 **{scenes.escaped(text)}**"}
        body = {"msgtype": "markdown", "markdown": markdown}
        async with self._http.post(data["sessionWebhook"], json=body) as answer:
            answer.raise_for_status()

    def _press(self, data: Json) -> Json:
        private = json.loads(data["content"])["cardPrivateData"]
        self.clicked.append(private)
        values = {"status": "已同意", "tone": "green", "buttons": "[]", "form": "", "rev": "2"}
        return {
            "response": {
                "cardData": {"cardParamMap": values},
                "cardUpdateOptions": {"updateCardDataByKey": True},
            }
        }

    async def _post(self, path: str, body: Json) -> Json:
        headers = {"x-acs-dingtalk-access-token": self._token, "Accept": "application/json"}
        async with self._http.post(self._api + path, json=body, headers=headers) as answer:
            said = await answer.json()
            assert answer.status == 200, said
            return dict(said)


def params(card: Json) -> dict[str, str]:
    """A screen's card as the variables of the desk's template."""
    kinds = {"text": "TEXT", "select": "SELECT", "multi_select": "MULTI_SELECT", "date": "DATE"}
    form = [
        {
            "name": field["key"],
            "label": field["label"],
            "type": kinds[field["kind"]],
            "required": field["required"],
            "options": [{"value": o["value"], "text": o["label"]} for o in field["options"]],
        }
        for field in card["inputs"]
    ]
    buttons = [
        {
            "key": one["key"],
            "text": one["label"],
            "style": one["style"],
            "enabled": str(one["enabled"]).lower(),
            "confirm": one["confirm"],
        }
        for one in card["buttons"]
    ]
    facts = [{"label": fact["label"], "text": fact["value"]} for fact in card["fields"]]
    return {
        "title": card["title"],
        "status": card["status"],
        "tone": card["tone"],
        "text": card["text"],
        "facts": json.dumps(facts, ensure_ascii=False),
        "buttons": json.dumps(buttons, ensure_ascii=False),
        "form": json.dumps({"fields": form}, ensure_ascii=False),
        "footer": card["footer"],
        "rev": str(card["version"]),
    }


@asynccontextmanager
async def connected(base: str) -> AsyncIterator[StreamBot]:
    """A bot that listens at the simulator of ``base`` while the block runs."""
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        async with http.get(f"{base}/sandbox/platforms") as answer:
            platform = (await answer.json())["dingtalk"]
        bot = StreamBot(http, base, platform)
        socket = await bot.connect()
        listening = tasks.create_task(bot.listen(socket))
        try:
            yield bot
        finally:
            await socket.close()
            listening.cancel()
