"""Tokens for machine users."""

from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select

from bot.api.door import SCOPES
from bot.commands import tokens
from bot.models import ApiToken
from bot.settings import Settings
from crm.kernel.audit import AuditRow
from crm.kernel.db import Store
from crm.kernel.errors import SettingsError


async def test_a_token_is_kept_as_a_hash_with_scopes_and_an_end(
    settings: Settings, desk: Store
) -> None:
    token = await tokens.create(settings, ["risk:read", " data:push"], name="行情", days=30)
    other = await tokens.create(settings, ["risk:read"], name="", days=1)
    async with desk.reading() as session:
        row, _ = (await session.scalars(select(ApiToken).order_by(ApiToken.id))).all()
        noted = await session.scalar(select(AuditRow).order_by(AuditRow.seq.desc()).offset(1))
    assert row.digest == sha256(token.encode()).hexdigest()
    assert row.scopes == ["risk:read", "data:push"]
    assert row.expires_at - row.created_at == timedelta(days=30)
    assert noted is not None
    assert (noted.action, noted.object) == ("token.create", f"token:{row.id}")
    assert token not in noted.detail
    assert token != other


@pytest.mark.parametrize("scopes", [["risk:write"], ["risk:read", "x"], ["", " "]])
async def test_an_unknown_scope_is_refused_with_the_list_of_those_there_are(
    settings: Settings, desk: Store, scopes: list[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        await tokens.create(settings, scopes, name="", days=1)
    assert all(scope in str(refused.value) for scope in SCOPES)
    async with desk.reading() as session:
        assert await session.scalar(select(ApiToken)) is None
