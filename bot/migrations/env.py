"""Runs migrations on the connection that ``bot.store.schema`` passes in."""

from pathlib import Path
from typing import Literal, cast

from alembic import context
from sqlalchemy import Connection, DateTime, create_engine
from sqlalchemy.types import TypeDecorator

import approvals.models
import bot.models
import crm.models
import risk.models
from crm.kernel import rulebook
from crm.kernel.audit import AuditRow

FILL_THE_METADATA = (approvals.models, bot.models, crm.models, risk.models, rulebook)
METADATA = AuditRow.metadata
SCRATCH = Path(".qidesk/scratch.db")


def plain(kind: str, item: object, _context: object) -> str | Literal[False]:
    """A migration names what the database sees, not our types: those may change later."""
    if kind == "type" and isinstance(item, TypeDecorator):
        inner = item.impl_instance
        return "sa.DateTime(timezone=True)" if isinstance(inner, DateTime) else f"sa.{inner!r}"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=plain,
    )
    with context.begin_transaction():
        context.run_migrations()


given = cast("Connection | None", context.config.attributes.get("connection"))
if given is not None:
    run(given)
else:  # the alembic command line, for writing a migration: a scratch store of one's own
    SCRATCH.parent.mkdir(exist_ok=True)
    with create_engine(f"sqlite:///{SCRATCH}").connect() as own:
        run(own)
