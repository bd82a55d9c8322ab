"""What we show → their JSON. Pure: no waiting, nothing fetched."""

from typing import Any

from bot.chat.message import Card, Chat, Markdown, Place, Text
from bot.chat.ports import Outgoing
from bot.platforms.dingtalk.fallback import card_in_words
from bot.platforms.dingtalk.markdown import block, defang, plain, split
from bot.platforms.dingtalk.messages import Message, Said, Written
from bot.platforms.dingtalk.settings import DingTalkSettings
from bot.platforms.dingtalk.template import card_params, clip

BY_KEY = {"updateCardDataByKey": True, "updatePrivateDataByKey": True}
PREVIEW_BYTES = 200

Json = dict[str, Any]


def said(part: Text | Markdown | Card, place: Place) -> list[Message]:
    """The messages that show ``part`` without a template, in order."""
    match part:
        case Text():
            return [Said(piece) for piece in split(plain(part.text))]
        case Markdown():
            return [Written(plain(part.title), page) for page in split(defang(part.text))]
        case Card():
            return list(card_in_words(part, place))


def picture(media_id: str, caption: str) -> Message:
    return Written(plain(caption), f"{block(caption)}\n\n![]({media_id})")


def withheld(key: str) -> Message:
    """What is shown instead when DingTalk's moderation refuses our words."""
    return Said(f"有一条内容未通过钉钉的内容审核，没有显示。请联系管理员查看，编号 {key}")


def new_card(out: Outgoing, card: Card, settings: DingTalkSettings) -> Json:
    """Body of createAndDeliver. Nothing of ours may be forwarded."""
    space = "IM_GROUP" if out.chat.place is Place.GROUP else "IM_ROBOT"
    return {
        "cardTemplateId": settings.template,
        "outTrackId": track_id(out, card),
        "callbackType": "STREAM",
        "userIdType": 1,
        "cardData": {"cardParamMap": card_params(card)},
        "openSpaceId": open_space(out.chat),
        **_space_model(space, card),
        **deliver_model(out, settings),
    }


def delivery(out: Outgoing, card: Card, settings: DingTalkSettings) -> Json:
    """Body of deliver, for a card that exists and was not shown."""
    return {
        "outTrackId": track_id(out, card),
        "userIdType": 1,
        "openSpaceId": open_space(out.chat),
        **deliver_model(out, settings),
    }


def card_update(track: str, card: Card) -> Json:
    """Body of the update; always by key, else what is not named would be wiped."""
    return {
        "outTrackId": track,
        "userIdType": 1,
        "cardData": {"cardParamMap": card_params(card)},
        "cardUpdateOptions": BY_KEY,
    }


def click_answer(card: Card | None) -> Json:
    """The answer to a click: the card as it now is, or that the work goes on."""
    params = {"status": "处理中"} if card is None else card_params(card)
    return {"response": {"cardData": {"cardParamMap": params}, "cardUpdateOptions": BY_KEY}}


def track_id(out: Outgoing, card: Card) -> str:
    """The card's name at DingTalk, and its idempotency key."""
    return card.id or out.key


def open_space(chat: Chat) -> str:
    space = "IM_GROUP" if chat.place is Place.GROUP else "IM_ROBOT"
    return f"dtv1.card//{space}.{chat.id}"


def deliver_model(out: Outgoing, settings: DingTalkSettings) -> Json:
    extension = {"extension": {"replyTo": out.reply_to}} if out.reply_to else {}
    if out.chat.place is Place.GROUP:
        return {"imGroupOpenDeliverModel": {"robotCode": settings.robot, **extension}}
    model = {"spaceType": "IM_ROBOT", "robotCode": settings.robot, **extension}
    return {"imRobotOpenDeliverModel": model}


def _space_model(space: str, card: Card) -> Json:
    """The chat list's line is the essence: state and title, no figures."""
    preview = clip(plain(" ".join(filter(None, [card.status, card.title]))), PREVIEW_BYTES)
    name = "imGroupOpenSpaceModel" if space == "IM_GROUP" else "imRobotOpenSpaceModel"
    return {name: {"supportForward": False, "lastMessageI18n": {"ZH_CN": preview}}}
