"""DING: a nudge in the app, a short message or a call that people cannot miss."""

from typing import Any

from bot.sandbox.dingtalk.calls import NAME, Call, Calls, Problem
from bot.sandbox.dingtalk.meter import Meter
from bot.sandbox.dingtalk.robot import check_robot
from bot.sandbox.dingtalk.sent import SentBook
from bot.sandbox.ground import Ground
from bot.sandbox.screens import BOT, PRIVATE, Item

SCOPE = "Premium.Ding.Write"
KINDS = {1: "ding", 2: "sms", 3: "call"}
RECEIVERS = {1: 200, 2: 20, 3: 20}
VOICES = frozenset(
    {
        "Standard_Female_Voice",
        "Cantonese_Female_Voice",
        "Gentine_Female_Voice",
        "Overbearing_Female_Voice",
        "Lovely_Girl_Voice",
        "Standard_Male_Voice",
    }
)


class Ding:
    def __init__(self, ground: Ground, meter: Meter, sent: SentBook) -> None:
        self._ground = ground
        self._meter = meter
        self._sent = sent

    def add_routes(self, calls: Calls) -> None:
        calls.api("POST", "/v1.0/robot/ding/send", self._send, scope=SCOPE)
        calls.api("POST", "/v1.0/robot/ding/recall", self._recall, scope=SCOPE)

    async def _send(self, call: Call) -> dict[str, Any]:
        check_robot(call)
        kind, people, content = read_ding(call)
        known = [who for who in people if self._ground.world.person(who)]
        with self._ground.disk.transaction():
            if kind != 1 and not self._meter.spend_ding(KINDS[kind], len(known)):
                raise Problem("ding.serverquota.insufficient", "ding server quota insufficient")
            key = self._ground.disk.new_id("ding")
            body = {"text": content, "app": call.app.name}
            seqs = {
                who: self._ground.screens.put(
                    Item(
                        platform=NAME,
                        chat=PRIVATE,
                        person=who,
                        sender=BOT,
                        kind=KINDS[kind],
                        message=key,
                        body=body,
                    )
                )
                for who in known
            }
            self._sent.keep(key, call.app.client_id, PRIVATE, seqs)
        unknown = [who for who in people if who not in seqs]
        return {"openDingId": key, "failedList": {"员工不存在": unknown} if unknown else {}}

    async def _recall(self, call: Call) -> dict[str, Any]:
        check_robot(call)
        key = call.text("openDingId", "invalidParameter.param.invalid")
        sent = self._sent.find(key, call.app.client_id)
        if sent is None:
            raise Problem("invalidParameter.param.invalid", "openDingId is unknown")
        with self._ground.disk.transaction():
            for seq in sent.seqs.values():
                self._ground.screens.recall(seq)
        return {"openDingId": key}


def read_ding(call: Call) -> tuple[int, list[str], str]:
    """Kind, receivers and text. Raises Problem."""
    kind = call.body.get("remindType")
    people = call.body.get("receiverUserIdList")
    if not isinstance(kind, int) or kind not in KINDS:
        raise Problem("invalidParameter.param.invalid", "remindType is 1, 2 or 3")
    if not isinstance(people, list) or not people:
        raise Problem("miss.staffId", "receiverUserIdList is empty")
    if len(people) > RECEIVERS[kind]:
        raise Problem("ding.receivercount.limit", "too many receivers")
    if kind == 3 and call.body.get("callVoice", "Standard_Female_Voice") not in VOICES:
        raise Problem("invalidParameter.param.invalid", "callVoice is unknown")
    return (
        kind,
        [str(who) for who in people],
        call.text("content", "invalidParameter.param.invalid"),
    )
