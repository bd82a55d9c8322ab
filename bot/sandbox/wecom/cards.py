"""Template cards once they are out: drawn for each person, clicked by people, updated by apps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from xml.etree.ElementTree import Element

from bot.sandbox.ground import Ground, Press
from bot.sandbox.refused import Refused
from bot.sandbox.wecom import face, inbound, xml
from bot.sandbox.wecom.calls import NAME, Call, Calls, Problem, as_object, as_texts
from bot.sandbox.wecom.card_rules import INTERACTIVE, Channel, read_card
from bot.sandbox.wecom.card_store import CardStore, Copy, StoredCard
from bot.sandbox.wecom.company import WeComSettings
from bot.sandbox.wecom.contacts import Contacts
from bot.sandbox.wecom.courier import Courier
from bot.sandbox.wecom.passive import card_of
from bot.sandbox.wecom.pushes import Push
from bot.sandbox.wecom.recipients import find_recipients

FAILED = "操作没有成功，请再点一次"


@dataclass(frozen=True, slots=True)
class Clicked:
    """One press: on which card and rendering, with which options chosen."""

    card: StoredCard
    copy: Copy
    chat: str
    person: str
    action: str
    in_menu: bool
    chosen: Mapping[str, tuple[str, ...]]


class AsksBot(Protocol):
    """Asks an aibot about a click on a card that it sent; raises NobodyListens."""

    async def __call__(self, clicked: Clicked) -> bool:
        """False when no answer came in time."""
        ...


class Cards:
    def __init__(
        self,
        ground: Ground,
        settings: WeComSettings,
        contacts: Contacts,
        store: CardStore,
        courier: Courier,
    ) -> None:
        self._ground = ground
        self._settings = settings
        self._contacts = contacts
        self._store = store
        self._courier = courier
        self._ask_bot: AsksBot | None = None
        ground.screens.draw_cards_with(NAME, self)

    def ask_bots_with(self, ask: AsksBot) -> None:
        self._ask_bot = ask

    def add_routes(self, calls: Calls) -> None:
        calls.api("POST", "/cgi-bin/message/update_template_card", self._update)

    def face(self, card: str, viewer: str) -> dict[str, Any]:
        stored, copy = self._store.find(card), self._store.copy(card, viewer)
        if stored is None or copy is None:
            return {}
        return face.face(stored.key, copy.n, copy.card, stored.channel, copy.grey, copy.toast)

    # Updates by the app

    async def _update(self, call: Call) -> dict[str, Any]:
        call.own_agent()
        code = call.text("response_code", self._settings.used_code)
        fresh = self._read_fresh(call.body)
        stored = self._store.card_of_code(code)
        if stored is None or stored.owner != str(call.agent.agent_id):
            raise Problem(self._settings.used_code, "response_code is used, expired or unknown")
        people, strangers = self._meant(call.body, stored)
        with self._ground.disk.transaction():
            self._store.spend(code)
            for person in people:
                self._change(stored, person, fresh)
            self._ground.screens.touch_card(NAME, stored.key)
        return {"invaliduser": strangers}

    def _read_fresh(self, body: Mapping[str, Any]) -> dict[str, Any] | str:
        """The new card, or the words that replace its buttons. Raises Problem."""
        if "template_card" in body:
            return read_card(body["template_card"], Channel.APP, updating=True)
        words = as_object(body.get("button")).get("replace_name")
        if not isinstance(words, str) or not words:
            raise Problem(40058, "missing field button.replace_name")
        return words

    def _meant(self, body: Mapping[str, Any], card: StoredCard) -> tuple[list[str], list[str]]:
        """Of the card's receivers those that an update names, and who is none of them."""
        receivers = self._store.people(card.key)
        if body.get("atall") == 1:
            return receivers, []
        users, parties, tags = (as_texts(body.get(k)) for k in ("userids", "partyids", "tagids"))
        if not users and not parties and not tags:
            raise Problem(40003, "userids, partyids, tagids and atall are all empty")
        named = find_recipients(users, parties, tags, self._contacts)
        strangers = [*named.bad_users, *(one for one in named.people if one not in receivers)]
        return [one for one in named.people if one in receivers], strangers

    def _change(self, card: StoredCard, person: str, fresh: Mapping[str, Any] | str) -> None:
        """``fresh`` is a whole card, or the words in place of the buttons where there are any."""
        if not isinstance(fresh, str):
            self._store.replace(card.key, person, fresh)
            return
        copy = self._store.copy(card.key, person)
        if copy and copy.card["card_type"] in INTERACTIVE:
            self._store.grey(card.key, person, fresh)

    # Clicks of people

    async def click(self, press: Press) -> dict[str, Any]:
        """``answer`` is updated, unchanged or failed; ``toast`` what the person is told.

        Raises Refused when the card is not on this person's screen, NobodyListens.
        """
        chats = self._ground.screens.chats_with_card(NAME, press.card, press.person)
        stored = self._store.find(press.card)
        if stored is None or not chats:
            raise Refused("屏幕上没有这张卡片", status=404)
        if stored.channel is Channel.HOOK:
            return {"answer": "unchanged", "toast": None}
        clicked = self._read_press(stored, press, chats[-1])
        before = self._version(stored, press.person)
        if stored.channel is Channel.APP:
            done = await self._ask_app(clicked)
        elif self._ask_bot:
            done = await self._ask_bot(clicked)
        else:
            done = False
        if self._version(stored, press.person) != before:
            return {"answer": "updated", "toast": None}
        return {"answer": "unchanged", "toast": None} if done else self._fail(clicked)

    def _read_press(self, card: StoredCard, press: Press, chat: str) -> Clicked:
        """In the rendering that was asked for, else the newest that had this button alive (the
        person's client has not redrawn yet), else the present one."""
        copies = self._store.copies(card.key, press.person)
        if press.version is not None:
            copies = [one for one in copies if one.n == press.version]
            if not copies:
                raise Refused(f"这张卡片没有第 {press.version} 版")
        for copy in copies:
            for one in face.buttons(copy.card, card.channel, copy.grey):
                if one.enabled and not one.url and one.key == press.action:
                    return self._clicked(card, copy, press, chat, in_menu=one.menu)
        return self._clicked(card, copies[0], press, chat, in_menu=False)

    def _clicked(
        self, card: StoredCard, copy: Copy, press: Press, chat: str, *, in_menu: bool
    ) -> Clicked:
        chosen = {} if in_menu else chosen_of(copy.card, press.inputs)
        return Clicked(card, copy, chat, press.person, press.action, in_menu, chosen)

    async def _ask_app(self, clicked: Clicked) -> bool:
        await self._courier.need_listener()
        with self._ground.disk.transaction():
            code = self._store.new_code(clicked.card.key)
            push = self._courier.store(clicked.person, "", self._event(clicked, code))
        return await self._courier.ask(push) is not None

    def _event(self, clicked: Clicked, code: str) -> str:
        envelope = inbound.Envelope(
            corp_id=self._settings.corp_id,
            agent_id=self._settings.desk.agent_id,
            sender=clicked.person,
            at=self._ground.clock.millis() // 1000,
        )
        body = inbound.click_body(
            key=clicked.action,
            task_id=clicked.card.task,
            card_type=clicked.copy.card["card_type"],
            code=code,
            chosen=clicked.chosen,
        )
        if clicked.in_menu:
            del body["SelectedItems"]
        name = "template_card_menu_event" if clicked.in_menu else "template_card_event"
        return inbound.event(envelope, name, body)

    def answered(self, push: Push, passive: Element) -> bool:
        """What the answer to a click makes of the clicker's own copy, and of nobody else's, also
        after a restart. False for what was no click."""
        code = xml.word(xml.read(push.xml), "ResponseCode")
        card = self._store.card_pressed(code) if code else None
        if card is not None:
            self._apply(card, push.person, code, passive)
        return card is not None

    def _apply(self, card: StoredCard, person: str, code: str, passive: Element) -> None:
        try:
            fresh = passive_update(passive)
        except Problem as problem:
            self._ground.wire.note(NAME, "in", "被动回复的卡片无效", problem.message)
            return
        if fresh is None:
            return
        with self._ground.disk.transaction():
            if self._settings.passive_spends:
                self._store.spend(code)
            self._change(card, person, fresh)
            self._ground.screens.touch_card(NAME, card.key)

    def replace(self, card: StoredCard, people: list[str], fresh: Mapping[str, Any]) -> None:
        """An aibot's whole-card answer."""
        with self._ground.disk.transaction():
            for person in people:
                self._store.replace(card.key, person, fresh)
            self._ground.screens.touch_card(NAME, card.key)

    def _version(self, card: StoredCard, person: str) -> int:
        copy = self._store.copy(card.key, person)
        return copy.n if copy else 0

    def _fail(self, clicked: Clicked) -> dict[str, Any]:
        with self._ground.disk.transaction():
            self._store.toast(clicked.card.key, clicked.person, FAILED)
            self._ground.screens.touch_card(NAME, clicked.card.key)
        return {"answer": "failed", "toast": FAILED}


def chosen_of(
    card: Mapping[str, Any], inputs: Mapping[str, str | list[str]]
) -> dict[str, tuple[str, ...]]:
    """The options that go with a press. Raises Refused for one that the card does not have."""
    chosen = {}
    for question in face.questions(card):
        given = inputs.get(question.key)
        ids = [id_ for id_, _ in question.options]
        words = [given] if isinstance(given, str) else given
        picked = question.chosen if words is None else tuple(words)
        if any(one not in ids for one in picked) or (len(picked) > 1 and not question.many):
            raise Refused(f"{question.label or question.key} 没有这个选项")
        chosen[question.key] = question.chosen if question.disabled else picked
    return chosen


def passive_update(passive: Element) -> dict[str, Any] | str | None:
    """A whole card, words in place of the buttons, None for any other answer. Raises Problem."""
    match xml.word(passive, "MsgType"):
        case "update_button":
            return xml.word(passive, "Button/ReplaceName") or None
        case "update_template_card":
            return read_card(card_of(passive), Channel.APP, updating=True)
        case _:
            return None
