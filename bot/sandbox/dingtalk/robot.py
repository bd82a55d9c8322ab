"""The robot's own sends (one-to-one and group), what was read of them, and taking them back."""

from collections.abc import Sequence
from typing import Any

import orjson

from bot.sandbox.dingtalk.calls import NAME, Call, Calls, Problem
from bot.sandbox.dingtalk.company import App
from bot.sandbox.dingtalk.outbound import Shown, of_robot
from bot.sandbox.dingtalk.sent import Sent, SentBook
from bot.sandbox.ground import Ground
from bot.sandbox.screens import BOT, PRIVATE, Item

SCOPE = "qyapi_robot_sendmsg"
PEOPLE_AT_ONCE = 20
PARAM_BYTES = 15_000


class Robot:
    def __init__(self, ground: Ground, sent: SentBook) -> None:
        self._ground = ground
        self._sent = sent

    def add_routes(self, calls: Calls) -> None:
        one, group = "/v1.0/robot/oToMessages", "/v1.0/robot/groupMessages"
        calls.api("POST", f"{one}/batchSend", self._send_to_people, scope=SCOPE)
        calls.api("POST", f"{group}/send", self._send_to_group, scope=SCOPE)
        calls.api("GET", f"{one}/readStatus", self._read_status, scope=SCOPE)
        calls.api("POST", f"{group}/query", self._group_read, scope=SCOPE)
        recall_one = "/v1.0/robot/otoMessages/batchRecall"  # their spelling
        calls.api("POST", recall_one, self._recall, scope=SCOPE)
        calls.api("POST", f"{group}/recall", self._recall, scope=SCOPE)
        calls.api("POST", "/v1.0/robot/groups/robots/query", self._robots, scope=SCOPE)
        calls.api("POST", "/v1.0/robot/emotion/reply", self._react, scope=SCOPE)
        calls.api("POST", "/v1.0/robot/emotion/recall", self._react, scope=SCOPE)

    async def _send_to_people(self, call: Call) -> dict[str, Any]:
        check_robot(call)
        given = call.body.get("userIds")
        people = [str(who) for who in given] if isinstance(given, list) else []
        if not people:
            raise Problem("invalidParameter.userIds.empty", "userIds is empty")
        if len(people) > PEOPLE_AT_ONCE:
            raise Problem("invalidParameter.userIds.overMax", "userIds over max")
        shown = self._read_message(call)
        known = [who for who in people if self._ground.world.person(who)]
        with self._ground.disk.transaction():
            key = self._sent.new_key()
            seqs = {who: self._show(call.app, PRIVATE, who, key, shown) for who in known}
            self._sent.keep(key, call.app.client_id, PRIVATE, seqs)
        return {
            "processQueryKey": key,
            "invalidStaffIdList": [who for who in people if who not in seqs],
            "flowControlledStaffIdList": [],
        }

    async def _send_to_group(self, call: Call) -> dict[str, Any]:
        check_robot(call)
        chat = call.text("openConversationId", "miss.param.openConversationId")
        if self._ground.world.robots_group(chat) is None:
            raise Problem("resource.not.found", "the robot is not in this conversation")
        shown = self._read_message(call)
        with self._ground.disk.transaction():
            key = self._sent.new_key()
            seq = self._show(call.app, chat, "", key, shown)
            self._sent.keep(key, call.app.client_id, chat, {"": seq})
        return {"processQueryKey": key}

    def _read_message(self, call: Call) -> Shown:
        key = call.text("msgKey", "invalidParameter.msgKey.empty")
        raw = call.text("msgParam", "invalidParameter.msgParam.invalid")
        if len(raw.encode()) > PARAM_BYTES:
            raise Problem("invalidParameter.msgParam.tooLong", "msgParam is too long")
        try:
            params = orjson.loads(raw)
        except ValueError:
            params = None
        if not isinstance(params, dict):
            raise Problem("invalidParameter.msgParam.invalid", "msgParam is not a JSON object")
        return of_robot(key, params, self._ground.media)

    def _show(self, app: App, chat: str, person: str, key: str, shown: Shown) -> int:
        return self._ground.screens.put(
            Item(
                platform=NAME,
                chat=chat,
                person=person,
                sender=BOT,
                kind=shown.kind,
                message=key,
                body=shown.body | {"app": app.name},
            )
        )

    async def _read_status(self, call: Call) -> dict[str, Any]:
        sent = self._asked_after(call, call.request.query.get("processQueryKey", ""))
        people = []
        for who, seq in sent.seqs.items():
            at = self._ground.screens.read_at(NAME, PRIVATE, who, seq)
            person = self._ground.world.person(who)
            people.append(
                {
                    "name": person.name if person else "",
                    "userId": who,
                    "readStatus": "READ" if at else "UNREAD",
                    "readTimestamp": at,
                }
            )
        return {"sendStatus": status_of(sent), "messageReadInfoList": people}

    async def _group_read(self, call: Call) -> dict[str, Any]:
        sent = self._asked_after(call, str(call.body.get("processQueryKey", "")))
        group = self._ground.world.group(sent.chat)
        members: Sequence[str] = group.members if group else ()
        readers = [
            who
            for who in members
            if self._ground.screens.read_at(NAME, sent.chat, who, sent.seqs[""])
        ]
        return {"sendStatus": status_of(sent), "readUserIds": readers, "hasMore": False}

    def _asked_after(self, call: Call, key: str) -> Sent:
        sent = self._sent.find(key, call.app.client_id)
        if sent is None:
            raise Problem("invalid.processQueryKey", "processQueryKey is unknown")
        if self._sent.expired(sent):
            raise Problem("processQueryKey.expireTime", "processQueryKey is expired")
        return sent

    async def _recall(self, call: Call) -> dict[str, Any]:
        check_robot(call)
        keys = call.body.get("processQueryKeys")
        if not isinstance(keys, list) or not keys:
            raise Problem("invalid.processQueryKey", "processQueryKeys is empty")
        if len(keys) > PEOPLE_AT_ONCE:
            raise Problem("invalidParameter.processQueryKeys.overMax", "too many keys")
        done, failed = [], {}
        with self._ground.disk.transaction():
            for key in map(str, keys):
                try:
                    sent = self._asked_after(call, key)
                except Problem as problem:
                    failed[key] = str(problem.code)
                    continue
                for seq in sent.seqs.values():
                    self._ground.screens.recall(seq)
                done.append(key)
            self._sent.mark_recalled(done)
        return {"successResult": done, "failedResult": failed}

    async def _robots(self, call: Call) -> dict[str, Any]:
        chat = call.text("openConversationId", "miss.param.openConversationId")
        if self._ground.world.group(chat) is None:
            raise Problem("resource.not.found", "no such conversation")
        if self._ground.world.robots_group(chat) is None:
            return {"chatbotInstanceVOList": []}
        robot = {"robotCode": call.app.robot_code, "name": call.app.name, "openRobotType": 2}
        return {"chatbotInstanceVOList": [robot | {"downloadIconURL": ""}]}

    async def _react(self, call: Call) -> dict[str, Any]:
        check_robot(call)
        return {"success": True}


def check_robot(call: Call) -> None:
    """Raises Problem unless the robot is the caller's own."""
    code = call.text("robotCode", "invalidParameter.robotCode.empty")
    if code != call.app.robot_code:
        raise Problem("invalidParameter.robotCode.auth", "robotCode is not of this app")


def status_of(sent: Sent) -> str:
    return "RECALLED" if sent.recalled else "SUCCESS"
