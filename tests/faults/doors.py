"""The doors by which platforms call us, with nobody behind them who keeps an order: what comes is
made here, and delivered as often and in whichever order a test likes."""

import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.service import Service
from bot.chat.message import Place
from bot.commands import trial
from bot.models import LiveCard
from bot.platforms.wecom.frames import EVENT, MESSAGE, RESPOND, SEND, SUBSCRIBE
from bot.sandbox.dingtalk import inbound as dingtalk
from bot.sandbox.dingtalk.company import CORP_ID, DESK
from bot.sandbox.launch import Options
from bot.sandbox.wecom import inbound as wecom
from bot.sandbox.wecom import xml
from bot.sandbox.wecom.company import WeComSettings
from bot.sandbox.wecom.crypto import Seal
from bot.sandbox.wecom.inbound import Envelope
from bot.sandbox.world import PEOPLE
from tests.fakes.dingtalk import FakeDingTalk, fake_dingtalk, frame
from tests.fakes.wecom import FakeWeCom, fake_wecom
from tests.faults.house import options_at
from tests.kill.town import DINGTALK, WECOM

MESSAGES = "/v1.0/im/bot/messages/get"
CLICKS = "/v1.0/card/instances/callback"
MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Call:
    """Something that a platform tells; ``key`` is what it calls it, the same each time."""

    platform: str
    key: str
    body: str
    command: str = ""  # of a frame to WeCom's bot, which nobody else gets


