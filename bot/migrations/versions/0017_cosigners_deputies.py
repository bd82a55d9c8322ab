"""Seats of those who give a 加签 for somebody who is away; earlier programs know of none."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to change: the column takes any word."""


def downgrade() -> None:
    """The cosigner himself is waited for, as before."""
    op.execute(
        "UPDATE application_seat SET state = 'closed' "
        "WHERE kind = 'cosigns_for' AND state = 'waiting'"
    )
    op.execute("UPDATE application_seat SET kind = 'cosigner' WHERE kind = 'cosigns_for'")
