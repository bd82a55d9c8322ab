"""The most used aibot SDK for Python, pointed at the simulated WeCom.

Says on stdout, one JSON object a line, what it heard; streams an answer to every text, sends a
card to "card", its upload to "upload".
"""

import asyncio
import base64
import json
import sys
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wecom_aibot_sdk import WSClient, WSClientOptions


def tell(**heard: object) -> None:
    sys.stdout.write(json.dumps(heard) + "\n")
    sys.stdout.flush()


def card(status: str) -> dict[str, Any]:
    return {
        "card_type": "button_interaction",
        "source": {"desc": status},
        "main_title": {"title": "蟒"},
        "task_id": "sdk-card",
        "button_list": [{"text": "好", "style": 1, "key": "ok"}],
    }


class Witness:
    def __init__(self, ws_url: str, bot_id: str, secret: str) -> None:
        self.client = WSClient(
            WSClientOptions(
                bot_id=bot_id,
                secret=secret,
                ws_url=ws_url,
                reconnect_interval=50,
                heartbeat_interval=300,
            )
        )
        self.client.on("authenticated", self.authenticated)
        self.client.on("message.text", self.text)
        self.client.on("message.image", self.image)
        self.client.on("event.template_card_event", self.click)
        self.client.on("event.enter_chat", self.enter)
        self.client.on("event.disconnected_event", self.kicked)

    async def authenticated(self, _frame: Any) -> None:
        tell(authenticated=True)

    async def text(self, frame: Any) -> None:
        words, person = frame.body["text"]["content"].strip(), frame.body["from"]["userid"]
        if words == "card":
            body = {"msgtype": "template_card", "template_card": card("待办")}
            await self.client.reply(frame, body)
        elif words == "upload":
            with TemporaryDirectory() as folder:
                file = Path(folder) / "日报.csv"
                file.write_bytes(b"x" * 600_000)
                await self.client.reply_media(frame, str(file))
        elif words == "push":
            body = {"msgtype": "markdown", "markdown": {"content": "**推送**"}}
            await self.client.send_message(person, body)
        else:
            stream = str(uuid.uuid4())
            await self.client.reply_stream(frame, stream, "想一想", finish=False)
            await self.client.reply_stream(frame, stream, f"收到 {words}", finish=True)
        tell(text=words, **{"from": person})

    async def image(self, frame: Any) -> None:
        part = frame.body["image"]
        body, name = await self.client.download_file(part["url"], part["aeskey"])
        tell(bytes=base64.b64encode(body).decode(), name=name)

    async def click(self, frame: Any) -> None:
        pressed = frame.body["event"]["template_card_event"]
        answer = {"response_type": "update_template_card", "template_card": card("已点")}
        await self.client.reply(frame, answer, "aibot_respond_update_msg")
        person = frame.body["from"]["userid"]
        tell(clicked=pressed["task_id"], action=pressed["event_key"], by=person)

    async def enter(self, frame: Any) -> None:
        hello = {"msgtype": "text", "text": {"content": "欢迎"}}
        await self.client.reply_welcome(frame, hello)
        tell(entered=frame.body["from"]["userid"])

    async def kicked(self, _frame: Any) -> None:
        tell(kicked=True)


async def main() -> None:
    witness = Witness(*sys.argv[1:])
    await witness.client.connect_async()
    await asyncio.Event().wait()


asyncio.run(main())
