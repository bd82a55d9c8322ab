"""From what a person said or clicked to a handler. Roles are checked here and nowhere else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Ask, Audience, Card, Click
from bot.chat.reply import Reply
from bot.grammar.reading import Reading
from bot.grammar.verbs import BY_NAME
from crm.kernel.calendar import Calendar
from crm.kernel.errors import UserError
from crm.names import Probe
from crm.people import Action, Person
from crm.search import Hit
from risk.book import Book


class NotBuilt(UserError):
    say = "「{verb}」还没有开通"


class DidYouMean(UserError):
    say = "您是不是想说「{verb}」？请再发一遍完整的命令"


class OldCard(UserError):
    say = "这张卡片已失效，请重新查询"


OFFERED = frozenset({"log", "task"})  # what a slip or a story proposes, these show as a question


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of a conversation: who said what, where and when, and what it means."""

    ask: Ask
    person: Person
    audience: Audience
    at: datetime
    calendar: Calendar
    book: Book
    focus: int | None = None  # client id
    faded: int | None = None  # the client who was in focus hours ago: asked about, never assumed
    reading: Reading | None = None  # of a line
    hits: tuple[Hit, ...] = ()  # the clients that the line may mean, the likeliest first
    probes: tuple[Probe, ...] = ()  # what found them, and would find more
    click: Click | None = None
    in_words: bool = False  # the click is an answer that was typed
    args: tuple[str, ...] = ()  # of the clicked action: ``positions:17`` gives ("17",)
    card: Card | None = None  # the clicked card as it is now
    card_at: datetime | None = None  # when it was first shown
    files: tuple[tuple[str, str], ...] = ()  # (blob, name) of what was sent along
    listed: tuple[str, ...] = ()  # the actions that 1, 2, 3 … stand for just now

    @property
    def said(self) -> Reading:
        """The reading of a line; for handlers of commands."""
        if self.reading is None:
            raise LookupError("a click has no reading")
        return self.reading

    @property
    def source(self) -> str:
        return f"{self.ask.chat.platform}:{self.ask.message_id}"


Handler = Callable[[Turn, AsyncSession], Awaitable[Reply]]
View = Callable[[AsyncSession, Person, int, Audience, datetime], Awaitable[Card]]
Asked = Callable[[AsyncSession, Person], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Route:
    """``asked`` says of somebody without the action whether it is his for once: a deputy's."""

    handler: Handler
    action: Action | None
    asked: Asked | None = None


class Router:
    """Three tables: verbs, clicks, and views that draw a subject's card again."""

    def __init__(self) -> None:
        self._commands: dict[str, Route] = {}
        self._clicks: dict[str, Route] = {}
        self._views: dict[str, View] = {}

    def command(
        self, *verbs: str, action: Action | None = None, asked: Asked | None = None
    ) -> Callable[[Handler], Handler]:
        """Register a handler for what the grammar calls these verbs."""

        def register(handler: Handler) -> Handler:
            for verb in verbs:
                _once(self._commands, verb, Route(handler, action, asked))
            return handler

        return register

    def click(self, name: str, action: Action | None = None) -> Callable[[Handler], Handler]:
        """Register a handler for buttons whose key is ``name`` or ``name:…``."""

        def register(handler: Handler) -> Handler:
            _once(self._clicks, name, Route(handler, action))
            return handler

        return register

    def view(self, subject: str) -> Callable[[View], View]:
        """Register what draws the card of ``subject:17``."""

        def register(view: View) -> View:
            _once(self._views, subject, view)
            return view

        return register

    def include(self, other: "Router") -> None:
        for mine, theirs in (
            (self._commands, other._commands),  # noqa: SLF001  the same class
            (self._clicks, other._clicks),  # noqa: SLF001
        ):
            for name, route in theirs.items():
                _once(mine, name, route)
        for name, view in other._views.items():  # noqa: SLF001
            _once(self._views, name, view)

    async def answer(self, turn: Turn, session: AsyncSession) -> Reply:
        """Raises NotAllowed, NotBuilt, OldCard, and whatever the handler raises."""
        if turn.click is not None:
            route = self._clicks.get(turn.click.action.partition(":")[0])
            if route is None:
                raise OldCard
        else:
            verb = (turn.said.verb or "none").removeprefix("ask:")
            route = self._commands.get(verb)
            if route is None:
                raise NotBuilt(verb=_word(verb))
            if verb != turn.said.verb and verb not in OFFERED and _writes(verb):
                raise DidYouMean(verb=_word(verb))
        if route.action is not None and not await _is_asked(route, turn, session):
            turn.person.must(route.action)
        return await route.handler(turn, session)

    async def draw(
        self, session: AsyncSession, person: Person, subject: str, audience: Audience, at: datetime
    ) -> Card | None:
        """The card of a subject as ``person`` may see it now; None when nothing draws it."""
        kind, _, number = subject.partition(":")
        view = self._views.get(kind)
        return await view(session, person, int(number), audience, at) if view else None

    def may_use(self, person: Person, verb: str) -> bool:
        """Whether ``帮助`` lists the verb for this person."""
        route = self._commands.get(verb)
        return route is not None and (route.action is None or person.may(route.action))


async def _is_asked(route: Route, turn: Turn, session: AsyncSession) -> bool:
    if route.asked is None or route.action is None or turn.person.may(route.action):
        return False
    return await route.asked(session, turn.person)


def _word(verb: str) -> str:
    return BY_NAME[verb].word if verb in BY_NAME else verb


def _writes(verb: str) -> bool:
    return verb in BY_NAME and BY_NAME[verb].writes != "no"


def _once(table: dict[str, object] | Mapping[str, object], name: str, entry: object) -> None:
    if name in table:
        raise ValueError(f"registered twice: {name}")
    table[name] = entry  # type: ignore[index]
