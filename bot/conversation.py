"""What a line means in its chat: the answer to a question, a pressed button, or its own words."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.button_line import read_button_line
from bot.chat.message import AskKind, Card, Click, Part
from bot.chat.reply import Reply
from bot.grammar import understand, who
from bot.grammar.opening import opening
from bot.grammar.reading import Reading
from bot.grammar.who import Query
from bot.models import Conversation, LiveCard
from bot.router import Turn
from crm import search
from crm.kernel.errors import UserError
from crm.models import Client, FundAccount
from crm.names import Probe
from crm.search import Hit

ANSWER_WITHIN = timedelta(minutes=10)
FOCUS_LASTS = timedelta(hours=4)  # from when the client was last meant
YES = frozenset({"好", "好的", "是", "是的", "对", "确认", "可以", "嗯", "ok", "yes"})
NO = frozenset({"不", "不用", "不用了", "不要", "不是", "否", "算了", "取消", "no"})
NEVER_MIND = "never_mind"
TAKES_A_FILE = "_file"  # how the action of such a question ends
WANT_NUMBERS = frozenset({"opening_text"})  # questions that numbers and files answer as well
NUMBER = re.compile(r"\d(?:[ \-]?\d){6}")


class NotRead(UserError):
    say = "这类消息期台看不懂，请发文字、图片或文件"


class NotHeard(UserError):
    say = "没有听到语音里的字，请用输入法的语音输入转成文字再发"


class Conversations:
    """Reads and keeps each person's focus and open question, by chat."""

    async def understand(self, session: AsyncSession, turn: Turn) -> Turn:
        """The turn with its click or its reading."""
        kept = session.info["conversation"] = await self._row(session, turn)
        fresh = kept.focus_at is not None and _within(FOCUS_LASTS, kept.focus_at, turn.at)
        turn = replace(
            turn,
            focus=kept.focus if fresh else None,
            faded=None if fresh else kept.focus,
            listed=self._listed(turn, kept),
        )
        ask = turn.ask
        if ask.kind is AskKind.CLICK:
            return replace(turn, click=ask.click)
        if ask.kind is AskKind.OTHER:
            raise NotRead
        if ask.kind is AskKind.VOICE and not ask.text:
            raise NotHeard
        if ask.kind in (AskKind.FILE, AskKind.PICTURE):
            wanted = self._wants(turn, kept) or self._takes_a_file(turn, kept)
            taken = await self._text_click(session, turn, kept) if wanted else None
            if taken is not None:
                return replace(turn, click=taken, in_words=True)
            return replace(turn, reading=Reading(verb="file"))
        pressed = read_button_line(ask.text) or await self._answer(session, turn, kept)
        if pressed is not None:
            return replace(turn, click=pressed, in_words=True)
        read, found = await self._read(session, turn)
        if self._is_answer_text(turn, kept, read) or self._is_wanted(turn, kept, read):
            click = await self._text_click(session, turn, kept)
            return replace(turn, click=click, in_words=True)
        hits = _meant(read, found)
        return replace(turn, reading=read, hits=hits, probes=_finding(hits, found))

    async def _row(self, session: AsyncSession, turn: Turn) -> Conversation:
        chat = turn.ask.chat
        key = {"platform": chat.platform, "chat": chat.id, "staff": turn.person.id}
        row = await session.get(Conversation, key)
        if row is None:
            row = Conversation(**key, text_action="")
            session.add(row)
        return row

    def _open_question(self, turn: Turn, kept: Conversation) -> bool:
        return kept.asked_at is not None and _within(ANSWER_WITHIN, kept.asked_at, turn.at)

    def _listed(self, turn: Turn, kept: Conversation) -> tuple[str, ...]:
        return tuple(kept.options or ()) if self._open_question(turn, kept) else ()

    async def _answer(self, session: AsyncSession, turn: Turn, kept: Conversation) -> Click | None:
        """A number, a yes or a no to the question that waits; None when it is none."""
        if not self._open_question(turn, kept) or not kept.options:
            return None
        action = chosen(turn.ask.text, kept.options)
        return await self._click(session, kept, action, {}) if action else None

    def _is_answer_text(self, turn: Turn, kept: Conversation, read: Reading) -> bool:
        """Words of no command of their own answer a question that asked for words."""
        waits = self._open_question(turn, kept) and bool(kept.text_action)
        return waits and not _is_command(read)

    def _wants(self, turn: Turn, kept: Conversation) -> bool:
        """Whether the open question collects numbers and files."""
        return self._open_question(turn, kept) and kept.text_action.split(":")[0] in WANT_NUMBERS

    def _takes_a_file(self, turn: Turn, kept: Conversation) -> bool:
        """Whether a file answers the open question as well as words."""
        return self._open_question(turn, kept) and kept.text_action.endswith(TAKES_A_FILE)

    def _is_wanted(self, turn: Turn, kept: Conversation, read: Reading) -> bool:
        """A number that would find somebody is what the question asked for; 查 13800138000 is
        not."""
        if read.verb != "look_up" or not self._wants(turn, kept):
            return False
        return NUMBER.search(turn.ask.text) is not None and opening(turn.ask.text) is None

    async def _text_click(
        self, session: AsyncSession, turn: Turn, kept: Conversation
    ) -> Click | None:
        action = NEVER_MIND if _bare(turn.ask.text) in NO else kept.text_action
        return await self._click(session, kept, action, {"text": turn.ask.text})

    async def _click(
        self, session: AsyncSession, kept: Conversation, action: str, inputs: dict[str, str]
    ) -> Click | None:
        live = await session.get(LiveCard, kept.asked) if kept.asked else None
        if live is None:
            return None
        return Click(card=live.id, version=live.version, action=action, inputs=inputs)

    async def _read(
        self, session: AsyncSession, turn: Turn
    ) -> tuple[Reading, dict[Query, list[Hit]]]:
        """The pure reading around one look-up of everybody that the line might name."""
        line = turn.ask.text
        questions = {query: query.probes() for query in understand.spans(line)}
        found = await search.find_all(session, turn.person, questions)
        read = understand.read(
            line,
            at=turn.at,
            place=turn.ask.chat.place,
            mentioned=turn.ask.mentioned,
            calendar=turn.calendar,
            found={query: _for_grammar(hits) for query, hits in found.items()},
            focus=await _focus(session, turn.focus),
        )
        return read, found

    async def remember(
        self, session: AsyncSession, turn: Turn, reply: Reply, shown: Sequence[Part]
    ) -> None:
        """Keep the new focus and the question that is now open."""
        kept: Conversation = session.info["conversation"]
        if reply.focus is not None:
            kept.focus, kept.focus_at = reply.focus, turn.at
        cards = [part.id for part in shown if isinstance(part, Card)]
        if turn.click is not None and not cards:
            cards.append(turn.click.card)  # the clicked card asks on, e.g. its next page
        if reply.question is not None and cards:
            kept.asked, kept.asked_at = cards[-1], turn.at
            kept.options = list(reply.question.options)
            kept.text_action = reply.question.text_action
        elif turn.click is None or turn.click.card == kept.asked:
            kept.asked = kept.asked_at = kept.options = None
            kept.text_action = ""


