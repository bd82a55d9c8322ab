"""Which version of a flow is in force, and the one that a running case keeps.

A version is stored when the first case begins with it. A shipped file that was changed becomes a
new version by itself, unless somebody here changed the flow since.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import time
from functools import cache
from importlib import resources
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from approvals.flow import Flow, Limits, Papers, Step, Verdict
from approvals.models import FlowVersion
from crm.kernel import audit
from crm.kernel.db import now
from crm.models import Role

ACCOUNT_OPENING = "account_opening"
SHIPPED = "shipped"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class _StepFile(_Strict):
    key: str = Field(pattern=r"^[a-z_]{1,32}$")
    title: str
    role: Role
    minutes: int = Field(gt=0)
    of_branch: bool = False
    reasons: frozenset[Verdict] = frozenset({Verdict.REJECT, Verdict.RETURN})
    escalate: Role | None = None
    escalated_decide: bool = False
    confidential: bool = False


class _PapersFile(_Strict):
    fields: tuple[str, ...]
    files: tuple[str, ...]


class _LimitsFile(_Strict):
    min_age: int
    statement_age: int
    max_age: int
    id_warn_days: int
    file_min_bytes: int
    file_max_bytes: int
    file_long_side: int
    contact_warn: int
    contact_block: int


class _FlowFile(_Strict):
    name: str
    title: str
    four_eyes: bool
    expires_days: int = Field(gt=0)
    hours: tuple[tuple[time, time], ...] = Field(min_length=1)
    cosigners: frozenset[Role]
    steps: tuple[_StepFile, ...] = Field(min_length=1)
    papers: Mapping[str, _PapersFile]
    limits: _LimitsFile


def flow_of(body: str, version: int) -> Flow:
    """A flow from its JSON. Raises pydantic's ValidationError."""
    read = _FlowFile.model_validate_json(body)
    return Flow(
        name=read.name,
        title=read.title,
        version=version,
        steps=tuple(Step(**step.model_dump()) for step in read.steps),
        four_eyes=read.four_eyes,
        expires_days=read.expires_days,
        hours=read.hours,
        cosigners=read.cosigners,
        papers=MappingProxyType(
            {kind: Papers(**papers.model_dump()) for kind, papers in read.papers.items()}
        ),
        limits=Limits(**read.limits.model_dump()),
    )


@cache
def shipped(name: str) -> str:
    """The flow's file as canonical JSON."""
    text = resources.files("approvals.flows").joinpath(f"{name}.toml").read_text("utf-8")
    return json.dumps(tomllib.loads(text), ensure_ascii=False, sort_keys=True)


_NEWEST = select(FlowVersion).order_by(FlowVersion.version.desc()).limit(1)


async def in_force(session: AsyncSession, name: str = ACCOUNT_OPENING) -> Flow:
    """The newest version; the shipped one is stored where it is news."""
    query = _NEWEST.where(FlowVersion.name == name)
    newest: FlowVersion | None = await session.scalar(query)
    if newest is None or (newest.source == SHIPPED and newest.body != shipped(name)):
        return await put(session, name, shipped(name), source=SHIPPED)
    return _parsed(newest.body, newest.version)


async def put(session: AsyncSession, name: str, body: str, *, source: str) -> Flow:
    """A new version, in force for the cases that begin from now on."""
    newest = await session.scalar(_NEWEST.where(FlowVersion.name == name))
    version = newest.version + 1 if newest else 1
    flow = flow_of(body, version)
    row = FlowVersion(name=name, version=version, body=body, source=source, at=now(session))
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another process stored this version just now
        return await in_force(session, name)
    audit.note(session, source, "flow.put", f"flow:{name}", version=version)
    return flow


async def pinned(session: AsyncSession, name: str, version: int) -> Flow:
    row = await session.get_one(FlowVersion, (name, version))
    return _parsed(row.body, version)


@cache
def _parsed(body: str, version: int) -> Flow:
    return flow_of(body, version)


async def days_until_lapse(session: AsyncSession, name: str = ACCOUNT_OPENING) -> int:
    """For how many days a draft may lie untouched; the flow in force says it for all."""
    newest = await session.scalar(_NEWEST.where(FlowVersion.name == name))
    body, version = (newest.body, newest.version) if newest else (shipped(name), 0)
    return _parsed(body, version).expires_days
