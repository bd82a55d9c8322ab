"""What could not be delivered or handled: listed for the system admins, and tried again on request.

Contents are not shown: they are other people's business.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat import codec
from bot.chat.message import Place
from bot.models import Delivery, Heard, HeardState, LiveCard, Out, OutState
from bot.outbox.letters import Backlog, Letter
from bot.outbox.outbox import Item
from crm.kernel import audit
from crm.kernel.db import now
from crm.kernel.errors import UserError

GIVEN_UP = (OutState.DEAD, OutState.HELD)


class NoSuchLetter(UserError):
    say = "没有这条死信，它可能已经重发"


async def backlog(session: AsyncSession) -> Backlog:
    heard = dict(
        (
            await session.execute(
                select(Heard.state, func.count())
                .where(Heard.state.in_((HeardState.NEW, HeardState.FAILED)))
                .group_by(Heard.state)
            )
        ).all()
    )
    open_ = (OutState.WAITING, OutState.SENDING)
    out = dict(
        (
            await session.execute(
                select(Out.state, func.count())
                .where(Out.state.in_((*open_, *GIVEN_UP)))
                .group_by(Out.state)
            )
        ).all()
    )
    oldest = await session.scalar(
        select(Out.created_at).where(Out.state.in_(open_)).order_by(Out.id).limit(1)
    )
    return Backlog(
        unheard=heard.get(HeardState.NEW, 0),
        failed=heard.get(HeardState.FAILED, 0),
        waiting=sum(out.get(state, 0) for state in open_),
        oldest=oldest,
        dead=out.get(OutState.DEAD, 0),
        held=out.get(OutState.HELD, 0),
    )


async def listed(session: AsyncSession, limit: int = 200) -> list[Letter]:
    """The newest first, what is to go out before what came in."""
    out = await session.scalars(
        select(Out).where(Out.state.in_(GIVEN_UP)).order_by(Out.id.desc()).limit(limit)
    )
    heard = await session.scalars(
        select(Heard).where(Heard.state == HeardState.FAILED).order_by(Heard.id.desc()).limit(limit)
    )
    rows = out.all()
    codes = await _codes(session, [row.id for row in rows])
    letters = [await _of_out(session, row, codes.get(row.id, "")) for row in rows]
    return [*letters, *(_of_heard(row) for row in heard)]


async def _codes(session: AsyncSession, ids: Sequence[int]) -> dict[int, str]:
    """The last word about each."""
    rows = await session.execute(
        select(Delivery.out_id, Delivery.outcome, Delivery.code)
        .where(Delivery.out_id.in_(ids))
        .order_by(Delivery.id)
    )
    return {number: code or outcome for number, outcome, code in rows}


async def _of_out(session: AsyncSession, row: Out, code: str) -> Letter:
    out = codec.load_outgoing(row.item)
    live = await session.get(LiveCard, row.card) if row.card else None
    in_group = out.chat.place is Place.GROUP
    return Letter(
        side="out",
        id=row.id,
        kind="update" if out.update else out.part.type,
        why=row.why,
        platform=row.platform,
        to=out.chat.id if in_group or live is None else live.receiver or out.chat.id,
        in_group=in_group,
        at=row.created_at,
        attempts=row.attempts,
        code=code,
        held=row.state is OutState.HELD,
    )


def _of_heard(row: Heard) -> Letter:
    return Letter(
        side="heard",
        id=row.id,
        kind="message",
        why=f"{row.id:X}",
        platform=row.platform,
        to="",
        in_group=False,
        at=row.at,
        attempts=row.attempts,
        code="",
    )


async def one(session: AsyncSession, side: str, number: int) -> Letter:
    """Raises NoSuchLetter."""
    if side == "out":
        row = await session.get(Out, number)
        if row is None or row.state not in GIVEN_UP:
            raise NoSuchLetter
        return await _of_out(session, row, (await _codes(session, [number])).get(number, ""))
    heard = await session.get(Heard, number)
    if heard is None or heard.state is not HeardState.FAILED:
        raise NoSuchLetter
    return _of_heard(heard)


async def again(session: AsyncSession, letter: Letter, *, by: str) -> None:
    """Once more, as if it were new. Raises NoSuchLetter when somebody was quicker."""
    taken = await (_send_again if letter.side == "out" else _hear_again)(session, letter.id)
    if not taken:
        raise NoSuchLetter
    audit.note(session, by, "deadletter.again", f"{letter.side}:{letter.id}", why=letter.why)


async def _send_again(session: AsyncSession, number: int) -> bool:
    at = now(session)
    row = await session.scalar(
        update(Out)
        .where(Out.id == number, Out.state.in_(GIVEN_UP))
        .values(state=OutState.WAITING, attempts=0, not_before=at, created_at=at, ended_at=None)
        .returning(Out)
    )
    if row is None:
        return False
    item = Item(
        id=row.id,
        out=codec.load_outgoing(row.item),
        lane=row.lane,
        priority=row.priority,
        not_before=at,
        created_at=at,
        doubtful=row.again,
    )
    session.info.setdefault("queued", []).append(item)
    return True


async def _hear_again(session: AsyncSession, number: int) -> bool:
    """The desk finds it when it next looks for what waits."""
    done = await session.execute(
        update(Heard)
        .where(Heard.id == number, Heard.state == HeardState.FAILED)
        .values(state=HeardState.NEW, done_at=None)
        .returning(Heard.id)
    )
    return done.first() is not None
