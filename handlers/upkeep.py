"""健康, 系统 and 数据源: how the service itself is, and what it could not deliver."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice, text
from bot.cards import upkeep as draw
from bot.chat.message import Audience, Card
from bot.chat.ports import Health
from bot.chat.reply import Question, Reply, say
from bot.outbox import deadletters
from bot.router import Router, Turn
from crm import people
from crm.kernel import audit
from crm.kernel.errors import UserError
from crm.people import Action
from handlers.said import OnlyInPrivate, in_private, span_words

DEAD = frozenset({"死信", "积压"})


class HowToUseSystem(UserError):
    say = "可以说：/系统，或 /系统 死信"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """``age`` since it last spoke, None before its first word; ``limit`` is how long it may be
    silent."""

    health: Health
    age: timedelta | None
    limit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What the running service tells of itself."""

    parts: Callable[[], Awaitable[Mapping[str, Health]]]
    sources: Callable[[], Mapping[str, SourceState]]


def make_router(inside: Inside) -> Router:
    router = Router()

    @router.command("admin:健康", action=Action.SYSTEM)
    async def health(turn: Turn, session: AsyncSession) -> Reply:
        in_private(turn)
        audit.note(session, turn.person.id, "health.look", "system")
        return say(draw.health_card(await inside.parts(), turn.at))

    @router.command("admin:数据源", action=Action.RULES)
    async def sources(turn: Turn, _session: AsyncSession) -> Reply:
        if turn.audience is Audience.GROUP:
            raise OnlyInPrivate
        rows = [
            (
                name,
                state.health,
                text.NOTHING if state.age is None else f"{span_words(state.age)}前",
                span_words(state.limit),
            )
            for name, state in sorted(inside.sources().items())
        ]
        return say(draw.sources_card(rows, turn.at))

    router.include(_letters())
    return router


def _letters() -> Router:
    router = Router()

    @router.command("admin:系统", action=Action.SYSTEM)
    async def system(turn: Turn, session: AsyncSession) -> Reply:
        """/系统; /系统 死信. Raises HowToUseSystem."""
        words = in_private(turn)
        if not words:
            return say(draw.backlog_card(await deadletters.backlog(session), turn.at))
        if words[0] not in DEAD:
            raise HowToUseSystem
        card = await _page(turn, session, 0)
        keys = tuple(b.key for b in card.buttons if b.key.startswith("letter:"))
        return Reply(parts=(card,), question=Question(options=keys) if keys else None)

    @router.click("letters", action=Action.SYSTEM)
    async def page(turn: Turn, session: AsyncSession) -> Reply:
        return Reply(update=await _page(turn, session, int(turn.args[0])))

    @router.click("letter", action=Action.SYSTEM)
    async def letter(turn: Turn, session: AsyncSession) -> Reply:
        """What one is. Raises NoSuchLetter."""
        found = await deadletters.one(session, turn.args[0], int(turn.args[1]))
        names = await people.names(session, [found.to])
        card = draw.letter_card(found, names, turn.at)
        return Reply(parts=(card,), question=Question(options=(card.buttons[0].key,)))

    @router.click("letter_again", action=Action.SYSTEM)
    async def again(turn: Turn, session: AsyncSession) -> Reply:
        found = await deadletters.one(session, turn.args[0], int(turn.args[1]))
        await deadletters.again(session, found, by=turn.person.id)
        return Reply(update=notice.done("已重新排队"))

    @router.click("letters_again", action=Action.SYSTEM)
    async def all_again(turn: Turn, session: AsyncSession) -> Reply:
        letters = await deadletters.listed(session)
        for each in letters:
            await deadletters.again(session, each, by=turn.person.id)
        return Reply(update=notice.done(f"{len(letters)} 条已重新排队"))

    return router


async def _page(turn: Turn, session: AsyncSession, first: int) -> Card:
    letters = await deadletters.listed(session)
    names = await people.names(session, {letter.to for letter in letters})
    return draw.letters_card(letters, first, names, turn.at)
