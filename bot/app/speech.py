"""Everything that can be said or clicked."""

from collections.abc import Collection, Mapping

from bot.chat.ports import Health
from bot.router import Router
from crm.binding import PLATFORM_WORDS
from handlers import (
    approvals,
    binding,
    changes,
    clients,
    config,
    grants,
    handover,
    interactions,
    openings,
    reassign,
    reveal,
    risk,
    roles,
    rules,
    seen,
    silences,
    staff,
    tasks,
    trail,
    upkeep,
)
from handlers import help as helping
from handlers.upkeep import Inside


async def _no_parts() -> Mapping[str, Health]:
    return {}


NOT_RUNNING = Inside(parts=_no_parts, sources=dict)


def make_router(
    platforms: Collection[str] = tuple(PLATFORM_WORDS), inside: Inside = NOT_RUNNING
) -> Router:
    """``inside``: what the service tells of itself."""
    router = Router()
    subjects = (
        clients,
        grants,
        reveal,
        interactions,
        tasks,
        openings,
        approvals,
        seen,
        risk,
        reassign,
        changes,
        staff,
        roles,
        rules,
        handover,
        config,
        silences,
        trail,
    )
    parts = [subject.router for subject in subjects]
    parts += [binding.make_router(platforms), upkeep.make_router(inside)]
    for part in (*parts, helping.make_router(router)):
        router.include(part)
    return router