@dataclass(kw_only=True)
class Doors:
    service: Service
    dingtalk: FakeDingTalk
    wecom: FakeWeCom
    http: aiohttp.ClientSession
    callback: str
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _company: WeComSettings = field(default_factory=WeComSettings)

    def __post_init__(self) -> None:
        desk = self._company.desk
        self._seal = Seal(desk.token, desk.encoding_aes_key, self._company.corp_id)

    def line(self, platform: str, person: str, text: str) -> Call:
        """What somebody says in private."""
        number = next(self._numbers)
        if platform == DINGTALK:
            key = f"msg{number:08d}"
            heard = dingtalk.Heard(
                app=DESK,
                person=next(one for one in PEOPLE if one.id == person),
                group=None,
                message_id=key,
                at=int(time.time() * 1000),
                hook=f"{self.dingtalk.base}/robot/sendBySession?session=s{number}",
                body=dingtalk.text_body(text, in_group=False),
            )
            body = json.dumps(frame(MESSAGES, dingtalk.payload(heard), message_id=f"f{number}"))
        else:
            key = str(7_000_000_000_000_000 + number)
            body = wecom.message(self._envelope(person), "text", key, wecom.text_body(text))
        return Call(platform, key, body)

    def line_to_bot(self, person: str, text: str, group: str = "") -> Call:
        """What somebody says to WeCom's bot, in private or in a group."""
        key = f"bot{next(self._numbers):08d}"
        said = f"@期台 {text}" if group else text
        body = self._to_bot(key, person, group) | {"msgtype": "text", "text": {"content": said}}
        return Call(WECOM, key, json.dumps(body), MESSAGE)

    def click(self, person: str, card: LiveCard, action: str) -> Call:
        """A press on a card as it was first shown."""
        number = next(self._numbers)
        if card.platform == DINGTALK:
            private = {"actionIds": [action], "params": {"rev": "1"}}
            data = {
                "type": "actionCallback",
                "outTrackId": card.id,
                "corpId": CORP_ID,
                "userId": person,
                "userIdType": 1,
                "spaceType": "IM_ROBOT",
                "spaceId": "cid1",
                "content": json.dumps({"cardPrivateData": private}),
            }
            key = f"click{number}"
            return Call(DINGTALK, key, json.dumps(frame(CLICKS, data, message_id=key)))
        if card.id in self.cards_of_bot():
            return self._click_for_bot(f"ev{number:08d}", person, card, action)
        told = wecom.click_body(
            key=f"{action}#1",
            task_id=card.id,
            card_type="button_interaction",
            code=f"code{number}",
            chosen={},
        )
        body = wecom.event(self._envelope(person), "template_card_event", told)
        return Call(card.platform, f"code{number}", body)

    def _click_for_bot(self, key: str, person: str, card: LiveCard, action: str) -> Call:
        group = card.chat if card.place == Place.GROUP else ""
        pressed = {
            "card_type": "button_interaction",
            "event_key": f"{action}#1",
            "task_id": card.id,
        }
        event = {"eventtype": "template_card_event", "template_card_event": pressed}
        body = self._to_bot(key, person, group) | {"msgtype": "event", "event": event}
        return Call(WECOM, key, json.dumps(body), EVENT)

    def _to_bot(self, key: str, person: str, group: str) -> dict[str, Any]:
        return {
            "msgid": key,
            "aibotid": self._company.bot.bot_id,
            "create_time": int(time.time()),
            "from": {"userid": person},
            **({"chattype": "group", "chatid": group} if group else {"chattype": "single"}),
        }

    def cards_of_bot(self) -> Counter[str]:
        """How often WeCom's bot said each that can be pressed; others have no name."""
        said = [frame["body"] for frame in self.wecom.bot.frames if frame["cmd"] in (RESPOND, SEND)]
        cards = [one.get("template_card", {}) for one in said]
        return Counter(card["task_id"] for card in cards if "task_id" in card)

    async def reconnect_bot(self) -> None:
        """Its connection ends, and it has the next."""
        bot = self.wecom.bot
        lived = len(bot.of(SUBSCRIBE))
        await bot.sockets[-1].close()
        await bot.connected(lived + 1)

    async def deliver(self, call: Call) -> None:
        """By whichever connection is there, in a frame of its own each time. A callback that is not
        taken comes again, as on WeCom, and more often than there."""
        if call.command:
            name = f"{call.command}_{next(self._numbers)}"
            await self.wecom.bot.push(call.command, json.loads(call.body), name)
            return
        if call.platform == DINGTALK:
            sockets = [one for one in self.dingtalk.sockets if not one.closed]
            await sockets[secrets.randbelow(len(sockets))].send_str(call.body)
            return
        for _ in range(MOST_TRIES):
            if await self._post(call) == 200:
                return
        raise AssertionError(f"never taken: {call.key}")

    async def _post(self, call: Call) -> int:
        """Sealed anew each time."""
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        sealed = self._seal.close(call.body, stamp, nonce)
        agent, corp = self._company.desk.agent_id, self._company.corp_id
        body = xml.write({"ToUserName": corp, "AgentID": agent, "Encrypt": sealed.encrypt})
        query = {"msg_signature": sealed.signature, "timestamp": stamp, "nonce": nonce}
        async with self.http.post(self.callback, params=query, data=body.encode()) as answer:
            return answer.status

    def _envelope(self, person: str) -> Envelope:
        return Envelope(
            corp_id=self._company.corp_id,
            agent_id=self._company.desk.agent_id,
            sender=person,
            at=int(time.time()),
        )


@asynccontextmanager
async def open_doors(home: Path, url: str = "") -> AsyncIterator[Doors]:
    """The service, with platforms behind it that take whatever it sends."""
    options: Options = options_at(home, url)
    async with (
        fake_dingtalk() as dingtalk_there,
        fake_wecom() as wecom_there,
        aiohttp.ClientSession() as http,
    ):
        environ = {
            "QIDESK_DINGTALK__API_BASE": dingtalk_there.base,
            "QIDESK_DINGTALK__OAPI_BASE": dingtalk_there.base,
            "QIDESK_WECOM__API_BASE": wecom_there.base,
            "QIDESK_WECOM__AIBOT__WS_URL": wecom_there.bot_settings().ws_url,
        }
        async with trial.together(options, environ) as service:
            yield Doors(
                service=service,
                dingtalk=dingtalk_there,
                wecom=wecom_there,
                http=http,
                callback=f"{options.url}/wecom/callback",
            )
