"""Template cards: created, delivered and updated by their app, clicked by people."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bot.sandbox.dingtalk import templates
from bot.sandbox.dingtalk.calls import NAME, Call, Calls, Problem, as_object
from bot.sandbox.dingtalk.card_store import CardStore, Data, StoredCard
from bot.sandbox.dingtalk.company import (
    CORP_ID,
    App,
    DingTalkSettings,
    private_conversation,
    union_id,
)
from bot.sandbox.dingtalk.sent import SentBook
from bot.sandbox.dingtalk.stream import Stream
from bot.sandbox.dingtalk.values import merged, read_values
from bot.sandbox.ground import Ground, Press
from bot.sandbox.refused import Refused
from bot.sandbox.screens import BOT, PRIVATE, Item

SCOPE = "Card.Instance.Write"
PATH = "/v1.0/card/instances"
MODELS = {
    "imGroupOpenSpaceModel": "IM_GROUP",
    "imRobotOpenSpaceModel": "IM_ROBOT",
    "imSingleOpenSpaceModel": "IM_SINGLE",
    "topOpenSpaceModel": "ONE_BOX",
}
DELIVER = {"IM_GROUP": "imGroupOpenDeliverModel", "IM_ROBOT": "imRobotOpenDeliverModel"}
FAILED = "操作没有成功，请再点一次"


@dataclass(frozen=True, slots=True)
class Target:
    space: str
    id: str
    model: Mapping[str, Any]


class Cards:
    def __init__(
        self, ground: Ground, settings: DingTalkSettings, stream: Stream, sent: SentBook
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._stream = stream
        self._sent = sent
        self._store = CardStore(ground.disk)
        self._random = random.Random(ground.seed)  # noqa: S311
        self._people_by_union = {union_id(one.id): one.id for one in ground.world.people}
        ground.screens.draw_cards_with(NAME, self)

    def add_routes(self, calls: Calls) -> None:
        calls.api("POST", PATH, self._create_only, scope=SCOPE)
        calls.api("PUT", PATH, self._update, scope=SCOPE)
        calls.api("POST", f"{PATH}/deliver", self._deliver_only, scope=SCOPE)
        calls.api("POST", f"{PATH}/createAndDeliver", self._create_and_deliver, scope=SCOPE)
        calls.api("PUT", f"{PATH}/spaces", self._add_spaces, scope=SCOPE)

    def face(self, card: str, viewer: str) -> dict[str, Any]:
        found = self._store.find(card)
        if found is None:
            return {}
        values = found.data.of(viewer, found.template)
        return templates.face(card, found.template, values, found.toasts.get(viewer, ""))

    # Calls of the app

    async def _create_only(self, call: Call) -> dict[str, Any]:
        with self._ground.disk.transaction():
            card = self._create(call)
        return {"success": True, "result": card.track}

    async def _deliver_only(self, call: Call) -> dict[str, Any]:
        card = self._card(call)
        targets = read_targets(call.body, card.spaces)
        with self._ground.disk.transaction():
            results = [self._deliver(call, card, target) for target in targets]
        return {"success": True, "result": results}

    async def _create_and_deliver(self, call: Call) -> dict[str, Any]:
        with self._ground.disk.transaction():
            card = self._create(call)
            targets = read_targets(call.body, card.spaces)
            results = [self._deliver(call, card, target) for target in targets]
        return {"success": True, "result": {"outTrackId": card.track, "deliverResults": results}}

    async def _add_spaces(self, call: Call) -> dict[str, Any]:
        card = self._card(call)
        with self._ground.disk.transaction():
            self._store.allow_spaces(card, read_spaces(call.body))
        return {"success": True, "result": True}

    async def _update(self, call: Call) -> dict[str, Any]:
        card = self._card(call)
        public, private = call.body.get("cardData"), call.body.get("privateData")
        if not public and not private:
            raise Problem("param.cardDataAndPrivateDataBothEmpty", "nothing to update")
        if self._settings.update_delay_seconds:
            delay = self._random.uniform(0, self._settings.update_delay_seconds)
            await asyncio.sleep(delay)
            card = self._card(call)
        fresh = read_values(public, card.template, where="cardData")
        own = self._read_private(private, card.template, union_ids=card.union_ids)
        options = as_object(call.body.get("cardUpdateOptions"))
        data = Data(
            merged(card.data.public, fresh, by_key=bool(options.get("updateCardDataByKey")))
            if public
            else card.data.public,
            merged_private(card.data, own, by_key=bool(options.get("updatePrivateDataByKey"))),
        )
        self._write(card, data)
        return {"success": True, "result": True}

    def _create(self, call: Call) -> StoredCard:
        """Raises Problem; with the switch ``silent`` a known id answers the card as it is."""
        body = call.body
        track = call.text("outTrackId", "param.outTrackIdEmpty")
        if len(track) > 100:
            raise Problem("param.invalid", "outTrackId is longer than 100")
        template = find_template(call.text("cardTemplateId", "param.cardTemplateIdEmpty"))
        if "cardData" not in body:
            raise Problem("param.cardPublicDataEmpty", "cardData is empty")
        union_ids = body.get("userIdType") == 2
        card = StoredCard(
            track=track,
            client_id=call.app.client_id,
            template=template,
            streams=body.get("callbackType") == "STREAM",
            union_ids=union_ids,
            spaces=read_spaces(body),
            data=Data(
                read_values(body["cardData"], template, where="cardData"),
                self._read_private(body.get("privateData"), template, union_ids=union_ids),
            ),
        )
        if known := self._store.find(track):
            if self._settings.card_reuse == "error":
                raise Problem("param.cardAlreadyExist", "the card exists")
            return known
        self._store.add(card)
        return card

    def _deliver(self, call: Call, card: StoredCard, target: Target) -> dict[str, Any]:
        """One result of ``deliverResults``: a failure here is still HTTP 200."""
        result = {"spaceType": target.space, "spaceId": target.id}
        chat, person = self._place(target, union_ids=card.union_ids)
        if not chat:
            return result | {"success": False, "carrierId": "", "errorMsg": "spaceId is illegal"}
        extension = as_object(target.model.get("extension"))
        key = self._sent.new_key()
        seq = self._ground.screens.put(
            Item(
                platform=NAME,
                chat=chat,
                person=person,
                sender=BOT,
                kind="card",
                message=key,
                card=card.track,
                visible=people_in(target.model.get("recipients")),
                body={
                    "app": call.app.name,
                    "reply_to": str(extension.get("replyTo", "")),
                    "mentions": list(as_object(target.model.get("atUserIds"))),
                },
            )
        )
        self._sent.keep(key, call.app.client_id, chat, {person: seq})
        return result | {"success": True, "carrierId": key, "errorMsg": ""}

    def _place(self, target: Target, *, union_ids: bool) -> tuple[str, str]:
        """Chat and person of a target, ("", "") when there is none."""
        if target.space == "IM_GROUP":
            return (target.id, "") if self._ground.world.robots_group(target.id) else ("", "")
        person = self._people_by_union.get(target.id, "") if union_ids else target.id
        return (PRIVATE, person) if self._ground.world.person(person) else ("", "")

    def _card(self, call: Call) -> StoredCard:
        card = self._store.find(call.text("outTrackId", "param.outTrackIdEmpty"))
        if card is None or card.client_id != call.app.client_id:
            raise Problem("param.cardNotExist", "the card does not exist")
        return card

    def _read_private(
        self, given: object, template: templates.Template, *, union_ids: bool
    ) -> dict[str, dict[str, str]]:
        private = {}
        for user, values in as_object(given).items():
            person = self._people_by_union.get(user, "") if union_ids else user
            if self._ground.world.person(person) is None:
                raise Problem("param.userIdNotExist", f"no such user: {user}")
            private[person] = read_values(values, template, where="privateData")
        return private

    def _write(self, card: StoredCard, data: Data) -> bool:
        """True when the card looks different now."""
        if data == card.data:
            return False
        with self._ground.disk.transaction():
            self._store.write(card, data)
            self._ground.screens.touch_card(NAME, card.track)
        return True

    # Clicks of people

    async def click(self, press: Press) -> dict[str, Any]:
        """``answer`` is updated, unchanged or failed; ``toast`` what the person is told.

        Raises Refused when the card is not on this person's screen, NobodyListens.
        """
        chats = self._ground.screens.chats_with_card(NAME, press.card, press.person)
        card = self._store.find(press.card)
        if card is None or not chats:
            raise Refused("屏幕上没有这张卡片", status=404)
        if not card.streams:
            return {"answer": "unchanged", "toast": None}
        values = self._seen_by(card, press)
        answer = await self._stream.ask(
            self._app(card), self._callback(card, press, values, chats[-1])
        )
        return self._apply(press, answer)

    def _seen_by(self, card: StoredCard, press: Press) -> dict[str, str]:
        """The rendering the person clicked in: the one asked for, else the newest that had this
        button alive (his client has not redrawn yet), else the present one."""
        drawn = [
            data.of(press.person, card.template) for data in self._store.renderings(card.track)
        ]
        if press.version is not None:
            for values in drawn:
                if templates.rev(values) == press.version:
                    return values
            raise Refused(f"这张卡片没有第 {press.version} 版")
        for values in drawn:
            if any(one.enabled and one.key == press.action for one in templates.buttons(values)):
                return values
        return drawn[0]

    def _callback(
        self, card: StoredCard, press: Press, values: Mapping[str, str], chat: str
    ) -> dict[str, Any]:
        known = {one.key: one for one in templates.fields(values)}
        params: dict[str, object] = {"rev": values.get("rev", "")}
        for key, given in press.inputs.items():
            params[key] = known[key].sent(given) if key in known else given
        content = {"cardPrivateData": {"actionIds": [press.action], "params": params}}
        text = orjson.dumps(content).decode()
        private = chat == PRIVATE
        return {
            "type": "actionCallback",
            "outTrackId": card.track,
            "corpId": CORP_ID,
            "userId": union_id(press.person) if card.union_ids else press.person,
            "userIdType": 2 if card.union_ids else 1,
            "spaceType": "IM_ROBOT" if private else "IM_GROUP",
            "spaceId": private_conversation(self._app(card), press.person) if private else chat,
            "content": text,
            "value": text,
            "extension": "{}",
        }

    def _apply(self, press: Press, answer: dict[str, Any] | None) -> dict[str, Any]:
        """What the answer makes of the card as it is by now."""
        card = self._store.find(press.card)
        if card is None or answer is None:
            return self._fail(press)
        public, own = answer.get("cardData"), answer.get("userPrivateData")
        options = as_object(answer.get("cardUpdateOptions"))
        try:
            fresh = read_values(public, card.template, where="cardData")
            mine = read_values(own, card.template, where="userPrivateData")
        except Problem as problem:
            self._ground.wire.note(NAME, "in", "卡片应答无效", problem.message, answer)
            return self._fail(press)
        data = card.data
        if public:
            by_key = bool(options.get("updateCardDataByKey"))
            data = replace(data, public=merged(data.public, fresh, by_key=by_key))
        if own:
            by_key = bool(options.get("updatePrivateDataByKey"))
            data = replace(data, private=merged_private(data, {press.person: mine}, by_key=by_key))
        changed = self._write(card, data)
        toast = mine.get("toast") or None
        return {"answer": "updated" if changed else "unchanged", "toast": toast}

    def _fail(self, press: Press) -> dict[str, Any]:
        with self._ground.disk.transaction():
            self._store.toast(press.card, press.person, FAILED)
            self._ground.screens.touch_card(NAME, press.card)
        return {"answer": "failed", "toast": FAILED}

    def _app(self, card: StoredCard) -> App:
        return self._settings.app_of_client(card.client_id) or self._settings.desk


def find_template(id_: str) -> templates.Template:
    template = templates.templates().get(id_)
    if template is None:
        raise Problem("param.templateNotExist", "the template does not exist")
    if not template.published:
        raise Problem("param.templateUnpublished", "the template is not published")
    return template


def read_spaces(body: Mapping[str, Any]) -> frozenset[str]:
    """The kinds of place the card may go to. Raises Problem."""
    for model in MODELS:
        if model in body and not isinstance(body[model], dict):
            raise Problem("param.openSpaceModelInvalid", f"{model} is not an object")
        if model in body and model != "topOpenSpaceModel" and "supportForward" not in body[model]:
            raise Problem("param.openSpaceModelInvalid", f"{model}.supportForward is missing")
    return frozenset(space for model, space in MODELS.items() if model in body)


def read_targets(body: Mapping[str, Any], spaces: frozenset[str]) -> list[Target]:
    """Where ``openSpaceId`` sends the card. Raises Problem."""
    given = body.get("openSpaceId")
    if not isinstance(given, str) or not given:
        raise Problem("param.openSpaceIdEmpty", "openSpaceId is empty")
    head, _, rest = given.partition("//")
    if head.lower() != "dtv1.card" or not rest or len(given) > 1000:
        raise Problem("param.openSpaceIdInvalid", "openSpaceId is invalid")
    return [read_target(one, body, spaces) for one in rest.split(";") if one]


def read_target(text: str, body: Mapping[str, Any], spaces: frozenset[str]) -> Target:
    kind, _, id_ = text.partition(".")
    space = kind.upper()
    if space not in DELIVER or not id_:
        raise Problem("param.openSpaceIdInvalid", f"openSpaceId {text} is invalid")
    if space not in spaces:
        raise Problem("param.openSpaceModelInvalid", f"the card has no space model of {space}")
    model = body.get(DELIVER[space])
    if not isinstance(model, dict) or not model:
        raise Problem("param.openDeliverModelEmpty", f"{DELIVER[space]} is empty")
    if space == "IM_GROUP" and not model.get("robotCode"):
        raise Problem("param.openDeliverModelError", "robotCode is empty")
    return Target(space, id_, model)


def merged_private(
    data: Data, fresh: Mapping[str, Mapping[str, str]], *, by_key: bool
) -> dict[str, dict[str, str]]:
    """Only the people named in ``fresh`` change."""
    return data.private | {
        person: merged(data.private.get(person, {}), values, by_key=by_key)
        for person, values in fresh.items()
    }


def people_in(given: object) -> list[str]:
    return [str(one) for one in given] if isinstance(given, list) else []
