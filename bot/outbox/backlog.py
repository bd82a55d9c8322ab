"""How much waits and how much was given up, for whoever watches the service."""

from sqlalchemy import func, select

from bot import metrics
from bot.models import Heard, HeardState, Out, OutState
from crm.kernel.db import Store

UNSENT = (OutState.WAITING, OutState.SENDING, OutState.DEAD, OutState.HELD)


async def count_what_is_left(store: Store) -> None:
    async with store.reading() as session:
        out = await session.execute(
            select(Out.state, func.count()).where(Out.state.in_(UNSENT)).group_by(Out.state)
        )
        states = dict(out.all())
        failed = await session.scalar(
            select(func.count()).select_from(Heard).where(Heard.state == HeardState.FAILED)
        )
    for state in UNSENT:
        metrics.OUTBOX.labels(state.value).set(states.get(state, 0))
    metrics.FAILED.set(failed or 0)
