"""DING: in-app, by SMS or by phone, the last rungs of an escalation ladder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from bot.platforms.dingtalk.api import Api
from bot.platforms.dingtalk.settings import DingTalkSettings
from crm.kernel.errors import Outcome, OutsideError

SEND: Final = "/v1.0/robot/ding/send"
NO_BALANCE: Final = frozenset({"ding.serverquota.insufficient", "volume.lack"})
VOICE: Final = "Standard_Female_Voice"


class DingKind(IntEnum):
    """Their remindType."""

    APP = 1
    SMS = 2
    PHONE = 3


RECEIVERS: Final[Mapping[DingKind, int]] = {
    DingKind.APP: 200,
    DingKind.SMS: 20,
    DingKind.PHONE: 20,
}  # (official doc)


@dataclass(frozen=True, slots=True)
class DingReceipt:
    """``failed`` are the people whom it did not reach, with DingTalk's reason."""

    id: str
    failed: Mapping[str, str]


class Dings:
    def __init__(self, settings: DingTalkSettings, api: Api) -> None:
        self._settings = settings
        self._api = api

    async def send(self, kind: DingKind, users: Sequence[str], text: str) -> DingReceipt:
        """Raises OutsideError; a code of NO_BALANCE says: take the next channel."""
        if not 0 < len(users) <= RECEIVERS[kind]:
            raise OutsideError(SEND, "ding.receivercount.limit", Outcome.REFUSED)
        body: dict[str, Any] = {
            "robotCode": self._settings.robot,
            "remindType": int(kind),
            "receiverUserIdList": list(users),
            "content": text,
        }
        if kind is DingKind.PHONE:
            body["callVoice"] = VOICE
        answer = await self._api.call("POST", SEND, body)
        return DingReceipt(str(answer.get("openDingId", "")), _failed(answer.get("failedList")))


def _failed(by_reason: object) -> dict[str, str]:
    """{reason: [people]} turned round."""
    if not isinstance(by_reason, dict):
        return {}
    return {str(user): str(reason) for reason, users in by_reason.items() for user in users}
