"""Tokens of machine users: shown once, kept as a hash, with scopes and an end."""

from collections.abc import Iterable
from datetime import timedelta
from secrets import token_urlsafe

from bot.api.door import SCOPES, digest
from bot.app.database import clock_of
from bot.app.stores import check_version, store_of
from bot.models import ApiToken
from bot.settings import Settings
from crm.kernel import audit
from crm.kernel.errors import CommandLineWrong

PREFIX = "qd_"  # so that a scanner for leaked secrets can know one
NAME_CHARS = 64


async def create(settings: Settings, scopes: Iterable[str], *, name: str, days: int) -> str:
    """A new token; nobody can read it again. Raises CommandLineWrong for an unknown scope."""
    wanted = _known(scopes)
    clock = clock_of(settings)
    store = store_of(settings, clock)
    token = PREFIX + token_urlsafe(32)
    try:
        await check_version(store)
        at = clock.now()
        async with store.writing() as session:
            row = ApiToken(
                name=name[:NAME_CHARS],
                digest=digest(token),
                scopes=wanted,
                created_at=at,
                expires_at=at + timedelta(days=days),
            )
            session.add(row)
            await session.flush()
            thing = f"token:{row.id}"
            audit.note(
                session, "cli", "token.create", thing, name=row.name, scopes=wanted, days=days
            )
    finally:
        await store.close()
    return token


def _known(scopes: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    known = "、".join(f"{scope}（{meaning}）" for scope, meaning in SCOPES.items())
    if unknown:
        raise CommandLineWrong(f"不认识的权限 {'、'.join(unknown)}；可选：{known}")
    if not wanted:
        raise CommandLineWrong(f"请至少给一项权限；可选：{known}")
    return wanted
