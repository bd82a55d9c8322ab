"""Applications and their approval."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flow_version",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_flow_version")),
    )
    op.create_table(
        "application",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(length=32), nullable=False),
        sa.Column("flow_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("papers", sa.String(length=16), nullable=False),
        sa.Column("applicant", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=16), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "running",
                "returned",
                "approved",
                "rejected",
                "withdrawn",
                "expired",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("keep_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["applicant"], ["staff.id"], name=op.f("fk_application_applicant")),
        sa.ForeignKeyConstraint(["branch"], ["branch.code"], name=op.f("fk_application_branch")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_application_client_id")
        ),
        sa.ForeignKeyConstraint(["owner"], ["staff.id"], name=op.f("fk_application_owner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
    )
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_application_name"), ["name"], unique=False)
        batch_op.create_index("ix_application_owner_state", ["owner", "state"], unique=False)
        batch_op.create_index("ix_application_state_touched", ["state", "touched_at"], unique=False)

    op.create_table(
        "application_event",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column(
            "deed",
            sa.Enum(
                "started",
                "filled",
                "attached",
                "submitted",
                "approved",
                "cosigned",
                "rejected",
                "returned",
                "handed",
                "asked_cosign",
                "withdrawn",
                "reminded",
                "escalated",
                "expired",
                "moved",
                "opened",
                name="deed",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("whom", sa.String(length=64), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=False),
        sa.Column("seen", sa.String(length=64), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_event_application_id")
        ),
        sa.PrimaryKeyConstraint("application_id", "number", name=op.f("pk_application_event")),
    )
    op.create_table(
        "application_field",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("whole", sa.LargeBinary(length=32), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_field_application_id")
        ),
        sa.ForeignKeyConstraint(["by"], ["staff.id"], name=op.f("fk_application_field_by")),
        sa.PrimaryKeyConstraint(
            "application_id", "kind", "number", name=op.f("pk_application_field")
        ),
    )
    with op.batch_alter_table("application_field", schema=None) as batch_op:
        batch_op.create_index("ix_application_field_whole", ["kind", "whole"], unique=False)

    op.create_table(
        "application_file",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("blob", sa.String(length=80), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_file_application_id")
        ),
        sa.ForeignKeyConstraint(["blob"], ["blob.name"], name=op.f("fk_application_file_blob")),
        sa.ForeignKeyConstraint(["by"], ["staff.id"], name=op.f("fk_application_file_by")),
        sa.PrimaryKeyConstraint("application_id", "number", name=op.f("pk_application_file")),
    )
    op.create_table(
        "application_stage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chased", sa.Integer(), nullable=False),
        sa.Column("chase_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_stage_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["staff.id"], name=op.f("fk_application_stage_ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_stage")),
    )
    with op.batch_alter_table("application_stage", schema=None) as batch_op:
        batch_op.create_index("ix_application_stage_application", ["application_id"], unique=False)
        batch_op.create_index("ix_application_stage_chase", ["ended_at", "chase_at"], unique=False)

    op.create_table(
        "application_seat",
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "role",
                "deputy",
                "escalated",
                "handed",
                "cosigner",
                name="seatkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("waiting", "decided", "closed", name="seatstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_application_seat_staff")),
        sa.ForeignKeyConstraint(
            ["stage_id"], ["application_stage.id"], name=op.f("fk_application_seat_stage_id")
        ),
        sa.PrimaryKeyConstraint("stage_id", "staff", name=op.f("pk_application_seat")),
    )
    with op.batch_alter_table("application_seat", schema=None) as batch_op:
        batch_op.create_index("ix_application_seat_staff_state", ["staff", "state"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("application_seat", schema=None) as batch_op:
        batch_op.drop_index("ix_application_seat_staff_state")

    op.drop_table("application_seat")
    with op.batch_alter_table("application_stage", schema=None) as batch_op:
        batch_op.drop_index("ix_application_stage_chase")
        batch_op.drop_index("ix_application_stage_application")

    op.drop_table("application_stage")
    op.drop_table("application_file")
    with op.batch_alter_table("application_field", schema=None) as batch_op:
        batch_op.drop_index("ix_application_field_whole")

    op.drop_table("application_field")
    op.drop_table("application_event")
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.drop_index("ix_application_state_touched")
        batch_op.drop_index("ix_application_owner_state")
        batch_op.drop_index(batch_op.f("ix_application_name"))

    op.drop_table("application")
    op.drop_table("flow_version")
