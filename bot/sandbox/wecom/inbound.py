"""What an app is told: the plain XML of messages and events before it is sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wecom import xml

EVENTS = frozenset(
    {
        "subscribe",
        "unsubscribe",
        "enter_agent",
        "LOCATION",
        "batch_job_result",
        "change_contact",
        "click",
        "view",
        "view_miniprogram",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
        "open_approval_change",
        "sys_approval_change",
        "change_external_contact",
        "change_external_chat",
        "change_external_tag",
        "msgaudit_notify",
        "share_agent_change",
        "share_chain_change",
        "inactive_alert",
        "low_active_alert",
        "close_inactive_agent",
        "reopen_inactive_agent",
        "low_active",
        "active_restored",
        "taskcard_click",
        "template_card_event",
        "template_card_menu_event",
    }
)
WITHOUT_AGENT = frozenset({"batch_job_result", "change_external_contact", "change_external_chat"})
SYSTEM = "sys"  # sender of what no member did


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands in every message; ``at`` in Unix seconds."""

    corp_id: str
    agent_id: int
    sender: str
    at: int

    def fields(self) -> dict[str, Any]:
        return {"ToUserName": self.corp_id, "FromUserName": self.sender, "CreateTime": self.at}


def message(envelope: Envelope, kind: str, message_id: str, body: Mapping[str, Any]) -> str:
    return xml.write(
        {
            **envelope.fields(),
            "MsgType": kind,
            **body,
            "MsgId": int(message_id),
            "AgentID": envelope.agent_id,
        }
    )


def event(envelope: Envelope, name: str, body: Mapping[str, Any]) -> str:
    agent = {} if name in WITHOUT_AGENT else {"AgentID": envelope.agent_id}
    head = {**envelope.fields(), "MsgType": "event", "Event": name}
    return xml.write(head | dict(body) | agent)


def text_body(text: str) -> dict[str, Any]:
    return {"Content": text}


def image_body(media_id: str, url: str) -> dict[str, Any]:
    return {"PicUrl": url, "MediaId": media_id}


def voice_body(media_id: str) -> dict[str, Any]:
    return {"MediaId": media_id, "Format": "amr"}


def video_body(media_id: str) -> dict[str, Any]:
    return {"MediaId": media_id, "ThumbMediaId": media_id}


def location_body(label: str) -> dict[str, Any]:
    return {
        "Location_X": "30.274",
        "Location_Y": "120.155",
        "Scale": 16,
        "Label": label,
        "AppType": "wxwork",
    }


def link_body(url: str) -> dict[str, Any]:
    return {"Title": "链接", "Description": url, "Url": url, "PicUrl": ""}


def file_body(media_id: str, name: str) -> dict[str, Any]:
    """Not documented: apps are not told of files unless a switch says so (unsure)."""
    return {"MediaId": media_id, "FileName": name}


def click_body(
    *, key: str, task_id: str, card_type: str, code: str, chosen: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "EventKey": key,
        "TaskId": task_id,
        "CardType": card_type,
        "ResponseCode": code,
        "SelectedItems": {
            "SelectedItem": [
                {"QuestionKey": question, "OptionIds": {"OptionId": list(options)}}
                for question, options in chosen.items()
            ]
        },
    }
