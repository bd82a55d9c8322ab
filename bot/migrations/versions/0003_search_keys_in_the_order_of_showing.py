"""Search keys in the order of showing, and whom a person dealt with lately."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Each of the old kinds in the new key, and back. A rebuild adds what is new.
LETTERS = {
    "name": "n",
    "surname": "s",
    "gram": "g",
    "pinyin": "p",
    "sound": "l",
    "initials": "l",
    "account": "a",
    "head": "h",
    "tail": "t",
    "mobile": "m",
    "mtail": "e",
}
PLACES = 3  # a rank is now the old one and a place in the name
SEALED_LENGTH = 32  # the blind index of a number is now the first half of the old one


def upgrade() -> None:
    op.create_table(
        "recent_client",
        sa.Column("staff", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.id"],
            name=op.f("fk_recent_client_client_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_recent_client_staff")),
        sa.PrimaryKeyConstraint("staff", "client_id", name=op.f("pk_recent_client")),
    )
    op.create_index("ix_recent_client_staff_at", "recent_client", ["staff", "at"])
    op.create_index("ix_view_grant_staff_until", "view_grant", ["staff", "until"])
    _put_aside()
    op.create_table(
        "search_key",
        sa.Column("client_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=72), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("branch", sa.String(length=16), nullable=True),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_search_key_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "key", name=op.f("pk_search_key")),
        sqlite_with_rowid=False,
    )
    for kind, letter in LETTERS.items():
        key = f"substr(key, 1, {SEALED_LENGTH})" if kind in ("mobile", "mtail") else "key"
        op.execute(
            "INSERT INTO search_key (client_id, key, owner, branch, rank)"  # noqa: S608  constants
            f" SELECT client_id, '{letter}' || {key}, owner, branch, rank * {PLACES}"
            f" FROM search_key_before WHERE kind = '{kind}'"
            " ON CONFLICT (client_id, key) DO NOTHING"
        )
    op.drop_table("search_key_before")
    op.create_index("ix_search_key_owner", "search_key", ["key", "owner", "rank", "client_id"])
    op.create_index("ix_search_key_branch", "search_key", ["key", "branch", "rank", "client_id"])
    op.create_index("ix_search_key_all", "search_key", ["key", "rank", "client_id"])


def downgrade() -> None:
    """Sealed numbers are not what they were: an import or a change files them again."""
    op.drop_index("ix_view_grant_staff_until", "view_grant")
    op.drop_index("ix_recent_client_staff_at", "recent_client")
    op.drop_table("recent_client")
    _put_aside()
    op.create_table(
        "search_key",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("branch", sa.String(length=16), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_search_key_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "kind", "key", name=op.f("pk_search_key")),
    )
    for kind, letter in LETTERS.items():
        op.execute(
            "INSERT INTO search_key (client_id, kind, key, owner, branch, rank)"  # noqa: S608  constants
            f" SELECT client_id, '{kind}', substr(key, 2), owner, branch, rank / {PLACES}"
            f" FROM search_key_before WHERE key LIKE '{letter}%'"
        )
    op.drop_table("search_key_before")
    op.create_index("ix_search_key_all", "search_key", ["kind", "key", "rank"])
    op.create_index("ix_search_key_branch", "search_key", ["kind", "key", "branch", "rank"])
    op.create_index("ix_search_key_owner", "search_key", ["kind", "key", "owner", "rank"])


def _put_aside() -> None:
    """The old table under another name; what it owned by name is dropped or renamed."""
    for index in ("all", "branch", "owner"):
        op.drop_index(f"ix_search_key_{index}", "search_key")
    op.rename_table("search_key", "search_key_before")
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_search_key RENAME TO pk_search_key_before")
