"""DingTalk's Python SDK, pointed at the simulated DingTalk by its environment.

Says on stdout, one JSON object a line, what it heard; answers every text by webhook, the text
"card" with a card, a click with new data. It blocks its event loop, so it is a process of its own.
"""

import json
import logging
import sys

from dingtalk_stream import (
    AckMessage,
    CallbackHandler,
    CallbackMessage,
    ChatbotHandler,
    ChatbotMessage,
    Credential,
    DingTalkStreamClient,
    EventHandler,
    EventMessage,
)
from dingtalk_stream.card_callback import CardCallbackMessage
from dingtalk_stream.card_replier import CardReplier


def tell(**heard: object) -> None:
    sys.stdout.write(json.dumps(heard, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Texts(ChatbotHandler):  # type: ignore[misc]
    async def process(self, frame: CallbackMessage) -> tuple[int, str]:
        message = ChatbotMessage.from_dict(frame.data)
        text = message.text.content.strip()
        if text == "card":
            values = {"title": "见证", "rev": "1", "buttons": '[{"key":"ok","text":"好"}]'}
            replier = CardReplier(self.dingtalk_client, message)
            replier.create_and_deliver_card("qidesk-desk.schema", values)
        else:
            self.reply_text(f"收到 {text}", message)
        tell(text=text, **{"from": message.sender_staff_id})
        return AckMessage.STATUS_OK, "OK"


class Clicks(CallbackHandler):  # type: ignore[misc]
    async def process(self, frame: CallbackMessage) -> tuple[int, dict[str, object]]:
        click = CardCallbackMessage.from_dict(frame.data)
        [action] = click.content["cardPrivateData"]["actionIds"]
        tell(clicked=click.card_instance_id, action=action, by=click.user_id)
        return AckMessage.STATUS_OK, {
            "cardData": {"cardParamMap": {"status": "已点", "rev": "2"}},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }


class Events(EventHandler):  # type: ignore[misc]
    async def process(self, event: EventMessage) -> tuple[int, str]:
        tell(event=event.headers.event_type)
        return AckMessage.STATUS_OK, "OK"


def main(client_id: str, client_secret: str) -> None:
    client = DingTalkStreamClient(
        Credential(client_id, client_secret), logging.getLogger("witness")
    )
    client.register_callback_handler(ChatbotMessage.TOPIC, Texts())
    client.register_callback_handler(CallbackHandler.TOPIC_CARD_CALLBACK, Clicks())
    client.register_all_event_handler(Events())
    client.start_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
