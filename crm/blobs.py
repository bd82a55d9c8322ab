"""Stored pictures and files, sealed, by the hash of their content."""

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel.db import now
from crm.models import Blob


async def put(session: AsyncSession, content: bytes) -> str:
    """Store ``content`` once; gives its name."""
    name = sha256(content).hexdigest()
    if await session.get(Blob, name) is None:
        session.add(Blob(name=name, content=content, size=len(content), created_at=now(session)))
        await session.flush()
    return name


async def read(session: AsyncSession, name: str) -> bytes | None:
    return await session.scalar(select(Blob.content).where(Blob.name == name))
