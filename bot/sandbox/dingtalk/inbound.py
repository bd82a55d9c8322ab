"""What a robot hears: the payloads of ``/v1.0/im/bot/messages/get`` and of events."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.dingtalk.company import (
    CORP_ID,
    App,
    dingtalk_id,
    private_conversation,
    union_id,
)
from bot.sandbox.world import Group, Person

HOOK_MILLIS = 5_400_000  # a sessionWebhook lives 90 minutes (official samples)
OVER_QUOTA = {
    "errorCode": "20001",
    "errorMessage": "调用量超过限额",
    "errCode": "20001",
    "errMsg": "调用量超过限额",
}  # two official pages spell it differently


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message to a robot; ``group`` is None in a one-to-one chat."""

    app: App
    person: Person
    group: Group | None
    message_id: str
    at: int  # Unix milliseconds
    hook: str
    body: dict[str, Any]


def payload(heard: Heard) -> dict[str, Any]:
    app, person, group = heard.app, heard.person, heard.group
    robot = dingtalk_id(app.robot_code)
    body = {
        "conversationId": group.id if group else private_conversation(app, person.id),
        "conversationType": "2" if group else "1",
        "atUsers": [{"dingtalkId": robot}] if group else [],
        "chatbotCorpId": CORP_ID,
        "chatbotUserId": robot,
        "msgId": heard.message_id,
        "senderNick": person.name,
        "senderCorpId": CORP_ID,
        "senderId": dingtalk_id(person.id),
        "senderUnionId": union_id(person.id),
        "sessionWebhook": heard.hook,
        "sessionWebhookExpiredTime": heard.at + HOOK_MILLIS,
        "createAt": heard.at,
        "isInAtList": group is not None,
        "robotCode": app.robot_code,
        "senderPlatform": "Win",
        **heard.body,
    }
    if group:
        body["conversationTitle"] = group.name
    if app.published:
        body["senderStaffId"] = person.id
        body["isAdmin"] = person.role == "system_admin"
    return body


def text_body(text: str, *, in_group: bool) -> dict[str, Any]:
    """In a group the client takes the @mention away and leaves the space behind it."""
    return {"msgtype": "text", "text": {"content": f" {text}" if in_group else text}}


def voice_body(text: str, code: str) -> dict[str, Any]:
    seconds = max(1, len(text) // 4)
    content = {"duration": seconds * 1000, "downloadCode": code, "recognition": text}
    return {"msgtype": "audio", "content": content}


def rich_body(text: str) -> dict[str, Any]:
    lines = [{"text": line} for line in text.splitlines()]
    return {"msgtype": "richText", "content": {"richText": lines}}


def picture_body(code: str) -> dict[str, Any]:
    return {"msgtype": "picture", "content": {"downloadCode": code, "pictureDownloadCode": code}}


def file_body(code: str, name: str, id_: str) -> dict[str, Any]:
    content = {"downloadCode": code, "fileName": name, "spaceId": "27000000", "fileId": id_}
    return {"msgtype": "file", "content": content}


def video_body(code: str) -> dict[str, Any]:
    content = {"duration": 4000, "downloadCode": code, "videoType": "mp4"}
    return {"msgtype": "video", "content": content}


def over_quota(body: dict[str, Any]) -> dict[str, Any]:
    """A push past the monthly quota: it arrives without what was said."""
    bare = {key: value for key, value in body.items() if key not in ("text", "content")}
    return bare | OVER_QUOTA


def quoted_body(message: str, sender: str, text: str, at: int) -> dict[str, Any]:
    """What a reply quotes (seen in 1)."""
    replied = {
        "msgType": "text",
        "msgId": message,
        "senderId": dingtalk_id(sender),
        "createdAt": at,
        "content": {"text": text},
    }
    return {"isReplyMsg": True, "repliedMsg": replied}
