"""当时所见: the card that somebody decided by, as it stood; each look is on record."""

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases
from approvals.cases import Dossier, NoSuchApplication
from approvals.models import ApplicationEvent
from bot.cards import application as draw
from bot.chat import codec
from bot.chat.reply import Question, Reply
from bot.router import Router, Turn
from crm.kernel import audit
from crm.kernel.errors import UserError
from crm.people import Action
from handlers.approvals import in_private

router = Router()


class NothingKept(UserError):
    say = "这份申请没有您能看的审批时卡片"


@router.click("case_seen")
async def look(turn: Turn, session: AsyncSession) -> Reply:
    """case_seen:APPLICATION lists who decided, case_seen:APPLICATION:EVENT shows what he saw."""
    in_private(turn)
    application, *event = (int(each) for each in turn.args)
    return await seen_of(turn, session, application, event[0] if event else None)


async def seen_of(
    turn: Turn, session: AsyncSession, application: int, number: int | None = None
) -> Reply:
    """For whoever may see the case, and for audit admins; a single one is shown at once. Raises
    NoSuchApplication or NothingKept."""
    found = await cases.dossier(session, application)
    if not (cases.may_follow(found, turn.person) or turn.person.may(Action.AUDIT)):
        raise NoSuchApplication
    kept = [event for event in found.events if found.may_see_card(event, turn.person)]
    wanted = [event for event in kept if number in (None, event.number)]
    if not wanted:
        raise NothingKept
    if len(wanted) == 1:
        return await _one(turn, session, found, wanted[0])
    card = draw.seen_list(found, wanted, turn.at)
    options = tuple(f"case_seen:{application}:{event.number}" for event in wanted)
    return Reply(parts=(card,), question=Question(options=options))


async def _one(turn: Turn, session: AsyncSession, found: Dossier, event: ApplicationEvent) -> Reply:
    audit.note(
        session,
        turn.person.id,
        "application.seen",
        f"application:{found.row.id}",
        number=event.number,
    )
    given = await cases.values_ever(session, found.row.id)
    shown = codec.load_card(event.shown or "")
    card = draw.seen_card(found, event, shown, given, turn.person, turn.at, turn.audience)
    return Reply(parts=(card,))