def _within(span: timedelta, since: datetime, at: datetime) -> bool:
    """False also of what lies ahead: the clock was set back since, its age is not known."""
    return abs(at - since) <= span


def _is_command(read: Reading) -> bool:
    """Whether a line stands for itself, however open a question is."""
    verb = read.verb or "none"
    if verb == "none" or verb.startswith("ask:"):
        return False
    return verb != "look_up" or bool(read.clients)


def chosen(line: str, options: Sequence[str]) -> str | None:
    """The option that ``line`` picks: its number from 1, a yes for the first, a no."""
    word = _bare(line)
    if word.isdecimal() and 1 <= int(word) <= len(options):
        return options[int(word) - 1]
    if word in NO and NEVER_MIND in options:
        return NEVER_MIND
    sure = [option for option in options if option != NEVER_MIND]
    if word in YES and len(sure) == 1:
        return sure[0]
    return None


def _bare(line: str) -> str:
    return re.sub(r"[\s。.,，!！]", "", line).lower()


def _for_grammar(hits: Sequence[Hit]) -> tuple[who.Hit, ...]:
    return tuple(
        who.Hit(hit.client_id, hit.account, hit.name, hit.visible, hit.how, rank)
        for rank, hit in enumerate(hits)
    )


def _finding(hits: Sequence[Hit], found: dict[Query, list[Hit]]) -> tuple[Probe, ...]:
    """What found all who are meant: asked on, it finds the rest."""
    meant = {hit.client_id for hit in hits}
    for query, some in found.items():
        if meant and meant <= {hit.client_id for hit in some}:
            return tuple(query.probes())
    return ()


def _meant(read: Reading, found: dict[Query, list[Hit]]) -> tuple[Hit, ...]:
    """The store's own hits for those that the reading settled on."""
    known = {hit.client_id: hit for hits in found.values() for hit in hits}
    return tuple(known[hit.client_id] for hit in read.clients if hit.client_id in known)


_FOCUS = (
    select(Client.name, func.min(FundAccount.account))
    .outerjoin(FundAccount, FundAccount.client_id == Client.id)
    .where(Client.id == bindparam("client"))
    .group_by(Client.name)
)


async def _focus(session: AsyncSession, client_id: int | None) -> who.Hit | None:
    if client_id is None:
        return None
    found = (await session.execute(_FOCUS, {"client": client_id})).first()
    if found is None:
        return None
    name, account = found
    return who.Hit(client_id, account or "", name, True, "exact")
